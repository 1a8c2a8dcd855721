/** What callers are told of this machine's files: nothing but names. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { GetTreeResponseSchema } from "../../../gen/alys/supervisor/v1/supervisor_pb.ts";
import { GetOperationResponseSchema, SyncService } from "../../../gen/alys/sync/v1/sync_pb.ts";
import { encodeResponse } from "../../../src/control/codec.ts";
import { toStatus } from "../../../src/control/errors.ts";
import { messageWithoutPaths, withoutPaths } from "../../../src/control/paths.ts";
import { failure } from "../../../src/kernel/errors.ts";
import { MemoryLog } from "../../../src/kernel/ports/log.ts";

test("withoutPaths() cuts absolute paths to their last part", () => {
  const cases: readonly (readonly [string, string])[] = [
    [
      "EACCES: permission denied, open '/var/lib/alys/control/tokens.json'",
      "EACCES: permission denied, open '…/tokens.json'",
    ],
    ["/data/chain: chain state is damaged", "…/chain: chain state is damaged"],
    ["cannot listen on unix:/run/alys/control.sock", "cannot listen on unix:…/control.sock"],
    ["import file:///srv/alys/dist/main.js failed", "import …/main.js failed"],
    ["a=/home/me/x, b=(/tmp/y)", "a=…/x, b=(…/y)"],
    ["open C:\\Users\\me\\key", "open …/key"],
    ["/", "/"],
    ["/alys/data/tokens.json is damaged", "…/tokens.json is damaged"],
  ];
  for (const [told, expected] of cases) assert.equal(withoutPaths(told), expected);
});

test("withoutPaths() leaves alone what is no path", () => {
  const kept = [
    "dial /ip4/127.0.0.1/tcp/55444/p2p/12D3KooW failed",
    "/dns4/example.org/udp/1/quic-v1",
    "protocol /alys/sync/1 is not spoken",
    "/alys.node.v1.NodeService/CreateToken",
    "certificate:operator/ops and/or 3/4 of https://example.org/a/b",
    "checkpoints/1.alys is relative",
  ];
  for (const text of kept) assert.equal(withoutPaths(text), text);
});

test("an answer tells its errors without paths, however deep, and is not changed itself", () => {
  const operation = create(GetOperationResponseSchema, {
    operation: { error: "ENOSPC: write '/data/a/b.part'" },
  });
  const bytes = encodeResponse(SyncService.method.getOperation, operation);
  assert.equal(fromBinary(GetOperationResponseSchema, bytes).operation?.error, "ENOSPC: write '…/b.part'");
  assert.equal(operation.operation?.error, "ENOSPC: write '/data/a/b.part'");
  const leaf = { id: "leaf", lastFailure: "open /etc/alys/key" };
  const tree = create(GetTreeResponseSchema, {
    root: { children: [{ id: "a", children: [{ id: "b", children: [leaf] }] }] },
  });
  const told = JSON.stringify(messageWithoutPaths(GetTreeResponseSchema, tree), (_, value: unknown) =>
    typeof value === "bigint" ? String(value) : value,
  );
  assert.ok(told.includes("open …/key") && !told.includes("/etc"), told);
  const plain = create(GetTreeResponseSchema, { root: { children: [{ id: "a", lastFailure: "no path" }] } });
  assert.equal(messageWithoutPaths(GetTreeResponseSchema, plain), plain);
  assert.deepEqual(toBinary(GetTreeResponseSchema, plain).length > 0, true);
});

test("toStatus() tells the name, the log the path", () => {
  const log = new MemoryLog();
  const reason = failure("INTERNAL", "FILE_READ_FAILED", "/data/x/shelf.bin: EIO", {
    metadata: { file: "/data/x/shelf.bin" },
  });
  const { details, metadata } = toStatus(reason, "c-1", log);
  assert.equal(details, "…/shelf.bin: EIO");
  assert.ok(!JSON.stringify(metadata?.toHttp2Headers()).includes("/data"));
  const bytes = metadata?.get("grpc-status-details-bin")[0] as Buffer;
  assert.ok(!bytes.toString("latin1").includes("/data/x"));
  assert.equal(log.records[0]?.fields?.["text"], "/data/x/shelf.bin: EIO");
});

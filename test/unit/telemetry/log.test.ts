/** Logging: what a line looks like, and levels by actor. */

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openLog } from "../../../src/telemetry/log.ts";

function withLog(run: (log: ReturnType<typeof openLog>) => void): Record<string, unknown>[] {
  const directory = mkdtempSync(join(tmpdir(), "alys-log-"));
  try {
    const file = join(directory, "node.log");
    const log = openLog({ level: "info", file, fields: { node: "test" } });
    run(log);
    log.flush();
    const lines = readFileSync(file, "utf8").split("\n");
    return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as Record<string, unknown>);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

test("openLog() writes bytes as hex, bigints as strings and errors with their stack", () => {
  const [line] = withLog((log) =>
    log.child({ actor: "sync" }).info("block imported", {
      hash: new Uint8Array([1, 171]),
      height: 12_345_678_901_234_567_890n,
      long: new Uint8Array(100),
      error: new Error("boom"),
    }),
  );
  assert.equal(line?.["msg"], "block imported");
  assert.equal(line?.["level"], "info");
  assert.equal(line?.["node"], "test");
  assert.equal(line?.["actor"], "sync");
  assert.equal(line?.["hash"], "01ab");
  assert.equal(line?.["height"], "12345678901234567890");
  assert.match(String(line?.["long"]), /^0{64}… \(100 bytes\)$/);
  assert.match(JSON.stringify(line?.["error"]), /"message":"boom"/);
});

test("setLevel() changes one actor and leaves the others", () => {
  const lines = withLog((log) => {
    const sync = log.child({ actor: "sync" });
    const peer = log.child({ actor: "peer" });
    sync.debug("unseen");
    assert.equal(log.setLevel("sync", "debug"), "info");
    sync.debug("seen");
    peer.debug("unseen");
    log.setLevel(undefined, "error");
    sync.info("unseen");
    peer.error("seen too");
  });
  assert.deepEqual(
    lines.map((line) => line["msg"]),
    ["seen", "seen too"],
  );
});

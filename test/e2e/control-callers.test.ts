/** Who a caller is and stays: names of its own making, tokens that it makes, authorities that are replaced. */
import assert from "node:assert/strict";
import { copyFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Scope } from "../../gen/alys/actor/v1/options_pb.ts";
import { NodeService } from "../../gen/alys/node/v1/node_pb.ts";
import { SyncService } from "../../gen/alys/sync/v1/sync_pb.ts";
import { connect } from "../../src/cli/client.ts";
import type { AuditEntry } from "../../src/control/audit.ts";
import { attenuateToken } from "../../src/control/auth/token.ts";
import type { Failure } from "../../src/kernel/errors.ts";
import { bearer, frameHeader, rawCall, rawSession } from "./raw-calls.ts";
import { credentialsOf, fails, makeToken, secured, tlsFiles } from "./secured-world.ts";
import { startTlsNode } from "./tls-node.ts";

const STATUS = "/alys.sync.v1.SyncService/GetSyncStatus";
const WATCH = "/alys.sync.v1.SyncService/WatchSyncStatus";

test("a token is counted as one, whatever its holder calls itself: rate and running calls", async (t) => {
  const { tls } = await tlsFiles(t);
  const { control, tokens } = await secured(t, {
    tls,
    rateLimit: { callsPerSecond: 20, burst: 60 },
    liveCallsMax: 64,
  });
  const { token } = await makeToken(tokens, "read");
  const named = (index: number): string =>
    attenuateToken(token, [{ kind: "principal", name: `someone/x${index}` }]) ?? "";
  const session = rawSession(control.tlsAddress ?? "");
  t.after(() => session.destroy());
  const startMs = performance.now();
  const streams = Array.from({ length: 50 }, (_, index) => {
    const { stream, answer } = rawCall(session, WATCH, bearer(named(index)));
    stream.end(frameHeader(0));
    return { answer, data: new Promise<"data">((resolve) => stream.once("data", () => resolve("data"))) };
  });
  const first = await Promise.all(streams.map(({ answer, data }) => Promise.race([answer, data])));
  assert.equal(
    first.filter((one) => one === "data").length,
    16,
    "a quarter of all calls are one holder's streams",
  );
  const calls = Array.from({ length: 200 }, (_, index) => {
    const { stream, answer } = rawCall(session, STATUS, bearer(named(index)));
    stream.end(frameHeader(0));
    return answer;
  });
  const served = (await Promise.all(calls)).filter(({ status }) => status === 0).length;
  const allowed = 60 - 50 + 20 * ((performance.now() - startMs) / 1_000);
  assert.ok(served <= allowed + 1, `${served} of 200 calls were served, ${allowed} allowed`);
});

test("a token that calls itself what a certificate is called is somebody else", async (t) => {
  const { dir, tls } = await tlsFiles(t, "--client", "operator/ops");
  const entries: AuditEntry[] = [];
  const audit = { append: (entry: AuditEntry) => void entries.push(entry), refuse() {}, isBehind: false };
  const { client, control, tokens, probe } = await secured(t, { tls, audit });
  const { token } = await makeToken(tokens, "operate", { principal: "operator" });
  const same = attenuateToken(token, [{ kind: "principal", name: "operator/ops" }]) ?? "";
  const certified = client({ tls: credentialsOf(dir, "operator-ops") }, control.mutualTlsAddress);
  const named = client({ tls: credentialsOf(dir), token: same }, control.tlsAddress);
  const before = probe.calls.length;
  for (const one of [certified, named, certified]) {
    await one.client(SyncService).stopSync({ reason: "x" }, { requestId: "id-1" });
  }
  assert.equal(probe.calls.length - before, 2, "the token was given the certificate's answer");
  assert.deepEqual(
    entries.map(({ principal, isReplayed }) => [principal, isReplayed]),
    [
      ["certificate:operator/ops", undefined],
      ["token:operator/ops", undefined],
      ["certificate:operator/ops", true],
    ],
  );
});

test("a client's connection ends when its authority is replaced, its streams and idle ones too; others go on", async (t) => {
  const { dir, tls } = await tlsFiles(t, "--client", "operator/ops", "reader/eye");
  const other = await tlsFiles(t, "--client", "operator/ops");
  const both = join(dir, "clients-ca.crt");
  const [own = "", next = ""] = [dir, other.dir].map((from) => readFileSync(join(from, "ca.crt"), "utf8"));
  writeFileSync(both, own);
  const { client, control, log } = await secured(t, { tls: { ...tls, clientCaFile: both } });
  const old = client({ tls: credentialsOf(dir, "operator-ops") }, control.mutualTlsAddress).client(
    SyncService,
  );
  const watching = old.watchSyncStatus({})[Symbol.asyncIterator]();
  assert.equal((await watching.next()).done, false);
  const until = async (count: number): Promise<void> => {
    while (
      log.records.filter(({ message }) => message === "the clients' authorities changed").length < count
    ) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  // Beside the old one the new one does no harm.
  writeFileSync(both, `${own}${next}`);
  await until(1);
  await old.stopSync({ reason: "still here" });
  for (const name of ["client-operator-ops.crt", "client-operator-ops.key"]) {
    copyFileSync(join(other.dir, name), join(dir, `new-${name}`));
  }
  const fresh = client(
    {
      tls: {
        authority: readFileSync(join(dir, "ca.crt")),
        certificate: readFileSync(join(dir, "new-client-operator-ops.crt")),
        key: readFileSync(join(dir, "new-client-operator-ops.key")),
      },
    },
    control.mutualTlsAddress,
  ).client(SyncService);
  const going = fresh.watchSyncStatus({})[Symbol.asyncIterator]();
  assert.equal((await going.next()).done, false);
  writeFileSync(both, next);
  await until(2);
  await assert.rejects(
    async () => {
      for (;;) await watching.next();
    },
    { code: "UNAVAILABLE" },
  );
  await assert.rejects(old.stopSync({ reason: "back again" }), { code: "UNAVAILABLE" });
  await fresh.stopSync({ reason: "x" });
});

test("CreateToken by a narrow admin token is refused what goes beyond it, and its tokens count as its own", async (t) => {
  const { address, token, dir } = await startTlsNode(t);
  const as = (one: string) => {
    const connection = connect(address, { tls: credentialsOf(dir), token: one });
    t.after(() => connection.close());
    return connection.client(NodeService);
  };
  const small = attenuateToken(token, [
    {
      kind: "methods",
      methods: ["alys.node.v1.NodeService/CreateToken", "alys.node.v1.NodeService/GetInfo"],
    },
    { kind: "expires", atMs: Date.now() + 60_000 },
  ]);
  const wanted = { scope: Scope.ADMIN, methods: [], lifetimeMs: 0n };
  const exceeds = fails("PERMISSION_DENIED", "TOKEN_EXCEEDS_MINTER");
  const narrow = as(small ?? "");
  await assert.rejects(narrow.createToken({ ...wanted, principal: "escaped" }), exceeds);
  await assert.rejects(
    narrow.createToken({ ...wanted, principal: "admin/x", lifetimeMs: 3_600_000n }),
    exceeds,
  );
  const made = await narrow.createToken({ ...wanted, principal: "admin/x" });
  assert.ok(made.info?.expires !== undefined && made.info.methods.length === 2);
  await assert.rejects(as(made.token).listTokens({}), fails("PERMISSION_DENIED", "METHOD_NOT_GRANTED"));
  assert.ok((await as(made.token).getInfo({})).version);
  const reserved = fails("INVALID_ARGUMENT", "PRINCIPAL_RESERVED");
  for (const principal of ["owner", "anonymous"]) {
    await assert.rejects(as(token).createToken({ ...wanted, principal }), reserved);
  }
});

test("a failure on a file is told by the file's name, its path stands in the log alone", async (t) => {
  const { address, token, dir, data, lines } = await startTlsNode(t);
  const connection = connect(address, { tls: credentialsOf(dir), token });
  t.after(() => connection.close());
  rmSync(join(data, "control"), { recursive: true });
  const asked = connection
    .client(NodeService)
    .createToken({ principal: "ci", scope: Scope.READ, methods: [], lifetimeMs: 0n });
  await assert.rejects(asked, (thrown: Failure) => {
    const told = JSON.stringify([thrown.message, thrown.detail]);
    assert.ok(told.includes("tokens.json") && !told.includes(data), told);
    return true;
  });
  while (!lines.some((line) => line.includes(join(data, "control", "tokens.json")))) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
});

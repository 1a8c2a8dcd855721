/** The audit log against those who would have it forget: floods of refused calls, and files that are cut or made anew. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { SyncService } from "../../gen/alys/sync/v1/sync_pb.ts";
import { CHAIN_START, type ChainHead, chainLine } from "../../src/control/audit-chain.ts";
import { openAuditLog, refusedPathOf } from "../../src/control/audit-log.ts";
import { realClock } from "../../src/kernel/ports/clock.ts";
import { MemoryLog, silentLog } from "../../src/kernel/ports/log.ts";
import { folder } from "./control-world.ts";
import { bearer, frameHeader, rawCall, rawSession } from "./raw-calls.ts";
import { alysctl, credentialsOf, makeToken, secured, tlsFiles } from "./secured-world.ts";

const INFO = "/alys.sync.v1.SyncService/GetSyncStatus";
const STOP = "/alys.sync.v1.SyncService/StopSync";

function place(t: TestContext) {
  const directory = folder(t);
  const path = join(directory, "audit.jsonl");
  const headFile = join(directory, "audit.head");
  return { path, headFile, bytesMax: 65_536, filesMax: 1, clock: realClock, log: silentLog };
}

test("refused calls, however many, move nothing out of the audit log and are summed up beside it", async (t) => {
  const options = place(t);
  const audit = await openAuditLog(options);
  const { dir, tls } = await tlsFiles(t);
  const { client, control, tokens } = await secured(t, { audit, tls });
  const { tlsAddress = "" } = control;
  const [operator, reader] = [await makeToken(tokens, "operate"), await makeToken(tokens, "read")];
  await client({ tls: credentialsOf(dir), token: operator.token }, tlsAddress)
    .client(SyncService)
    .stopSync({ reason: "kept" });
  const session = rawSession(tlsAddress);
  t.after(() => session.destroy());
  const headers = { "x-correlation-id": "A".repeat(128) };
  for (let round = 0; round < 20; round++) {
    const calls = Array.from({ length: 100 }, (_, index) => {
      const named = index % 2 === 0 ? headers : { ...headers, ...bearer(reader.token) };
      const { stream, answer } = rawCall(session, index % 2 === 0 ? INFO : STOP, named);
      stream.end(frameHeader(0));
      return answer;
    });
    const statuses = new Set((await Promise.all(calls)).map(({ status }) => status));
    assert.deepEqual([...statuses].toSorted(), [16, 7]);
  }
  await audit.close();
  assert.ok(!existsSync(`${options.path}.1`), "it went on in another file");
  const lines = readFileSync(options.path, "utf8").trim().split("\n");
  assert.equal(lines.filter((line) => line.includes('"statedReason":"kept"')).length, 1);
  assert.equal(lines.length, 3, "opened, the call, closed");
  const refused = refusedPathOf(options.path);
  assert.ok(statSync(refused).size < 4_096, "few lines for many calls");
  const summaries = readFileSync(refused, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { event: string; reason: string; source: string; calls: number })
    .filter(({ event }) => event === "refused");
  assert.deepEqual(summaries.map(({ reason, source, calls }) => [reason, source, calls]).toSorted(), [
    ["SCOPE_REQUIRED", "token", 1_000],
    ["TOKEN_MISSING", "anonymous", 1_000],
  ]);
});

/** A log that was made anew from the beginning, its chain as sound as the first. */
function rechained(lines: readonly string[], change: (fields: Record<string, unknown>) => object): string[] {
  let head: ChainHead = CHAIN_START;
  return lines.map((line) => {
    const { seq: _, time, prev: __, hash: ___, ...fields } = JSON.parse(line) as Record<string, unknown>;
    const next = chainLine(head, String(time), change(fields));
    head = next.head;
    return next.line;
  });
}

test("audit verify --expect-head finds a log that was cut or made anew, which its chain alone does not", async (t) => {
  const options = place(t);
  const audit = await openAuditLog(options);
  const entry = { peer: "unix", method: "a.A/B", code: "OK", durationMs: 1, correlationId: "c" };
  for (const principal of ["one", "two", "three"]) audit.append({ ...entry, principal });
  await audit.close();
  const noted = readFileSync(options.headFile, "utf8").trim();
  const told = await alysctl("audit", "head", options.path);
  assert.deepEqual([told.status, told.out], [0, noted]);
  const verify = () => alysctl("audit", "verify", options.path, "--expect-head", noted);
  assert.equal((await verify()).status, 0);
  const again = await openAuditLog(options);
  again.append({ ...entry, principal: "four" });
  await again.close();
  assert.equal((await verify()).status, 0, "a longer log holds the older head");

  const whole = readFileSync(options.path, "utf8").trim().split("\n");
  writeFileSync(options.path, `${whole.slice(0, 3).join("\n")}\n`);
  assert.equal((await alysctl("audit", "verify", options.path)).status, 0);
  const cut = await verify();
  assert.equal(cut.status, 25);
  assert.match(cut.err, /ends with line 3: it was cut/);
  const made = rechained(whole, (fields) =>
    fields["principal"] === "two" ? { ...fields, principal: "nobody" } : fields,
  );
  writeFileSync(options.path, `${made.join("\n")}\n`);
  assert.equal((await alysctl("audit", "verify", options.path)).status, 0);
  const anew = await verify();
  assert.equal(anew.status, 25);
  assert.match(anew.err, /has another hash: the chain was made anew/);
  writeFileSync(options.path, `${whole.slice(6).join("\n")}\n`);
  assert.match((await verify()).err, /begin with line 7: name older ones/);
  assert.notEqual((await alysctl("audit", "verify", options.path, "--expect-head", "x")).status, 0);
});

test("a node that finds its audit log shorter than the head that was noted says so", async (t) => {
  const options = place(t);
  const audit = await openAuditLog(options);
  const entry = {
    peer: "unix",
    method: "a.A/B",
    code: "OK",
    durationMs: 1,
    correlationId: "c",
    principal: "one",
  };
  for (let call = 0; call < 5; call++) audit.append(entry);
  await audit.close();
  const lines = readFileSync(options.path, "utf8").trim().split("\n");
  const log = new MemoryLog();
  await (await openAuditLog({ ...options, log })).close();
  assert.ok(!log.records.some(({ level }) => level === "error"), JSON.stringify(log.records));
  assert.ok(log.records.some(({ message }) => message === "head of the audit log"));
  writeFileSync(options.path, `${lines.slice(0, 2).join("\n")}\n`);
  await (await openAuditLog({ ...options, log })).close();
  const errors = log.records.filter(({ level }) => level === "error");
  assert.match(errors[0]?.message ?? "", /ends before the head that was noted/);
  assert.deepEqual(readdirSync(join(options.path, "..")).toSorted(), [
    "audit.head",
    "audit.jsonl",
    "audit.refused.jsonl",
  ]);
});

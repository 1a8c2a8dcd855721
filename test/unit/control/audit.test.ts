/** The audit log's chain and file: what a check finds, restarts, rotation, torn lines, a disk that fails. */
import assert from "node:assert/strict";
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import fc from "fast-check";
import type { AuditEntry } from "../../../src/control/audit.ts";
import { CHAIN_START, type ChainHead, chainLine, verifyChain } from "../../../src/control/audit-chain.ts";
import { type AuditFileOptions, openAuditFile } from "../../../src/control/audit-file.ts";
import { classOf, RefusalSummaries, type RefusalSummary } from "../../../src/control/audit-refusals.ts";
import { FakeClock } from "../../../src/kernel/ports/clock.ts";
import { MemoryLog } from "../../../src/kernel/ports/log.ts";

const ENTRY: AuditEntry = {
  principal: "someone",
  peer: "127.0.0.1:1",
  method: "alys.sync.v1.SyncService/StopSync",
  code: "OK",
  durationMs: 1.5,
  requestHash: "00",
  correlationId: "a-1",
};

function chainOf(count: number): string[] {
  let head: ChainHead = CHAIN_START;
  return Array.from({ length: count }, (_, index) => {
    const next = chainLine(head, "2026-11-21T00:00:00.000Z", { event: "call", index });
    head = next.head;
    return next.line;
  });
}

function place(t: TestContext, options: Partial<AuditFileOptions> = {}) {
  const folder = mkdtempSync(join(tmpdir(), "alys-audit-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const log = new MemoryLog();
  const whole = {
    path: join(folder, "audit.jsonl"),
    bytesMax: 1024 * 1024,
    filesMax: 3,
    clock: new FakeClock(),
    log,
    ...options,
  };
  return { folder, log, options: whole };
}

/** Waits for the disk, turn by turn. */
async function eventually(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}

const linesOf = (path: string): string[] => readFileSync(path, "utf8").split("\n").slice(0, -1);

test("a file that was moved or removed is told of, and a new one goes on with the chain", async (t) => {
  const { folder, log, options } = place(t);
  const file = await openAuditFile(options);
  file.append(ENTRY);
  await eventually(() => linesOf(options.path).length === 2);
  renameSync(options.path, join(folder, "elsewhere"));
  file.append(ENTRY);
  await eventually(() => existsSync(options.path) && linesOf(options.path).length === 2);
  rmSync(options.path);
  file.append(ENTRY);
  await eventually(() => existsSync(options.path) && linesOf(options.path).length === 2);
  await file.close();
  assert.equal(log.records.filter(({ message }) => message.includes("was moved or removed")).length, 2);
  const events = linesOf(options.path).map((line) => (JSON.parse(line) as { event: string }).event);
  assert.deepEqual(events, ["call", "moved", "closed"]);
});

test("verifyChain() takes a whole chain or any part of it", async () => {
  const lines = chainOf(20);
  assert.deepEqual(await verifyChain([]), { ok: true, lines: 0, first: 0, head: CHAIN_START });
  const whole = await verifyChain(lines);
  assert.ok(whole.ok && whole.first === 1 && whole.head.sequence === 20);
  const part = await verifyChain(lines.slice(5, 9));
  assert.ok(part.ok && part.first === 6 && part.lines === 4);
  const rest = await verifyChain(lines.slice(9), part.ok ? part.head : undefined);
  assert.ok(rest.ok && rest.head.sequence === 20);
});

test("verifyChain() names the first line that was changed, dropped, doubled, moved or put in", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 18 }),
      fc.constantFrom("change", "drop", "double", "swap", "insert"),
      async (at, how) => {
        const lines = chainOf(20);
        const line = lines[at] ?? "";
        if (how === "change") lines[at] = line.replace(`"index":${at}`, `"index":${at + 100}`);
        if (how === "drop") lines.splice(at, 1);
        if (how === "double") lines.splice(at, 0, line);
        if (how === "swap") lines.splice(at, 2, lines[at + 1] ?? "", line);
        if (how === "insert")
          lines.splice(at, 0, chainLine({ sequence: at, hash: "1".repeat(64) }, "", {}).line);
        const verdict = await verifyChain(lines);
        assert.ok(!verdict.ok);
        assert.equal(verdict.line, how === "double" ? at + 2 : at + 1);
      },
    ),
    { numRuns: 60 },
  );
});

test("AuditFile goes on with its chain after a restart and says when it was opened and closed", async (t) => {
  const { options } = place(t);
  for (let start = 0; start < 3; start++) {
    const file = await openAuditFile(options);
    file.append(ENTRY);
    await file.close();
  }
  const lines = linesOf(options.path);
  const verdict = await verifyChain(lines);
  assert.ok(verdict.ok && verdict.lines === 9 && verdict.first === 1);
  const events = lines.map((line) => (JSON.parse(line) as { event: string }).event);
  assert.deepEqual(events.slice(0, 6), ["opened", "call", "closed", "opened", "call", "closed"]);
  assert.equal(statSync(options.path).mode & 0o777, 0o600);
  const { principal, method, code } = JSON.parse(lines[1] ?? "") as AuditEntry;
  assert.deepEqual([principal, method, code], ["someone", ENTRY.method, "OK"]);
});

test("AuditFile carries the chain over from file to file and keeps so many", async (t) => {
  const { folder, options } = place(t, { bytesMax: 4_096 });
  const file = await openAuditFile(options);
  for (let batch = 0; batch < 60; batch++) {
    for (let line = 0; line < 10; line++) file.append(ENTRY);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await file.close();
  const names = ["audit.jsonl.3", "audit.jsonl.2", "audit.jsonl.1", "audit.jsonl"];
  assert.deepEqual(readdirSync(folder).sort(), [...names].sort());
  const all = await verifyChain(names.flatMap((name) => linesOf(join(folder, name))));
  assert.ok(all.ok, JSON.stringify(all));
  assert.deepEqual(all.head, file.head);
  // A file that was just begun goes on from the one before it.
  writeFileSync(options.path, "");
  const again = await openAuditFile(options);
  await again.close();
  const whole = await verifyChain([...linesOf(join(folder, "audit.jsonl.1")), ...linesOf(options.path)]);
  assert.ok(whole.ok, JSON.stringify(whole));
});

/** A file that is being renamed has nothing in it. */
function isIn(path: string, text: string): boolean {
  try {
    return readFileSync(path, "utf8").includes(text);
  } catch {
    return false;
  }
}

test("AuditFile flushes without errors while it goes on in new files", async (t) => {
  const clock = new FakeClock();
  const { options, log } = place(t, { bytesMax: 1_024, clock });
  const file = await openAuditFile(options);
  for (let batch = 0; batch < 60; batch++) {
    for (let line = 0; line < 5; line++) file.append(ENTRY);
    const { hash } = file.head;
    // The flush is due once in each batch, later on the way into the next file from batch to batch.
    for (let turn = 0; turn <= batch || !isIn(`${options.path}.1`, hash); turn++) {
      if (turn === batch) clock.advance(1_000);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  await file.close();
  assert.deepEqual(
    log.records.filter(({ level }) => level === "error"),
    [],
  );
});

test("RefusalSummaries writes one line a minute for each kind, with the first caller, and bounds the kinds", () => {
  const clock = new FakeClock();
  const written: RefusalSummary[] = [];
  const summaries = new RefusalSummaries(clock, (summary) => written.push(summary));
  const refused = { ...ENTRY, principal: "anonymous", code: "UNAUTHENTICATED", reason: "TOKEN_MISSING" };
  for (let call = 0; call < 1_000; call++) summaries.count({ ...refused, correlationId: `c-${call}` });
  summaries.count({ ...refused, peer: "203.0.113.9:1" });
  assert.equal(written.length, 0);
  clock.advance(60_000);
  assert.deepEqual(
    written.map(({ from, source, calls, first }) => [from, source, calls, first.correlationId]),
    [
      ["loopback", "anonymous", 1_000, "c-0"],
      ["public", "anonymous", 1, "a-1"],
    ],
  );
  for (let kind = 0; kind < 1_000; kind++) summaries.count({ ...refused, reason: `R${kind}` });
  summaries.flush();
  assert.equal(written.length, 2 + 65);
  assert.equal(written.at(-1)?.calls, 1_000 - 64);
  clock.advance(600_000);
  assert.equal(written.length, 2 + 65, "nothing is written while nothing is refused");
});

test("classOf() tells where a peer is", () => {
  const cases = {
    unix: "unix",
    "127.0.0.1:1": "loopback",
    "::1:1": "loopback",
    "10.1.2.3:4": "private",
    "8.8.8.8:53": "public",
    "fe80::1:9": "private",
    "2001:db8::1:9": "public",
  };
  for (const [peer, expected] of Object.entries(cases)) assert.equal(classOf(peer), expected, peer);
});

test("AuditFile cuts half a line that a crash left and says so in the next", async (t) => {
  const { options } = place(t);
  const file = await openAuditFile(options);
  file.append(ENTRY);
  await file.close();
  appendFileSync(options.path, '{"seq":4,"time":"2026');
  const again = await openAuditFile(options);
  await again.close();
  const lines = linesOf(options.path);
  assert.ok((await verifyChain(lines)).ok);
  assert.equal((JSON.parse(lines[3] ?? "") as { tornBytes: number }).tornBytes, 21);
});

test("AuditFile leaves a file whose end was tampered with to whoever looks into it", async (t) => {
  const { folder, log, options } = place(t);
  const file = await openAuditFile(options);
  await file.close();
  appendFileSync(options.path, '{"seq":3,"forged":true}\n');
  const again = await openAuditFile(options);
  await again.close();
  assert.deepEqual(readdirSync(folder).sort(), ["audit.jsonl", "audit.jsonl.1"]);
  assert.match(readFileSync(`${options.path}.1`, "utf8"), /forged/);
  assert.ok((await verifyChain(linesOf(options.path))).ok);
  assert.ok(log.records.some(({ message }) => message.includes("damaged")));
});

test("openAuditFile() refuses a place that cannot be written", async (t) => {
  const { folder, options } = place(t);
  await assert.rejects(openAuditFile({ ...options, path: folder }), { reason: "AUDIT_FILE" });
});

test("AuditFile bounds what waits, counts what it drops, and is behind before", async (t) => {
  const { options } = place(t, { bytesMax: 1024 * 1024 * 1024 });
  const file = await openAuditFile(options);
  assert.equal(file.isBehind, false);
  // All in one turn: nothing is written in between.
  for (let line = 0; line < 50_000; line++) file.append(ENTRY);
  assert.equal(file.isBehind, true);
  await eventually(() => !file.isBehind);
  file.append(ENTRY);
  await file.close();
  const lines = linesOf(options.path);
  assert.ok(lines.length < 50_000);
  const suppressed = lines.filter((line) => line.includes('"suppressed"'));
  assert.equal(suppressed.length, 1);
  const { count } = JSON.parse(suppressed[0] ?? "") as { count: number };
  // Beside the calls: opened, suppressed and closed.
  assert.equal(lines.length - 3 + count, 50_001);
});

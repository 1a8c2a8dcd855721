/** The profiler: whole recordings in chunks, one at a time, nothing left behind by a reader that leaves. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { FakeClock, realClock } from "../../../src/kernel/ports/clock.ts";
import { processProfiler, type RecordingChunk } from "../../../src/telemetry/profiler.ts";

const never = new AbortController().signal;
const CPU = { durationMs: 30, intervalUs: 500 };
const BUSY = { code: "RESOURCE_EXHAUSTED", reason: "PROFILER_BUSY" };

function place(t: TestContext, clock: FakeClock | typeof realClock = realClock) {
  const folder = mkdtempSync(join(tmpdir(), "alys-profiler-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "heap.snapshot");
  const excused: number[] = [];
  const excuse = (limitMs: number): void => void excused.push(limitMs);
  return { profiler: processProfiler({ clock, file, excuse }), file, excused };
}

async function whole(chunks: AsyncIterable<RecordingChunk>): Promise<string> {
  const parts: Uint8Array[] = [];
  let total = 0n;
  for await (const { chunk, totalBytes } of chunks) {
    assert.ok(chunk.length <= 256 * 1024);
    parts.push(chunk.slice());
    total = totalBytes;
  }
  const bytes = Buffer.concat(parts);
  assert.equal(BigInt(bytes.length), total);
  return bytes.toString("utf8");
}

test("recordCpu() gives a profile for DevTools", async (t) => {
  const profile = JSON.parse(await whole(place(t).profiler.recordCpu(CPU, never)));
  assert.ok(profile.nodes.length > 0);
  assert.ok(profile.endTime - profile.startTime >= 25_000);
});

test("takeHeapSnapshot() gives a snapshot for DevTools and leaves no file", async (t) => {
  const { profiler, file, excused } = place(t);
  const snapshot = JSON.parse(await whole(profiler.takeHeapSnapshot(never)));
  assert.ok(snapshot.snapshot.node_count > 10_000);
  assert.equal(existsSync(file), false);
  assert.deepEqual(excused, [120_000, 0]);
});

test("one recording runs at a time, until it is read or its reader left", async (t) => {
  const { profiler, file } = place(t);
  const first = profiler.takeHeapSnapshot(never);
  await first.next();
  await assert.rejects(profiler.recordCpu(CPU, never).next(), BUSY);
  await assert.rejects(profiler.takeHeapSnapshot(never).next(), BUSY);
  assert.equal(existsSync(file), true);
  await first.return(undefined);
  assert.equal(existsSync(file), false);
  await whole(profiler.recordCpu(CPU, never));
});

test("a CPU profile ends as soon as its reader leaves", async (t) => {
  const clock = new FakeClock();
  const { profiler } = place(t, clock);
  const left = new AbortController();
  const step = profiler.recordCpu({ durationMs: 60_000, intervalUs: 1_000 }, left.signal).next();
  const refused = assert.rejects(step, { code: "CANCELLED", reason: "RECORDING_LEFT" });
  await isWaiting(clock);
  left.abort();
  await refused;
  const again = profiler.recordCpu(CPU, never).next();
  await isWaiting(clock);
  clock.advance(30);
  assert.ok(((await again).value as RecordingChunk).chunk.length > 0);
});

/** The recording begins by messages of the inspector; only then it waits for its end. */
async function isWaiting(clock: FakeClock): Promise<void> {
  while (clock.pendingTimers === 0) await new Promise((resolve) => setImmediate(resolve));
}

/** The arithmetic of restarts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../../../src/kernel/ports/random.ts";
import {
  BACKOFF_AT_ONCE,
  type Backoff,
  backoffCeilingMs,
  judgeRestart,
  restartDelayMs,
  untilSlotBoundaryMs,
} from "../../../../src/kernel/supervision/restart.ts";

const random = seededRandom(7);
const draw = (): number => random.next();
const sync: Backoff = { firstMs: 1_000, baseMs: 2_000, factor: 2, maxMs: 60_000 };
const slots = { slotMs: 2_000, originMs: 1_000 };

test("backoffCeilingMs() doubles up to the maximum", () => {
  const ceilings = [0, 1, 2, 3, 6, 50].map((attempt) => backoffCeilingMs(sync, attempt));
  assert.deepEqual(ceilings, [1_000, 2_000, 4_000, 8_000, 60_000, 60_000]);
});

test("restartDelayMs() of the first restart is exact: at once is at once", () => {
  assert.equal(restartDelayMs({ ...BACKOFF_AT_ONCE, alignment: slots }, 0, 1_234, draw), 0);
  assert.equal(restartDelayMs({ ...sync, alignment: slots }, 0, 1_234, draw), 1_000);
});

test("restartDelayMs() spreads over the whole range under the ceiling", () => {
  const delays = Array.from({ length: 1_000 }, () => restartDelayMs(sync, 2, 0, draw));
  assert(delays.every((delay) => delay >= 0 && delay < 4_000));
  const mean = delays.reduce((sum, delay) => sum + delay, 0) / delays.length;
  assert(Math.abs(mean - 2_000) < 150, `mean ${mean}`);
});

test("restartDelayMs() with alignment ends on a slot boundary, never before the jitter", () => {
  for (let count = 0; count < 100; count++) {
    const delayMs = restartDelayMs({ ...sync, alignment: slots }, 3, 12_345, draw);
    assert(Math.abs(untilSlotBoundaryMs(Math.round(12_345 + delayMs), slots)) < 1);
    assert(delayMs >= 0 && delayMs < 8_000 + 2_000);
  }
});

test("untilSlotBoundaryMs() before, on and after the origin", () => {
  assert.deepEqual(
    [0, 999, 1_000, 1_001, 2_999, 3_000].map((atMs) => untilSlotBoundaryMs(atMs, slots)),
    [1_000, 1, 0, 1_999, 1, 0],
  );
  assert.equal(untilSlotBoundaryMs(-2_500, slots), 1_500);
});

test("judgeRestart() allows the intensity within any period and forgets what is older", () => {
  let recentMs: readonly number[] = [];
  for (const [atMs, attempt] of [
    [0, 0],
    [10, 1],
    [20, 2],
  ] as const) {
    const verdict = judgeRestart(recentMs, atMs, 3, 100);
    assert(verdict.isAllowed);
    assert.equal(verdict.attempt, attempt);
    recentMs = verdict.recentMs;
  }
  assert.deepEqual(judgeRestart(recentMs, 99, 3, 100), { isAllowed: false, restarts: 3 });
  assert.deepEqual(judgeRestart(recentMs, 100, 3, 100), {
    isAllowed: true,
    attempt: 2,
    recentMs: [10, 20, 100],
  });
  assert.equal(judgeRestart([], 0, 0, 100).isAllowed, false);
});

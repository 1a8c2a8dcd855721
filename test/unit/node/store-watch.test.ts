/** A store that does not write is told once, again after a minute, and so is its end. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "../../../src/kernel/ports/clock.ts";
import { silentLog } from "../../../src/kernel/ports/log.ts";
import { LATE_MS, StoreWatch } from "../../../src/node/store-watch.ts";

test("a write that waits too long is told within a second, once a minute, and its end too", async () => {
  const clock = new FakeClock();
  const told: string[] = [];
  let since: number | undefined;
  const stats = () => ({
    blocks: 0,
    sideBlocks: 0,
    sideBytes: 0,
    bytesOnDisk: 0,
    flushes: 0,
    pendingWrites: since === undefined ? 0 : 1,
    longestWaitMs: since === undefined ? 0 : clock.monotonicMs() - since,
  });
  const log = {
    ...silentLog,
    warn: (message: string) => void told.push(message),
    info: (message: string) => void told.push(message),
  };
  const watch = new StoreWatch({ stats }, { clock, log }, (isLate) => void told.push(`late: ${isLate}`));
  watch.start();
  await clock.advance(10_000);
  assert.deepEqual(told, []);
  since = clock.monotonicMs();
  await clock.advance(LATE_MS - 1);
  assert.deepEqual(told, []);
  await clock.advance(1_001);
  const warning = "the store does not write: no block is imported";
  assert.deepEqual(told.splice(0), [warning, "late: true"]);
  await clock.advance(58_999);
  assert.deepEqual(told, []);
  await clock.advance(2_000);
  assert.deepEqual(told.splice(0), [warning]);
  since = undefined;
  await clock.advance(1_000);
  assert.deepEqual(told, ["the store writes again", "late: false"]);
  watch.stop();
  assert.equal(clock.pendingTimers, 0);
});

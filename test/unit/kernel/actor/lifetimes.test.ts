/** What waits or counts for years: timers beyond what the platform takes, warnings of an end, counters. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { ActorTimers } from "../../../../src/kernel/actor/timers.ts";
import { FakeClock, realClock } from "../../../../src/kernel/ports/clock.ts";
import { EndWarnings } from "../../../../src/telemetry/end-warnings.ts";

const DAY_MS = 86_400_000;
const PLATFORM_MS_MAX = 2 ** 31 - 1;

test("realClock waits for 30 days in parts, never fires early, and can be cancelled in any part", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let fired = 0;
  realClock.setTimer(30 * DAY_MS, () => fired++);
  const cancelled = realClock.setTimer(60 * DAY_MS, () => assert.fail("cancelled"));
  realClock.setTimer(PLATFORM_MS_MAX, () => fired++);
  t.mock.timers.tick(PLATFORM_MS_MAX - 1);
  assert.equal(fired, 0);
  t.mock.timers.tick(1);
  assert.equal(fired, 1, "what the platform takes fires at its time");
  cancelled.cancel();
  t.mock.timers.tick(30 * DAY_MS - PLATFORM_MS_MAX - 1);
  assert.equal(fired, 1, "a millisecond before");
  t.mock.timers.tick(1);
  assert.equal(fired, 2);
  t.mock.timers.tick(60 * DAY_MS);
  assert.equal(fired, 2);
});

test("ActorTimers keep periods and delays of more than 2^31 ms", () => {
  const clock = new FakeClock();
  const timers = new ActorTimers(clock, (work) => work());
  const fired: number[] = [];
  timers.after(30 * DAY_MS, () => fired.push(clock.monotonicMs() / DAY_MS));
  timers.every(40 * DAY_MS, () => fired.push(clock.monotonicMs() / DAY_MS));
  clock.advance(365 * DAY_MS);
  assert.deepEqual(fired, [30, 40, 80, 120, 160, 200, 240, 280, 320, 360]);
});

test("EndWarnings warns at the bound, at each half of what was left then, and hourly after the end", () => {
  const warnings = new EndWarnings(7 * DAY_MS);
  const hours = (count: number) => count * 3_600_000;
  const soon: number[] = [];
  let ended = 0;
  for (let hour = 0; hour < 24 * 12; hour++) {
    const warning = warnings.look(10 * DAY_MS - hours(hour), hours(hour));
    if (warning === "soon") soon.push(240 - hour);
    if (warning === "ended") ended++;
  }
  assert.deepEqual(soon, [168, 84, 42, 21, 10, 5, 2, 1]);
  assert.equal(ended, 48);
  warnings.renewed();
  assert.equal(warnings.look(8 * DAY_MS, hours(300)), undefined);
  assert.equal(warnings.look(6 * DAY_MS, hours(348)), "soon");
});

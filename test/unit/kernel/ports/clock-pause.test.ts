/** pause: ended by time or by its signal, and nothing left behind. */

import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { FakeClock, pause } from "../../../../src/kernel/ports/clock.ts";

test("pause() ends with its delay, at its signal, or at once when that has come", async () => {
  const clock = new FakeClock();
  const { signal } = new AbortController();
  const waiting = pause(clock, 100, signal);
  clock.advance(100);
  await waiting;
  assert.equal(getEventListeners(signal, "abort").length, 0);
  const controller = new AbortController();
  const ended = pause(clock, 100, controller.signal);
  controller.abort();
  await ended;
  await pause(clock, 100, controller.signal);
  assert.equal(getEventListeners(controller.signal, "abort").length, 0);
});

/** The count of running calls, its bound, and what a drain does. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DRAINING, LiveCalls } from "../../../src/control/live-calls.ts";
import type { Failure } from "../../../src/kernel/errors.ts";

test("calls beyond the bound are refused until others end", () => {
  const live = new LiveCalls(2);
  const stream = { end: () => {} };
  assert.equal(live.beginUnary(), undefined);
  assert.equal(live.beginStream(stream), undefined);
  assert.equal(live.beginUnary()?.reason, "TOO_MANY_CALLS");
  assert.equal(live.beginStream({ end: () => {} })?.reason, "TOO_MANY_CALLS");
  live.streamEnded(stream);
  live.streamEnded(stream);
  assert.equal(live.size, 1);
  assert.equal(live.beginUnary(), undefined);
  live.unaryEnded();
  live.unaryEnded();
  assert.equal(live.size, 0);
});

test("a drain ends every stream once and refuses new ones, but no unary call", () => {
  const live = new LiveCalls();
  const ended: Failure[] = [];
  const stream = {
    end(reason: Failure) {
      ended.push(reason);
      live.streamEnded(stream);
    },
  };
  live.beginStream(stream);
  live.drain();
  live.drain();
  assert.deepEqual(ended, [DRAINING]);
  assert.equal(live.beginStream(stream), DRAINING);
  assert.equal(live.beginUnary(), undefined);
});

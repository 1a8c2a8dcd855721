/** The count of running calls, its bound, and what a drain does. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Calling, DRAINING, LiveCalls } from "../../../src/control/live-calls.ts";
import type { Failure } from "../../../src/kernel/errors.ts";

const OWNER = { principal: "owner", isAdministration: false };
const streamOf = (calling: Calling) => ({ ...calling, end: () => {} });

test("calls beyond the bound are refused until others end", () => {
  const live = new LiveCalls(2);
  const stream = streamOf(OWNER);
  assert.equal(live.beginUnary(OWNER), undefined);
  assert.equal(live.beginStream(stream), undefined);
  assert.equal(live.beginUnary(OWNER)?.reason, "TOO_MANY_CALLS");
  assert.equal(live.beginStream(streamOf(OWNER))?.reason, "TOO_MANY_CALLS");
  live.streamEnded(stream);
  live.streamEnded(stream);
  assert.equal(live.size, 1);
  assert.equal(live.beginUnary(OWNER), undefined);
  live.unaryEnded(OWNER);
  live.unaryEnded(OWNER);
  assert.equal(live.size, 0);
});

test("a drain ends every stream once and refuses new ones, but no unary call", () => {
  const live = new LiveCalls();
  const ended: Failure[] = [];
  const stream = {
    ...OWNER,
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
  assert.equal(live.beginUnary(OWNER), undefined);
});

test("one principal has half of the calls at most, and others go on", () => {
  const live = new LiveCalls(4);
  const [ci, ops] = ["ci", "ops"].map((principal) => ({ principal, isAdministration: false }));
  assert.ok(ci !== undefined && ops !== undefined);
  const stream = streamOf(ci);
  assert.equal(live.beginStream(stream), undefined);
  assert.equal(live.beginUnary(ci), undefined);
  assert.equal(live.beginUnary(ci)?.reason, "TOO_MANY_CALLS_OF_PRINCIPAL");
  assert.equal(live.beginStream(streamOf(ci))?.reason, "TOO_MANY_CALLS_OF_PRINCIPAL");
  assert.equal(live.beginUnary(ops), undefined);
  live.streamEnded(stream);
  live.streamEnded(stream);
  assert.equal(live.beginUnary(ci), undefined);
  assert.equal(live.beginUnary(OWNER), undefined);
  assert.equal(live.beginUnary(OWNER)?.reason, "TOO_MANY_CALLS");
});

test("administration finds room when everything is full", () => {
  const live = new LiveCalls(2);
  const drain = { principal: "admin", isAdministration: true };
  for (let made = 0; made < 2; made++) assert.equal(live.beginStream(streamOf(OWNER)), undefined);
  assert.equal(live.beginUnary(OWNER)?.reason, "TOO_MANY_CALLS");
  for (let made = 0; made < 32; made++) assert.equal(live.beginUnary(drain), undefined);
  assert.equal(live.beginUnary(drain)?.reason, "TOO_MANY_CALLS");
});

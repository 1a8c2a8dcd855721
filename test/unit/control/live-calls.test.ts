/** The count of running calls, its bound, and what a drain does. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ANONYMOUS, type Calling, DRAINING, LiveCalls } from "../../../src/control/live-calls.ts";
import type { Failure } from "../../../src/kernel/errors.ts";

const OWNER = { account: undefined, isAdministration: false };
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
  const [ci, ops] = ["ci", "ops"].map((account) => ({ account, isAdministration: false }));
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
  const drain = { account: "admin", isAdministration: true };
  for (let made = 0; made < 2; made++) assert.equal(live.beginStream(streamOf(OWNER)), undefined);
  assert.equal(live.beginUnary(OWNER)?.reason, "TOO_MANY_CALLS");
  for (let made = 0; made < 32; made++) assert.equal(live.beginUnary(drain), undefined);
  assert.equal(live.beginUnary(drain)?.reason, "TOO_MANY_CALLS");
});

test("the streams of one account are a quarter at most, and its other calls go on", () => {
  const live = new LiveCalls(8);
  const ci = { account: "token 1", isAdministration: false };
  const streams = [streamOf(ci), streamOf(ci), streamOf(ci)] as const;
  assert.equal(live.beginStream(streams[0]), undefined);
  assert.equal(live.beginStream(streams[1]), undefined);
  assert.equal(live.beginStream(streams[2])?.reason, "TOO_MANY_CALLS_OF_PRINCIPAL");
  assert.equal(live.beginUnary(ci), undefined);
  live.streamEnded(streams[0]);
  assert.equal(live.beginStream(streams[2]), undefined);
});

test("all who are not known have few calls together, fewer streams, and take nobody else's", () => {
  const live = new LiveCalls();
  const nobody = { account: ANONYMOUS, isAdministration: false };
  for (let made = 0; made < 32; made++) assert.equal(live.beginStream(streamOf(nobody)), undefined);
  assert.equal(live.beginStream(streamOf(nobody))?.reason, "TOO_MANY_ANONYMOUS_CALLS");
  for (let made = 0; made < 32; made++) assert.equal(live.beginUnary(nobody), undefined);
  assert.equal(live.beginUnary(nobody)?.reason, "TOO_MANY_ANONYMOUS_CALLS");
  assert.equal(live.beginUnary({ account: "token 1", isAdministration: false }), undefined);
});

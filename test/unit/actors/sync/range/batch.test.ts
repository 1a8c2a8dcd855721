/** The batch: every state meets every event; only the documented arrows move it. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Answer,
  type Batch,
  type BatchEvent,
  type BatchState,
  heldBytes,
  lastHeight,
  newBatch,
  type Slot,
  stepBatch,
} from "../../../../../src/actors/sync/range/batch.ts";
import type { SetsInForce } from "../../../../../src/actors/sync/validation-sets.ts";
import type { ValidatedSegment } from "../../../../../src/chain/validator.ts";

const blocks = [1, 2, 3, 4].map((fill) => new Uint8Array(10).fill(fill));
const answer: Answer = {
  attribution: { peerId: "a", requestId: 7, digest: new Uint8Array(32) },
  blocks,
  bytes: 40,
};
const segment = { count: 2 } as ValidatedSegment;
const slot = (start: number): Slot => ({
  start,
  count: 2,
  policy: "SEGMENT",
  isBarrier: false,
  step: { at: "waiting" },
});

const set = { keys: [], root: new Uint8Array(32) };
const sets: SetsInForce = { authorities: set, parentAuthorities: set, basis: "durableParent" };

/** Every kind of event, in a form that fits the state that takes it. */
const EVENTS: readonly BatchEvent[] = [
  { type: "requested", peerId: "a", requestId: 7, nowMs: 5 },
  { type: "delivered", requestId: 7, answer },
  { type: "requestFailed", requestId: 7, isPeersFailure: true, notBeforeMs: 9 },
  { type: "cut", slots: [slot(0), slot(2)], sets },
  { type: "checking", index: 0 },
  { type: "validated", index: 0, segment },
  { type: "submitted", index: 0 },
  { type: "imported", index: 0 },
  { type: "rejected", notBeforeMs: 9 },
  { type: "putBack", notBeforeMs: 9, mustBeFirst: false },
];

function after(...events: BatchEvent[]): Batch {
  let batch = newBatch(1, { first: 10, count: 4 });
  for (const event of events) {
    const next = stepBatch(batch, event);
    assert.ok(next, `${event.type} in ${batch.state}`);
    batch = next;
  }
  return batch;
}

const [requested, delivered, , cut] = EVENTS as [BatchEvent, BatchEvent, BatchEvent, BatchEvent];
const checked = [0, 1].map((index): BatchEvent => ({ type: "checking", index }));
const valid = [0, 1].map((index): BatchEvent => ({ type: "validated", index, segment }));
const submitted = [0, 1].map((index): BatchEvent => ({ type: "submitted", index }));
const imported = [0, 1].map((index): BatchEvent => ({ type: "imported", index }));

const STATES: Record<BatchState, Batch> = {
  awaiting: after(),
  downloading: after(requested),
  awaitingValidation: after(requested, delivered),
  validating: after(requested, delivered, cut),
  importing: after(requested, delivered, cut, ...checked, ...valid),
  final: after(requested, delivered, cut, ...checked, ...valid, ...submitted, ...imported),
};

/** Where each event leads; what is missing here changes nothing. */
const ARROWS: Record<BatchState, Partial<Record<BatchEvent["type"], BatchState>>> = {
  awaiting: { requested: "downloading" },
  downloading: { delivered: "awaitingValidation", requestFailed: "awaiting" },
  awaitingValidation: { cut: "validating", rejected: "awaiting" },
  validating: { checking: "validating", rejected: "awaiting", putBack: "awaitingValidation" },
  importing: { submitted: "importing", rejected: "awaiting", putBack: "awaitingValidation" },
  final: {},
};

for (const [state, batch] of Object.entries(STATES) as [BatchState, Batch][]) {
  for (const event of EVENTS) {
    const to = ARROWS[state][event.type];
    test(`stepBatch() takes ${state} by ${event.type} ${to === undefined ? "nowhere" : `to ${to}`}`, () => {
      const before = structuredClone(batch);
      assert.equal(stepBatch(batch, event)?.state, to);
      assert.deepEqual(batch, before);
    });
  }
}

test("stepBatch() refuses the outcome of another request", () => {
  for (const event of EVENTS) {
    if (event.type === "delivered") {
      assert.equal(stepBatch(STATES.downloading, { ...event, requestId: 8 }), undefined);
    }
    if (event.type === "requestFailed") {
      assert.equal(stepBatch(STATES.downloading, { ...event, requestId: 8 }), undefined);
    }
  }
});

test("stepBatch() refuses an empty answer and one that is longer than asked", () => {
  const empty = { ...answer, blocks: [] };
  const long = { ...answer, blocks: [...blocks, ...blocks] };
  for (const wrong of [empty, long]) {
    assert.equal(
      stepBatch(STATES.downloading, { type: "delivered", requestId: 7, answer: wrong }),
      undefined,
    );
  }
});

test("a short answer shortens the range", () => {
  const short = { ...answer, blocks: blocks.slice(0, 3) };
  const batch = stepBatch(STATES.downloading, { type: "delivered", requestId: 7, answer: short });
  assert.deepEqual(batch?.range, { first: 10, count: 3 });
  assert.equal(batch && lastHeight(batch), 12);
});

test("what is imported is neither fetched nor validated again", () => {
  const half = after(requested, delivered, cut, ...checked, ...valid, submitted[0]!, imported[0]!);
  const rejected = stepBatch(half, { type: "rejected", notBeforeMs: 0 });
  assert.deepEqual(rejected?.range, { first: 12, count: 2 });
  assert.deepEqual(rejected?.failedPeers, ["a"]);
  const back = stepBatch(half, { type: "putBack", notBeforeMs: 0, mustBeFirst: false });
  assert.deepEqual(back?.range, { first: 12, count: 2 });
  assert.ok(back?.state === "awaitingValidation");
  assert.deepEqual([back.answer.blocks.length, back.answer.bytes], [2, 20]);
  assert.deepEqual(back.failedPeers, []);
});

test("a failure that is not the peer's is not held against it", () => {
  const event = { type: "requestFailed", requestId: 7, isPeersFailure: false, notBeforeMs: 0 } as const;
  const batch = stepBatch(STATES.downloading, event);
  assert.deepEqual([batch?.failedPeers, batch?.attempts], [[], 0]);
});

test("failedPeers are remembered once each, and not without bound", () => {
  let batch: Batch = STATES.awaiting;
  for (let index = 0; index < 100; index++) {
    const peerId = `peer-${index % 40}`;
    const sent = stepBatch(batch, { type: "requested", peerId, requestId: index, nowMs: 0 });
    const failed = { type: "requestFailed", requestId: index, isPeersFailure: true, notBeforeMs: 0 } as const;
    batch = (sent && stepBatch(sent, failed))!;
  }
  assert.equal(batch.attempts, 100);
  assert.equal(batch.failedPeers.length, 32);
  assert.equal(new Set(batch.failedPeers).size, 32);
  assert.equal(batch.failedPeers.at(-1), "peer-19");
});

test("attribution travels with the blocks until they are final", () => {
  for (const state of ["awaitingValidation", "validating", "importing"] as const) {
    const batch = STATES[state];
    assert.ok("answer" in batch && batch.answer.attribution === answer.attribution);
  }
  assert.ok(STATES.final.state === "final" && STATES.final.attribution === answer.attribution);
});

test("heldBytes() counts blocks once, and twice from validation on", () => {
  const held = Object.fromEntries(Object.entries(STATES).map(([state, batch]) => [state, heldBytes(batch)]));
  assert.deepEqual(held, {
    awaiting: 0,
    downloading: 0,
    awaitingValidation: 40,
    validating: 80,
    importing: 80,
    final: 0,
  });
});

/** Batches under any sequence of events: nothing is lost, nothing is attributed to who did not send it. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  type Batch,
  type BatchEvent,
  newBatch,
  type Slot,
  splitBatch,
  stepBatch,
} from "../../src/actors/sync/range/batch.ts";
import { Batches } from "../../src/actors/sync/range/batches.ts";
import { cutSlots } from "../../src/actors/sync/range/cut.ts";
import type { SetsInForce } from "../../src/actors/sync/validation-sets.ts";
import type { ValidatedSegment } from "../../src/chain/validator.ts";

const RUNS = 500;
const LAST = 1000;

const set = { keys: [], root: new Uint8Array(32) };
const sets: SetsInForce = { authorities: set, parentAuthorities: set, basis: "predecessor" };
const segment = { count: 1 } as ValidatedSegment;

/** Events drawn without regard to the state; the batch must refuse what does not belong. */
const anyEvent: fc.Arbitrary<(batch: Batch) => BatchEvent> = fc
  .tuple(fc.nat(9), fc.nat(5), fc.nat(40), fc.boolean())
  .map(([kind, index, length, flag]) => (batch) => {
    const requestId = batch.state === "downloading" ? batch.requestId : 1;
    switch (kind) {
      case 0:
        return { type: "requested", peerId: `p${index}`, requestId: index, nowMs: 0 };
      case 1: {
        const peerId = batch.state === "downloading" ? batch.peerId : "nobody";
        const blocks = Array.from({ length }, () => new Uint8Array(3));
        const attribution = { peerId, requestId, digest: new Uint8Array(32) };
        return { type: "delivered", requestId, answer: { attribution, blocks, bytes: 3 * length } };
      }
      case 2:
        return { type: "requestFailed", requestId, isPeersFailure: flag, notBeforeMs: 0 };
      case 3:
        return { type: "cut", slots: "answer" in batch ? slotsOf(batch.range.count) : [], sets };
      case 4:
        return { type: "checking", index };
      case 5:
        return { type: "validated", index, segment };
      case 6:
        return { type: "submitted", index };
      case 7:
        return { type: "imported", index };
      case 8:
        return { type: "rejected", notBeforeMs: 0 };
      default:
        return { type: "putBack", notBeforeMs: 0, mustBeFirst: flag };
    }
  });

function slotsOf(count: number): Slot[] {
  const slots: Slot[] = [];
  for (let start = 0; start < count; start += 8) {
    const length = Math.min(8, count - start);
    slots.push({ start, count: length, policy: "SEGMENT", isBarrier: false, step: { at: "waiting" } });
  }
  return slots;
}

test("a batch keeps to its range, whatever happens to it", () => {
  fc.assert(
    fc.property(fc.array(anyEvent, { maxLength: 60 }), (events) => {
      let batch: Batch = newBatch(1, { first: 100, count: 40 });
      for (const make of events) {
        const event = make(batch);
        const before = batch;
        const next = stepBatch(batch, event);
        if (next === undefined) continue;
        batch = next;
        // The range only shrinks, from either end, and never becomes empty but by being final.
        const { first, count } = batch.range;
        assert.ok(first >= before.range.first && first + count <= before.range.first + before.range.count);
        assert.ok(count > 0 || batch.state === "final");
        if ("answer" in batch) assert.equal(batch.answer.blocks.length, count);
        if ("slots" in batch)
          assert.equal(
            batch.slots.reduce((sum, slot) => sum + slot.count, 0),
            count,
          );
        assert.ok(batch.revision >= before.revision);
      }
    }),
    { numRuns: RUNS },
  );
});

test("a batch that was split is the same blocks of the same peer in two", () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 40 }), fc.nat(), (length, at) => {
      const count = 1 + (at % (length - 1));
      const blocks = Array.from({ length }, (_, index) => new Uint8Array(3).fill(index));
      const attribution = { peerId: "a", requestId: 1, digest: new Uint8Array(32) };
      const answer = { attribution, blocks, bytes: 3 * length };
      let batch: Batch = newBatch(1, { first: 100, count: length });
      batch = stepBatch(batch, { type: "requested", peerId: "a", requestId: 1, nowMs: 0 })!;
      batch = stepBatch(batch, { type: "delivered", requestId: 1, answer })!;
      assert.ok(batch.state === "awaitingValidation");
      const parts = splitBatch(batch, count, 2);
      assert.deepEqual(
        parts.map(({ id, range }) => ({ id, ...range })),
        [
          { id: 1, first: 100, count },
          { id: 2, first: 100 + count, count: length - count },
        ],
      );
      const answers = parts.map((part) => (part.state === "awaitingValidation" ? part.answer : undefined));
      assert.deepEqual(
        answers.flatMap((part) => part?.blocks ?? []),
        blocks,
      );
      for (const part of answers) {
        assert.equal(part?.attribution, attribution);
        assert.equal(part?.bytes, 3 * (part?.blocks.length ?? 0));
      }
    }),
    { numRuns: RUNS },
  );
});

test("Ranges cover every height up to the target exactly once, however answers are cut short", () => {
  const step = fc.tuple(fc.nat(63), fc.integer({ min: 1, max: 70 }));
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 200 }), fc.array(step, { maxLength: 40 }), (batchBlocks, steps) => {
      const ranges = new Batches();
      ranges.restart(1);
      ranges.plan(LAST, batchBlocks);
      for (const [pick, length] of steps) {
        const batch = ranges.batches[pick % ranges.batches.length];
        if (batch?.state !== "awaiting") continue;
        const sent = stepBatch(batch, { type: "requested", peerId: "a", requestId: 1, nowMs: 0 });
        if (sent === undefined) continue;
        const blocks = Array.from({ length: Math.min(length, batch.range.count) }, () => new Uint8Array(1));
        const attribution = { peerId: "a", requestId: 1, digest: new Uint8Array(32) };
        const answer = { attribution, blocks, bytes: blocks.length };
        const delivered = stepBatch(sent, { type: "delivered", requestId: 1, answer });
        if (delivered !== undefined) ranges.replace(delivered);
      }
      let next = 1;
      for (const { range } of ranges.batches) {
        assert.equal(range.first, next);
        next += range.count;
      }
      assert.ok(next <= LAST + 1);
    }),
    { numRuns: RUNS },
  );
});

test("cutSlots() covers every block once, in runs of at most 64, with every block verified from the height on", () => {
  const parameters = [
    fc.integer({ min: 1, max: 300 }),
    fc.nat(400),
    fc.integer({ min: 1, max: 500 }),
  ] as const;
  fc.assert(
    fc.property(...parameters, (length, everyBlockFrom, first) => {
      const blocks = Array.from({ length }, () => new Uint8Array(250));
      let start = 0;
      for (const slot of cutSlots(blocks, first, everyBlockFrom)) {
        assert.equal(slot.start, start);
        assert.ok(slot.count >= 1 && slot.count <= 64);
        const last = first + start + slot.count - 1;
        assert.equal(slot.policy, first + start >= everyBlockFrom ? "EVERY_BLOCK" : "SEGMENT");
        assert.ok(slot.policy === "EVERY_BLOCK" || last < everyBlockFrom);
        start += slot.count;
      }
      assert.equal(start, length);
    }),
    { numRuns: RUNS },
  );
});

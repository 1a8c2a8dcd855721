/** The round of a slot: its arrows, and what no order of inputs can make it do. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { UnsignedBlock } from "../../../../src/actors/producer/block-builder.ts";
import {
  IDLE,
  type Round,
  type RoundEffect,
  type RoundInput,
  step,
} from "../../../../src/actors/producer/state.ts";
import { quorumOf } from "../../../../src/chain/approval.ts";

const MEMBERS = 4;

function blockOf(slot: number): UnsignedBlock {
  const empty = new Uint8Array(0);
  return { slot, height: 1, hash: empty, parentHash: empty, header: empty, body: empty };
}

function play(inputs: readonly RoundInput[], from: Round = IDLE): { state: Round; effects: RoundEffect[] } {
  let state = from;
  const effects: RoundEffect[] = [];
  for (const input of inputs) {
    const [next, caused] = step(state, input);
    state = next;
    effects.push(...caused);
  }
  return { state, effects };
}

const signature = new Uint8Array(96);
const began = (slot: number): RoundInput => ({ kind: "ourSlotBegan", slot });
const may = (slot: number, isHeadRecent = true): RoundInput => {
  return { kind: "answered", slot, refusal: undefined, isHeadRecent };
};
const proposed = (slot: number, members = MEMBERS): RoundInput => {
  return { kind: "proposed", block: blockOf(slot), members, index: 0, signature };
};
const approved = (slot: number, index: number): RoundInput => ({ kind: "approved", slot, index, signature });
const names = (effects: readonly RoundEffect[]) => effects.map(({ kind }) => kind);

test("step: the way of a block from its slot to the topic", () => {
  const { state, effects } = play([
    began(7),
    may(7),
    proposed(7),
    approved(7, 2),
    approved(7, 2),
    approved(7, 1),
    approved(7, 3),
    { kind: "imported", slot: 7, failure: undefined },
  ]);
  assert.deepEqual(state, IDLE);
  assert.deepEqual(names(effects), ["ask", "propose", "gather", "certify", "publish"]);
});

test("step: gives the block of the slot before its grace", () => {
  const { effects } = play([began(7), may(7, false), { kind: "graceEnded", slot: 7 }, proposed(7)]);
  assert.deepEqual(names(effects), ["ask", "startGrace", "propose", "gather"]);
});

test("step: a federation of one needs nobody else", () => {
  assert.deepEqual(names(play([began(7), may(7), proposed(7, 1)]).effects), ["ask", "propose", "certify"]);
});

test("step: a refusal, a time-out and a failed import leave the slot empty, with the reason", () => {
  const reasons = [
    play([began(7), { kind: "answered", slot: 7, refusal: "no", isHeadRecent: true }]),
    play([began(7), may(7), { kind: "notProposed", slot: 7, reason: "late" }]),
    play([began(7), may(7), proposed(7), approved(7, 1), { kind: "timedOut", slot: 7 }]),
    play([began(7), may(7), proposed(7, 1), { kind: "imported", slot: 7, failure: "disk full" }]),
    play([began(7), may(7), proposed(7), began(11)]),
  ].map(({ effects }) => effects.findLast((effect) => effect.kind === "giveUp")?.reason);
  assert.deepEqual(reasons, [
    "no",
    "late",
    "2 of 3 approvals came in time",
    "not imported: disk full",
    "1 of 3 approvals came in time",
  ]);
});

const slots = fc.integer({ min: 1, max: 4 });
const inputs: fc.Arbitrary<RoundInput> = fc.oneof(
  slots.map(began),
  fc.tuple(slots, fc.boolean()).map(([slot, isHeadRecent]) => may(slot, isHeadRecent)),
  slots.map((slot): RoundInput => ({ kind: "graceEnded", slot })),
  slots.map((slot) => proposed(slot)),
  slots.map((slot): RoundInput => ({ kind: "notProposed", slot, reason: "x" })),
  fc.tuple(slots, fc.nat(3)).map(([slot, index]) => approved(slot, index)),
  slots.map((slot): RoundInput => ({ kind: "timedOut", slot })),
  slots.map((slot): RoundInput => ({ kind: "imported", slot, failure: undefined })),
);

test("step: whatever comes in, only a quorum is certified, and only what was certified is published", () => {
  fc.assert(
    fc.property(fc.array(inputs, { maxLength: 60 }), (story) => {
      const { effects } = play(story);
      const certified = effects.flatMap((effect) => (effect.kind === "certify" ? [effect.round] : []));
      const published = effects.flatMap((effect) => (effect.kind === "publish" ? [effect.slot] : []));
      for (const round of certified) assert(round.signatures.size >= quorumOf(round.members));
      for (const slot of published) assert(certified.some((round) => round.slot === slot));
    }),
    { seed: 20_261_121, numRuns: 500 },
  );
});

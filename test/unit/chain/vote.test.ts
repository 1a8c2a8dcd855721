/**
 * The voting rule: each condition refuses alone, and over any history of proposals and restarts a member
 * signs at most one block a slot, in ascending slots.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { MalformedError } from "../../../src/chain/malformed.ts";
import {
  decideVote,
  decodeVoteRecord,
  encodeVoteRecord,
  isOwnersRecord,
  type Proposal,
  releaseVotes,
  type VoteFacts,
  type VoteRecord,
} from "../../../src/chain/vote.ts";

const hashOf = (byte: number) => new Uint8Array(32).fill(byte);
const head = hashOf(1);
const proposal: Proposal = {
  slot: 100,
  height: 51,
  hash: hashOf(2),
  parentHash: head,
  isApprovedByAuthor: true,
  isValid: true,
};
const facts: VoteFacts = {
  lastVote: { slot: 99, height: 50, hash: head },
  startedAtMs: 0,
  nowMs: 200_100,
  slotDurationMs: 2000,
  driftMs: 500,
  headHash: head,
};

describe("decideVote", () => {
  it("records a valid proposal of the current slot on the best head", () => {
    assert.deepEqual(decideVote(proposal, facts), {
      kind: "record",
      record: {
        slot: 100,
        height: 51,
        hash: hashOf(2),
        // The record before it is of before there were runs: any slot may have been voted in.
        history: { runs: [{ first: 0, last: 100 }], spent: [] },
      },
    });
  });

  it("refuses each unmet condition by name", () => {
    const refusals: [Partial<Proposal>, Partial<VoteFacts>, string][] = [
      [{ isApprovedByAuthor: false }, {}, "NOT_APPROVED_BY_AUTHOR"],
      [{ isValid: false }, {}, "INVALID_PROPOSAL"],
      [{ parentHash: hashOf(9) }, {}, "NOT_ON_BEST_HEAD"],
      [{}, { nowMs: 199_499 }, "NOT_CURRENT_SLOT"],
      [{}, { nowMs: 202_500 }, "NOT_CURRENT_SLOT"],
      [{}, { lastVote: { slot: 100, height: 51, hash: hashOf(3) } }, "SLOT_NOT_ABOVE_LAST_VOTE"],
      [{}, { lastVote: { slot: 101, height: 51, hash: hashOf(3) } }, "SLOT_NOT_ABOVE_LAST_VOTE"],
      [{}, { lastVote: undefined, startedAtMs: 199_500 }, "TOO_SOON_WITHOUT_RECORD"],
    ];
    for (const [change, known, reason] of refusals) {
      assert.deepEqual(decideVote({ ...proposal, ...change }, { ...facts, ...known }), {
        kind: "refuse",
        reason,
      });
    }
  });

  it("takes the slot's borders with the drift, half open", () => {
    for (const nowMs of [199_500, 202_499])
      assert.equal(decideVote(proposal, { ...facts, nowMs }).kind, "record");
  });

  it("votes without a record in the first slot that begins after start and drift", () => {
    const known = { ...facts, lastVote: undefined, startedAtMs: 199_499 };
    assert.equal(decideVote(proposal, known).kind, "record");
  });

  it("repeats the identical recorded block even when the slot is over and the head has moved", () => {
    const lastVote: VoteRecord = { slot: 100, height: 51, hash: hashOf(2) };
    const late = { ...facts, lastVote, nowMs: 900_000, headHash: hashOf(7) };
    assert.deepEqual(decideVote(proposal, late), { kind: "repeat", record: lastVote });
  });

  it("never signs two blocks of one slot over any history with restarts that lose the record", () => {
    const event = fc.record({
      advanceMs: fc.integer({ min: 0, max: 1200 }),
      slotShift: fc.integer({ min: -2, max: 2 }),
      hash: fc.integer({ min: 2, max: 4 }),
      isRestart: fc.boolean(),
      losesRecord: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        const signed = new Map<number, number>();
        let nowMs = 100_000;
        let startedAtMs = nowMs;
        let lastVote: VoteRecord | undefined;
        for (const { advanceMs, slotShift, hash, isRestart, losesRecord } of events) {
          nowMs += advanceMs;
          if (isRestart) startedAtMs = nowMs;
          if (isRestart && losesRecord) lastVote = undefined;
          const slot = Math.floor(nowMs / 2000) + slotShift;
          const decision = decideVote(
            { ...proposal, slot, hash: hashOf(hash) },
            { ...facts, lastVote, startedAtMs, nowMs },
          );
          if (decision.kind === "refuse") continue;
          assert.ok(signed.get(slot) === undefined || signed.get(slot) === hash, `two votes in slot ${slot}`);
          signed.set(slot, hash);
          lastVote = decision.record;
        }
      }),
      { numRuns: 2000, seed: 20 },
    );
  });
});

describe("releaseVotes", () => {
  const vote = (record: VoteRecord | undefined, slot: number, byte: number) => {
    const known = { ...facts, lastVote: record, nowMs: slot * 2000, startedAtMs: 0 };
    return decideVote({ ...proposal, slot, hash: hashOf(byte) }, known);
  };
  const voted = (record: VoteRecord | undefined, ...slots: number[]): VoteRecord => {
    let last = record;
    for (const slot of slots) {
      const decision = vote(last, slot, 2);
      assert.ok(decision.kind === "record", `${slot}: ${JSON.stringify(decision)}`);
      last = decision.record;
    }
    assert.ok(last !== undefined);
    return last;
  };

  it("gives up the run that lies ahead and lets slots before it be voted in", () => {
    const barred = voted(undefined, 100, 101, 14_500, 14_503, 14_515);
    assert.deepEqual(vote(barred, 120, 3), { kind: "refuse", reason: "SLOT_NOT_ABOVE_LAST_VOTE" });
    const released = releaseVotes(barred, 120);
    assert.ok(released !== undefined);
    assert.equal(released.slot, 120);
    assert.deepEqual(vote(released, 120, 3), { kind: "refuse", reason: "SLOT_NOT_ABOVE_LAST_VOTE" });
    const later = voted(released, 121, 14_499);
    for (const slot of [14_500, 14_507, 14_515])
      assert.deepEqual(vote(later, slot, 3), { kind: "refuse", reason: "SLOT_GIVEN_UP" });
    assert.equal(vote(later, 14_516, 3).kind, "record");
  });

  it("gives up nothing that began before now, and nothing of a record without runs", () => {
    assert.equal(releaseVotes(voted(undefined, 100, 120, 140), 110), undefined);
    assert.equal(releaseVotes({ slot: 14_500, height: 1, hash: hashOf(2) }, 100), undefined);
    assert.equal(releaseVotes(voted({ slot: 100, height: 1, hash: hashOf(2) }, 14_500), 110)?.slot, 110);
  });

  it("never lets a slot get two votes, whatever the clock shows and however often it is given up", () => {
    const event = fc.record({
      // Few slots, each group a run of its own, so that every one comes again and again.
      slot: fc.tuple(fc.nat(11), fc.nat(2)).map(([group, at]) => 40 * group + at + 1),
      byte: fc.integer({ min: 2, max: 4 }),
      isRelease: fc.boolean(),
      isRestart: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 120 }), (events) => {
        const signed = new Map<number, number>();
        let last: VoteRecord | undefined;
        for (const { slot, byte, isRelease, isRestart } of events) {
          if (isRestart && last !== undefined) last = decodeVoteRecord(encodeVoteRecord(last));
          if (isRelease && last !== undefined) last = releaseVotes(last, slot) ?? last;
          else {
            const decision = vote(last, slot, byte);
            if (decision.kind === "refuse") continue;
            assert.ok((signed.get(slot) ?? byte) === byte, `two votes in slot ${slot}`);
            signed.set(slot, byte);
            last = decision.record;
          }
        }
      }),
      { numRuns: 6000, seed: 21 },
    );
  });
});

describe("VoteRecord bytes", () => {
  it("survive a round trip and refuse damage", () => {
    const record: VoteRecord = { slot: 850_000_123, height: 77, hash: hashOf(5) };
    assert.deepEqual(decodeVoteRecord(encodeVoteRecord(record)), record);
    const history = { runs: [{ first: 3, last: 9 }], spent: [{ first: 850_000_200, last: 850_000_215 }] };
    const bytes = encodeVoteRecord({ ...record, history });
    assert.deepEqual(decodeVoteRecord(bytes), { ...record, history });
    for (let length = 49; length < bytes.length; length++)
      assert.throws(() => decodeVoteRecord(bytes.subarray(0, length)), MalformedError, `${length} bytes`);
    const unknown = bytes.slice();
    unknown[48] = 99;
    assert.throws(() => decodeVoteRecord(unknown), MalformedError, "a section of another software");
    assert.throws(() => decodeVoteRecord(new Uint8Array(47)), MalformedError);
    const owner = { publicKey: new Uint8Array(48).fill(7), genesisHash: hashOf(9) };
    const owned = encodeVoteRecord({ ...record, history, owner });
    assert.deepEqual(decodeVoteRecord(owned), { ...record, history, owner });
    assert.deepEqual(decodeVoteRecord(encodeVoteRecord({ ...record, owner })), { ...record, owner });
    const last = owned.length - owner.publicKey.length - owner.genesisHash.length;
    for (let length = last - 2; length < owned.length; length++)
      assert.throws(() => decodeVoteRecord(owned.subarray(0, length)), MalformedError, `${length} bytes`);
    assert.throws(() => decodeVoteRecord(new Uint8Array(48).fill(255)), MalformedError);
  });

  it("of the first form name nobody and are their reader's", () => {
    const record: VoteRecord = { slot: 850_000_123, height: 77, hash: hashOf(5) };
    const owner = { publicKey: new Uint8Array(48).fill(7), genesisHash: hashOf(9) };
    const other = { ...owner, publicKey: new Uint8Array(48).fill(8) };
    const kept = decodeVoteRecord(encodeVoteRecord(record, owner).slice(0, 48));
    assert.deepEqual(kept, record);
    assert.ok(isOwnersRecord(kept, owner) && isOwnersRecord(kept, other));
    assert.ok(isOwnersRecord({ ...record, owner }, owner));
    assert.ok(!isOwnersRecord({ ...record, owner }, other));
    assert.ok(!isOwnersRecord({ ...record, owner }, { ...owner, genesisHash: hashOf(8) }));
  });
});

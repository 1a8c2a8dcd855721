/** The ballot: whatever is proposed, and however often the process is killed, no slot gets two signatures. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Ballot, type Signer } from "../../../../src/actors/producer/ballot.ts";
import { powFactsOf } from "../../../../src/chain/auxpow/pow-facts.ts";
import { forgeParameters } from "../../../../src/chain/forge.ts";
import { MalformedError } from "../../../../src/chain/malformed.ts";
import { decodeVoteRecord, type Proposal } from "../../../../src/chain/vote.ts";
import { failure } from "../../../../src/kernel/errors.ts";
import { silentLog } from "../../../../src/kernel/ports/log.ts";
import type { VoteStore } from "../../../../src/storage/port.ts";

const SLOT_MS = 2000;
const HEAD = new Uint8Array(32);
const FACTS = {
  genesisHash: new Uint8Array(32),
  slotDurationMs: SLOT_MS,
  driftMs: 500,
  maxBlocksWithoutPow: 0,
  finalityDepth: 64,
  pow: powFactsOf(forgeParameters([])),
};

/** A guard that has nothing against anything. */
const OPEN = { refusal: () => undefined, signing: () => undefined };

/** A disk that can be full or forget nothing, and a key that notes when it signed with what on the disk. */
class SigningStub {
  stored: Uint8Array | undefined;
  isFull = false;
  nowMs = 1_000_000;
  readonly signed: { record: Uint8Array | undefined }[] = [];
  readonly votes: VoteStore = {
    last: () => this.stored,
    record: (bytes) => {
      if (this.isFull) throw failure("RESOURCE_EXHAUSTED", "DISK_FULL", "full");
      this.stored = bytes.slice();
    },
    close() {},
  };
  isClockBelieved = true;
  readonly signer: Signer = {
    publicKey: new Uint8Array(48),
    sign: () => {
      this.signed.push({ record: this.stored });
      return new Uint8Array(96);
    },
  };

  open(): Ballot {
    const { votes, signer, nowMs } = this;
    const isClockBelieved = (): boolean => this.isClockBelieved;
    const upMs = (): number => this.nowMs - nowMs;
    return new Ballot({ votes, signer, guard: OPEN, facts: FACTS, upMs, log: silentLog, isClockBelieved });
  }
}

test("Ballot: without a record the start counts by how long ago it was, not by what the clock showed then", () => {
  const disk = new SigningStub();
  disk.nowMs += 8 * 3_600_000;
  let upMs = 0;
  const { votes, signer } = disk;
  const isClockBelieved = (): boolean => disk.isClockBelieved;
  const ballot = new Ballot({
    votes,
    signer,
    guard: OPEN,
    facts: FACTS,
    upMs: () => upMs,
    log: silentLog,
    isClockBelieved,
  });
  disk.nowMs -= 8 * 3_600_000;
  const slot = Math.floor(disk.nowMs / FACTS.slotDurationMs);
  const cast = ballot.cast(proposalOf(slot, 1), disk.nowMs, HEAD);
  assert.deepEqual(cast, { ok: false, reason: "TOO_SOON_WITHOUT_RECORD" });
  upMs = 10_000;
  assert.equal(ballot.cast(proposalOf(slot, 1), disk.nowMs, HEAD).ok, true);
});

test("Ballot: a clock that is not believed signs nothing but what is recorded", () => {
  const disk = new SigningStub();
  const ballot = disk.open();
  disk.nowMs += 10_000;
  const slot = Math.floor(disk.nowMs / FACTS.slotDurationMs);
  assert.equal(ballot.cast(proposalOf(slot, 1), disk.nowMs, HEAD).ok, true);
  disk.isClockBelieved = false;
  assert.equal(ballot.cast(proposalOf(slot, 1), disk.nowMs, HEAD).ok, true, "the identical block again");
  disk.nowMs += FACTS.slotDurationMs;
  const next = ballot.cast(proposalOf(slot + 1, 2), disk.nowMs, HEAD);
  assert.deepEqual(next, { ok: false, reason: "CLOCK_NOT_BELIEVED" });
  assert.equal(ballot.lastVote?.slot, slot);
});

function proposalOf(slot: number, mark: number): Proposal {
  const hash = new Uint8Array(32).fill(mark);
  return { slot, height: 1, hash, parentHash: HEAD, isApprovedByAuthor: true, isValid: true };
}

test("Ballot: never signs two blocks of one slot, and nothing that is not on the disk", () => {
  const deeds = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ kind: fc.constant("propose" as const), back: fc.nat(2), mark: fc.nat(2) }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant("wait" as const), ms: fc.integer({ min: 1, max: 3000 }) }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("restart" as const) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("disk" as const), isFull: fc.boolean() }) },
  );
  fc.assert(
    fc.property(fc.array(deeds, { maxLength: 80 }), (story) => {
      const signing = new SigningStub();
      let ballot = signing.open();
      const marks = new Map<number, number>();
      for (const deed of story) {
        if (deed.kind === "wait") signing.nowMs += deed.ms;
        if (deed.kind === "restart") ballot = signing.open();
        if (deed.kind === "disk") signing.isFull = deed.isFull;
        if (deed.kind !== "propose") continue;
        const slot = Math.floor(signing.nowMs / SLOT_MS) - deed.back + 1;
        const cast = ballot.cast(proposalOf(slot, deed.mark), signing.nowMs, HEAD);
        if (!cast.ok) continue;
        assert.equal(marks.get(slot) ?? deed.mark, deed.mark, `slot ${slot} has two signatures`);
        marks.set(slot, deed.mark);
        const record = decodeVoteRecord(signing.signed.at(-1)!.record!);
        assert.equal(record.slot, slot);
        assert.equal(record.hash[0], deed.mark);
      }
    }),
    { seed: 20_261_121, numRuns: 500 },
  );
});

test("Ballot: a damaged record stops the member", () => {
  const signing = new SigningStub();
  signing.stored = new Uint8Array(7);
  assert.throws(() => signing.open(), MalformedError);
});

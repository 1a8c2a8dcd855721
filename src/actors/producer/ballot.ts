/**
 * Ballot: the one place where this member signs for slots. It asks the guard (signing-guard.ts) whether anything may be
 * signed at all, decides by the voting rule, makes the record durable, and only then signs. Owns the last vote; the store
 * outlives restarts, and no recovery of the chain touches it.
 */

import type { ChainFacts } from "../../chain/facts.ts";
import { DOMAIN_BLOCK_APPROVAL, domain, signingRoot } from "../../chain/signing.ts";
import {
  decideVote,
  decodeVoteRecord,
  encodeVoteRecord,
  isOwnersRecord,
  type Proposal,
  releaseVotes,
  type VoteDecision,
  type VoteOwner,
  type VoteRecord,
  type VoteRefusal,
} from "../../chain/vote.ts";
import { Failure, failure } from "../../kernel/errors.ts";
import type { Log } from "../../kernel/ports/log.ts";
import type { VoteStore } from "../../storage/port.ts";
import type { SigningRefusal } from "./signing-guard.ts";

/** The member's key: a SecretKey of bls.ts, or whatever else can sign. */
export interface Signer {
  /** 48 bytes. */
  readonly publicKey: Uint8Array;
  /** Signature (96 bytes) over a 32-byte signing root. */
  sign(signingRoot: Uint8Array): Uint8Array;
}

export type Cast =
  | { readonly ok: true; readonly signature: Uint8Array; readonly isRepeat: boolean }
  | { readonly ok: false; readonly reason: BallotRefusal };

/** `CLOCK_NOT_BELIEVED`: what slot it is now is not known for sure (clock-guard.ts). */
export type BallotRefusal = VoteRefusal | SigningRefusal | "VOTE_NOT_DURABLE" | "CLOCK_NOT_BELIEVED";

/** What the voting rule says, that the clock by which it is applied cannot be believed, or that the guard refuses. */
export type BallotDecision =
  | VoteDecision
  | { readonly kind: "refuse"; readonly reason: "CLOCK_NOT_BELIEVED" | SigningRefusal };

/** What every signature has to pass, and is told to. */
export interface Guard {
  /** Why nothing may be signed for this slot; undefined: it has nothing against it. */
  refusal(slot: number): SigningRefusal | undefined;
  /** The vote is recorded and its signature comes next. */
  signing(slot: number, hash: Uint8Array): void;
}

export interface BallotParts {
  readonly votes: VoteStore;
  readonly signer: Signer;
  readonly guard: Guard;
  readonly facts: ChainFacts;
  /**
   * For how long we have run, monotonic milliseconds. When we started is counted back from now: a clock that was wrong at the
   * start would name another time for as long as it was wrong by.
   */
  readonly upMs: () => number;
  readonly log: Log;
  /** Whether our clock can be signed by, now. */
  readonly isClockBelieved: () => boolean;
}

export class Ballot {
  readonly publicKey: Uint8Array;
  readonly #parts: BallotParts;
  readonly #domain: Uint8Array;
  readonly #owner: VoteOwner;
  #lastVote: VoteRecord | undefined;
  /** False after a write that failed: the slot counts as used, and signing the same block waits for the record. */
  #isDurable = true;

  /** Throws MalformedError on a damaged record: a member that does not know its last vote must not start. */
  constructor(parts: BallotParts) {
    this.#parts = parts;
    this.publicKey = parts.signer.publicKey;
    this.#domain = domain(DOMAIN_BLOCK_APPROVAL, parts.facts.genesisHash);
    this.#owner = { publicKey: this.publicKey, genesisHash: parts.facts.genesisHash };
    const bytes = parts.votes.last();
    const kept = bytes && decodeVoteRecord(bytes);
    // Another key's votes are none of ours; the guard has us wait all the same.
    this.#lastVote = kept !== undefined && isOwnersRecord(kept, this.#owner) ? kept : undefined;
  }

  get lastVote(): VoteRecord | undefined {
    return this.#lastVote;
  }

  /** What `cast` would decide; records and signs nothing. */
  consider(proposal: Proposal, nowMs: number, headHash: Uint8Array): BallotDecision {
    const reason = this.#parts.guard.refusal(proposal.slot);
    if (reason !== undefined) return { kind: "refuse", reason };
    const { slotDurationMs, driftMs } = this.#parts.facts;
    const { upMs, isClockBelieved } = this.#parts;
    const decision = decideVote(proposal, {
      lastVote: this.#lastVote,
      startedAtMs: nowMs - upMs(),
      nowMs,
      slotDurationMs,
      driftMs,
      headHash,
    });
    // What is recorded may be signed again whatever the time is.
    if (decision.kind !== "record" || isClockBelieved()) return decision;
    return { kind: "refuse", reason: "CLOCK_NOT_BELIEVED" };
  }

  /** Gives up the runs of votes that lie ahead of `nowSlot`; the record before and after it. Blocks for one fsync. */
  release(nowSlot: number): { readonly before: VoteRecord; readonly after: VoteRecord } | Failure {
    const before = this.#lastVote;
    if (before === undefined || before.slot <= nowSlot + 1) return votesNotBarred();
    const after = releaseVotes(before, nowSlot);
    if (after === undefined) return voteRunUnknown(before.slot);
    if (this.#record(after)) return { before, after };
    // Whichever of the two is on disk: the old one bars more.
    this.#lastVote = before;
    return failure("UNAVAILABLE", "VOTE_NOT_DURABLE", "the vote record could not be made durable");
  }

  /** Blocks for one fsync when the vote is new. */
  cast(proposal: Proposal, nowMs: number, headHash: Uint8Array): Cast {
    const decision = this.consider(proposal, nowMs, headHash);
    if (decision.kind === "refuse") return { ok: false, reason: decision.reason };
    const isRecorded = decision.kind === "repeat" && this.#isDurable;
    if (!isRecorded && !this.#record(decision.record)) {
      return { ok: false, reason: "VOTE_NOT_DURABLE" };
    }
    this.#parts.guard.signing(proposal.slot, proposal.hash);
    const signature = this.#parts.signer.sign(signingRoot(proposal.hash, this.#domain));
    return { ok: true, signature, isRepeat: decision.kind === "repeat" };
  }

  #record(record: VoteRecord): boolean {
    // Remembered first: should the write fail half-way, the slot counts as used.
    this.#lastVote = record;
    this.#isDurable = false;
    try {
      this.#parts.votes.record(encodeVoteRecord(record, this.#owner));
      this.#isDurable = true;
      return true;
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      this.#parts.log.error("the vote was not made durable and is not cast", { error, slot: record.slot });
      return false;
    }
  }
}

function votesNotBarred(): Failure {
  return failure(
    "FAILED_PRECONDITION",
    "VOTES_NOT_BARRED",
    "no vote of this member lies ahead of the present slot",
  );
}

function voteRunUnknown(slot: number): Failure {
  const message = `the votes up to slot ${slot} began before now, or where they began is not recorded: only waiting helps`;
  return failure("FAILED_PRECONDITION", "VOTE_RUN_UNKNOWN", message);
}

/**
 * The voting rule of a federation member: given a proposal and what the member knows, sign or refuse, and
 * which record must be durable before the signature leaves the process. Pure: no clock, no store, no
 * signature here; the producer supplies the facts, writes the record (fsync) and only then signs. Never
 * voting for two blocks of one slot is what makes two quorums of one slot provable misbehaviour, so nothing
 * here has an override.
 */
import { equalBytes } from "./bytes.ts";
import { readUint64, writeUint64 } from "./little-endian.ts";
import { MalformedError } from "./malformed.ts";
import {
  decodeRuns,
  encodeRuns,
  isSpent,
  NO_RUNS,
  type VoteRuns,
  withoutFuture,
  withVote,
} from "./vote-runs.ts";

/** The last vote of this member. Hash: 32 bytes. */
export interface VoteRecord {
  readonly slot: number;
  readonly height: number;
  readonly hash: Uint8Array;
  /** In which slots the votes before it lie, and which are given up. Without it nothing is known of them. */
  readonly history?: VoteRuns;
}

/** What of a proposal the rule looks at. The caller has verified what the two flags state. */
export interface Proposal {
  readonly slot: number;
  readonly height: number;
  /** Block hash, 32 bytes. */
  readonly hash: Uint8Array;
  /** Parent's block hash, 32 bytes. */
  readonly parentHash: Uint8Array;
  /** The approval of the slot's author is there and its signature was verified. */
  readonly isApprovedByAuthor: boolean;
  /** Every rule of a block's validity but the quorum holds, the chain's own verdict included. */
  readonly isValid: boolean;
}

/** What the member knows when it decides. Times are Unix milliseconds. */
export interface VoteFacts {
  /**
   * The newest durable record; `undefined` only if the store holds none (an unreadable one is an error, not
   * none).
   */
  readonly lastVote: VoteRecord | undefined;
  /** When this process started. */
  readonly startedAtMs: number;
  readonly nowMs: number;
  readonly slotDurationMs: number;
  /** Tolerated clock difference. */
  readonly driftMs: number;
  /** Hash of the member's best head, 32 bytes. */
  readonly headHash: Uint8Array;
}

/** Why a member does not vote. */
export type VoteRefusal =
  | "NOT_APPROVED_BY_AUTHOR"
  | "INVALID_PROPOSAL"
  | "NOT_CURRENT_SLOT"
  | "NOT_ON_BEST_HEAD"
  | "SLOT_NOT_ABOVE_LAST_VOTE"
  /** An administrator gave this slot up: what was signed in it by a clock far ahead is not known one by one. */
  | "SLOT_GIVEN_UP"
  | "TOO_SOON_WITHOUT_RECORD";

/** `record`: make it durable, then sign. `repeat`: the identical block is already recorded, sign again. */
export type VoteDecision =
  | { readonly kind: "record"; readonly record: VoteRecord }
  | { readonly kind: "repeat"; readonly record: VoteRecord }
  | { readonly kind: "refuse"; readonly reason: VoteRefusal };

/** Decides on one proposal. The member's own proposals go through the same rule. */
export function decideVote(proposal: Proposal, facts: VoteFacts): VoteDecision {
  const { lastVote, nowMs, slotDurationMs, driftMs } = facts;
  // The same signature a second time tells nobody anything new: safe whenever it is asked for.
  if (lastVote !== undefined && isSameVote(lastVote, proposal)) return { kind: "repeat", record: lastVote };
  if (!proposal.isApprovedByAuthor) return refuse("NOT_APPROVED_BY_AUTHOR");
  if (!proposal.isValid) return refuse("INVALID_PROPOSAL");

  const slotStartMs = proposal.slot * slotDurationMs;
  const isCurrent = nowMs >= slotStartMs - driftMs && nowMs < slotStartMs + slotDurationMs + driftMs;
  if (!isCurrent) return refuse("NOT_CURRENT_SLOT");
  if (!equalBytes(proposal.parentHash, facts.headHash)) return refuse("NOT_ON_BEST_HEAD");

  if (lastVote !== undefined) {
    if (proposal.slot <= lastVote.slot) return refuse("SLOT_NOT_ABOVE_LAST_VOTE");
  } else if (slotStartMs <= facts.startedAtMs + driftMs) {
    // A lost record may hold a vote cast before our start, and votes are cast up to the drift before their
    // slot begins. (When we started is counted back from now: no clock of then is asked.)
    return refuse("TOO_SOON_WITHOUT_RECORD");
  }
  const before = lastVote?.history ?? NO_RUNS;
  if (isSpent(before, proposal.slot)) return refuse("SLOT_GIVEN_UP");
  const history = withVote(before, lastVote?.slot, proposal.slot);
  return {
    kind: "record",
    record: { slot: proposal.slot, height: proposal.height, hash: proposal.hash.slice(), history },
  };
}

/**
 * The record after an administrator gave up what was signed by a clock far ahead: every run of votes that lies wholly after
 * `nowSlot` is never voted in again, and slots up to `nowSlot` count as voted in. No slot can get a second vote by it,
 * whatever the clocks show. Undefined when no run lies there, or nothing is known of the runs.
 */
export function releaseVotes(record: VoteRecord, nowSlot: number): VoteRecord | undefined {
  const left = withoutFuture(record.history ?? NO_RUNS, nowSlot);
  if (left === undefined) return undefined;
  const before = left.runs.at(-1)?.last;
  const slot = Math.max(before ?? 0, nowSlot);
  const history = slot === before ? left : withVote(left, before, slot);
  return { slot, height: 0, hash: new Uint8Array(HASH_LENGTH), history };
}

/** Bytes of a hash. */
const HASH_LENGTH = 32;

/** Bytes of the vote itself: slot u64, height u64 (little-endian), hash. */
const VOTE_LENGTH = 48;

/** What follows the vote: sections of a tag (u8), a length (u16) and so many bytes. This is the tag of the runs. */
const RUNS_SECTION = 1;
const SECTION_HEADER = 3;

/** The form in which a vote store keeps the record. */
export function encodeVoteRecord({ slot, height, hash, history }: VoteRecord): Uint8Array {
  const runs = history === undefined ? undefined : encodeRuns(history);
  const bytes = new Uint8Array(VOTE_LENGTH + (runs === undefined ? 0 : SECTION_HEADER + runs.length));
  writeUint64(bytes, 0, slot);
  writeUint64(bytes, 8, height);
  bytes.set(hash, 16);
  if (runs !== undefined) {
    bytes[VOTE_LENGTH] = RUNS_SECTION;
    bytes[VOTE_LENGTH + 1] = runs.length & 0xff;
    bytes[VOTE_LENGTH + 2] = runs.length >> 8;
    bytes.set(runs, VOTE_LENGTH + SECTION_HEADER);
  }
  return bytes;
}

/** Throws MalformedError: a damaged record must stop the member, it must never count as "no record". */
export function decodeVoteRecord(bytes: Uint8Array): VoteRecord {
  if (bytes.length < VOTE_LENGTH) throw new MalformedError("a vote record has 48 bytes and its sections");
  const history = readRuns(bytes.subarray(VOTE_LENGTH));
  return {
    slot: readUint64(bytes, 0, "slot of the vote record"),
    height: readUint64(bytes, 8, "height of the vote record"),
    hash: bytes.slice(16, VOTE_LENGTH),
    ...(history && { history }),
  };
}

/** A section that we do not know may say that a vote must not be cast: such a record is not for us. */
function readRuns(sections: Uint8Array): VoteRuns | undefined {
  if (sections.length === 0) return undefined;
  const length = (sections[1] ?? 0) + 256 * (sections[2] ?? 0);
  if (sections[0] !== RUNS_SECTION || sections.length !== SECTION_HEADER + length) {
    throw new MalformedError("sections of the vote record");
  }
  return decodeRuns(sections.subarray(SECTION_HEADER));
}

function isSameVote(record: VoteRecord, proposal: Proposal): boolean {
  return (
    record.slot === proposal.slot &&
    record.height === proposal.height &&
    equalBytes(record.hash, proposal.hash)
  );
}

function refuse(reason: VoteRefusal): VoteDecision {
  return { kind: "refuse", reason };
}

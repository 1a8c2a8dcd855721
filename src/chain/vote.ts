/**
 * The voting rule of a federation member: given a proposal and what the member knows, sign or refuse, and
 * which record must be durable before the signature leaves the process. Pure: no clock, no store, no
 * signature here; the producer supplies the facts, writes the record (fsync) and only then signs. Never
 * voting for two blocks of one slot is what makes two quorums of one slot provable misbehaviour, so nothing
 * here has an override.
 */
import { concatBytes, equalBytes } from "./bytes.ts";
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
  /** All zero where only the slot is known, as after some imports: then no block counts as the recorded one. */
  readonly hash: Uint8Array;
  /** In which slots the votes before it lie, and which are given up. Without it nothing is known of them. */
  readonly history?: VoteRuns;
  /** Records of before there were owners name none. */
  readonly owner?: VoteOwner | undefined;
}

/** Whose record it is: a record of another key or chain says nothing of ours. */
export interface VoteOwner {
  /** Authority key, 48 bytes. */
  readonly publicKey: Uint8Array;
  /** 32 bytes. */
  readonly genesisHash: Uint8Array;
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

/**
 * What follows the vote: sections of a tag (u8), a length (u16) and so many bytes, tags ascending. The runs of votes, and
 * whose record it is: public key, genesis hash.
 */
const RUNS_SECTION = 1;
const OWNER_SECTION = 2;
const SECTION_HEADER = 3;
const PUBLIC_KEY_LENGTH = 48;

/** The form in which a vote store keeps the record. */
export function encodeVoteRecord(record: VoteRecord, owner = record.owner): Uint8Array {
  const { slot, height, hash, history } = record;
  const vote = new Uint8Array(VOTE_LENGTH);
  writeUint64(vote, 0, slot);
  writeUint64(vote, 8, height);
  vote.set(hash, 16);
  return concatBytes([
    vote,
    ...(history === undefined ? [] : section(RUNS_SECTION, encodeRuns(history))),
    ...(owner === undefined ? [] : section(OWNER_SECTION, concatBytes([owner.publicKey, owner.genesisHash]))),
  ]);
}

function section(tag: number, content: Uint8Array): Uint8Array[] {
  return [Uint8Array.of(tag, content.length & 0xff, content.length >> 8), content];
}

/** Throws MalformedError: a damaged record must stop the member, it must never count as "no record". */
export function decodeVoteRecord(bytes: Uint8Array): VoteRecord {
  if (bytes.length < VOTE_LENGTH) throw new MalformedError("a vote record has 48 bytes and its sections");
  return {
    slot: readUint64(bytes, 0, "slot of the vote record"),
    height: readUint64(bytes, 8, "height of the vote record"),
    hash: bytes.slice(16, VOTE_LENGTH),
    ...readSections(bytes.subarray(VOTE_LENGTH)),
  };
}

/** A section that we do not know may say that a vote must not be cast: such a record is not for us. */
function readSections(bytes: Uint8Array): Pick<VoteRecord, "history" | "owner"> {
  let read: Pick<VoteRecord, "history" | "owner"> = {};
  for (let at = 0, before = 0; at < bytes.length; ) {
    const tag = bytes[at] ?? 0;
    const end = at + SECTION_HEADER + (bytes[at + 1] ?? 0) + 256 * (bytes[at + 2] ?? 0);
    const content = bytes.slice(at + SECTION_HEADER, end);
    const isSound = tag > before && at + SECTION_HEADER <= bytes.length && end <= bytes.length;
    if (isSound && tag === RUNS_SECTION) read = { ...read, history: decodeRuns(content) };
    else if (isSound && tag === OWNER_SECTION) read = { ...read, owner: readOwner(content) };
    else throw new MalformedError("sections of the vote record");
    [at, before] = [end, tag];
  }
  return read;
}

function readOwner(bytes: Uint8Array): VoteOwner {
  if (bytes.length !== PUBLIC_KEY_LENGTH + HASH_LENGTH) throw new MalformedError("owner of the vote record");
  return { publicKey: bytes.slice(0, PUBLIC_KEY_LENGTH), genesisHash: bytes.slice(PUBLIC_KEY_LENGTH) };
}

/** Whether a record is this owner's. One that names nobody is taken for its reader's. */
export function isOwnersRecord({ owner }: VoteRecord, { publicKey, genesisHash }: VoteOwner): boolean {
  if (owner === undefined) return true;
  return equalBytes(owner.publicKey, publicKey) && equalBytes(owner.genesisHash, genesisHash);
}

/** Whether the record names a block, and not its slot alone. */
export function namesBlock({ hash }: VoteRecord): boolean {
  return hash.some((byte) => byte !== 0);
}

/** Whether this slot was given up: the member may have voted in it by a clock far ahead. */
export function isGivenUp({ history }: VoteRecord, slot: number): boolean {
  return isSpent(history ?? NO_RUNS, slot);
}

function isSameVote(record: VoteRecord, proposal: Proposal): boolean {
  return (
    record.slot === proposal.slot &&
    record.height === proposal.height &&
    equalBytes(record.hash, proposal.hash) &&
    namesBlock(record)
  );
}

function refuse(reason: VoteRefusal): VoteDecision {
  return { kind: "refuse", reason };
}

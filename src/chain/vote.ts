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

/** The last vote of this member. Hash: 32 bytes. */
export interface VoteRecord {
  readonly slot: number;
  readonly height: number;
  /** All zero where only the slot is known, as after some imports: then no block counts as the recorded one. */
  readonly hash: Uint8Array;
}

/** Whose record it is: a record of another key or chain says nothing of ours. */
export interface VoteOwner {
  /** Authority key, 48 bytes. */
  readonly publicKey: Uint8Array;
  /** 32 bytes. */
  readonly genesisHash: Uint8Array;
}

/** A record as it is kept. `owner` is undefined in those of the first form, which did not name one. */
export interface KeptVoteRecord extends VoteRecord {
  readonly owner: VoteOwner | undefined;
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
    // slot begins. (This relies on a clock that restarts do not set back.)
    return refuse("TOO_SOON_WITHOUT_RECORD");
  }
  return {
    kind: "record",
    record: { slot: proposal.slot, height: proposal.height, hash: proposal.hash.slice() },
  };
}

/** Bytes of a record of the first form: slot u64, height u64 (little-endian), hash. */
const FIRST_FORM_LENGTH = 48;
/** The second form goes on with the owner: public key, genesis hash. */
const PUBLIC_KEY_LENGTH = 48;
const VOTE_RECORD_LENGTH = FIRST_FORM_LENGTH + PUBLIC_KEY_LENGTH + 32;

/** The form in which a vote store keeps the record. */
export function encodeVoteRecord(record: VoteRecord, owner: VoteOwner): Uint8Array {
  const bytes = new Uint8Array(VOTE_RECORD_LENGTH);
  writeUint64(bytes, 0, record.slot);
  writeUint64(bytes, 8, record.height);
  bytes.set(record.hash, 16);
  bytes.set(owner.publicKey, FIRST_FORM_LENGTH);
  bytes.set(owner.genesisHash, FIRST_FORM_LENGTH + PUBLIC_KEY_LENGTH);
  return bytes;
}

/** Throws MalformedError: a damaged record must stop the member, it must never count as "no record". */
export function decodeVoteRecord(bytes: Uint8Array): KeptVoteRecord {
  if (bytes.length !== VOTE_RECORD_LENGTH && bytes.length !== FIRST_FORM_LENGTH)
    throw new MalformedError(
      `a vote record has ${VOTE_RECORD_LENGTH} bytes, or ${FIRST_FORM_LENGTH} in its first form`,
    );
  const keyEnd = FIRST_FORM_LENGTH + PUBLIC_KEY_LENGTH;
  return {
    slot: readUint64(bytes, 0, "slot of the vote record"),
    height: readUint64(bytes, 8, "height of the vote record"),
    hash: bytes.slice(16, FIRST_FORM_LENGTH),
    owner:
      bytes.length === FIRST_FORM_LENGTH
        ? undefined
        : { publicKey: bytes.slice(FIRST_FORM_LENGTH, keyEnd), genesisHash: bytes.slice(keyEnd) },
  };
}

/** Whether a kept record is this owner's. One that names nobody is taken for its reader's. */
export function isOwnersRecord({ owner }: KeptVoteRecord, { publicKey, genesisHash }: VoteOwner): boolean {
  if (owner === undefined) return true;
  return equalBytes(owner.publicKey, publicKey) && equalBytes(owner.genesisHash, genesisHash);
}

/** Whether the record names a block, and not its slot alone. */
export function namesBlock({ hash }: VoteRecord): boolean {
  return hash.some((byte) => byte !== 0);
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

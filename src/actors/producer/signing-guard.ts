/**
 * SigningGuard: whether this member may sign for slots at all, as a pure machine: (state, input) → [state, effects]. Every
 * signature of the authority key on a proposal or an approval asks it first (ballot.ts) and tells it afterwards. It refuses
 * while the member listens after its start, while its record of what it signed last cannot be trusted, and, until an
 * administrator confirms, once the key was seen at work elsewhere. Whoever feeds it has verified what was seen.
 */

import { equalBytes } from "../../chain/bytes.ts";
import { toHex } from "../../chain/hex.ts";
import type { VoteRecord } from "../../chain/vote.ts";
import { isGivenUp, namesBlock } from "../../chain/vote.ts";
import { assertNever } from "../../kernel/errors.ts";
import { LISTENING_SLOTS_MORE, SIGNED_REMEMBERED_MAX } from "./config.ts";

/** Why nothing is signed. */
export type SigningRefusal =
  /** Another process with our key would be heard of within these slots. */
  | "LISTENING"
  | "OWN_KEY_ELSEWHERE"
  | "VOTE_RECORD_MISSING"
  /** The chain shows a signature of ours in a later slot than the record. */
  | "VOTE_RECORD_OUTDATED"
  /** The record is of another key or chain. */
  | "VOTE_RECORD_FOREIGN";

/** Where our key was seen. */
export interface Sighting {
  readonly kind: "delegation" | "proposal" | "approval" | "block" | "unreadable";
  /** 0 for a delegation. */
  readonly slot: number;
  /** Block hash, 32 bytes; empty for a delegation. */
  readonly hash: Uint8Array;
  /** Who showed it; empty where it came with the chain. */
  readonly peerId: string;
  /** Unix milliseconds. */
  readonly seenMs: number;
}

/** The record of the last vote as it was found at the start. */
export type RecordFound =
  | { readonly kind: "ours"; readonly vote: VoteRecord }
  | { readonly kind: "missing" }
  | { readonly kind: "foreign" };

interface Signed {
  readonly slot: number;
  readonly hash: Uint8Array;
}

export interface GuardState {
  readonly record: RecordFound;
  /** Listening is over. */
  readonly isReleased: boolean;
  readonly slotsListened: number;
  readonly slotsWanted: number;
  /** Somebody showed a block after genesis. */
  readonly isChainBegun: boolean;
  /** Newest slot of a signature of our key that neither the record nor this process knows; 0 without one. */
  readonly unrecordedSlot: number;
  /** What this process signed, newest last, at most SIGNED_REMEMBERED_MAX. */
  readonly signed: readonly Signed[];
  readonly sighting: Sighting | undefined;
}

/** The state over restarts of the actor: one for each process. */
export interface GuardMemory {
  state: GuardState | undefined;
  /** When the process started, or an administrator confirmed, monotonic milliseconds. */
  sinceMs?: number;
}

export type GuardInput =
  /** A slot's time has passed, by the monotonic clock. */
  | {
      readonly kind: "slotPassed";
      /** Connected to a quorum, level with the best head that is known. */
      readonly isLevel: boolean;
      /** We and everybody else in sight, a quorum of members among them, stand at genesis. */
      readonly isGenesis: boolean;
      readonly isChainBegun: boolean;
      readonly slotsWanted: number;
    }
  /** The record of it is durable; the signature comes next. */
  | { readonly kind: "signing"; readonly slot: number; readonly hash: Uint8Array }
  /** A verified signature of our key, whosever it is. */
  | { readonly kind: "seen"; readonly sighting: Sighting; readonly slots: SlotsNow }
  /** An administrator says that the key is nowhere else: what was signed till now is of an earlier life. */
  | { readonly kind: "confirmed" };

/**
 * Both by the clock of the moment, counted back by the monotonic one: a clock that was wrong at the start would name
 * another slot for as long as it was wrong by.
 */
export interface SlotsNow {
  /** Newest slot that may have been signed in before this start, or before the last confirmation. */
  readonly start: number;
  /** Newest slot that may be signed in now. */
  readonly newest: number;
}

export type GuardEffect =
  /** Our key is elsewhere: to be kept over restarts, and told loudly. */
  | { readonly kind: "stopped"; readonly sighting: Sighting }
  | { readonly kind: "confirmed"; readonly sighting: Sighting }
  /** What the guard says has changed. */
  | { readonly kind: "changed" };

type Step = readonly [GuardState, readonly GuardEffect[]];

export interface GuardStart {
  readonly record: RecordFound;
  readonly slotsWanted: number;
  readonly isChainBegun: boolean;
  /** Kept from an earlier life. */
  readonly sighting: Sighting | undefined;
}

export function startGuard(start: GuardStart): GuardState {
  return { ...start, isReleased: false, slotsListened: 0, unrecordedSlot: 0, signed: [] };
}

/**
 * Slots that a member of a federation of n listens in. A process that is up and signs makes a block of its own once in n
 * slots, and no block is certified without its author: its approvals may miss every aggregate, its block cannot. One slot
 * more for a first slot that was only listened to in part, one for the way. For us to miss it, that block has to be lost,
 * and whatever tells of it afterwards: the next block's parent, the heads of all peers.
 */
export function listeningSlots(members: number, configured: number): number {
  return Math.max(members + LISTENING_SLOTS_MORE, configured);
}

/** One step. Total: what does not concern the state changes nothing. */
export function stepGuard(state: GuardState, input: GuardInput): Step {
  const [next, effects] = take(state, input);
  return refusalOf(next, 0) === refusalOf(state, 0)
    ? [next, effects]
    : [next, [...effects, { kind: "changed" }]];
}

function take(state: GuardState, input: GuardInput): Step {
  switch (input.kind) {
    case "slotPassed":
      return [listen(state, input), []];
    case "signing": {
      const { slot, hash } = input;
      const before = state.signed.filter((signed) => signed.slot !== slot);
      return [{ ...state, signed: [...before, { slot, hash }].slice(-SIGNED_REMEMBERED_MAX) }, []];
    }
    case "seen":
      return see(state, input.sighting, input.slots);
    case "confirmed": {
      const { sighting } = state;
      if (sighting === undefined) return [state, []];
      const unrecordedSlot = Math.max(state.unrecordedSlot, sighting.slot);
      const next = { ...state, unrecordedSlot, sighting: undefined };
      return [{ ...next, isReleased: false, slotsListened: 0 }, [{ kind: "confirmed", sighting }]];
    }
    default:
      return assertNever(input);
  }
}

/** Listening ends after as many level slots as are wanted; nothing is to be heard where the chain has not begun. */
function listen(state: GuardState, input: Extract<GuardInput, { kind: "slotPassed" }>): GuardState {
  const { slotsWanted, isLevel, isGenesis } = input;
  const isChainBegun = state.isChainBegun || input.isChainBegun;
  const next = { ...state, slotsWanted, isChainBegun };
  if (state.isReleased || state.sighting !== undefined) return next;
  if (isGenesis && !isChainBegun) return { ...next, isReleased: true };
  const slotsListened = state.slotsListened + (isLevel ? 1 : 0);
  return { ...next, slotsListened, isReleased: slotsListened >= slotsWanted };
}

/** A signature of our key: one that we gave, one of an earlier life that the record forgot, or another's. */
function see(state: GuardState, sighting: Sighting, slots: SlotsNow): Step {
  const whoseIsIt = whose(state, sighting, slots);
  if (whoseIsIt === "ours") return [state, []];
  const unrecordedSlot = Math.max(state.unrecordedSlot, sighting.slot);
  const next = { ...state, unrecordedSlot, isChainBegun: state.isChainBegun || sighting.slot > 0 };
  // The first sighting is kept; a later one is ignored.
  if (whoseIsIt === "earlier" || state.sighting !== undefined) return [next, []];
  return [{ ...next, sighting }, [{ kind: "stopped", sighting }]];
}

function whose(
  state: GuardState,
  { kind, slot, hash }: Sighting,
  { start, newest }: SlotsNow,
): "ours" | "earlier" | "elsewhere" {
  if (kind === "delegation" || kind === "unreadable") return "elsewhere";
  const { record, signed } = state;
  const known = signed.find((one) => one.slot === slot);
  if (known !== undefined) return equalBytes(known.hash, hash) ? "ours" : "elsewhere";
  if (record.kind === "ours") {
    const { vote } = record;
    if (slot < vote.slot || isGivenUp(vote, slot)) return "ours";
    // Two blocks of one slot are proof; a record without a block proves nothing.
    if (slot === vote.slot) return !namesBlock(vote) || equalBytes(vote.hash, hash) ? "ours" : "elsewhere";
  }
  // One that lies ahead tells of a clock that is wrong, here or there, now or before: it bars, and proves no twin.
  if (slot <= start || slot > newest) return "earlier";
  // Older than what is remembered of a long life: nobody can tell any more.
  const isForgotten = signed.length >= SIGNED_REMEMBERED_MAX && slot < (signed[0]?.slot ?? 0);
  return isForgotten ? "ours" : "elsewhere";
}

/** Why nothing may be signed for this slot; undefined: the guard has nothing against it. */
export function refusalOf(state: GuardState, slot: number): SigningRefusal | undefined {
  if (state.sighting !== undefined) return "OWN_KEY_ELSEWHERE";
  if (!state.isReleased) return listeningReason(state);
  // The one thing that listening does not see to: an own signature that came to light later.
  const safeSlot = safeSlotOf(state);
  return slot !== 0 && slot <= safeSlot ? "VOTE_RECORD_OUTDATED" : undefined;
}

function listeningReason({ record, isChainBegun, unrecordedSlot }: GuardState): SigningRefusal {
  if (unrecordedSlot > 0 && record.kind === "ours") return "VOTE_RECORD_OUTDATED";
  if (!isChainBegun || record.kind === "ours") return "LISTENING";
  return record.kind === "missing" ? "VOTE_RECORD_MISSING" : "VOTE_RECORD_FOREIGN";
}

/** Slots up to this one are not signed for: the newest forgotten signature, and the listening period after it. */
function safeSlotOf({ unrecordedSlot, slotsWanted }: GuardState): number {
  return unrecordedSlot === 0 ? 0 : unrecordedSlot + slotsWanted;
}

/** The refusal in words, with its numbers. */
export function describeRefusal(state: GuardState, refusal: SigningRefusal): string {
  const { slotsListened, slotsWanted, unrecordedSlot, record, sighting } = state;
  const listened = `it has listened in ${slotsListened} of ${slotsWanted} slots`;
  switch (refusal) {
    case "LISTENING":
      return `after its start the member listens for others with its key: ${listened}`;
    case "VOTE_RECORD_MISSING":
      return `the chain has blocks and the record of the last vote is missing${newestShown(unrecordedSlot)}: ${listened}`;
    case "VOTE_RECORD_FOREIGN":
      return `the record of the last vote is of another key or chain${newestShown(unrecordedSlot)}: ${listened}`;
    case "VOTE_RECORD_OUTDATED": {
      const recorded = record.kind === "ours" ? `slot ${record.vote.slot}` : "no slot";
      const until = `nothing is signed up to slot ${safeSlotOf(state)}`;
      return `the record of the last vote is of ${recorded}, the chain shows our signature in slot ${unrecordedSlot}: ${until}; ${listened}`;
    }
    case "OWN_KEY_ELSEWHERE":
      return `${sighting === undefined ? "our key was seen elsewhere" : describeSighting(sighting)}; an administrator has to confirm that it is stopped`;
    default:
      return assertNever(refusal);
  }
}

function newestShown(unrecordedSlot: number): string {
  return unrecordedSlot === 0 ? "" : ` (the chain shows our signature in slot ${unrecordedSlot})`;
}

function describeSighting({ kind, slot, hash, peerId }: Sighting): string {
  const block = `block ${toHex(hash).slice(0, 18)}… of slot ${slot}`;
  switch (kind) {
    case "delegation":
      return `peer ${peerId} holds a delegation of our key`;
    case "proposal":
      return `peer ${peerId} sent a proposal that our key signed and we did not, ${block}`;
    case "approval":
      return `our key approved what we did not, ${block}`;
    case "block":
      return `our key is the author of what we did not make, ${block}`;
    case "unreadable":
      return "our key was seen elsewhere; the note of where cannot be read";
    default:
      return assertNever(kind);
  }
}

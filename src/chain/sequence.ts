/**
 * The ordered half of validation: whether a segment that is valid by itself continues the chain that we stand
 * on. Segments are validated in parallel and pass through here one after another before they are written; the
 * state that comes back is where the next one must begin. Pure.
 */

import { decodeApproval } from "./approval.ts";
import { checkChangeDistance } from "./authority/change.ts";
import { type Ancestors, StackedAncestors } from "./auxpow/ancestors.ts";
import { judgeAuxPow, type LastAuxPow } from "./auxpow/last-auxpow.ts";
import {
  type AuthorityChange,
  type AuxPowHeader,
  carriedAuxPow,
  carriedChange,
  parseBlock,
} from "./block.ts";
import type { BlockFault } from "./block-fault.ts";
import type { AuthoritySetFacts, ChainFacts } from "./facts.ts";
import { decodeHeader, HASH_LENGTH, HEADER_LENGTH } from "./header.ts";
import {
  authoritiesAt,
  genesisLineage,
  type Lineage,
  lastChangeHeight,
  withAuxPow,
  withChange,
} from "./lineage.ts";
import { appendHash, appendHashes, historyRoot, historyRoots } from "./mmr.ts";
import {
  checkAuthoritiesRoot,
  checkBitlist,
  checkHeight,
  checkHistoryRoot,
  checkParent,
  checkSlotAboveParent,
} from "./rules.ts";
import { carriesAuxPow, carriesNextAuthorities } from "./segment.ts";
import type { ValidatedSegment } from "./validator.ts";

/** The block that the next one must build on, and what its rules need. */
export interface SequenceState {
  readonly height: number;
  readonly hash: Uint8Array;
  readonly slot: number;
  readonly timestampMs: number;
  /** Mountain range over the hashes of blocks 0 to `height`, this block included: tallest first. */
  readonly peaks: readonly Uint8Array[];
  /** In force for the next block. */
  readonly authorities: AuthoritySetFacts;
  /** The sets and AuxPoWs of the chain up to this block. */
  readonly lineage: Lineage;
}

/** What does not change from segment to segment, and the blocks below `state`, which are asked for rarely. */
export interface SequenceContext {
  readonly facts: ChainFacts;
  readonly ancestors: Ancestors;
}

export type SequenceVerdict =
  | { readonly ok: true; readonly state: SequenceState }
  | { readonly ok: false; readonly index: number; readonly fault: BlockFault };

/** Where a chain begins: on its genesis header's hash, under the authorities of its specification. */
export function genesisState(facts: ChainFacts, authorities: AuthoritySetFacts): SequenceState {
  const hash = facts.genesisHash;
  const lineage = genesisLineage(facts, authorities);
  return { height: 0, hash, slot: 0, timestampMs: 0, peaks: [hash], authorities, lineage };
}

/** The history_root that the block on top of `state` must have. */
export function nextHistoryRoot(state: SequenceState): Uint8Array {
  return historyRoot(state.height + 1, state.peaks);
}

/**
 * Link, height, slot, authorities and parent's author of the first block (the segment's own check extends
 * them to the rest), the history root (at each block under EVERY_BLOCK, at the end under SEGMENT), and what
 * each block says about AuxPoW and the authorities.
 */
export function checkSequence(
  state: SequenceState,
  segment: ValidatedSegment,
  context: SequenceContext,
): SequenceVerdict {
  const { first, last, count, hashes } = segment;
  const fault =
    checkParent(state.hash, segment.firstParentHash) ??
    checkHeight(state.height, first.height) ??
    checkSlotAboveParent(state.slot, first.slot) ??
    checkAuthoritiesRoot(first, state.authorities.root) ??
    checkParentApproval(state, segment);
  if (fault !== undefined) return { ok: false, index: 0, fault };
  const history =
    segment.policy === "EVERY_BLOCK" ? checkEachRoot(state, segment) : checkEndRoot(state, segment);
  if (!history.ok) return history;
  const followed = followSegment(state, segment, context);
  if (!followed.ok) return followed;
  const { lineage } = followed;
  return {
    ok: true,
    state: {
      height: last.height,
      hash: hashes.slice((count - 1) * HASH_LENGTH, count * HASH_LENGTH),
      slot: last.slot,
      timestampMs: last.timestampMs,
      peaks: history.peaks,
      authorities: lineage === state.lineage ? state.authorities : authoritiesAt(lineage, last.height + 1),
      lineage,
    },
  };
}

/**
 * Who wrote the parent is known here and not to the segment's own check, so the author's bit is judged here.
 */
function checkParentApproval(state: SequenceState, segment: ValidatedSegment): BlockFault | undefined {
  const bytes = segment.firstParentApproval;
  if (bytes === undefined) return undefined;
  const { keys } = authoritiesAt(state.lineage, state.height);
  return checkBitlist(decodeApproval(bytes), keys.length, state.slot, "parent");
}

type LineageVerdict =
  | { readonly ok: true; readonly lineage: Lineage }
  | { readonly ok: false; readonly index: number; readonly fault: BlockFault };

/** Looks into the few bodies that carry something; the others only have to be early enough without an AuxPoW. */
function followSegment(
  state: SequenceState,
  segment: ValidatedSegment,
  { facts, ancestors }: SequenceContext,
): LineageVerdict {
  const { bytes, offsets, count, hashes } = segment;
  const isRequired = facts.maxBlocksWithoutPow > 0;
  let lineage = state.lineage;
  for (let index = 0; index < count; index++) {
    const block = bytes.subarray(offsets[index], offsets[index + 1]);
    const isPlain = !carriesAuxPow(block) && !carriesNextAuthorities(block);
    if (isPlain && !isRequired) continue;
    const body = isPlain ? undefined : parseBlock(block).body;
    const carried = {
      auxpow: body && carriedAuxPow(body),
      change: body && carriedChange(body),
    };
    const below = hashes.subarray(0, index * HASH_LENGTH);
    // What carries nothing looks nothing up.
    const own = isPlain ? ancestors : new StackedAncestors(ancestors, state.height, [below]);
    const next = judgeCarried(lineage, state.height + 1 + index, carried, { facts, ancestors: own });
    if ("code" in next) return { ok: false, index, fault: next };
    lineage = next;
  }
  return { ok: true, lineage };
}

/** What a body carries that the ordered stage judges. */
export interface Carried {
  readonly auxpow: AuxPowHeader | undefined;
  readonly change: AuthorityChange | undefined;
}

/**
 * The lineage after a block at `height` on top of it, or why the block does not continue it. `ancestors` are the
 * block's own; what needs the bytes alone has been checked.
 */
export function judgeCarried(
  lineage: Lineage,
  height: number,
  { auxpow, change }: Carried,
  { facts, ancestors }: SequenceContext,
): Lineage | BlockFault {
  const last = lineage.auxpows.at(-1) as LastAuxPow;
  const verdict = judgeAuxPow(last, { height, auxpow }, facts, ancestors);
  if (!verdict.ok) return verdict.fault;
  const next = auxpow === undefined ? lineage : withAuxPow(lineage, verdict.last);
  if (change === undefined) return next;
  return checkChangeDistance(lastChangeHeight(lineage), height) ?? withChange(next, height, change.keys);
}

type HistoryVerdict =
  | { readonly ok: true; readonly peaks: readonly Uint8Array[] }
  | { readonly ok: false; readonly index: number; readonly fault: BlockFault };

function checkEndRoot(state: SequenceState, segment: ValidatedSegment): HistoryVerdict {
  const { count, hashes, last } = segment;
  const below = (count - 1) * HASH_LENGTH;
  const length = state.height + count;
  const peaks = appendHashes(state.peaks, state.height + 1, hashes.subarray(0, below));
  const fault = checkHistoryRoot(last, historyRoot(length, peaks));
  if (fault !== undefined) return { ok: false, index: count - 1, fault };
  return { ok: true, peaks: appendHash(peaks, length, hashes.subarray(below)) };
}

function checkEachRoot(state: SequenceState, segment: ValidatedSegment): HistoryVerdict {
  const { count, hashes, headers } = segment;
  const first = state.height + 1;
  const ranges: (readonly Uint8Array[])[] = [];
  let { peaks } = state;
  for (let index = 0; index < count; index++) {
    ranges.push(peaks);
    peaks = appendHash(peaks, first + index, hashes.subarray(index * HASH_LENGTH, (index + 1) * HASH_LENGTH));
  }
  for (const [index, root] of historyRoots(first, ranges).entries()) {
    const header = decodeHeader(headers.subarray(index * HEADER_LENGTH, (index + 1) * HEADER_LENGTH));
    const fault = checkHistoryRoot(header, root);
    if (fault !== undefined) return { ok: false, index, fault };
  }
  return { ok: true, peaks };
}

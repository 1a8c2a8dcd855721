/**
 * The ordered half of validation: whether a segment that is valid by itself continues the chain that we stand
 * on. Segments are validated in parallel and pass through here one after another before they are written; the
 * state that comes back is where the next one must begin. Pure.
 */

import { decodeApproval } from "./approval.ts";
import type { BlockFault } from "./block-fault.ts";
import { decodeHeader, HASH_LENGTH, HEADER_LENGTH } from "./header.ts";
import { appendHash, appendHashes, historyRoot } from "./mmr.ts";
import {
  checkAuthoritiesRoot,
  checkBitlist,
  checkHeight,
  checkHistoryRoot,
  checkParent,
  checkSlotAboveParent,
} from "./rules.ts";
import type { AuthoritySetFacts, ValidatedSegment } from "./validator.ts";

/** The block that the next one must stand on, and what its rules need. */
export interface SequenceState {
  readonly height: number;
  readonly hash: Uint8Array;
  readonly slot: number;
  readonly timestampMs: number;
  /** Mountain range over the hashes of blocks 0 to `height`, this block included: tallest first. */
  readonly peaks: readonly Uint8Array[];
  /** In force for the next block. */
  readonly authorities: AuthoritySetFacts;
}

export type SequenceVerdict =
  | { readonly ok: true; readonly state: SequenceState }
  | { readonly ok: false; readonly index: number; readonly fault: BlockFault };

/** Where a chain begins: on its genesis header's hash, under the authorities of its specification. */
export function genesisState(genesisHash: Uint8Array, authorities: AuthoritySetFacts): SequenceState {
  return { height: 0, hash: genesisHash, slot: 0, timestampMs: 0, peaks: [genesisHash], authorities };
}

/** The history_root that the block on top of `state` must have. */
export function nextHistoryRoot(state: SequenceState): Uint8Array {
  return historyRoot(state.height + 1, state.peaks);
}

/**
 * Link, height, slot, authorities and parent's author of the first block (the segment's own check extends
 * them to the rest), and the history root: at each block under EVERY_BLOCK, at the end under SEGMENT.
 */
export function checkSequence(state: SequenceState, segment: ValidatedSegment): SequenceVerdict {
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
  return {
    ok: true,
    state: {
      height: last.height,
      hash: hashes.slice((count - 1) * HASH_LENGTH, count * HASH_LENGTH),
      slot: last.slot,
      timestampMs: last.timestampMs,
      peaks: history.peaks,
      authorities: state.authorities,
    },
  };
}

/**
 * Who wrote the parent is known here and not to the segment's own check, so the author's bit is judged here.
 */
function checkParentApproval(state: SequenceState, segment: ValidatedSegment): BlockFault | undefined {
  const bytes = segment.firstParentApproval;
  if (bytes === undefined) return undefined;
  return checkBitlist(decodeApproval(bytes), state.authorities.keys.length, state.slot, "parent");
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
  let peaks = state.peaks;
  for (let index = 0; index < segment.count; index++) {
    const length = state.height + 1 + index;
    const header = decodeHeader(segment.headers.subarray(index * HEADER_LENGTH, (index + 1) * HEADER_LENGTH));
    const fault = checkHistoryRoot(header, historyRoot(length, peaks));
    if (fault !== undefined) return { ok: false, index, fault };
    peaks = appendHash(
      peaks,
      length,
      segment.hashes.subarray(index * HASH_LENGTH, (index + 1) * HASH_LENGTH),
    );
  }
  return { ok: true, peaks };
}

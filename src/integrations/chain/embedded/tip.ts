/**
 * Tip: a canonical head with everything that the next block is judged against and that its parent's rewriting needs.
 * Immutable, so that the tip that is being written and the durable one can stand side by side and a failed write is
 * undone by going back to the older one.
 */

import { equalBytes } from "../../../chain/bytes.ts";
import type { AuthoritySetFacts, ChainFacts } from "../../../chain/facts.ts";
import { finalHeight } from "../../../chain/finality.ts";
import { decodeHeader, HEADER_LENGTH } from "../../../chain/header.ts";
import { pruneLineage } from "../../../chain/lineage.ts";
import { readUint32 } from "../../../chain/little-endian.ts";
import { genesisState, type SequenceState } from "../../../chain/sequence.ts";
import type { ValidatedSegment } from "../../../chain/validator.ts";
import type { ChainHead } from "../port.ts";
import { type HistoryMark, withMark } from "./history.ts";

export interface Tip {
  readonly head: ChainHead;
  readonly state: SequenceState;
  /** 32 bytes; what the embedded ChainActor wants in every child. */
  readonly stateRoot: Uint8Array;
  /** The stored SignedBlock, undefined for genesis. */
  readonly record: Uint8Array | undefined;
  /** Marks of the mountain range on this tip's chain. */
  readonly marks: readonly HistoryMark[];
}

/** `header` is the genesis header, 184 bytes. */
export function genesisTip(header: Uint8Array, facts: ChainFacts, authorities: AuthoritySetFacts): Tip {
  const hash = facts.genesisHash;
  const head = { height: 0, hash, slot: 0, timestampMs: 0, header, approval: new Uint8Array(0) };
  const { stateRoot } = decodeHeader(header);
  return { head, state: genesisState(facts, authorities), stateRoot, record: undefined, marks: [] };
}

/** The tip whose block is `record` (copied before, never mutated after), with the state behind it. */
export function tipOf(record: Uint8Array, state: SequenceState, marks: readonly HistoryMark[]): Tip {
  const header = record.subarray(0, HEADER_LENGTH);
  const approval = record.subarray(approvalOffset(record));
  const { height, hash, slot, timestampMs } = state;
  const head = { height, hash, slot, timestampMs, header, approval };
  return { head, state, stateRoot: decodeHeader(header).stateRoot, record, marks };
}

/** The tip after a segment that checkSequence let pass with `state`. `marks` are those of the chain below it. */
export function tipAfter(
  segment: ValidatedSegment,
  state: SequenceState,
  marks: readonly HistoryMark[],
  facts: ChainFacts,
): Tip {
  // The segment's buffer is about to be handed to the store, so the last record is copied out.
  const record = recordAt(segment, segment.count - 1).slice();
  const mark = { count: state.height + 1, peaks: state.peaks };
  const { height, lineage } = state;
  const final = finalHeight(height, facts, lineage.auxpows);
  const pruned = pruneLineage(lineage, final, facts.finalityDepth);
  const kept = pruned === lineage ? state : { ...state, lineage: pruned };
  return tipOf(record, kept, withMark(marks, mark, final));
}

/** The segment's block at `index`, a view. */
export function recordAt(segment: ValidatedSegment, index: number): Uint8Array {
  return segment.bytes.subarray(segment.offsets[index], segment.offsets[index + 1]);
}

/** Where the approval begins in a SignedBlock whose form was checked: the second offset behind the header. */
function approvalOffset(record: Uint8Array): number {
  return readUint32(record, HEADER_LENGTH + 4);
}

/** The record with another approval; undefined when it has that one already. */
export function withApproval(record: Uint8Array, approval: Uint8Array): Uint8Array | undefined {
  const offset = approvalOffset(record);
  if (equalBytes(record.subarray(offset), approval)) return undefined;
  const rewritten = new Uint8Array(offset + approval.length);
  rewritten.set(record.subarray(0, offset));
  rewritten.set(approval, offset);
  return rewritten;
}

/**
 * Branch: the way from a block beside the canonical chain down to where it leaves it, and the one batch that makes it
 * canonical. Reads the store; writes nothing.
 */

import type { Ancestors } from "../../../chain/auxpow/ancestors.ts";
import { parentApprovalBytes, parseBlock } from "../../../chain/block.ts";
import { concatBytes } from "../../../chain/bytes.ts";
import { decodeHeader, HASH_LENGTH, HEADER_LENGTH } from "../../../chain/header.ts";
import { authoritiesAt, followBlock, type Lineage } from "../../../chain/lineage.ts";
import { appendHash } from "../../../chain/mmr.ts";
import type { SequenceState } from "../../../chain/sequence.ts";
import type { ValidatedSegment } from "../../../chain/validator.ts";
import type { AppendBatch, BlockStore, MetaEntries, SideBlock } from "../../../storage/port.ts";
import { hashOf } from "./segment-parts.ts";
import { recordAt, withApproval } from "./tip.ts";

export interface Branch {
  /** The last canonical block below the branch; 0 is genesis. */
  readonly commonHeight: number;
  /** Side blocks above it, ascending; empty when the branch begins with the segment. */
  readonly blocks: readonly SideBlock[];
}

/** Height of a canonical block, genesis included. */
export type HeightOf = (hash: Uint8Array) => number | undefined;

/** The branch whose tip is `hash`; undefined when the way down ends at a block that we do not have. */
export function findBranch(store: BlockStore, heightOf: HeightOf, hash: Uint8Array): Branch | undefined {
  const blocks: SideBlock[] = [];
  let parentHash = hash;
  // Heights fall by one a step, since side blocks were checked against their parents: the loop ends.
  for (;;) {
    const commonHeight = heightOf(parentHash);
    if (commonHeight !== undefined) return { commonHeight, blocks: blocks.reverse() };
    const side = store.readSide(parentHash);
    if (side === undefined) return undefined;
    blocks.push(side);
    parentHash = decodeHeader(side.bytes.subarray(0, HEADER_LENGTH)).parentHash;
  }
}

/** Where the block on top of a header must begin; `peaks` and `lineage` are those of the chain up to and with it. */
export function stateAt(
  header: Uint8Array,
  hash: Uint8Array,
  peaks: readonly Uint8Array[],
  lineage: Lineage,
): SequenceState {
  const { height, slot, timestampMs } = decodeHeader(header);
  return { height, hash, slot, timestampMs, peaks, authorities: authoritiesAt(lineage, height + 1), lineage };
}

/** The state behind the branch's last block, given that of the common block. */
export function stateBehind(branch: Branch, common: SequenceState, ancestors: Ancestors): SequenceState {
  let state = common;
  for (const block of branch.blocks) {
    const peaks = appendHash(state.peaks, state.height + 1, block.hash);
    const lineage = followBlock(state.lineage, block.height, block.bytes, (hash) => ancestors.heightOf(hash));
    state = stateAt(block.bytes.subarray(0, HEADER_LENGTH), block.hash, peaks, lineage);
  }
  return state;
}

/**
 * Branch and segment as one batch above the common block. Each side block, and the common block itself (`parent`), gets
 * the approval that its new successor carries.
 */
export function batchOf(
  branch: Branch,
  segment: ValidatedSegment,
  parent: Uint8Array | undefined,
  meta: MetaEntries,
): AppendBatch {
  const records: Uint8Array[] = [];
  const hashes: Uint8Array[] = [];
  for (const [index, block] of branch.blocks.entries()) {
    const approval = carriedApproval(branch, segment, index + 1);
    records.push((approval && withApproval(block.bytes, approval)) ?? block.bytes);
    hashes.push(block.hash);
  }
  for (let index = 0; index < segment.count; index++) {
    records.push(recordAt(segment, index));
    hashes.push(hashOf(segment, index));
  }
  const offsets = new Uint32Array(records.length + 1);
  for (const [index, record] of records.entries()) offsets[index + 1] = (offsets[index] ?? 0) + record.length;
  const approval = carriedApproval(branch, segment, 0);
  const parentRecord = parent && approval && withApproval(parent, approval);
  return {
    firstHeight: branch.commonHeight + 1,
    bytes: concatBytes(records),
    offsets,
    hashes: concatBytes(hashes),
    meta,
    ...(parentRecord === undefined ? {} : { parentRecord }),
  };
}

/** The parent's approval inside the new chain's block at `index` above the common one. */
function carriedApproval(branch: Branch, segment: ValidatedSegment, index: number): Uint8Array | undefined {
  const block = branch.blocks[index];
  return block === undefined
    ? segment.firstParentApproval
    : parentApprovalBytes(parseBlock(block.bytes).body);
}

/** The segment as a batch on top of the head. `bytes` is its buffer, which then belongs to the store. */
export function appendBatchOf(
  segment: ValidatedSegment,
  bytes: Uint8Array,
  parentRecord: Uint8Array | undefined,
  meta: MetaEntries | undefined,
): AppendBatch {
  return {
    firstHeight: segment.first.height,
    bytes,
    offsets: segment.offsets,
    hashes: segment.hashes.slice(0, segment.count * HASH_LENGTH),
    ...(parentRecord === undefined ? {} : { parentRecord }),
    ...(meta === undefined ? {} : { meta }),
  };
}

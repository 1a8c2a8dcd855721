/**
 * Looking at and cutting a ValidatedSegment: its hashes by index, the rest of it behind blocks that are there already,
 * and the embedded ChainActor's verdict on its state roots. Pure.
 */

import { parentApprovalBytes, parseBlock } from "../../../chain/block.ts";
import { type BlockFault, blockFault } from "../../../chain/block-fault.ts";
import { equalBytes } from "../../../chain/bytes.ts";
import { decodeHeader, HASH_LENGTH, HEADER_LENGTH, HEADER_OFFSET } from "../../../chain/header.ts";
import type { ValidatedSegment } from "../../../chain/validator.ts";
import { recordAt } from "./tip.ts";

/** Hash of the block at `index`, a view. */
export function hashOf(segment: ValidatedSegment, index: number): Uint8Array {
  return segment.hashes.subarray(index * HASH_LENGTH, (index + 1) * HASH_LENGTH);
}

/** The segment without its first `skipped` blocks (fewer than all), in fresh memory. */
export function behind(segment: ValidatedSegment, skipped: number): ValidatedSegment {
  const start = segment.offsets[skipped] ?? 0;
  const firstRecord = recordAt(segment, skipped);
  return {
    policy: segment.policy,
    count: segment.count - skipped,
    bytes: segment.bytes.slice(start),
    offsets: segment.offsets.slice(skipped).map((offset) => offset - start),
    hashes: segment.hashes.slice(skipped * HASH_LENGTH),
    firstParentHash: hashOf(segment, skipped - 1).slice(),
    first: decodeHeader(firstRecord.slice(0, HEADER_LENGTH)),
    last: segment.last,
    headers: segment.headers.slice(skipped * HEADER_LENGTH),
    firstParentApproval: parentApprovalBytes(parseBlock(firstRecord).body)?.slice(),
  };
}

/**
 * The embedded ChainActor executes nothing, so a block's state is its parent's; height 1 thus carries genesis's, the
 * root of the chain's parameters.
 */
export function checkStateRoots(
  parentStateRoot: Uint8Array,
  segment: ValidatedSegment,
): { readonly index: number; readonly fault: BlockFault } | undefined {
  for (let index = 0; index < segment.count; index++) {
    const start = index * HEADER_LENGTH + HEADER_OFFSET.stateRoot;
    const fault = checkStateRoot(parentStateRoot, segment.headers.subarray(start, start + HASH_LENGTH));
    if (fault !== undefined) return { index, fault };
  }
  return undefined;
}

export function checkStateRoot(expected: Uint8Array, actual: Uint8Array): BlockFault | undefined {
  if (equalBytes(expected, actual)) return undefined;
  return blockFault("WRONG_STATE_ROOT", { expected, actual: actual.slice() });
}

/** The segment's bytes in memory that the store may take: a view on memory of others is copied. */
export function ownedBytes({ bytes, giveBack }: ValidatedSegment): Uint8Array {
  return giveBack !== undefined || bytes.byteLength === bytes.buffer.byteLength ? bytes : bytes.slice();
}

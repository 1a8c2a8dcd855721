/**
 * Cutting a run of blocks into segments, the units that are validated and written: at most 64 blocks and 1
 * MiB, or one larger block alone, and none goes on past a block that changes the authorities.
 */

import { BLOCK_FIXED_LENGTH } from "./block.ts";
import { BODY_FIELD, BODY_FIXED_LENGTH } from "./body-layout.ts";
import { HEADER_LENGTH } from "./header.ts";
import { readUint32 } from "./little-endian.ts";
import type { Policy } from "./validator.ts";

/** A longer run is cut: one approval covers at most this many blocks. */
export const SEGMENT_BLOCKS_MAX = 64;
/**
 * A run that would exceed this is cut before the block that does; a single block may be larger (up to 2 MiB).
 */
export const SEGMENT_BYTES_MAX = 1024 * 1024;

/** The largest of small segments. */
const SMALL_SEGMENT_BYTES_MAX = 64 * 1024;

/**
 * Whether most of a segment's check is the one signature at its end. Three of them verified together cost seven tenths of
 * what they cost one by one, so that such segments are checked in groups.
 */
export function isSmallSegment(policy: Policy, bytes: number): boolean {
  return policy === "SEGMENT" && bytes <= SMALL_SEGMENT_BYTES_MAX;
}

/** How many of the blocks from `start` on make the next segment: 0 when there are none. */
export function segmentLength(blocks: readonly Uint8Array[], start: number): number {
  let bytes = 0;
  let count = 0;
  while (start + count < blocks.length && count < SEGMENT_BLOCKS_MAX) {
    const block = blocks[start + count] as Uint8Array;
    bytes += block.length;
    if (bytes > SEGMENT_BYTES_MAX && count > 0) break;
    count++;
    if (carriesNextAuthorities(block)) break;
  }
  return count;
}

/** The segments of a run, in order. The last one may be short of what later blocks would make it. */
export function cutSegments(blocks: readonly Uint8Array[]): Uint8Array[][] {
  const segments: Uint8Array[][] = [];
  for (let start = 0; start < blocks.length; ) {
    const count = segmentLength(blocks, start);
    segments.push(blocks.slice(start, start + count));
    start += count;
  }
  return segments;
}

/**
 * Whether the block changes the authorities, read from two offsets of bytes that nobody has checked yet. A
 * malformed block may return either answer: it fails its form check afterwards.
 */
export function carriesNextAuthorities(block: Uint8Array): boolean {
  return fieldStart(block, BODY_FIELD.nextAuthorities) < bodyEnd(block);
}

/** The block's own approval, read likewise: whatever lies where it should be. */
export function ownApproval(block: Uint8Array): Uint8Array {
  return block.subarray(bodyEnd(block));
}

/** Whether the block carries an AuxPoW, read likewise. */
export function carriesAuxPow(block: Uint8Array): boolean {
  return fieldStart(block, BODY_FIELD.auxpow) < fieldStart(block, BODY_FIELD.nextAuthorities);
}

/** Where the field begins; for bytes that are too short to say, at their very end. */
function fieldStart(block: Uint8Array, field: number): number {
  if (block.length < BLOCK_FIXED_LENGTH + BODY_FIXED_LENGTH) return block.length;
  return BLOCK_FIXED_LENGTH + readUint32(block, BLOCK_FIXED_LENGTH + 4 * field);
}

function bodyEnd(block: Uint8Array): number {
  return block.length < BLOCK_FIXED_LENGTH ? 0 : readUint32(block, HEADER_LENGTH + 4);
}

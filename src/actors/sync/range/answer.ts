/**
 * A first look at a peer's answer, a batch and not a block at a time: not more than asked, it begins and ends where it
 * should, and what of it is worth keeping. Pure.
 */

import { HEADER_LENGTH, HEADER_OFFSET } from "../../../chain/header.ts";
import { readUint64 } from "../../../chain/little-endian.ts";
import { SEGMENT_ALIGNMENT } from "../config.ts";
import type { BlockRange } from "./batch.ts";

/**
 * The answer without the beginning of a segment whose rest the peer had no room for: alone it would cost a signature of
 * its own. It is asked for again with its rest. An answer that is whole, or too short for a segment's end, stays as it is.
 */
export function wholeSegments(blocks: readonly Uint8Array[], range: BlockRange): readonly Uint8Array[] {
  if (blocks.length >= range.count) return blocks;
  const last = range.first + blocks.length - 1;
  const kept = blocks.length - (last % SEGMENT_ALIGNMENT);
  return kept > 0 ? blocks.slice(0, kept) : blocks;
}

/** What is wrong with it; undefined where nothing is. */
export function wrongAnswer(blocks: readonly Uint8Array[], first: number, count: number): string | undefined {
  if (blocks.length === 0) return undefined;
  if (blocks.length > count) return `${blocks.length} blocks instead of ${count}`;
  const begins = heightOf(blocks[0]);
  if (begins !== first) return `the answer begins at height ${begins} instead of ${first}`;
  const last = first + blocks.length - 1;
  const ends = heightOf(blocks.at(-1));
  if (ends !== last) return `the answer ends at height ${ends} instead of ${last}`;
  return undefined;
}

function heightOf(block: Uint8Array | undefined): number | undefined {
  if (block === undefined || block.length < HEADER_LENGTH) return undefined;
  try {
    return readUint64(block, HEADER_OFFSET.height, "height");
  } catch {
    // Above 2^53: no height that we asked for.
    return undefined;
  }
}

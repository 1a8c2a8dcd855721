/**
 * A first look at a peer's answer, a batch and not a block at a time: not more than asked, and it begins and ends where
 * it should. Pure.
 */

import { HEADER_LENGTH, HEADER_OFFSET } from "../../chain/header.ts";
import { readUint64 } from "../../chain/little-endian.ts";

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

/**
 * Reading our own blocks for the check of the store: one segment, with what the index says of each held against what the
 * bytes say. Pure but for the chain's reads.
 */

import { equalBytes } from "../../../chain/bytes.ts";
import { HASH_LENGTH, HEADER_LENGTH, headerHash } from "../../../chain/header.ts";
import { SEGMENT_BYTES_MAX, segmentLength } from "../../../chain/segment.ts";
import type { ChainPort } from "../../../integrations/chain/port.ts";
import { Failure } from "../../../kernel/errors.ts";

type Reads = Pick<ChainPort, "readRange" | "hashAt" | "heightOf">;

/** A segment from `first` on of at most `count` blocks, or the first height that is not sound and why. */
export function readTail(
  chain: Reads,
  first: number,
  count: number,
): { readonly blocks: Uint8Array[] } | { readonly height: number; readonly reason: string } {
  try {
    const all = chain.readRange(first, count, SEGMENT_BYTES_MAX);
    const blocks = all.slice(0, segmentLength(all, 0));
    if (blocks.length === 0) return { height: first, reason: "the block is missing" };
    for (const [index, block] of blocks.entries()) {
      const reason = mismatch(chain, block, first + index);
      if (reason !== undefined) return { height: first + index, reason };
    }
    return { blocks };
  } catch (error) {
    if (error instanceof Failure) return { height: first, reason: error.message };
    throw error;
  }
}

function mismatch(chain: Reads, block: Uint8Array, height: number): string | undefined {
  if (block.length < HEADER_LENGTH) return `the block has ${block.length} bytes`;
  const hash = headerHash(block.subarray(0, HEADER_LENGTH));
  const indexed = chain.hashAt(height);
  if (indexed === undefined || !equalBytes(indexed, hash)) return "its hash is not the one in the index";
  if (chain.heightOf(hash) !== height) return "the index does not find it by its hash";
  const parent = chain.hashAt(height - 1);
  // The lowest block that is held has no parent here.
  if (parent !== undefined && !equalBytes(parent, block.subarray(0, HASH_LENGTH)))
    return "it does not link to its parent";
  return undefined;
}

/**
 * Reading our own blocks for the check of the store: one segment, with what the index says of each compared with what the
 * bytes say. Pure but for the chain's reads.
 */

import { equalBytes } from "../../../chain/bytes.ts";
import { HASH_LENGTH, HEADER_LENGTH, headerHash } from "../../../chain/header.ts";
import { SEGMENT_BYTES_MAX, segmentLength } from "../../../chain/segment.ts";
import type { ChainPort } from "../../../integrations/chain/port.ts";
import { Failure } from "../../../kernel/errors.ts";
import type { DamagedBlock, StoreDamage } from "./tail-check.ts";

type Reads = Pick<ChainPort, "readRange" | "hashAt" | "heightOf">;

/** A segment from `first` on of at most `count` blocks, or the first height that is not sound and why. */
export function readTail(
  chain: Reads,
  first: number,
  count: number,
): { readonly blocks: Uint8Array[] } | DamagedBlock {
  try {
    const all = chain.readRange(first, count, SEGMENT_BYTES_MAX);
    const blocks = all.slice(0, segmentLength(all, 0));
    if (blocks.length === 0) return { height: first, damage: { type: "missing" } };
    for (const [index, block] of blocks.entries()) {
      const damage = mismatch(chain, block, first + index);
      if (damage !== undefined) return { height: first + index, damage };
    }
    return { blocks };
  } catch (error) {
    if (error instanceof Failure) return { height: first, damage: { type: "unchecked", failure: error } };
    throw error;
  }
}

function mismatch(chain: Reads, block: Uint8Array, height: number): StoreDamage | undefined {
  if (block.length < HEADER_LENGTH) return { type: "tooShort", bytes: block.length };
  const hash = headerHash(block.subarray(0, HEADER_LENGTH));
  const indexed = chain.hashAt(height);
  if (indexed === undefined || !equalBytes(indexed, hash)) return { type: "notIndexed" };
  if (chain.heightOf(hash) !== height) return { type: "notFoundByHash" };
  const parent = chain.hashAt(height - 1);
  // The lowest block that is held has no parent here.
  if (parent !== undefined && !equalBytes(parent, block.subarray(0, HASH_LENGTH)))
    return { type: "unlinked" };
  return undefined;
}

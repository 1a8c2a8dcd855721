/**
 * Blocks by their hashes on the wire: reading a peer's request, answering it from the chain, and reading an answer. What
 * stands beside the chain is served too: that is what a fork's parent is asked for by. Pure but for the chain's reads.
 */

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { BlocksByHashRequestSchema, BlocksByHashResponseSchema } from "../../../gen/alys/wire/v1/wire_pb.ts";
import { HASH_LENGTH, HEADER_LENGTH, headerHash } from "../../chain/header.ts";
import { toHex } from "../../chain/hex.ts";
import type { ChainPort } from "../../integrations/chain/port.ts";
import { ANSWER_BLOCK_BYTES_MAX } from "./config.ts";

/** Hashes of one request: the depth that a lookup goes. A larger request of ours is a mistake, of a peer's is refused. */
export const HASHES_MAX = 64;

export function encodeHashRequest(hashes: readonly Uint8Array[]): Uint8Array {
  return toBinary(BlocksByHashRequestSchema, create(BlocksByHashRequestSchema, { hashes: [...hashes] }));
}

/** A peer's request; undefined when it is malformed or out of its limits. */
export function decodeHashRequest(payload: Uint8Array): Uint8Array[] | undefined {
  try {
    const { hashes } = fromBinary(BlocksByHashRequestSchema, payload);
    return areHashes(hashes) ? hashes : undefined;
  } catch {
    return undefined;
  }
}

/** 1 to 64 of 32 bytes, each once. */
export function areHashes(hashes: readonly Uint8Array[]): boolean {
  if (hashes.length < 1 || hashes.length > HASHES_MAX) return false;
  return (
    hashes.every((hash) => hash.length === HASH_LENGTH) && new Set(hashes.map(toHex)).size === hashes.length
  );
}

/** The chunks of the answer, a block each, read as they are pulled. A block past the budget ends it. */
export function* answerHashes(
  chain: Pick<ChainPort, "readBlockByHash">,
  hashes: readonly Uint8Array[],
): Generator<Uint8Array> {
  let budget = ANSWER_BLOCK_BYTES_MAX;
  for (const hash of hashes) {
    const bytes = chain.readBlockByHash(hash)?.bytes;
    if (bytes === undefined) continue;
    if (bytes.length > budget) return;
    budget -= bytes.length;
    yield toBinary(BlocksByHashResponseSchema, create(BlocksByHashResponseSchema, { blocks: [bytes] }));
  }
}

/**
 * The blocks of an answer's chunks, as views; undefined when a chunk is malformed, or a block was not asked for, or stands
 * out of order.
 */
export function decodeHashAnswer(
  chunks: readonly Uint8Array[],
  hashes: readonly Uint8Array[],
): Uint8Array[] | undefined {
  const places = new Map(hashes.map((hash, index) => [toHex(hash), index]));
  const blocks: Uint8Array[] = [];
  let last = -1;
  try {
    for (const chunk of chunks) {
      for (const block of fromBinary(BlocksByHashResponseSchema, chunk).blocks) {
        if (block.length < HEADER_LENGTH) return undefined;
        const place = places.get(toHex(headerHash(block.subarray(0, HEADER_LENGTH))));
        if (place === undefined || place <= last) return undefined;
        last = place;
        blocks.push(block);
      }
    }
  } catch {
    return undefined;
  }
  return blocks;
}

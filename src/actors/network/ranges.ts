/**
 * Ranges of blocks on the wire: reading a peer's request, answering it from the chain, and reading an answer. Pure but
 * for the chain's reads; the NetworkActor carries the bytes.
 */

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  BlocksByRangeRequestSchema,
  BlocksByRangeResponseSchema,
} from "../../../gen/alys/wire/v1/wire_pb.ts";
import { equalBytes } from "../../chain/bytes.ts";
import { HASH_LENGTH } from "../../chain/header.ts";
import type { ChainPort } from "../../integrations/chain/port.ts";
import { ANSWER_BLOCK_BYTES_MAX, CHUNK_BLOCK_BYTES, RANGE_BLOCKS_MAX } from "./config.ts";

export interface BlockRange {
  readonly startHeight: number;
  readonly count: number;
}

export function encodeRangeRequest(range: BlockRange): Uint8Array {
  const request = create(BlocksByRangeRequestSchema, {
    startHeight: BigInt(range.startHeight),
    count: range.count,
  });
  return toBinary(BlocksByRangeRequestSchema, request);
}

/** A peer's request; undefined when it is malformed or out of its limits. */
export function decodeRangeRequest(payload: Uint8Array): BlockRange | undefined {
  try {
    const { startHeight, count } = fromBinary(BlocksByRangeRequestSchema, payload);
    if (startHeight < 1n || startHeight > BigInt(Number.MAX_SAFE_INTEGER)) return undefined;
    if (count < 1 || count > RANGE_BLOCKS_MAX) return undefined;
    return { startHeight: Number(startHeight), count };
  } catch {
    return undefined;
  }
}

/**
 * The chunks of the answer, read as they are pulled. A reorganization between two of them ends the answer early: what
 * is sent is one chain.
 */
export function* answerRange(
  chain: Pick<ChainPort, "readRange" | "hashAt">,
  range: BlockRange,
): Generator<Uint8Array> {
  let height = range.startHeight;
  let count = range.count;
  let budget = ANSWER_BLOCK_BYTES_MAX;
  let lastHash: Uint8Array | undefined;
  while (count > 0 && budget > 0) {
    const blocks = chain.readRange(height, count, Math.min(CHUNK_BLOCK_BYTES, budget));
    const bytes = blocks.reduce((sum, block) => sum + block.length, 0);
    const [first] = blocks;
    // readRange returns one block at least, however large: past the budget it waits for the next request.
    if (first === undefined || (bytes > budget && budget < ANSWER_BLOCK_BYTES_MAX)) return;
    if (lastHash !== undefined && !equalBytes(first.subarray(0, HASH_LENGTH), lastHash)) return;
    height += blocks.length;
    count -= blocks.length;
    budget -= bytes;
    lastHash = chain.hashAt(height - 1);
    yield encodeBlocks(blocks);
    if (lastHash === undefined) return;
  }
}

/** Field 1, length-delimited. */
const BLOCKS_TAG = 0x0a;

/**
 * A BlocksByRangeResponse. Written here and not by the library, whose writer finds the length while it writes and so moves
 * every block three times: a serving node does little else.
 */
export function encodeBlocks(blocks: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const block of blocks) length += 1 + varintLength(block.length) + block.length;
  const message = new Uint8Array(length);
  let at = 0;
  for (const block of blocks) {
    message[at++] = BLOCKS_TAG;
    let rest = block.length;
    for (; rest > 0x7f; rest >>>= 7) message[at++] = (rest & 0x7f) | 0x80;
    message[at++] = rest;
    message.set(block, at);
    at += block.length;
  }
  return message;
}

function varintLength(value: number): number {
  let length = 1;
  for (let rest = value; rest > 0x7f; rest >>>= 7) length++;
  return length;
}

/** The blocks of an answer's chunks, as views; undefined when a chunk is malformed or there are more than asked for. */
export function decodeRangeAnswer(chunks: readonly Uint8Array[], count: number): Uint8Array[] | undefined {
  const blocks: Uint8Array[] = [];
  try {
    for (const chunk of chunks) {
      for (const block of fromBinary(BlocksByRangeResponseSchema, chunk).blocks) blocks.push(block);
      if (blocks.length > count) return undefined;
    }
  } catch {
    return undefined;
  }
  return blocks;
}

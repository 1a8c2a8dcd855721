/**
 * BlockHeader: 184 bytes, eight fields, eight leaves. The block hash is its hash tree root. Header bytes are
 * kept as they came; the decoded form is for rules and for people.
 */

import { readUint64, writeUint64 } from "./little-endian.ts";
import { MalformedError } from "./malformed.ts";
import { hashFixedTrees } from "./merkle.ts";

/** 32 + 8 + 8 + 8 + 4 × 32. */
export const HEADER_LENGTH = 184;
export const HASH_LENGTH = 32;

/** Hashes are 32 bytes; height and slot are counts; the timestamp is Unix time in milliseconds. */
export interface BlockHeader {
  readonly parentHash: Uint8Array;
  readonly height: number;
  readonly slot: number;
  readonly timestampMs: number;
  readonly stateRoot: Uint8Array;
  readonly bodyRoot: Uint8Array;
  readonly authoritiesRoot: Uint8Array;
  readonly historyRoot: Uint8Array;
}

/** A header that was read: it is decoded and hashed once, and carried with its block from then on. */
export interface ReadHeader {
  readonly header: BlockHeader;
  /** The block hash. */
  readonly hash: Uint8Array;
}

/** Where each field begins in the serialized header. */
export const HEADER_OFFSET = {
  parentHash: 0,
  height: 32,
  slot: 40,
  timestampMs: 48,
  stateRoot: 56,
  bodyRoot: 88,
  authoritiesRoot: 120,
  historyRoot: 152,
} as const;

/** The hashes are views on `bytes`. Throws MalformedError on a wrong length or a number above 2^53 − 1. */
export function decodeHeader(bytes: Uint8Array): BlockHeader {
  if (bytes.length !== HEADER_LENGTH) {
    throw new MalformedError(`header has ${bytes.length} bytes instead of ${HEADER_LENGTH}`);
  }
  return {
    parentHash: bytes.subarray(0, 32),
    height: readUint64(bytes, HEADER_OFFSET.height, "height"),
    slot: readUint64(bytes, HEADER_OFFSET.slot, "slot"),
    timestampMs: readUint64(bytes, HEADER_OFFSET.timestampMs, "timestamp_ms"),
    stateRoot: bytes.subarray(56, 88),
    bodyRoot: bytes.subarray(88, 120),
    authoritiesRoot: bytes.subarray(120, 152),
    historyRoot: bytes.subarray(152, 184),
  };
}

/** Reads the header that these bytes begin with, in memory of its own: the block is not kept for it. Throws MalformedError. */
export function readHeader(block: Uint8Array): ReadHeader {
  const bytes = block.slice(0, HEADER_LENGTH);
  return { header: decodeHeader(bytes), hash: headerHash(bytes) };
}

/** The 184 bytes of a header, in fresh memory. */
export function encodeHeader(header: BlockHeader): Uint8Array {
  const bytes = new Uint8Array(HEADER_LENGTH);
  bytes.set(header.parentHash, HEADER_OFFSET.parentHash);
  writeUint64(bytes, HEADER_OFFSET.height, header.height);
  writeUint64(bytes, HEADER_OFFSET.slot, header.slot);
  writeUint64(bytes, HEADER_OFFSET.timestampMs, header.timestampMs);
  bytes.set(header.stateRoot, HEADER_OFFSET.stateRoot);
  bytes.set(header.bodyRoot, HEADER_OFFSET.bodyRoot);
  bytes.set(header.authoritiesRoot, HEADER_OFFSET.authoritiesRoot);
  bytes.set(header.historyRoot, HEADER_OFFSET.historyRoot);
  return bytes;
}

/** The block hash: 32 bytes. */
export function headerHash(headerBytes: Uint8Array): Uint8Array {
  if (headerBytes.length !== HEADER_LENGTH) {
    throw new MalformedError(`header has ${headerBytes.length} bytes instead of ${HEADER_LENGTH}`);
  }
  return headerHashes(headerBytes, 1);
}

/**
 * Hashes of `count` headers packed back to back (184 · count bytes): 32 · count bytes, three native calls in
 * all.
 */
export function headerHashes(headers: Uint8Array, count: number): Uint8Array {
  const leaves = new Uint8Array(count * 256);
  for (let index = 0; index < count; index++) {
    const source = index * HEADER_LENGTH;
    const target = index * 256;
    leaves.set(headers.subarray(source, source + 32), target);
    leaves.set(headers.subarray(source + 32, source + 40), target + 32);
    leaves.set(headers.subarray(source + 40, source + 48), target + 64);
    leaves.set(headers.subarray(source + 48, source + 56), target + 96);
    // The four roots are four whole leaves in a row.
    leaves.set(headers.subarray(source + 56, source + 184), target + 128);
  }
  return hashFixedTrees(leaves, 3);
}

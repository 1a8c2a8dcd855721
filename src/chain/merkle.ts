/**
 * The building blocks of SSZ's hash_tree_root: zero hashes, packing, merkleization to a limit, length mix-in,
 * and the roots of basic values, byte vectors, byte lists and containers. Whoever defines an SSZ object (blocks,
 * delegations, parameters) composes its root from these; list-root-batch.ts climbs many trees at once.
 */

import { concatBytes } from "./bytes.ts";
import { hashPairs } from "./hash.ts";
import { writeUint64 } from "./little-endian.ts";

export const CHUNK_LENGTH = 32;

/** Deep enough for any list here: the deepest is List[ByteList, 2^16]; 2^26 leaves leave room. */
const DEPTH_MAX = 26;

/** `ZERO_HASHES[d]` is the root of a tree of 2^d zero chunks. */
const ZERO_HASHES: readonly Uint8Array[] = makeZeroHashes();

function makeZeroHashes(): Uint8Array[] {
  const hashes: Uint8Array[] = [new Uint8Array(CHUNK_LENGTH)];
  for (let depth = 0; depth < DEPTH_MAX; depth++) {
    const below = hashes[depth] as Uint8Array;
    hashes.push(hashPair(below, below));
  }
  return hashes;
}

/** The zero hash of a depth from 0 to 26. */
export function zeroHash(depth: number): Uint8Array {
  const hash = ZERO_HASHES[depth];
  if (hash === undefined) throw new RangeError(`no zero hash of depth ${depth}`);
  return hash;
}

/** Depth of the smallest tree with `leaves` leaves: 0 for one (or none). */
export function depthOf(leaves: number): number {
  let depth = 0;
  while (2 ** depth < leaves) depth++;
  return depth;
}

/** SHA-256 of left ‖ right, 32 bytes each. */
export function hashPair(left: Uint8Array, right: Uint8Array): Uint8Array {
  const pair = new Uint8Array(2 * CHUNK_LENGTH);
  pair.set(left, 0);
  pair.set(right, CHUNK_LENGTH);
  const parent = new Uint8Array(CHUNK_LENGTH);
  hashPairs(pair, parent);
  return parent;
}

/**
 * Roots of complete trees of 2^depth leaves each, given back to back; 32 bytes a tree. Each level of all
 * trees is one native call.
 */
export function hashFixedTrees(leaves: Uint8Array, depth: number): Uint8Array {
  let level = leaves;
  for (let height = 0; height < depth; height++) {
    const above = new Uint8Array(level.length / 2);
    hashPairs(level, above);
    level = above;
  }
  return level;
}

/** Root of whole chunks padded with zero chunks to 2^depth leaves. Without chunks it is the zero hash. */
export function merkleize(chunks: Uint8Array, depth: number): Uint8Array {
  if (chunks.length === 0) return zeroHash(depth);
  let level = chunks;
  for (let height = 0; height < depth; height++) {
    const count = level.length / CHUNK_LENGTH;
    if (count % 2 === 1) level = concatBytes([level, zeroHash(height)]);
    const above = new Uint8Array(level.length / 2);
    hashPairs(level, above);
    level = above;
  }
  return level;
}

/** Root of a list from the root of its elements and their number. */
export function mixInLength(root: Uint8Array, length: number): Uint8Array {
  return hashPair(root, uint64Chunk(length));
}

/** A u8, u16, u32, u64 or boolean (0 or 1) as a leaf; a safe integer. */
export function uint64Chunk(value: number): Uint8Array {
  const chunk = new Uint8Array(CHUNK_LENGTH);
  writeUint64(chunk, 0, value);
  return chunk;
}

/** `bytes` padded with zeros to whole chunks. */
export function packBytes(bytes: Uint8Array): Uint8Array {
  const chunks = new Uint8Array(Math.ceil(bytes.length / CHUNK_LENGTH) * CHUNK_LENGTH);
  chunks.set(bytes);
  return chunks;
}

/** Root of a fixed-length byte vector: B20, B32, B33, B48, B96. */
export function byteVectorRoot(bytes: Uint8Array): Uint8Array {
  return merkleize(packBytes(bytes), depthOf(Math.ceil(bytes.length / CHUNK_LENGTH)));
}

/** Root of a ByteList with room for `lengthMax` bytes. */
export function byteListRoot(bytes: Uint8Array, lengthMax: number): Uint8Array {
  const depth = depthOf(Math.ceil(lengthMax / CHUNK_LENGTH));
  return mixInLength(merkleize(packBytes(bytes), depth), bytes.length);
}

/** Root of a list of composite elements, given their roots, with room for `limit`. */
export function listRoot(elementRoots: readonly Uint8Array[], limit: number): Uint8Array {
  return mixInLength(merkleize(concatBytes(elementRoots), depthOf(limit)), elementRoots.length);
}

/** Root of a container from the roots of its fields in order. */
export function containerRoot(fieldRoots: readonly Uint8Array[]): Uint8Array {
  return merkleize(concatBytes(fieldRoots), depthOf(fieldRoots.length));
}

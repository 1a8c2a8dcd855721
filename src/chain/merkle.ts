/**
 * The building blocks of SSZ's hash_tree_root: zero hashes, packing, merkleization to a limit, length mix-in,
 * and the roots of basic values, byte vectors, byte lists and containers; and ListRootBatch, which climbs
 * many trees at once. Whoever defines an SSZ object (blocks, delegations, parameters) composes its root from
 * these.
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

/** Root of whole chunks padded with zero chunks to 2^depth leaves. No chunks at all give the zero hash. */
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

/**
 * First size of the working memory; it grows by doubling with what is added between two calls of `finish`.
 */
const CAPACITY_BYTES_START = 64 * 1024;
const WORDS_PER_CHUNK = CHUNK_LENGTH / 4;

/** One tree level of every list: whole chunks, each list padded to an even number of them. */
interface Level {
  readonly bytes: Uint8Array;
  readonly words: Uint32Array;
}

function makeLevel(capacityBytes: number): Level {
  const memory = new ArrayBuffer(capacityBytes);
  return { bytes: new Uint8Array(memory), words: new Uint32Array(memory) };
}

/**
 * The roots of many lists with the same limit, computed level by level over all of them: a native call costs
 * a microsecond and hashes fifteen pairs in the next one, so that thousands of short transactions cost little
 * more than their hashes. Add lists, then `finish`. Reusable: memory is kept from one round to the next, and
 * its owner bounds it by how much it adds to a round.
 */
export class ListRootBatch {
  readonly #depth: number;
  /** Chunk count of each list at the level in work, at least 1. */
  #counts: number[] = [];
  #lengths: number[] = [];
  #size = 0;
  #level = makeLevel(CAPACITY_BYTES_START);
  #above = makeLevel(CAPACITY_BYTES_START);

  /** A list has room for 2^depth chunks. */
  constructor(depth: number) {
    this.#depth = depth;
  }

  /** Bytes of level 0 in this round. */
  get size(): number {
    return this.#size;
  }

  /**
   * One list: its packed content is `bytes` from `start` to `end`, zero-padded to whole chunks; `length` is
   * the number that its root mixes in. The caller has checked that it fits the limit.
   */
  add(bytes: Uint8Array, start: number, end: number, length: number): void {
    const contentLength = end - start;
    const count = contentLength === 0 ? 1 : Math.ceil(contentLength / CHUNK_LENGTH);
    const padded = (count + (count & 1)) * CHUNK_LENGTH;
    this.#grow(this.#size + padded);
    const level = this.#level.bytes;
    level.set(bytes.subarray(start, end), this.#size);
    level.fill(0, this.#size + contentLength, this.#size + padded);
    this.#size += padded;
    this.#counts.push(count);
    this.#lengths.push(length);
  }

  /** The roots of the lists in the order added, 32 bytes each in fresh memory. Begins a new round. */
  finish(): Uint8Array {
    const lists = this.#counts.length;
    const roots = new Uint8Array(lists * CHUNK_LENGTH);
    if (lists > 0) {
      for (let height = 0; height < this.#depth; height++) {
        hashPairs(this.#level.bytes.subarray(0, this.#size), this.#above.bytes.subarray(0, this.#size / 2));
        this.#spread(height + 1);
      }
      this.#mixInLengths(roots);
    }
    this.#counts = [];
    this.#lengths = [];
    this.#size = 0;
    return roots;
  }

  /**
   * Moves the packed level above into the working level, pairing each odd end with the zero hash of its
   * height.
   */
  #spread(height: number): void {
    const counts = this.#counts;
    const source = this.#above.words;
    const target = this.#level.words;
    const zero = new Uint32Array(zeroHash(height).slice().buffer);
    let read = 0;
    let write = 0;
    for (let list = 0; list < counts.length; list++) {
      const count = ((counts[list] as number) + 1) >>> 1;
      counts[list] = count;
      const words = count * WORDS_PER_CHUNK;
      if (words > 128) {
        target.set(source.subarray(read, read + words), write);
        write += words;
        read += words;
      } else {
        for (const end = read + words; read < end; ) target[write++] = source[read++] as number;
      }
      if ((count & 1) === 1) {
        for (let word = 0; word < WORDS_PER_CHUNK; word++) target[write++] = zero[word] as number;
      }
    }
    this.#size = write * 4;
  }

  /**
   * At the top every list is one chunk with a zero hash beside it; the length takes the zero hash's place.
   */
  #mixInLengths(roots: Uint8Array): void {
    const words = this.#level.words;
    for (let list = 0; list < this.#lengths.length; list++) {
      const at = (2 * list + 1) * WORDS_PER_CHUNK;
      words.fill(0, at, at + WORDS_PER_CHUNK);
      // Lengths are below 2^32, so that the low word is all of it; typed arrays here are little-endian
      // (asserted below).
      words[at] = this.#lengths[list] as number;
    }
    hashPairs(this.#level.bytes.subarray(0, roots.length * 2), roots);
  }

  #grow(needed: number): void {
    if (needed <= this.#level.bytes.length) return;
    let capacity = this.#level.bytes.length;
    while (capacity < needed) capacity *= 2;
    const level = makeLevel(capacity);
    level.bytes.set(this.#level.bytes.subarray(0, this.#size));
    this.#level = level;
    this.#above = makeLevel(capacity);
  }
}

if (new Uint8Array(new Uint32Array([1]).buffer)[0] !== 1) {
  throw new Error("this platform is big-endian, which the hashing code does not support");
}

/**
 * ListRootBatch: the roots of thousands of short lists, such as the transactions of a segment's bodies, at the price of
 * their hashes. body-root.ts is who fills it.
 */

import { concatBytes } from "./bytes.ts";
import { hashPairs } from "./hash.ts";
import { CHUNK_LENGTH, zeroHash } from "./merkle.ts";

/**
 * First size of a working memory; it grows by doubling with what is added between two calls of `finish`.
 */
const CAPACITY_BYTES_START = 64 * 1024;
/**
 * Lists that are hashed together. At the bound those added so far are hashed: a body may have 2^16 transactions of a byte,
 * and memory for so many at every height would be 64 MiB.
 */
const LISTS_MAX = 2048;
const WORDS_PER_CHUNK = CHUNK_LENGTH / 4;
const WORDS_PER_PAIR = 2 * WORDS_PER_CHUNK;

/** Whole chunks, as bytes to be hashed and as words to be moved. */
interface Level {
  readonly bytes: Uint8Array;
  readonly words: Uint32Array;
}

function makeLevel(capacityBytes: number): Level {
  const memory = new ArrayBuffer(capacityBytes);
  return { bytes: new Uint8Array(memory), words: new Uint32Array(memory) };
}

function capacityFor(needed: number): number {
  let capacity = CAPACITY_BYTES_START;
  while (capacity < needed) capacity *= 2;
  return capacity;
}

/** A list to be hashed: the view of its content, and what its root mixes in. */
interface List {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  readonly length: number;
}

/**
 * The roots of many lists with the same limit, computed level by level over all of them: a native call costs
 * a microsecond and hashes fifteen pairs in the next one, so that thousands of short transactions cost little
 * more than their hashes. Lists of one depth climb together until each is one chunk; from there all that is left is a
 * zero hash beside it at every level, which lies ready, so that only the chunks themselves are moved.
 * Add lists, then `finish`. Reusable: memory is kept from one round to the next, and its owner bounds it by how much it
 * adds to a round.
 */
export class ListRootBatch {
  readonly #depth: number;
  /** Lists by the depth of their content, each in the order added. */
  readonly #groups: List[][];
  /** For each list added, the depth of its content. */
  #depths: number[] = [];
  /** Of the lists hashed before, in this round. */
  #roots: Uint8Array[] = [];
  #size = 0;
  #level = makeLevel(CAPACITY_BYTES_START);
  #above = makeLevel(CAPACITY_BYTES_START);
  /** By height: pairs whose right chunk is the zero hash of that height. The topmost takes lengths. */
  readonly #pairs: Level[];

  /** A list has room for 2^depth chunks. */
  constructor(depth: number) {
    this.#depth = depth;
    this.#groups = Array.from({ length: depth + 1 }, () => []);
    this.#pairs = Array.from({ length: depth + 1 }, () => makeLevel(0));
  }

  /** Bytes of content in this round, in whole pairs of chunks. */
  get size(): number {
    return this.#size;
  }

  /**
   * One list: its packed content is `bytes` from `start` to `end`, zero-padded to whole chunks; `length` is
   * the number that its root mixes in, below 2^32. The caller has checked that it fits the limit, and leaves the bytes as
   * they are until `finish`.
   */
  add(bytes: Uint8Array, start: number, end: number, length: number): void {
    const chunks = Math.max(1, Math.ceil((end - start) / CHUNK_LENGTH));
    const depth = 32 - Math.clz32(chunks - 1);
    this.#size += (chunks + (chunks & 1)) * CHUNK_LENGTH;
    this.#depths.push(depth);
    (this.#groups[depth] as List[]).push({ bytes, start, end, length });
    if (this.#depths.length >= LISTS_MAX) this.#roots.push(this.#hashAll());
  }

  /** The roots of the lists in the order added, 32 bytes each in fresh memory. Begins a new round. */
  finish(): Uint8Array {
    const last = this.#hashAll();
    const roots = this.#roots.length === 0 ? last : concatBytes([...this.#roots, last]);
    this.#roots = [];
    this.#size = 0;
    return roots;
  }

  /** The roots of the lists that wait, in the order added. */
  #hashAll(): Uint8Array {
    const roots = new Uint8Array(this.#depths.length * CHUNK_LENGTH);
    if (roots.length === 0) return roots;
    // Single chunks, in order of depth: those of the level below, then the group whose content ends at this height.
    let count = 0;
    for (let height = 0; height <= this.#depth; height++) {
      const group = this.#groups[height] as List[];
      const { bytes, words } = this.#pairsAt(height, count + group.length);
      movePairs(this.#above.words, words, count);
      if (group.length > 0) this.#climb(group, height, words, count);
      count += group.length;
      if (height === this.#depth) this.#mixInLengths(words);
      this.#reserve(count * CHUNK_LENGTH);
      const above = this.#above.bytes.subarray(0, count * CHUNK_LENGTH);
      hashPairs(bytes.subarray(0, 2 * above.length), above);
    }
    this.#unsort(roots);
    for (const group of this.#groups) group.length = 0;
    this.#depths = [];
    return roots;
  }

  /**
   * Hashes the content of lists of one depth up to a chunk each, and puts those on the left of the pairs from `first` on.
   * The chunks of the level above stay where they are: they were moved before.
   */
  #climb(group: readonly List[], depth: number, pairs: Uint32Array, first: number): void {
    const counts: number[] = [];
    let size = 0;
    for (const { start, end } of group) {
      const chunks = Math.max(1, Math.ceil((end - start) / CHUNK_LENGTH));
      counts.push(chunks);
      size += (depth === 0 ? 1 : chunks + (chunks & 1)) * CHUNK_LENGTH;
    }
    this.#reserve(size);
    let at = 0;
    let view: DataView | undefined;
    for (let list = 0; list < group.length; list++) {
      const { bytes, start, end } = group[list] as List;
      const chunks = counts[list] as number;
      const next = at + (depth === 0 ? 1 : chunks + (chunks & 1)) * CHUNK_LENGTH;
      // Neighbours come from one body, most of them.
      if (view === undefined || bytes !== group[list - 1]?.bytes) view = viewOf(bytes);
      place(view, start, end, this.#level, at, next);
      at = next;
    }
    for (let height = 0; height < depth; height++) {
      hashPairs(this.#level.bytes.subarray(0, size), this.#above.bytes.subarray(0, size / 2));
      size = this.#pair(counts, height + 1, height + 1 === depth);
    }
    movePairs(this.#level.words, pairs.subarray(first * WORDS_PER_PAIR), group.length);
  }

  /**
   * Makes the packed level above the working level, with the zero hash of its height beside each odd end (at the top there
   * is none). Returns its bytes.
   */
  #pair(counts: number[], height: number, isTop: boolean): number {
    let chunks = 0;
    let odd = 0;
    for (let list = 0; list < counts.length; list++) {
      const count = ((counts[list] as number) + 1) >>> 1;
      counts[list] = count;
      chunks += count;
      odd += count & 1;
    }
    if (isTop || odd === 0) {
      [this.#level, this.#above] = [this.#above, this.#level];
      return chunks * CHUNK_LENGTH;
    }
    const source = this.#above.words;
    const target = this.#level.words;
    const zero = new Uint32Array(zeroHash(height).slice().buffer);
    let read = 0;
    let write = 0;
    for (const count of counts) {
      const end = read + count * WORDS_PER_CHUNK;
      // Most lists are short, and for those a loop is faster than a call.
      while (read < end) target[write++] = source[read++] as number;
      if ((count & 1) === 0) continue;
      for (let word = 0; word < WORDS_PER_CHUNK; word++) target[write++] = zero[word] as number;
    }
    return write * 4;
  }

  /** The length of every list in the place of the topmost zero hash, in order of depth. */
  #mixInLengths(words: Uint32Array): void {
    let at = WORDS_PER_CHUNK;
    for (const group of this.#groups) {
      for (const { length } of group) {
        // Lengths are below 2^32, so that the low word is all of it (typed arrays here are little-endian, asserted
        // below), and the words behind it are zero from the beginning.
        words[at] = length;
        at += WORDS_PER_PAIR;
      }
    }
  }

  /** From the order of depth to the order added. */
  #unsort(roots: Uint8Array): void {
    const next: number[] = [];
    let start = 0;
    for (const group of this.#groups) {
      next.push(start);
      start += group.length;
    }
    const source = this.#above.words;
    const target = new Uint32Array(roots.buffer);
    for (let list = 0; list < this.#depths.length; list++) {
      const depth = this.#depths[list] as number;
      const from = (next[depth] as number) * WORDS_PER_CHUNK;
      next[depth] = (next[depth] as number) + 1;
      for (let word = 0; word < WORDS_PER_CHUNK; word++) {
        target[list * WORDS_PER_CHUNK + word] = source[from + word] as number;
      }
    }
  }

  /** Room for `count` pairs at a height, with the zero hash on their right. */
  #pairsAt(height: number, count: number): Level {
    const needed = count * 2 * CHUNK_LENGTH;
    const present = this.#pairs[height] as Level;
    if (needed <= present.bytes.length) return present;
    const level = makeLevel(capacityFor(needed));
    if (height < this.#depth) {
      const zero = zeroHash(height);
      for (let at = CHUNK_LENGTH; at < level.bytes.length; at += 2 * CHUNK_LENGTH) level.bytes.set(zero, at);
    }
    this.#pairs[height] = level;
    return level;
  }

  /** Room for a level of this many bytes; what is in the levels is kept. */
  #reserve(needed: number): void {
    if (needed > this.#level.bytes.length) this.#level = grown(this.#level, needed);
    if (needed > this.#above.bytes.length) this.#above = grown(this.#above, needed);
  }
}

function grown({ bytes }: Level, needed: number): Level {
  const level = makeLevel(capacityFor(needed));
  level.bytes.set(bytes);
  return level;
}

/** Longer contents are copied by a call, which for short ones costs more than the copying. */
const SHORT_BYTES = 512;

/** Puts the bytes of `view` from `start` to `end` at `at`, which is a whole chunk, and zeros behind them up to `next`. */
function place(view: DataView, start: number, end: number, level: Level, at: number, next: number): void {
  const length = end - start;
  if (length > SHORT_BYTES) {
    level.bytes.set(new Uint8Array(view.buffer, view.byteOffset + start, length), at);
    level.bytes.fill(0, at + length, next);
    return;
  }
  const { words } = level;
  let word = at >>> 2;
  let from = start;
  for (const whole = end - (length & 3); from < whole; from += 4) words[word++] = view.getUint32(from, true);
  if (from < end) {
    let last = 0;
    for (let shift = 0; from < end; from++, shift += 8) last |= view.getUint8(from) << shift;
    words[word++] = last;
  }
  for (const stop = next >>> 2; word < stop; word++) words[word] = 0;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Puts chunks that lie back to back on the left of as many pairs. Unrolled: it runs for every list at every level. */
function movePairs(chunks: Uint32Array, pairs: Uint32Array, count: number): void {
  for (
    let index = 0, from = 0, to = 0;
    index < count;
    index++, from += WORDS_PER_CHUNK, to += WORDS_PER_PAIR
  ) {
    pairs[to] = chunks[from] as number;
    pairs[to + 1] = chunks[from + 1] as number;
    pairs[to + 2] = chunks[from + 2] as number;
    pairs[to + 3] = chunks[from + 3] as number;
    pairs[to + 4] = chunks[from + 4] as number;
    pairs[to + 5] = chunks[from + 5] as number;
    pairs[to + 6] = chunks[from + 6] as number;
    pairs[to + 7] = chunks[from + 7] as number;
  }
}

if (new Uint8Array(new Uint32Array([1]).buffer)[0] !== 1) {
  throw new Error("this platform is big-endian, which the hashing code does not support");
}

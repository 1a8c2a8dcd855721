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
/**
 * Trees up to this depth are filled up with zero chunks from the bottom: to hash a few more of them costs less than to
 * move all others aside for a zero hash at each level.
 */
const FILLED_DEPTH_MAX = 3;
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
  /** Of the lists that wait, in the order added: where their content lies, and the number that each mixes in. */
  readonly #starts = new Uint32Array(LISTS_MAX);
  readonly #ends = new Uint32Array(LISTS_MAX);
  readonly #lengths = new Uint32Array(LISTS_MAX);
  /** Which of `#sources` holds the content: neighbours come from one body, most of them. */
  readonly #sourceIndexes = new Uint16Array(LISTS_MAX);
  #sources: Buffer[] = [];
  #lastSource: Uint8Array | undefined;
  /** The depth of its content, and its place when they are ordered by it. */
  readonly #depths = new Uint8Array(LISTS_MAX);
  readonly #places = new Uint32Array(LISTS_MAX);
  #count = 0;
  /** How many of them have each depth. */
  readonly #countsByDepth: Uint32Array;
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
    this.#countsByDepth = new Uint32Array(depth + 1);
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
    const chunks = chunksOf(start, end);
    const depth = 32 - Math.clz32(chunks - 1);
    if (bytes !== this.#lastSource) {
      this.#lastSource = bytes;
      this.#sources.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
    }
    const list = this.#count++;
    this.#starts[list] = start;
    this.#ends[list] = end;
    this.#lengths[list] = length;
    this.#sourceIndexes[list] = this.#sources.length - 1;
    this.#depths[list] = depth;
    this.#countsByDepth[depth] = (this.#countsByDepth[depth] as number) + 1;
    this.#size += (chunks + (chunks & 1)) * CHUNK_LENGTH;
    if (this.#count === LISTS_MAX) this.#roots.push(this.#hashAll());
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
    const roots = new Uint8Array(this.#count * CHUNK_LENGTH);
    this.#order();
    // Single chunks, in order of depth: those of the level below, then those whose content ends at this height.
    let count = 0;
    for (let height = 0; height <= this.#depth && roots.length > 0; height++) {
      const joining = this.#countsByDepth[height] as number;
      const { bytes, words } = this.#pairsAt(height, count + joining);
      movePairs(this.#above.words, words, 0, count);
      if (joining > 0) this.#climb(height, words, count);
      count += joining;
      if (height === this.#depth) this.#mixInLengths(words);
      this.#reserve(count * CHUNK_LENGTH);
      const above = this.#above.bytes.subarray(0, count * CHUNK_LENGTH);
      hashPairs(bytes.subarray(0, 2 * above.length), above);
    }
    this.#takeRoots(roots);
    this.#count = 0;
    this.#countsByDepth.fill(0);
    this.#sources = [];
    this.#lastSource = undefined;
    return roots;
  }

  /** Gives each list its place in the order of depth. */
  #order(): void {
    let next = 0;
    const nextByDepth = Array.from(this.#countsByDepth, (count) => {
      next += count;
      return next - count;
    });
    for (let list = 0; list < this.#count; list++) {
      const depth = this.#depths[list] as number;
      const place = nextByDepth[depth] as number;
      nextByDepth[depth] = place + 1;
      this.#places[list] = place;
    }
  }

  /**
   * Hashes the content of the lists of one depth up to a chunk each, and puts those on the left of the pairs from `first`
   * on. The chunks of the level above are overwritten: they were moved before.
   */
  #climb(depth: number, pairs: Uint32Array, first: number): void {
    const counts: number[] = [];
    let size = this.#layOut(depth, counts);
    for (let height = 0; height < depth; height++) {
      this.#reserve(size);
      hashPairs(this.#level.bytes.subarray(0, size), this.#above.bytes.subarray(0, size / 2));
      [this.#level, this.#above] = [this.#above, this.#level];
      size = depth <= FILLED_DEPTH_MAX ? size / 2 : this.#pairUp(counts, height + 1, height + 1 === depth);
    }
    movePairs(this.#level.words, pairs, first * WORDS_PER_PAIR, this.#countsByDepth[depth] as number);
  }

  /** Puts the content of the lists of one depth on the working level, and their chunks in `counts`. Returns its bytes. */
  #layOut(depth: number, counts: number[]): number {
    let at = 0;
    for (let list = 0; list < this.#count; list++) {
      if (this.#depths[list] !== depth) continue;
      const start = this.#starts[list] as number;
      const end = this.#ends[list] as number;
      const chunks = chunksOf(start, end);
      counts.push(chunks);
      const room = depth <= FILLED_DEPTH_MAX ? 1 << depth : chunks + (chunks & 1);
      const next = at + room * CHUNK_LENGTH;
      this.#reserve(next);
      const { bytes, words } = this.#level;
      for (let word = (at + end - start) >>> 2; word < next >>> 2; word++) words[word] = 0;
      const source = this.#sources[this.#sourceIndexes[list] as number] as Buffer;
      source.copy(bytes, at, start, end);
      at = next;
    }
    return at;
  }

  /**
   * Puts the zero hash of its height behind each odd end of the working level (at the top there is none). Returns its
   * bytes.
   */
  #pairUp(counts: number[], height: number, isTop: boolean): number {
    let chunks = 0;
    let odd = 0;
    for (let list = 0; list < counts.length; list++) {
      const count = ((counts[list] as number) + 1) >>> 1;
      counts[list] = count;
      chunks += count;
      odd += count & 1;
    }
    if (isTop || odd === 0) return chunks * CHUNK_LENGTH;
    this.#reserve((chunks + odd) * CHUNK_LENGTH);
    const source = this.#level.words;
    const target = this.#above.words;
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
    [this.#level, this.#above] = [this.#above, this.#level];
    return write * 4;
  }

  /** The length of every list in the place of the topmost zero hash. */
  #mixInLengths(words: Uint32Array): void {
    for (let list = 0; list < this.#count; list++) {
      // Lengths are below 2^32, so that the low word is all of it (typed arrays here are little-endian, asserted
      // below), and the words behind it are zero from the beginning.
      words[(this.#places[list] as number) * WORDS_PER_PAIR + WORDS_PER_CHUNK] = this.#lengths[
        list
      ] as number;
    }
  }

  /** From the order of depth to the order added. */
  #takeRoots(roots: Uint8Array): void {
    const source = this.#above.words;
    const target = new Uint32Array(roots.buffer);
    for (let list = 0, to = 0; list < this.#count; list++, to += WORDS_PER_CHUNK) {
      moveChunk(source, (this.#places[list] as number) * WORDS_PER_CHUNK, target, to);
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

/** An empty content is one zero chunk. */
function chunksOf(start: number, end: number): number {
  return Math.max(1, Math.ceil((end - start) / CHUNK_LENGTH));
}

/** Puts chunks that lie back to back on the left of as many pairs, from the word `to` on. */
function movePairs(chunks: Uint32Array, pairs: Uint32Array, to: number, count: number): void {
  for (let from = 0, at = to; from < count * WORDS_PER_CHUNK; from += WORDS_PER_CHUNK, at += WORDS_PER_PAIR) {
    moveChunk(chunks, from, pairs, at);
  }
}

/** Unrolled: it runs for every list at every level. */
function moveChunk(source: Uint32Array, from: number, target: Uint32Array, to: number): void {
  target[to] = source[from] as number;
  target[to + 1] = source[from + 1] as number;
  target[to + 2] = source[from + 2] as number;
  target[to + 3] = source[from + 3] as number;
  target[to + 4] = source[from + 4] as number;
  target[to + 5] = source[from + 5] as number;
  target[to + 6] = source[from + 6] as number;
  target[to + 7] = source[from + 7] as number;
}

if (new Uint8Array(new Uint32Array([1]).buffer)[0] !== 1) {
  throw new Error("this platform is big-endian, which the hashing code does not support");
}

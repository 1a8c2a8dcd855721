/**
 * The Merkle mountain range over block hashes that every header's history_root commits to. Kept as its peaks
 * alone (at most 53), which is all that appending needs; proofs ask their maker for the nodes below. The
 * count tells which peaks there are: one for each set bit, tallest first.
 */

import { concatBytes, equalBytes } from "./bytes.ts";
import { hashPairs, sha256 } from "./hash.ts";
import { readUint64, writeUint64 } from "./little-endian.ts";
import { MalformedError } from "./malformed.ts";
import { hashFixedTrees, hashPair } from "./merkle.ts";

/** A count is a safe integer, below 2^53. */
const LEVELS = 53;
const HASH = 32;
/** index and count, then at most 53 siblings and 52 peaks and bags. */
const PROOF_FIXED_LENGTH = 16;
const PROOF_LENGTH_MAX = PROOF_FIXED_LENGTH + HASH * 2 * LEVELS;

/**
 * That the leaf at `index` is in the range of `count` leaves. Which hashes `path` holds follows from both
 * numbers.
 */
export interface HistoryProof {
  readonly index: number;
  readonly count: number;
  /**
   * Siblings bottom up to the peak, the bag of the peaks to its right (if any), the peaks to its left,
   * nearest first.
   */
  readonly path: readonly Uint8Array[];
}

/**
 * Root of the aligned run of 2^level leaves that begins at leaf position · 2^level. Level 0 is the hash of
 * the block at height `position`.
 */
export type NodeAt = (level: number, position: number) => Uint8Array;

interface Peak {
  readonly level: number;
  /** First leaf under it. */
  readonly start: number;
}

/** Peaks of a range of `count + 1` leaves from those of `count`. */
export function appendHash(peaks: readonly Uint8Array[], count: number, hash: Uint8Array): Uint8Array[] {
  return appendRun(peaks, count, hash.slice());
}

/**
 * Peaks after appending hashes packed back to back. Runs that are aligned to their size become one subtree
 * each, so that 64 hashes cost about seven calls instead of 64.
 */
export function appendHashes(peaks: readonly Uint8Array[], count: number, hashes: Uint8Array): Uint8Array[] {
  let result = [...peaks];
  let length = count;
  for (let offset = 0; offset < hashes.length; ) {
    const remaining = (hashes.length - offset) / HASH;
    let level = 0;
    while (2 ** (level + 1) <= remaining && length % 2 ** (level + 1) === 0) level++;
    const size = 2 ** level;
    const root = hashFixedTrees(hashes.slice(offset, offset + size * HASH), level);
    result = appendRun(result, length / size, root);
    length += size;
    offset += size * HASH;
  }
  return result;
}

/**
 * `units` counts what is there in runs of the appended one's size; each trailing one bit is a peak to merge
 * with.
 */
function appendRun(peaks: readonly Uint8Array[], units: number, root: Uint8Array): Uint8Array[] {
  const result = [...peaks];
  let peak = root;
  for (let rest = units; rest % 2 === 1; rest = (rest - 1) / 2) {
    peak = hashPair(result.pop() as Uint8Array, peak);
  }
  result.push(peak);
  return result;
}

/** How many peaks a range of `count` leaves has. */
export function peakCount(count: number): number {
  let ones = 0;
  for (let rest = count; rest > 0; rest = Math.floor(rest / 2)) ones += rest % 2;
  return ones;
}

/**
 * The history_root: SHA-256(u64le(count) ‖ bag of the peaks), 32 zero bytes for the empty range. Throws
 * MalformedError when the number of peaks is not the one that `count` dictates.
 */
export function historyRoot(count: number, peaks: readonly Uint8Array[]): Uint8Array {
  return historyRoots(count, [peaks])[0] as Uint8Array;
}

/**
 * The history_roots of ranges that grow leaf by leaf, the first of `count` leaves, from the peaks of each. All bags are
 * filled together, so that 64 of them take as many native calls as one does. Throws as historyRoot does.
 */
export function historyRoots(count: number, ranges: readonly (readonly Uint8Array[])[]): Uint8Array[] {
  for (const [index, peaks] of ranges.entries()) {
    if (peaks.length !== peakCount(count + index)) {
      throw new MalformedError(`${peaks.length} peaks for ${count + index} leaves`);
    }
  }
  return bagEach(ranges).map((bagged, index) =>
    bagged === undefined ? new Uint8Array(HASH) : rootOfBag(count + index, bagged),
  );
}

function rootOfBag(count: number, bagged: Uint8Array): Uint8Array {
  const message = new Uint8Array(8 + HASH);
  writeUint64(message, 0, count);
  message.set(bagged, 8);
  return sha256(message);
}

/** bag(p1 … pk) = SHA-256(p1 ‖ bag(p2 … pk)), bag(p) = p. At least one peak. */
function bag(peaks: readonly Uint8Array[]): Uint8Array {
  return bagEach([peaks])[0] as Uint8Array;
}

/** The bag of each, undefined without peaks. Loops over places: EVERY_BLOCK comes here for each block. */
function bagEach(ranges: readonly (readonly Uint8Array[])[]): (Uint8Array | undefined)[] {
  const bags = ranges.map((peaks) => peaks.at(-1));
  const pairs = new Uint8Array(ranges.length * 2 * HASH);
  const open = [...ranges.keys()];
  for (let depth = 2; ; depth++) {
    let count = 0;
    for (const index of open) {
      const peaks = ranges[index] as readonly Uint8Array[];
      if (peaks.length < depth) continue;
      pairs.set(peaks[peaks.length - depth] as Uint8Array, count * 2 * HASH);
      pairs.set(bags[index] as Uint8Array, count * 2 * HASH + HASH);
      open[count++] = index;
    }
    if (count === 0) return bags;
    open.length = count;
    const bagged = new Uint8Array(count * HASH);
    hashPairs(pairs.subarray(0, count * 2 * HASH), bagged);
    for (let place = 0; place < count; place++) {
      bags[open[place] as number] = bagged.subarray(place * HASH, (place + 1) * HASH);
    }
  }
}

/** The peaks of a range, tallest first. */
function peaksOf(count: number): Peak[] {
  const peaks: Peak[] = [];
  let start = 0;
  for (let level = LEVELS - 1; level >= 0; level--) {
    const size = 2 ** level;
    if (count - start >= size) {
      peaks.push({ level, start });
      start += size;
    }
  }
  return peaks;
}

/** Proves the leaf at `index` (below `count`); nodes are asked for, at most 53 + 53 of them. */
export function makeHistoryProof(index: number, count: number, nodeAt: NodeAt): HistoryProof {
  const peaks = peaksOf(count);
  const own = peakOver(peaks, index);
  const path: Uint8Array[] = [];
  for (let level = 0, position = index; level < (peaks[own] as Peak).level; level++) {
    path.push(nodeAt(level, position % 2 === 0 ? position + 1 : position - 1));
    position = Math.floor(position / 2);
  }
  const hashOf = ({ level, start }: Peak): Uint8Array => nodeAt(level, start / 2 ** level);
  const right = peaks.slice(own + 1).map(hashOf);
  if (right.length > 0) path.push(bag(right));
  for (let left = own - 1; left >= 0; left--) path.push(hashOf(peaks[left] as Peak));
  return { index, count, path };
}

/** Whether `proof` shows that `hash` is the leaf at its index in the range that `root` commits to. */
export function verifyHistoryProof(proof: HistoryProof, hash: Uint8Array, root: Uint8Array): boolean {
  const { index, count, path } = proof;
  if (!Number.isSafeInteger(index) || !Number.isSafeInteger(count) || index < 0 || index >= count)
    return false;
  const peaks = peaksOf(count);
  const own = peakOver(peaks, index);
  const siblings = (peaks[own] as Peak).level;
  const hasRight = own + 1 < peaks.length;
  if (path.length !== siblings + (hasRight ? 1 : 0) + own) return false;
  if (path.some((node) => node.length !== HASH)) return false;
  let node = hash;
  for (let level = 0, position = index; level < siblings; level++) {
    const sibling = path[level] as Uint8Array;
    node = position % 2 === 0 ? hashPair(node, sibling) : hashPair(sibling, node);
    position = Math.floor(position / 2);
  }
  let next = siblings;
  if (hasRight) node = hashPair(node, path[next++] as Uint8Array);
  while (next < path.length) node = hashPair(path[next++] as Uint8Array, node);
  return equalBytes(rootOfBag(count, node), root);
}

/** Which of the peaks covers the leaf. A leaf beyond the range is a programmer's error. */
function peakOver(peaks: readonly Peak[], index: number): number {
  const found = peaks.findIndex(({ level, start }) => index >= start && index < start + 2 ** level);
  if (found < 0) throw new RangeError(`leaf ${index} is not in the range`);
  return found;
}

/** index u64 ‖ count u64 ‖ the hashes. */
export function encodeHistoryProof(proof: HistoryProof): Uint8Array {
  const fixed = new Uint8Array(PROOF_FIXED_LENGTH);
  writeUint64(fixed, 0, proof.index);
  writeUint64(fixed, 8, proof.count);
  return concatBytes([fixed, ...proof.path]);
}

/**
 * Throws MalformedError when the bytes cannot be a proof; that the length fits index and count is for
 * verifying.
 */
export function decodeHistoryProof(bytes: Uint8Array): HistoryProof {
  const isWhole = (bytes.length - PROOF_FIXED_LENGTH) % HASH === 0;
  if (bytes.length < PROOF_FIXED_LENGTH || bytes.length > PROOF_LENGTH_MAX || !isWhole) {
    throw new MalformedError(`history proof has ${bytes.length} bytes`);
  }
  const path: Uint8Array[] = [];
  for (let at = PROOF_FIXED_LENGTH; at < bytes.length; at += HASH) path.push(bytes.subarray(at, at + HASH));
  return { index: readUint64(bytes, 0, "proof index"), count: readUint64(bytes, 8, "proof count"), path };
}

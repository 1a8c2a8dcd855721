/**
 * How a chain lies in the database: names, keys and values, without the database itself.
 *
 *   blocks   height u32                    the record
 *   hashes   height / 32                   hashes of 32 heights, zeros where there is none yet
 *   index    first byte of hash ‖ run      entries (8 bytes of hash, height u32) of one run, unsorted
 *   side     height u32be ‖ hash           the record of a side block
 *   sides    hash                          its height u32be
 *   tables   name ‖ 0 ‖ key                a value of meta or of a table
 *   state    "chain", "identity"           below
 *
 * The hash index is built in runs of 65,536 blocks, because a hash a key would touch one leaf a block and cost three
 * times what everything else about an append costs. Hashes not yet in a run are in the memory of the reader, who
 * collects them again when the database is opened. An index entry is a hint: it counts only if `hashes` agrees, so
 * nothing is deleted from runs when blocks are replaced.
 */
import { HASH_LENGTH } from "./port.ts";
import type { Extent } from "./writes.ts";

/** Version of everything said above. lmdb-schema.ts says what becomes of databases of other versions. */
export const SCHEMA_VERSION = 1;

/** The database file in the folder of a store. */
export const DATABASE_FILE = "data.mdb";

/** Address space reserved for the map, not memory: 256 GiB, some 500 million blocks of 435 bytes. The map grows beyond. */
export const MAP_BYTES = 256 * 1024 ** 3;

/** Database page: the unit of copy on write. */
export const PAGE_BYTES = 4096;

/** Hashes in one value of `hashes`: an append of one block rewrites 1 KiB. */
export const CHUNK_HASHES = 32;
export const CHUNK_BYTES = CHUNK_HASHES * HASH_LENGTH;

/** Unindexed blocks at which a run is written: 256 values of 3 KiB, a page each, and 8 MB in the reader's memory before. */
export const RUN_BLOCKS = 65_536;

/** Bytes of an index entry: bytes 1 to 8 of the hash (byte 0 is in the key), height. */
const ENTRY_BYTES = 12;
const TAG_BYTES = 8;

/** Most runs: keys hold 24 bits, a trillion blocks. Above it runs are no longer written and the reader's memory grows. */
export const RUNS_MAX = 0xff_ffff;

/** Extent, and which heights `[sealedFrom, sealedBelow)` are in runs of the index. */
export interface ChainState extends Extent {
  readonly sealedFrom: number;
  readonly sealedBelow: number;
  readonly runs: number;
}

export const EMPTY_STATE: ChainState = {
  base: 0,
  head: 0,
  sideBlocks: 0,
  sideBytes: 0,
  sealedFrom: 0,
  sealedBelow: 0,
  runs: 0,
};

const STATE_BYTES = 32;

export function encodeState(state: ChainState): Uint8Array {
  const bytes = new Uint8Array(STATE_BYTES);
  const view = new DataView(bytes.buffer);
  const words = [state.base, state.head, state.sideBlocks, state.sealedFrom, state.sealedBelow, state.runs];
  for (const [i, word] of words.entries()) view.setUint32(4 * i, word, true);
  view.setFloat64(24, state.sideBytes, true);
  return bytes;
}

/** undefined: not a state. */
export function decodeState(bytes: Uint8Array): ChainState | undefined {
  if (bytes.length !== STATE_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const word = (i: number) => view.getUint32(4 * i, true);
  const state = {
    base: word(0),
    head: word(1),
    sideBlocks: word(2),
    sealedFrom: word(3),
    sealedBelow: word(4),
    runs: word(5),
    sideBytes: view.getFloat64(24, true),
  };
  const isSound = state.base <= state.head && (state.base === 0) === (state.head === 0);
  return isSound && state.sealedFrom <= state.sealedBelow ? state : undefined;
}

/** Heights `[first, end)` of the blocks whose hash is in no run: those below the runs and those above. */
export function unsealedRanges({ base, head, sealedFrom, sealedBelow }: ChainState): [number, number][] {
  if (head === 0) return [];
  const lowEnd = Math.max(base, Math.min(sealedFrom, head + 1));
  const highStart = Math.max(sealedBelow, lowEnd);
  const ranges: [number, number][] = [
    [base, lowEnd],
    [highStart, head + 1],
  ];
  return ranges.filter(([first, end]) => first < end);
}

/** Blocks whose hash is in no run. */
export function unsealedCount(state: ChainState): number {
  return unsealedRanges(state).reduce((count, [first, end]) => count + end - first, 0);
}

export function isSealed(state: ChainState, height: number): boolean {
  return height >= state.sealedFrom && height < state.sealedBelow;
}

/** Identity of a store: schema version u32, hash of the genesis block. */
export function encodeIdentity(genesisHash: Uint8Array, version: number): Uint8Array {
  const bytes = new Uint8Array(4 + genesisHash.length);
  new DataView(bytes.buffer).setUint32(0, version, true);
  bytes.set(genesisHash, 4);
  return bytes;
}

/** Without a hash: the bound below all side blocks of a height. */
export function sideKey(height: number, hash: Uint8Array = new Uint8Array(0)): Uint8Array {
  const key = new Uint8Array(4 + hash.length);
  key.set(heightKey(height));
  key.set(hash, 4);
  return key;
}

/** Big endian, so that keys sort by height. */
export function heightKey(height: number): Uint8Array {
  const key = new Uint8Array(4);
  new DataView(key.buffer).setUint32(0, height);
  return key;
}

export function heightOfKey(key: Uint8Array): number {
  return new DataView(key.buffer, key.byteOffset, key.byteLength).getUint32(0);
}

export function tableKey(table: string, key: string): Uint8Array {
  return Buffer.from(`${table}\0${key}`);
}

/** Key of one value of a run; runs of one first byte are neighbours. */
export function runKey(firstByte: number, run: number): number {
  return firstByte * 0x100_0000 + run;
}

/**
 * Sorts the hashes of a run (32 bytes each, back to back) by their first byte: entries for each of the 256 values, empty ones
 * left out, views on one memory. In loops over numbers: all writes wait meanwhile, and there are 65,536 of them.
 */
export function runEntries(heights: Uint32Array, hashes: Uint8Array): Map<number, Uint8Array> {
  const ends = new Uint32Array(256);
  for (let at = 0; at < hashes.length; at += HASH_LENGTH) {
    const first = hashes[at] as number;
    ends[first] = (ends[first] as number) + 1;
  }
  const bytes = new Uint8Array(heights.length * ENTRY_BYTES);
  const entries = new Map<number, Uint8Array>();
  let start = 0;
  for (let first = 0; first < 256; first++) {
    const end = start + (ends[first] as number) * ENTRY_BYTES;
    if (end > start) entries.set(first, bytes.subarray(start, end));
    ends[first] = start;
    start = end;
  }
  const source = new DataView(hashes.buffer, hashes.byteOffset, hashes.byteLength);
  const target = new DataView(bytes.buffer);
  for (let index = 0, at = 0; index < heights.length; index++, at += HASH_LENGTH) {
    const first = hashes[at] as number;
    const to = ends[first] as number;
    target.setUint32(to, source.getUint32(at + 1));
    target.setUint32(to + 4, source.getUint32(at + 5));
    target.setUint32(to + TAG_BYTES, heights[index] as number, true);
    ends[first] = to + ENTRY_BYTES;
  }
  return entries;
}

/** Heights that entries give for a hash. */
export function* heightsIn(entries: Buffer, hash: Uint8Array): Generator<number> {
  const tag = hash.subarray(1, 1 + TAG_BYTES);
  for (let at = entries.indexOf(tag); at >= 0; at = entries.indexOf(tag, at + 1)) {
    if (at % ENTRY_BYTES === 0) yield entries.readUInt32LE(at + TAG_BYTES);
  }
}

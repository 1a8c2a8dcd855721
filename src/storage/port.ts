/**
 * The port of the disk: blocks by height and hash, side blocks, small tables, the last vote.
 * It knows bytes, heights and hashes, nothing of chain rules: what is valid is decided above, before it is written here.
 * Implementations are lmdb-store.ts (the disk) and memory.ts (its twin with simulated crashes); test/contract/block-store.ts
 * holds both to this text. Rejections and throws are always a `Failure`:
 *   DATA_LOSS           DATABASE_CORRUPT, RECORD_MISSING   the bytes on disk are not what was written
 *   DATA_LOSS           DISK_FAILED                        the system could not read or write; nothing was written
 *   RESOURCE_EXHAUSTED  DISK_FULL                          nothing was written; free space and try again
 *   FAILED_PRECONDITION NOT_CONTIGUOUS, …                  the request does not fit what is stored; nothing was written
 *   UNAVAILABLE         STORE_CLOSED, STORE_WRITER_DIED    this handle writes no more; open the store again
 */

import type { Failure } from "../kernel/errors.ts";

/** Bytes of a block hash. */
export const HASH_LENGTH = 32;

/** Greatest height a store can hold: keys are 32-bit integers. At one block a second that is 136 years. */
export const HEIGHT_MAX = 0xffff_fffe;

/** Most blocks in one batch. A longer one is refused with INVALID_ARGUMENT: a transaction would hold the writer too long. */
export const BATCH_BLOCKS_MAX = 4096;

/** Most bytes of records in one batch, 16 MiB: a segment is 1 MiB or one block of 2 MiB. A longer one is refused likewise. */
export const BATCH_BYTES_MAX = 16 * 1024 * 1024;

/** Most side blocks kept. Beyond it `putSide` is refused with RESOURCE_EXHAUSTED until `pruneSide` makes room. */
export const SIDE_BLOCKS_MAX = 4096;

/** Most bytes of side blocks kept, 256 MiB: 128 blocks of the largest size. Beyond it as above. */
export const SIDE_BYTES_MAX = 256 * 1024 * 1024;

/** Longest key of `meta` and of a table, in UTF-8 bytes. A longer one is refused with INVALID_ARGUMENT. */
export const KEY_BYTES_MAX = 512;

/** Largest value of `meta` and of a table. A larger one is refused with INVALID_ARGUMENT. */
export const VALUE_BYTES_MAX = 1024 * 1024;

/** Most writes that wait for the disk. At it a further one is refused with RESOURCE_EXHAUSTED / STORE_BUSY at once. */
export const PENDING_WRITES_MAX = 256;

/** A run of blocks, ascending and without gaps, as one transaction writes it. */
export interface AppendBatch {
  /** Height of the first record, at least 1: genesis is believed, never stored. */
  readonly firstHeight: number;
  /**
   * Records back to back. The underlying ArrayBuffer belongs to the store until the promise settles, every view of it
   * is detached meanwhile, and it comes back in the result; a rejected write may keep it.
   */
  readonly bytes: Uint8Array;
  /** count + 1 ascending offsets into `bytes`; record i is `bytes[offsets[i] … offsets[i + 1])`. */
  readonly offsets: Uint32Array;
  /** 32 bytes a block, in order. */
  readonly hashes: Uint8Array;
  /** New record of the block below `firstHeight`: its approval as its successor carries it. Must be stored already. */
  readonly parentRecord?: Uint8Array;
  /** Written in the same transaction; `undefined` deletes. */
  readonly meta?: MetaEntries;
}

/** Entries to write; `undefined` deletes the key. */
export type MetaEntries = ReadonlyMap<string, Uint8Array | undefined>;

/** What an append returns: the batch's `bytes`, attached again, to be filled anew. */
export interface Appended {
  readonly bytes: Uint8Array;
}

/** A height and the hash of the canonical block there. */
export interface BlockPoint {
  readonly height: number;
  readonly hash: Uint8Array;
}

/** A certified block that is not on the canonical chain. */
export interface SideBlock {
  readonly hash: Uint8Array;
  readonly height: number;
  readonly bytes: Uint8Array;
}

export interface StoreStats {
  /** Canonical blocks. */
  readonly blocks: number;
  readonly sideBlocks: number;
  readonly sideBytes: number;
  /** Bytes the database takes on disk, holes included. */
  readonly bytesOnDisk: number;
  /** Transactions made durable since this handle was opened. */
  readonly flushes: number;
  /** Writes that wait for the disk. */
  readonly pendingWrites: number;
  /** Milliseconds that the oldest of them waits; 0 without one. */
  readonly longestWaitMs: number;
}

/**
 * Blocks of one chain. Writes are carried out in the order of their calls, each in one transaction, and may be
 * pipelined: a batch is checked against what the writes before it leave, and if one of them fails, those that build
 * on it fail with NOT_CONTIGUOUS. Reads are synchronous and see exactly what is durable. Returned bytes are copies.
 */
export interface BlockStore {
  /**
   * Resolves with the Failure STORE_WRITER_DIED when this handle can write no more though nobody closed it. Never rejects. Another
   * promise after each `reopen`.
   */
  readonly died: Promise<Failure>;
  /**
   * Lets a handle whose writer died write again. Reads go on meanwhile; from the end on they see what is durable, which may be more
   * than was answered. Rejects with a Failure as opening does; may never settle where the writer died inside a transaction.
   */
  reopen(): Promise<void>;
  /** The greatest durable canonical block, `undefined` in an empty store. */
  head(): BlockPoint | undefined;
  /** Height of the lowest stored canonical block: 1, or above a checkpoint that was adopted and not yet back-filled. */
  base(): number | undefined;

  /** Adds blocks at head + 1; an empty store takes any first height. Resolves when the transaction is flushed. */
  append(batch: AppendBatch): Promise<Appended>;
  /** Adds blocks that end right below `base`: the history behind an adopted checkpoint. */
  prepend(batch: AppendBatch): Promise<Appended>;
  /**
   * In one transaction: canonical blocks above `height` move to the side table, then the batch (which starts at
   * height + 1, and may be empty) is appended; a block of the batch that was a side block is one no more.
   */
  replaceAbove(height: number, batch: AppendBatch): Promise<Appended>;
  /** Deletes canonical blocks above `height`, from the top, in bounded transactions; 0 empties the chain. For recovery. Gives their number. */
  truncateAbove(height: number): Promise<number>;

  readBlock(height: number): Uint8Array | undefined;
  /** Ascending records from `firstHeight`, at most `count` and `bytesMax`, but one at least if it exists. */
  readRange(firstHeight: number, count: number, bytesMax: number): Uint8Array[];
  hashAt(height: number): Uint8Array | undefined;
  /** Hashes of up to `count` blocks from `firstHeight`, back to back; shorter where the chain ends. */
  hashesBetween(firstHeight: number, count: number): Uint8Array;
  /** Height of a canonical block. */
  heightOf(hash: Uint8Array): number | undefined;

  putSide(hash: Uint8Array, height: number, bytes: Uint8Array): Promise<void>;
  readSide(hash: Uint8Array): SideBlock | undefined;
  sideBlocksAt(height: number): SideBlock[];
  /** Deletes side blocks below `belowHeight`; returns their number. */
  pruneSide(belowHeight: number): Promise<number>;

  readMeta(key: string): Uint8Array | undefined;
  /** All entries in one transaction. */
  writeMeta(entries: MetaEntries): Promise<void>;

  /** A small named table beside the chain ("peers", "bans"). What is in it is bounded by its user. */
  table(name: string): Table;

  /**
   * Checks that head, records, hashes and the hash index agree for the newest `depth` blocks. Throws a Failure
   * DATA_LOSS naming the first height that does not.
   */
  verify(depth?: number): void;
  stats(): StoreStats;
  /** Finishes the writes that wait, then lets go of the folder. Idempotent. */
  close(): Promise<void>;
}

/** A small table of bytes by name. Reads see what is durable. */
export interface Table {
  get(key: string): Uint8Array | undefined;
  /** All entries in one transaction; `undefined` deletes. */
  put(entries: MetaEntries): Promise<void>;
  delete(keys: Iterable<string>): Promise<void>;
  /** Ascending by UTF-8 bytes of the key. */
  entries(): Iterable<[string, Uint8Array]>;
}

/** Longest vote record. A longer one is a programmer error. */
export const VOTE_BYTES_MAX = 4096;

/**
 * The last vote this node signed, in a file of its own that no recovery of the chain touches. `record` is synchronous on
 * purpose: it returns only after fsync, so that no signature can leave before. Torn or altered content is a Failure
 * DATA_LOSS / VOTE_RECORD_CORRUPT at opening, never an empty store.
 */
export interface VoteStore {
  /** The bytes of the newest `record`, `undefined` if there was none ever. */
  last(): Uint8Array | undefined;
  /** Replaces the record durably. Throws a Failure if it cannot: then nothing may be signed. */
  record(bytes: Uint8Array): void;
  close(): void;
}

/**
 * The note that the member's key was seen elsewhere; while it is there nothing is signed. Synchronous as the vote record is,
 * and apart from it: a restored or moved record does not bring it back.
 */
export interface StopStore {
  /** Undefined: there is none. Bytes that are no note count as one. */
  read(): Uint8Array | undefined;
  /** Durable when it returns. Throws a Failure if it cannot be. */
  write(bytes: Uint8Array): void;
  /** As `write`. */
  clear(): void;
}

/**
 * The block store on LMDB. Reads are synchronous on the caller's thread, through its own read-only handle; writes go to
 * the thread of lmdb-writer.ts in transferred buffers, and their promises settle when the transaction is flushed.
 * It owns the folder: a lock keeps other processes out, an identity inside keeps other chains out.
 */
import { statSync } from "node:fs";
import { join } from "node:path";
import { assert, type Failure, failure } from "../kernel/errors.ts";
import { makeFolder } from "../kernel/ports/folder.ts";
import { type DirectoryLock, lockDirectory } from "./directory-lock.ts";
import { HashTail } from "./hash-tail.ts";
import { type Databases, openDatabases } from "./lmdb.ts";
import { checkDatabaseFile } from "./lmdb-file.ts";
import { copyHashes } from "./lmdb-hashes.ts";
import {
  type ChainState,
  DATABASE_FILE,
  heightOfKey,
  heightsIn,
  isSealed,
  MAP_BYTES,
  RUN_BLOCKS,
  runKey,
  sideKey,
  tableKey,
  unsealedCount,
  unsealedRanges,
} from "./lmdb-layout.ts";
import { factsOf, failureOf } from "./lmdb-messages.ts";
import { WriterThread } from "./lmdb-thread.ts";
import {
  type AppendBatch,
  type Appended,
  type BlockPoint,
  type BlockStore,
  HASH_LENGTH,
  type MetaEntries,
  type SideBlock,
  type StoreStats,
  type Table,
} from "./port.ts";
import {
  batchWrite,
  entriesOf,
  isHeight,
  META_TABLE,
  TRUNCATE_BLOCKS_MAX,
  type WriteRequest,
} from "./writes.ts";

/** Blocks that opening a store checks. */
const VERIFY_BLOCKS = 1024;

export interface LmdbStoreOptions {
  /** Folder of this store alone; made if missing. */
  readonly folder: string;
  /** 32 bytes: the chain's identity. A store of another one is refused with GENESIS_MISMATCH. */
  readonly genesisHash: Uint8Array;
  /** Address space to reserve, default MAP_BYTES. */
  readonly mapBytes?: number;
  /** Blocks in a run of the hash index, default RUN_BLOCKS. For tests. */
  readonly runBlocks?: number;
  /**
   * False: what the newest blocks are like is not looked at, and `heightOf` does not find them. For recovery alone, which
   * has to open what is damaged. Default true.
   */
  readonly isVerified?: boolean;
}

/**
 * Opens a store, or makes an empty one. Rejects with a Failure: FAILED_PRECONDITION (DATA_DIRECTORY_LOCKED,
 * GENESIS_MISMATCH, SCHEMA_NEWER, SCHEMA_OLDER), DATA_LOSS (DATABASE_CORRUPT, naming the file), RESOURCE_EXHAUSTED (DISK_FULL).
 * Nothing is ever deleted or repaired here.
 */
export async function openLmdbStore(options: LmdbStoreOptions): Promise<BlockStore> {
  const { folder, genesisHash, mapBytes = MAP_BYTES, runBlocks = RUN_BLOCKS, isVerified = true } = options;
  assert(genesisHash.length === HASH_LENGTH, "genesis hash is 32 bytes long");
  makeFolder(folder);
  const lock = lockDirectory(folder);
  try {
    const file = join(folder, DATABASE_FILE);
    checkDatabaseFile(file);
    const newWriter = () => new WriterThread({ folder, genesisHash, mapBytes, runBlocks });
    const writer = newWriter();
    try {
      const state = await writer.opened;
      const databases = openDatabases(folder, mapBytes, true);
      const store = new LmdbStore({ databases, lock, file, newWriter }, writer, state);
      if (!isVerified) return store;
      store.collectTail();
      store.verify();
      return store;
    } catch (thrown) {
      await writer.close();
      throw thrown;
    }
  } catch (thrown) {
    lock.release();
    throw asOpenFailure(thrown, folder);
  }
}

/** What outlives a writer of the store. */
interface LmdbStoreParts {
  readonly databases: Databases;
  readonly lock: DirectoryLock;
  readonly file: string;
  newWriter(): WriterThread;
}

class LmdbStore implements BlockStore {
  readonly #databases: Databases;
  readonly #lock: DirectoryLock;
  readonly #file: string;
  readonly #newWriter: () => WriterThread;
  #writer: WriterThread;
  /** Transactions that earlier writers flushed. */
  #flushesBefore = 0;
  readonly #tail = new HashTail();
  #state: ChainState;
  #closing: Promise<void> | undefined;

  constructor({ databases, lock, file, newWriter }: LmdbStoreParts, writer: WriterThread, state: ChainState) {
    this.#databases = databases;
    this.#lock = lock;
    this.#file = file;
    this.#newWriter = newWriter;
    this.#writer = writer;
    this.#state = state;
    writer.onFlushed = (requests, after) => this.#adopt(requests, after);
  }

  get died(): Promise<Failure> {
    return this.#writer.died;
  }

  async reopen(): Promise<void> {
    const writer = this.#newWriter();
    const state = await writer.opened;
    if (this.#closing !== undefined) {
      await writer.close();
      throw failure("UNAVAILABLE", "STORE_CLOSED", "the store is closed");
    }
    this.#flushesBefore += this.#writer.flushes;
    this.#writer = writer;
    this.#state = state;
    writer.onFlushed = (requests, after) => this.#adopt(requests, after);
    this.#databases.environment.resetReadTxn();
    this.#tail.clear();
    this.collectTail();
    this.verify();
  }

  head(): BlockPoint | undefined {
    const { head } = this.#state;
    const hash = head === 0 ? undefined : this.hashAt(head);
    return hash === undefined ? undefined : { height: head, hash };
  }

  base(): number | undefined {
    return this.#state.base === 0 ? undefined : this.#state.base;
  }

  append(batch: AppendBatch): Promise<Appended> {
    return this.#writeBatch({ kind: "append", batch: batchWrite(batch) });
  }

  prepend(batch: AppendBatch): Promise<Appended> {
    return this.#writeBatch({ kind: "prepend", batch: batchWrite(batch) });
  }

  replaceAbove(height: number, batch: AppendBatch): Promise<Appended> {
    return this.#writeBatch({ kind: "replace", above: height, batch: batchWrite(batch) });
  }

  async truncateAbove(height: number): Promise<number> {
    let removed = 0;
    for (;;) {
      const { value } = await this.#writer.write({ kind: "truncate", above: height });
      removed += value;
      if (value < TRUNCATE_BLOCKS_MAX) return removed;
    }
  }

  readBlock(height: number): Uint8Array | undefined {
    return this.#read(() => this.#record(height));
  }

  readRange(firstHeight: number, count: number, bytesMax: number): Uint8Array[] {
    return this.#read(() => {
      const records: Uint8Array[] = [];
      let bytes = 0;
      for (let height = firstHeight; height < firstHeight + count; height++) {
        const record = this.#record(height);
        if (record === undefined) break;
        bytes += record.length;
        if (bytes > bytesMax && records.length > 0) break;
        records.push(record);
      }
      return records;
    });
  }

  hashAt(height: number): Uint8Array | undefined {
    const hashes = this.hashesBetween(height, 1);
    return hashes.length === 0 ? undefined : hashes;
  }

  hashesBetween(firstHeight: number, count: number): Uint8Array {
    if (!this.#isStored(firstHeight) || count < 1) return new Uint8Array(0);
    const end = Math.min(firstHeight + count, this.#state.head + 1);
    return this.#read(() => this.#hashes(firstHeight, end));
  }

  heightOf(hash: Uint8Array): number | undefined {
    if (hash.length !== HASH_LENGTH) return undefined;
    const recent = this.#tail.get(hash);
    if (recent !== undefined && this.#hasHash(recent, hash)) return recent;
    return this.#read(() => this.#sealedHeightOf(hash));
  }

  async putSide(hash: Uint8Array, height: number, bytes: Uint8Array): Promise<void> {
    await this.#writer.write({ kind: "putSide", hash, height, bytes });
  }

  readSide(hash: Uint8Array): SideBlock | undefined {
    if (hash.length !== HASH_LENGTH) return undefined;
    return this.#read(() => {
      const key = this.#databases.sides.getBinary(hash);
      if (key === undefined) return undefined;
      const height = heightOfKey(key);
      const record = this.#databases.side.getBinary(sideKey(height, hash));
      if (record === undefined) throw missing(this.#file, `side block at ${height}`);
      return { hash: new Uint8Array(hash), height, bytes: plain(record) };
    });
  }

  sideBlocksAt(height: number): SideBlock[] {
    if (!isHeight(height)) return [];
    const start = sideKey(height);
    const end = sideKey(height + 1);
    return this.#read(() =>
      Array.from(this.#databases.side.getRange({ start, end }), ({ key, value }) => ({
        hash: new Uint8Array(key.subarray(4)),
        height,
        bytes: new Uint8Array(value),
      })),
    );
  }

  async pruneSide(belowHeight: number): Promise<number> {
    return (await this.#writer.write({ kind: "pruneSide", below: belowHeight })).value;
  }

  readMeta(key: string): Uint8Array | undefined {
    return this.table(META_TABLE).get(key);
  }

  writeMeta(entries: MetaEntries): Promise<void> {
    return this.table(META_TABLE).put(entries);
  }

  table(name: string): Table {
    const put = async (entries: MetaEntries) => {
      await this.#writer.write({ kind: "entries", table: name, entries: entriesOf(entries) });
    };
    return {
      put,
      get: (key) =>
        this.#read(() => {
          const value = this.#databases.tables.getBinary(tableKey(name, key));
          return value === undefined ? undefined : plain(value);
        }),
      delete: (keys) => put(new Map(Array.from(keys, (key) => [key, undefined]))),
      entries: () => this.#read(() => this.#tableEntries(name)),
    };
  }

  verify(depth = VERIFY_BLOCKS): void {
    const { base, head } = this.#state;
    this.#read(() => {
      if (this.#databases.blocks.getBinary(head + 1) !== undefined) {
        throw failure("DATA_LOSS", "DATABASE_CORRUPT", `${this.#file}: a block lies above the head ${head}`);
      }
      if (head === 0) return;
      for (const height of [base, ...heightsDown(head, Math.max(base, head - depth + 1))]) {
        this.#record(height);
        const hash = this.#hashes(height, height + 1);
        if (this.heightOf(hash) !== height) throw missing(this.#file, `index entry of block ${height}`);
      }
    });
  }

  stats(): StoreStats {
    const { base, head, sideBlocks, sideBytes } = this.#state;
    return {
      blocks: head === 0 ? 0 : head - base + 1,
      sideBlocks,
      sideBytes,
      bytesOnDisk: statSync(this.#file).size,
      flushes: this.#flushesBefore + this.#writer.flushes,
      pendingWrites: this.#writer.pendingWrites,
      longestWaitMs: this.#writer.longestWaitMs,
    };
  }

  close(): Promise<void> {
    this.#closing ??= (async () => {
      await this.#writer.close();
      await this.#databases.environment.close();
      this.#lock.release();
    })();
    return this.#closing;
  }

  async #writeBatch(request: WriteRequest & { batch: unknown }): Promise<Appended> {
    const { bytes } = await this.#writer.write(request);
    assert(bytes !== undefined, "a written batch gives its buffer back");
    return { bytes };
  }

  /** Takes over what the writer flushed, before anybody hears of it. */
  #adopt(requests: readonly WriteRequest[], after: ChainState): void {
    const before = this.#state;
    this.#state = after;
    this.#databases.environment.resetReadTxn();
    for (const request of requests) {
      if (request.kind === "replace") this.#tail.removeWhere((height) => height > request.above);
      if ("batch" in request) this.#tail.add(request.batch.firstHeight, request.batch.hashes);
    }
    if (after.head < before.head) this.#tail.removeWhere((height) => height > after.head);
    if (after.runs === before.runs) return;
    if (unsealedCount(after) === 0) this.#tail.clear();
    else this.#tail.removeWhere((height) => isSealed(after, height));
  }

  /** Hashes that are in no run of the index yet. Once, before anybody asks for heights. */
  collectTail(): void {
    for (const [first, end] of unsealedRanges(this.#state)) this.#tail.add(first, this.#hashes(first, end));
  }

  #isStored(height: number): boolean {
    return isHeight(height) && height >= this.#state.base && height <= this.#state.head;
  }

  #record(height: number): Uint8Array | undefined {
    if (!this.#isStored(height)) return undefined;
    const record = this.#databases.blocks.getBinary(height);
    if (record === undefined) throw missing(this.#file, `block ${height}`);
    return plain(record);
  }

  /** Hashes of stored heights `[first, end)`. */
  #hashes(first: number, end: number): Uint8Array {
    const hashes = new Uint8Array((end - first) * HASH_LENGTH);
    const lost = copyHashes(this.#databases.hashes, first, end, hashes);
    if (lost !== undefined) throw missing(this.#file, `hash of block ${lost}`);
    return hashes;
  }

  #hasHash(height: number, hash: Uint8Array): boolean {
    const stored = this.hashAt(height);
    return stored !== undefined && Buffer.compare(stored, hash) === 0;
  }

  #sealedHeightOf(hash: Uint8Array): number | undefined {
    const first = hash[0] ?? 0;
    // The newest first: most questions are about recent blocks.
    for (let run = this.#state.runs - 1; run >= 0; run--) {
      // The library's own buffer, good until the next read: heights are taken out of it before they are looked at.
      const shared = this.#databases.index.getBinaryFast(runKey(first, run));
      if (shared === undefined) continue;
      for (const height of [...heightsIn(shared.subarray(0, shared.length), hash)]) {
        if (this.#hasHash(height, hash)) return height;
      }
    }
    return undefined;
  }

  #tableEntries(name: string): [string, Uint8Array][] {
    const start = tableKey(name, "");
    const end = Buffer.from(`${name}\x01`);
    return Array.from(this.#databases.tables.getRange({ start, end }), ({ key, value }) => [
      Buffer.from(key.subarray(start.length)).toString(),
      new Uint8Array(value),
    ]);
  }

  /** Runs a read; whatever the database throws becomes a Failure. */
  #read<T>(read: () => T): T {
    if (this.#closing !== undefined) throw failure("UNAVAILABLE", "STORE_CLOSED", "the store is closed");
    try {
      return read();
    } catch (thrown) {
      throw failureOf(factsOf(thrown));
    }
  }
}

function* heightsDown(from: number, to: number): Generator<number> {
  for (let height = from; height >= to; height--) yield height;
}

/** Buffers are copies of their own here; the type is hidden so that equal bytes are equal. */
function plain(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
}

function missing(file: string, what: string): Failure {
  return failure("DATA_LOSS", "RECORD_MISSING", `${file}: ${what} is missing`);
}

function asOpenFailure(thrown: unknown, folder: string): Failure {
  const facts = factsOf(thrown);
  if (facts.reason !== "STORE_FAILED") return failureOf(facts);
  return failure(facts.code, "STORE_OPEN_FAILED", `${folder}: ${facts.message}`);
}

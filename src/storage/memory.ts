/**
 * The twin of the disk in memory, with the same answers and the crashes that tests and the simulation ask for. A
 * `MemoryDisk` outlives the stores opened on it, as a disk outlives a process: writes wait in it until a scheduler's turn
 * flushes them, `crash` decides which of those that waited survive, and the next `openMemoryStore` finds what is left.
 */
import { assert, assertNever, type Failure, failure } from "../kernel/errors.ts";
import type { Scheduler } from "../kernel/ports/scheduler.ts";
import { MemoryChain, type MemoryReply } from "./memory-chain.ts";
import {
  type AppendBatch,
  type Appended,
  type BlockPoint,
  type BlockStore,
  HASH_LENGTH,
  type MetaEntries,
  PENDING_WRITES_MAX,
  type SideBlock,
  type StopStore,
  type StoreStats,
  type Table,
  VOTE_BYTES_MAX,
  type VoteStore,
} from "./port.ts";
import {
  type BatchWrite,
  batchWrite,
  type Entries,
  entriesOf,
  META_TABLE,
  malformation,
  TRUNCATE_BLOCKS_MAX,
  type WriteRequest,
} from "./writes.ts";

export interface CrashOptions {
  /** How many of the writes that wait reach the disk before it, in order; default none. */
  readonly survivors?: number;
  /** Whether the write after those leaves its first half: what LMDB never does, and `verify` must find. */
  readonly isTorn?: boolean;
}

interface Waiting {
  readonly request: WriteRequest;
  resolve(reply: MemoryReply): void;
  reject(thrown: Error): void;
}

/** What survives a crash. One store at a time is open on it. */
export class MemoryDisk {
  readonly chain = new MemoryChain();
  readonly votes = new Map<string, Uint8Array>();
  /** The store that is open, if any; a crash takes it away. */
  holder: MemoryStore | undefined;
  genesisHash: Uint8Array | undefined;
  /** True: every write fails with DISK_FULL and changes nothing. */
  isFull = false;
  flushes = 0;
  readonly #waiting: Waiting[] = [];

  get pendingWrites(): number {
    return this.#waiting.length;
  }

  enqueue(waiting: Waiting): void {
    this.#waiting.push(waiting);
  }

  /** Makes the oldest write that waits durable and answers it. */
  flushNext(): void {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) return;
    if (this.isFull) {
      waiting.reject(failure("RESOURCE_EXHAUSTED", "DISK_FULL", "the simulated disk is full"));
      return;
    }
    const reply = this.chain.apply(waiting.request);
    if (reply instanceof Error) waiting.reject(reply);
    else {
      this.flushes++;
      waiting.resolve(reply);
    }
  }

  /** The writer of the store that is open ends: writes that wait are refused and lost, and it writes no more. */
  killWriter(): void {
    const cause = failure("UNAVAILABLE", "STORE_WRITER_DIED", "the block store's writer ended");
    this.holder?.loseWriter(cause);
    for (const { reject } of this.#waiting.splice(0)) reject(cause);
  }

  /** The process is gone: writes that wait are lost but for the survivors, and nobody is answered. */
  crash({ survivors = 0, isTorn = false }: CrashOptions = {}): void {
    const lost = this.#waiting.splice(0);
    for (const { request } of lost.slice(0, survivors)) this.chain.apply(request);
    const torn = lost[survivors]?.request;
    if (isTorn && torn !== undefined && "batch" in torn) this.chain.tear(torn.batch);
    this.holder = undefined;
  }
}

export interface MemoryStoreOptions {
  readonly disk: MemoryDisk;
  readonly genesisHash: Uint8Array;
  /** Each write is flushed in a turn of its own. */
  readonly scheduler: Scheduler;
}

/** Opens the store on a simulated disk. Throws what the real one rejects with. */
export function openMemoryStore({ disk, genesisHash, scheduler }: MemoryStoreOptions): BlockStore {
  assert(genesisHash.length === HASH_LENGTH, "genesis hash is 32 bytes long");
  if (disk.holder !== undefined) {
    throw failure("FAILED_PRECONDITION", "DATA_DIRECTORY_LOCKED", "the simulated disk is in use");
  }
  if (disk.genesisHash !== undefined && Buffer.compare(disk.genesisHash, genesisHash) !== 0) {
    throw failure("FAILED_PRECONDITION", "GENESIS_MISMATCH", "the simulated disk holds another chain");
  }
  disk.genesisHash = new Uint8Array(genesisHash);
  disk.chain.verify(Number.POSITIVE_INFINITY);
  const store = new MemoryStore(disk, scheduler);
  disk.holder = store;
  return store;
}

class MemoryStore implements BlockStore {
  readonly #disk: MemoryDisk;
  readonly #scheduler: Scheduler;
  readonly #flushesBefore: number;
  #last: Promise<unknown> = Promise.resolve();
  #isClosed = false;
  #death = Promise.withResolvers<Failure>();
  #lost: Failure | undefined;

  constructor(disk: MemoryDisk, scheduler: Scheduler) {
    this.#disk = disk;
    this.#scheduler = scheduler;
    this.#flushesBefore = disk.flushes;
  }

  get died(): Promise<Failure> {
    return this.#death.promise;
  }

  async reopen(): Promise<void> {
    if (this.#isClosed || this.#disk.holder !== this) throw closed();
    this.#disk.chain.verify(Number.POSITIVE_INFINITY);
    this.#death = Promise.withResolvers<Failure>();
    this.#lost = undefined;
  }

  head(): BlockPoint | undefined {
    const { head } = this.#chain.extent;
    const hash = this.hashAt(head);
    return hash === undefined ? undefined : { height: head, hash };
  }

  base(): number | undefined {
    const { base } = this.#chain.extent;
    return base === 0 ? undefined : base;
  }

  async append(batch: AppendBatch): Promise<Appended> {
    return this.#writeBatch({ kind: "append", batch: batchWrite(batch) });
  }

  async prepend(batch: AppendBatch): Promise<Appended> {
    return this.#writeBatch({ kind: "prepend", batch: batchWrite(batch) });
  }

  async replaceAbove(height: number, batch: AppendBatch): Promise<Appended> {
    return this.#writeBatch({ kind: "replace", above: height, batch: batchWrite(batch) });
  }

  async truncateAbove(height: number): Promise<number> {
    let removed = 0;
    for (;;) {
      const { value } = await this.#write({ kind: "truncate", above: height });
      removed += value;
      if (value < TRUNCATE_BLOCKS_MAX) return removed;
    }
  }

  readBlock(height: number): Uint8Array | undefined {
    return this.#open().record(height)?.slice();
  }

  readRange(firstHeight: number, count: number, bytesMax: number): Uint8Array[] {
    const records: Uint8Array[] = [];
    let bytes = 0;
    for (let height = firstHeight; height < firstHeight + count; height++) {
      const record = this.#open().record(height);
      if (record === undefined) break;
      bytes += record.length;
      if (bytes > bytesMax && records.length > 0) break;
      records.push(record.slice());
    }
    return records;
  }

  hashAt(height: number): Uint8Array | undefined {
    return this.#open().hashAt(height)?.slice();
  }

  hashesBetween(firstHeight: number, count: number): Uint8Array {
    const hashes: Uint8Array[] = [];
    for (let height = firstHeight; height < firstHeight + count; height++) {
      const hash = this.#open().hashAt(height);
      if (hash === undefined) break;
      hashes.push(hash);
    }
    return new Uint8Array(Buffer.concat(hashes));
  }

  heightOf(hash: Uint8Array): number | undefined {
    return this.#open().heightOf(hash);
  }

  async putSide(hash: Uint8Array, height: number, bytes: Uint8Array): Promise<void> {
    await this.#write({ kind: "putSide", hash: hash.slice(), height, bytes: bytes.slice() });
  }

  readSide(hash: Uint8Array): SideBlock | undefined {
    const side = this.#open().side(hash);
    return side === undefined ? undefined : copyOf(side);
  }

  sideBlocksAt(height: number): SideBlock[] {
    return this.#open().sideBlocksAt(height).map(copyOf);
  }

  async pruneSide(belowHeight: number): Promise<number> {
    return (await this.#write({ kind: "pruneSide", below: belowHeight })).value;
  }

  readMeta(key: string): Uint8Array | undefined {
    return this.table(META_TABLE).get(key);
  }

  writeMeta(entries: MetaEntries): Promise<void> {
    return this.table(META_TABLE).put(entries);
  }

  table(name: string): Table {
    const put = async (entries: MetaEntries) => {
      await this.#write({ kind: "entries", table: name, entries: copyEntries(entriesOf(entries)) });
    };
    return {
      put,
      get: (key) => this.#open().entry(name, key)?.slice(),
      delete: (keys) => put(new Map(Array.from(keys, (key) => [key, undefined]))),
      entries: () => this.#open().entries(name),
    };
  }

  verify(depth = Number.POSITIVE_INFINITY): void {
    this.#open().verify(depth);
  }

  stats(): StoreStats {
    const { base, head, sideBlocks, sideBytes } = this.#chain.extent;
    return {
      blocks: head === 0 ? 0 : head - base + 1,
      sideBlocks,
      sideBytes,
      bytesOnDisk: this.#chain.bytes,
      flushes: this.#disk.flushes - this.#flushesBefore,
      pendingWrites: this.#disk.pendingWrites,
      longestWaitMs: 0,
    };
  }

  /** What waited is refused by the disk. A closed store has no writer to lose. */
  loseWriter(cause: Failure): void {
    if (this.#isClosed || this.#lost !== undefined) return;
    this.#lost = cause;
    this.#death.resolve(cause);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    // After a crash nobody answers the writes that waited.
    if (this.#disk.holder !== this) return;
    await this.#last;
    this.#disk.holder = undefined;
  }

  get #chain(): MemoryChain {
    return this.#disk.chain;
  }

  /** The chain, unless this store is closed or its process crashed. */
  #open(): MemoryChain {
    if (this.#isClosed || this.#disk.holder !== this) throw closed();
    return this.#chain;
  }

  async #writeBatch(request: WriteRequest & { batch: BatchWrite }): Promise<Appended> {
    const { bytes } = await this.#write(request);
    assert(bytes !== undefined, "a written batch gives its buffer back");
    return { bytes };
  }

  #write(request: WriteRequest): Promise<MemoryReply> {
    if (this.#isClosed || this.#disk.holder !== this) return Promise.reject(closed());
    const refusal = this.#lost ?? malformation(request);
    if (refusal !== undefined) return Promise.reject(refusal);
    if (this.#disk.pendingWrites >= PENDING_WRITES_MAX) {
      return Promise.reject(failure("RESOURCE_EXHAUSTED", "STORE_BUSY", "too many writes wait for the disk"));
    }
    const { promise, resolve, reject } = Promise.withResolvers<MemoryReply>();
    this.#disk.enqueue({ request: takeOver(request), resolve, reject });
    this.#scheduler.defer(() => {
      if (this.#disk.holder === this) this.#disk.flushNext();
    });
    this.#last = promise.catch(() => undefined);
    return promise;
  }
}

/** Detaches the caller's buffer, as the transfer to a writer thread does, and copies everything else. */
function takeOver(request: WriteRequest): WriteRequest {
  switch (request.kind) {
    case "append":
    case "prepend":
    case "replace":
      return { ...request, batch: takeOverBatch(request.batch) };
    case "truncate":
    case "putSide":
    case "pruneSide":
    case "entries":
      return request;
    default:
      return assertNever(request);
  }
}

function takeOverBatch(batch: BatchWrite): BatchWrite {
  const { firstHeight, offsets, hashes, parentRecord, meta } = batch;
  const copies = {
    firstHeight,
    offsets: offsets.slice(),
    hashes: hashes.slice(),
    parentRecord: parentRecord?.slice(),
    meta: copyEntries(meta),
  };
  return {
    ...copies,
    bytes: structuredClone(batch.bytes, { transfer: [batch.bytes.buffer as ArrayBuffer] }),
  };
}

function copyEntries(entries: Entries): Entries {
  return entries.map(([key, value]) => [key, value?.slice()] as const);
}

function copyOf({ hash, height, bytes }: SideBlock): SideBlock {
  return { hash: hash.slice(), height, bytes: bytes.slice() };
}

function closed(): Error {
  return failure("UNAVAILABLE", "STORE_CLOSED", "the store is closed");
}

/** The twin of the vote file: durable at once, and damaged when a test damages `disk.votes`. */
export function openMemoryVotes(disk: MemoryDisk, name = "votes"): VoteStore {
  return {
    last: () => disk.votes.get(name)?.slice(),
    record(bytes) {
      assert(bytes.length <= VOTE_BYTES_MAX, `vote record of ${bytes.length} bytes`);
      if (disk.isFull) throw failure("RESOURCE_EXHAUSTED", "DISK_FULL", "the simulated disk is full");
      disk.votes.set(name, bytes.slice());
    },
    close() {},
  };
}

/** The twin of the stop file, on the same disk as the votes. */
export function openMemoryStop(disk: MemoryDisk, name = "stop"): StopStore {
  const checked = (): void => {
    if (disk.isFull) throw failure("RESOURCE_EXHAUSTED", "DISK_FULL", "the simulated disk is full");
  };
  return {
    read: () => disk.votes.get(name)?.slice(),
    write(bytes) {
      checked();
      disk.votes.set(name, bytes.slice());
    },
    clear() {
      checked();
      disk.votes.delete(name);
    },
  };
}

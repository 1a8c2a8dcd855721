/**
 * The writer thread of lmdb-store.ts: the only one that changes the database, so that the event loop never waits for a disk.
 * Requests that wait when it looks are carried out in one transaction (each whole or refused), which is flushed before
 * any of them is answered: two flushes cost 0.6 ms, so a pipeline of two batches is half again as fast as one by one.
 */
import { statfsSync } from "node:fs";
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { assert, assertNever, type Failure, failure } from "../kernel/errors.ts";
import { type Databases, openDatabases } from "./lmdb.ts";
import { copyHashes } from "./lmdb-hashes.ts";
import {
  CHUNK_BYTES,
  CHUNK_HASHES,
  type ChainState,
  encodeState,
  heightKey,
  heightOfKey,
  RUNS_MAX,
  runEntries,
  runKey,
  sideKey,
  tableKey,
  unsealedCount,
  unsealedRanges,
} from "./lmdb-layout.ts";
import {
  diskFull,
  type FailureFacts,
  type FromWriter,
  factsOf,
  type ToWriter,
  type WriteResult,
  type WriterOptions,
} from "./lmdb-messages.ts";
import { openState } from "./lmdb-schema.ts";
import { HASH_LENGTH, SIDE_BLOCKS_MAX, SIDE_BYTES_MAX } from "./port.ts";
import {
  type BatchWrite,
  countOf,
  type Entries,
  misfit,
  TRUNCATE_BLOCKS_MAX,
  type WriteRequest,
} from "./writes.ts";

/** Most requests in one transaction. The others wait for the next. */
const GROUP_MAX = 16;

/** Free bytes below which a failed write is put down to a full disk: a group of large batches needs no more. */
const ROOM_BYTES_MIN = 64 * 1024 * 1024;

class Writer {
  readonly #databases: Databases;
  readonly #folder: string;
  readonly #runBlocks: number;
  #state: ChainState;
  #flushes = 0;

  constructor(databases: Databases, state: ChainState, { folder, runBlocks }: WriterOptions) {
    this.#databases = databases;
    this.#state = state;
    this.#folder = folder;
    this.#runBlocks = runBlocks;
  }

  get state(): ChainState {
    return this.#state;
  }

  /** Transactions flushed. */
  get flushes(): number {
    return this.#flushes;
  }

  /** Carries out a group in one durable transaction. If it cannot be committed, nothing changed and all have failed. */
  write(group: readonly { id: number; request: WriteRequest }[]): WriteResult[] {
    const before = this.#state;
    try {
      const results = this.#databases.environment.transactionSync(() => {
        const results = group.map(({ id, request }) => this.#apply(id, request));
        if (unsealedCount(this.#state) >= this.#runBlocks && this.#state.runs < RUNS_MAX) this.#seal();
        if (this.#state !== before) this.#databases.state.putSync("chain", encodeState(this.#state));
        return results;
      });
      this.#flushes++;
      return results;
    } catch (thrown) {
      this.#state = before;
      // One that cannot be carried out must not fail its neighbours.
      if (group.length > 1) return group.flatMap((one) => this.write([one]));
      const facts = this.#diagnose(factsOf(thrown));
      return group.map(({ id }) => ({ id, failure: facts }));
    }
  }

  /** Tells a full disk from a failing one. */
  #diagnose(facts: FailureFacts): FailureFacts {
    if (facts.reason !== "DISK_FAILED") return facts;
    const { bavail, bsize } = statfsSync(this.#folder);
    return bavail * bsize < ROOM_BYTES_MIN ? diskFull("no space left on device") : facts;
  }

  #apply(id: number, request: WriteRequest): WriteResult {
    const refusal = misfit(request, this.#state);
    if (refusal !== undefined) return { id, failure: factsOf(refusal) };
    switch (request.kind) {
      case "append":
      case "prepend":
        this.#putBatch(request.batch, request.kind === "append");
        return { id, value: 0, bytes: request.batch.bytes };
      case "replace":
        this.#moveAside(request.above, request.batch);
        this.#putBatch(request.batch, true);
        return { id, value: 0, bytes: request.batch.bytes };
      case "truncate":
        return { id, value: this.#truncate(request.above), bytes: undefined };
      case "putSide":
        this.#putSide(request.hash, request.height, request.bytes);
        return { id, value: 0, bytes: undefined };
      case "pruneSide":
        return { id, value: this.#pruneSide(request.below), bytes: undefined };
      case "entries":
        this.#putEntries(request.table, request.entries);
        return { id, value: 0, bytes: undefined };
      default:
        return assertNever(request);
    }
  }

  #putBatch(batch: BatchWrite, isAtHead: boolean): void {
    const { firstHeight, bytes, offsets } = batch;
    const count = countOf(batch);
    const { blocks } = this.#databases;
    if (batch.parentRecord !== undefined) blocks.putSync(firstHeight - 1, batch.parentRecord);
    for (let i = 0; i < count; i++) {
      const record = bytes.subarray(offsets[i], offsets[i + 1]);
      // `append` fills pages to the brim instead of splitting them in half.
      if (isAtHead) blocks.putSync(firstHeight + i, record, { append: true });
      else blocks.putSync(firstHeight + i, record);
    }
    this.#putHashes(firstHeight, batch.hashes);
    this.#putEntries("meta", batch.meta);
    if (count === 0) return;
    const { base, head, sealedFrom, sealedBelow } = this.#state;
    // The first block of an empty store starts an empty sealed range right there.
    const sealed =
      head === 0 ? { sealedFrom: firstHeight, sealedBelow: firstHeight } : { sealedFrom, sealedBelow };
    this.#state = {
      ...this.#state,
      ...sealed,
      base: head === 0 ? firstHeight : Math.min(base, firstHeight),
      head: Math.max(head, firstHeight + count - 1),
    };
  }

  #putHashes(firstHeight: number, hashes: Uint8Array): void {
    const { hashes: chunks } = this.#databases;
    const end = firstHeight + hashes.length / HASH_LENGTH;
    for (let height = firstHeight; height < end; ) {
      const chunk = Math.floor(height / CHUNK_HASHES);
      const stop = Math.min(end, (chunk + 1) * CHUNK_HASHES);
      const isWhole = stop - height === CHUNK_HASHES;
      const stored = isWhole ? undefined : chunks.getBinary(chunk);
      const value = new Uint8Array(CHUNK_BYTES);
      if (stored !== undefined) value.set(stored);
      const part = hashes.subarray((height - firstHeight) * HASH_LENGTH, (stop - firstHeight) * HASH_LENGTH);
      value.set(part, (height % CHUNK_HASHES) * HASH_LENGTH);
      chunks.putSync(chunk, value);
      height = stop;
    }
  }

  /** Writes all hashes that are in no run as the next run. */
  #seal(): void {
    const { base, head, runs } = this.#state;
    const count = unsealedCount(this.#state);
    const heights = new Uint32Array(count);
    const hashes = new Uint8Array(count * HASH_LENGTH);
    let at = 0;
    for (const [first, end] of unsealedRanges(this.#state)) {
      const lost = copyHashes(this.#databases.hashes, first, end, hashes.subarray(at * HASH_LENGTH));
      if (lost !== undefined) throw missing(`hash of block ${lost}`);
      for (let height = first; height < end; height++) heights[at++] = height;
    }
    for (const [firstByte, entries] of runEntries(heights, hashes)) {
      this.#databases.index.putSync(runKey(firstByte, runs), entries);
    }
    this.#state = { ...this.#state, sealedFrom: base, sealedBelow: head + 1, runs: runs + 1 };
  }

  #chunk: { readonly number: number; readonly bytes: Uint8Array } | undefined;

  #hashAt(height: number): Uint8Array {
    const number = Math.floor(height / CHUNK_HASHES);
    if (this.#chunk?.number !== number || height % CHUNK_HASHES === 0) {
      const bytes = this.#databases.hashes.getBinary(number);
      assertStored(bytes, `hash of block ${height}`);
      this.#chunk = { number, bytes };
    }
    const at = (height % CHUNK_HASHES) * HASH_LENGTH;
    return this.#chunk.bytes.subarray(at, at + HASH_LENGTH);
  }

  /** Moves canonical blocks above a height to the side table, and takes those of the batch out of it. */
  #moveAside(above: number, batch: BatchWrite): void {
    this.#chunk = undefined;
    for (let height = this.#state.head; height > above; height--) {
      const record = this.#databases.blocks.getBinary(height);
      assertStored(record, `block ${height}`);
      this.#putSide(this.#hashAt(height), height, record);
      this.#databases.blocks.removeSync(height);
    }
    this.#lowerHead(above);
    for (let at = 0; at < batch.hashes.length; at += HASH_LENGTH) {
      this.#removeSide(batch.hashes.subarray(at, at + HASH_LENGTH));
    }
    this.#evictSide();
  }

  #truncate(above: number): number {
    const { head, base } = this.#state;
    if (head === 0 || above >= head) return 0;
    const lowest = Math.max(above + 1, base, head - TRUNCATE_BLOCKS_MAX + 1);
    // A damaged chain may have holes: removing what is not there is no error.
    for (let height = head; height >= lowest; height--) this.#databases.blocks.removeSync(height);
    this.#lowerHead(lowest - 1);
    return head - lowest + 1;
  }

  /** Index runs keep stale entries, hashes stale values: neither counts above the head. */
  #lowerHead(head: number): void {
    const { base, sealedFrom, sealedBelow } = this.#state;
    if (head < base) {
      this.#state = { ...this.#state, base: 0, head: 0, sealedFrom: 0, sealedBelow: 0 };
      return;
    }
    this.#state = {
      ...this.#state,
      head,
      sealedBelow: Math.max(sealedFrom, Math.min(sealedBelow, head + 1)),
    };
  }

  #putSide(hash: Uint8Array, height: number, bytes: Uint8Array): void {
    this.#removeSide(hash);
    this.#databases.side.putSync(sideKey(height, hash), bytes);
    this.#databases.sides.putSync(hash, heightKey(height));
    this.#countSide(1, bytes.length);
  }

  #removeSide(hash: Uint8Array): void {
    const stored = this.#databases.sides.getBinary(hash);
    if (stored === undefined) return;
    const key = sideKey(heightOfKey(stored), hash);
    const record = this.#databases.side.getBinary(key);
    this.#databases.side.removeSync(key);
    this.#databases.sides.removeSync(hash);
    this.#countSide(-1, -(record?.length ?? 0));
  }

  #pruneSide(below: number): number {
    let removed = 0;
    for (const key of [...this.#databases.side.getKeys()]) {
      if (heightOfKey(key) >= below) break;
      this.#removeSide(key.subarray(4));
      removed++;
    }
    return removed;
  }

  /** Replaced blocks always find room: the lowest go, which a reorganization needs least. */
  #evictSide(): void {
    const isOver = () => this.#state.sideBlocks > SIDE_BLOCKS_MAX || this.#state.sideBytes > SIDE_BYTES_MAX;
    if (!isOver()) return;
    for (const key of [...this.#databases.side.getKeys()]) {
      if (!isOver()) return;
      this.#removeSide(key.subarray(4));
    }
  }

  #countSide(blocks: number, bytes: number): void {
    const { sideBlocks, sideBytes } = this.#state;
    this.#state = { ...this.#state, sideBlocks: sideBlocks + blocks, sideBytes: sideBytes + bytes };
  }

  #putEntries(table: string, entries: Entries): void {
    for (const [key, value] of entries) {
      if (value === undefined) this.#databases.tables.removeSync(tableKey(table, key));
      else this.#databases.tables.putSync(tableKey(table, key), value);
    }
  }
}

function assertStored<T>(value: T | undefined, what: string): asserts value is T {
  if (value === undefined) throw missing(what);
}

function missing(what: string): Failure {
  return failure("DATA_LOSS", "RECORD_MISSING", `${what} is not in the database`);
}

function serve(port: MessagePort, writer: Writer, databases: Databases): void {
  port.on("message", (first: ToWriter) => {
    const group: { id: number; request: WriteRequest }[] = [];
    let isClosing = false;
    for (let next: ToWriter | undefined = first; next !== undefined; ) {
      if ("close" in next) isClosing = true;
      else group.push(next);
      next = isClosing || group.length >= GROUP_MAX ? undefined : receiveMessageOnPort(port)?.message;
    }
    if (group.length > 0) {
      const results = writer.write(group);
      const buffers = results.flatMap((result) =>
        "bytes" in result && result.bytes ? [result.bytes.buffer] : [],
      );
      const reply: FromWriter = { kind: "written", results, state: writer.state, flushes: writer.flushes };
      port.postMessage(reply, buffers as ArrayBuffer[]);
    }
    if (isClosing) {
      port.close();
      void databases.environment.close();
    }
  });
}

function main(port: MessagePort, options: WriterOptions): void {
  try {
    const databases = openDatabases(options.folder, options.mapBytes, false);
    const state = openState(databases, options);
    serve(port, new Writer(databases, state, options), databases);
    port.postMessage({ kind: "opened", state } satisfies FromWriter);
  } catch (thrown) {
    port.postMessage({ kind: "refused", failure: factsOf(thrown) } satisfies FromWriter);
    port.close();
  }
}

assert(parentPort !== null, "lmdb-writer.ts is the entry of a worker thread");
main(parentPort, workerData as WriterOptions);

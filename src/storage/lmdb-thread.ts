/**
 * The writer thread as its store sees it: requests out, one promise each, answers in order. If the thread dies, every
 * write that waits and every later one fails with STORE_WRITER_DIED; what it had not flushed is not in the database.
 */
import { isMarkedAsUntransferable, Worker } from "node:worker_threads";
import { type Failure, failure } from "../kernel/errors.ts";
import { realClock } from "../kernel/ports/clock.ts";
import type { ChainState } from "./lmdb-layout.ts";
import { type FromWriter, failureOf, type ToWriter, type WriterOptions } from "./lmdb-messages.ts";
import { PENDING_WRITES_MAX } from "./port.ts";
import { type BatchWrite, type Entries, malformation, type WriteRequest } from "./writes.ts";

/** What a write gave: a number (of deleted blocks), and the transferred buffer. */
export interface Written {
  readonly value: number;
  readonly bytes: Uint8Array | undefined;
}

interface Pending {
  readonly request: WriteRequest;
  readonly sinceMs: number;
  resolve(written: Written): void;
  reject(thrown: Failure): void;
}

/** Heap for new objects of the writer, which makes few: by itself it grows to 48 MiB, for nothing. */
const YOUNG_MIB_MAX = 8;

/** Told of each flushed group before its promises settle: the requests that were carried out, and the state after all. */
export type FlushListener = (requests: readonly WriteRequest[], state: ChainState) => void;

export class WriterThread {
  /** State of the database once it is open; rejects with why it cannot be. */
  readonly opened: Promise<ChainState>;
  /** Resolves with the reason when the thread ends and was not closed. */
  readonly died: Promise<Failure>;
  readonly #died = Promise.withResolvers<Failure>();
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  readonly #exited: Promise<void>;
  #onFlushed: FlushListener = () => {};
  #nextId = 1;
  #flushes = 0;
  #end: Failure | undefined;

  constructor(options: WriterOptions) {
    this.died = this.#died.promise;
    // The same extension as this file: sources run as they are, and compiled.
    const entry = import.meta.url.endsWith(".ts") ? "./lmdb-writer.ts" : "./lmdb-writer.js";
    this.#worker = new Worker(new URL(entry, import.meta.url), {
      workerData: options,
      name: "storage",
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MIB_MAX },
    });
    const opening = Promise.withResolvers<ChainState>();
    this.opened = opening.promise;
    this.#exited = new Promise((resolve) => {
      this.#worker.once("exit", () => {
        this.#fail(failure("UNAVAILABLE", "STORE_WRITER_DIED", "the store's writer thread ended"));
        opening.reject(this.#end);
        resolve();
      });
    });
    this.#worker.once("error", (error) => {
      this.#fail(
        failure("UNAVAILABLE", "STORE_WRITER_DIED", `the store's writer thread died: ${error.message}`),
      );
    });
    this.#worker.on("message", (message: FromWriter) => {
      if (message.kind === "written") this.#settle(message);
      else if (message.kind === "opened") opening.resolve(message.state);
      else opening.reject(failureOf(message.failure));
    });
  }

  get pendingWrites(): number {
    return this.#pending.size;
  }

  /** How long the oldest of them waits. */
  get longestWaitMs(): number {
    for (const { sinceMs } of this.#pending.values()) return realClock.monotonicMs() - sinceMs;
    return 0;
  }

  /** Transactions flushed. */
  get flushes(): number {
    return this.#flushes;
  }

  set onFlushed(listener: FlushListener) {
    this.#onFlushed = listener;
  }

  /** Sends a write. The buffer of a batch is transferred, everything else copied. */
  write(request: WriteRequest): Promise<Written> {
    const refusal = this.#end ?? malformation(request) ?? this.#busy();
    if (refusal !== undefined) return Promise.reject(refusal);
    const id = this.#nextId++;
    const { promise, resolve, reject } = Promise.withResolvers<Written>();
    this.#pending.set(id, { request, sinceMs: realClock.monotonicMs(), resolve, reject });
    const transfer: ArrayBuffer[] = [];
    const message: ToWriter = { id, request: portable(request, transfer) };
    this.#worker.postMessage(message, transfer);
    return promise;
  }

  /** Lets the writes that wait finish, then ends the thread. */
  async close(): Promise<void> {
    if (this.#end === undefined) {
      this.#end = failure("UNAVAILABLE", "STORE_CLOSED", "the store is closed");
      this.#worker.postMessage({ close: true } satisfies ToWriter);
    }
    await this.#exited;
  }

  #busy(): Failure | undefined {
    if (this.#pending.size < PENDING_WRITES_MAX) return undefined;
    return failure("RESOURCE_EXHAUSTED", "STORE_BUSY", `${this.#pending.size} writes wait for the disk`);
  }

  #settle({ results, state, flushes }: FromWriter & { kind: "written" }): void {
    this.#flushes = flushes;
    const carriedOut: WriteRequest[] = [];
    for (const result of results) {
      const pending = this.#pending.get(result.id);
      if (pending !== undefined && !("failure" in result)) carriedOut.push(pending.request);
    }
    this.#onFlushed(carriedOut, state);
    for (const result of results) {
      const pending = this.#pending.get(result.id);
      this.#pending.delete(result.id);
      if ("failure" in result) pending?.reject(failureOf(result.failure));
      else pending?.resolve(result);
    }
  }

  #fail(cause: Failure): void {
    if (this.#end === undefined) this.#died.resolve(cause);
    this.#end ??= cause;
    for (const { reject } of this.#pending.values()) reject(cause);
    this.#pending.clear();
  }
}

/** The request with nothing in it that would drag a larger buffer along when it is copied. */
function portable(request: WriteRequest, transfer: ArrayBuffer[]): WriteRequest {
  switch (request.kind) {
    case "append":
    case "prepend":
    case "replace":
      return { ...request, batch: portableBatch(request.batch, transfer) };
    case "putSide":
      return { ...request, hash: compact(request.hash), bytes: compact(request.bytes) };
    case "entries":
      return { ...request, entries: compactEntries(request.entries) };
    default:
      return request;
  }
}

function portableBatch(batch: BatchWrite, transfer: ArrayBuffer[]): BatchWrite {
  const { buffer } = batch.bytes;
  // Buffers of Node's own pool are shared with strangers and cannot be handed over.
  const isOurs = buffer instanceof ArrayBuffer && !isMarkedAsUntransferable(buffer);
  const bytes = isOurs ? batch.bytes : batch.bytes.slice();
  transfer.push(bytes.buffer as ArrayBuffer);
  return {
    firstHeight: batch.firstHeight,
    bytes,
    offsets:
      batch.offsets.buffer.byteLength === batch.offsets.byteLength ? batch.offsets : batch.offsets.slice(),
    hashes: compact(batch.hashes),
    parentRecord: batch.parentRecord === undefined ? undefined : compact(batch.parentRecord),
    meta: compactEntries(batch.meta),
  };
}

function compactEntries(entries: Entries): Entries {
  return entries.map(([key, value]) => [key, value === undefined ? undefined : compact(value)] as const);
}

/** A view into a larger buffer would be sent with all of it. */
function compact(bytes: Uint8Array): Uint8Array {
  return bytes.buffer.byteLength === bytes.byteLength ? bytes : new Uint8Array(bytes);
}

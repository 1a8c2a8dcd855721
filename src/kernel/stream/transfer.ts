/**
 * A transfer: a server-streaming method that sends finite chunks at the reader's pace and ends OK (a profile, a proof, a
 * range of blocks). The next chunk is asked for only when the reader took the one before.
 */
import { create, type DescMethod } from "@bufbuild/protobuf";
import type { Call } from "../call.ts";
import { asError, assert, Failure } from "../errors.ts";
import type { OutputOf, RequestOf, ResponseInitOf, ResponseOf } from "../protocol.ts";
import type { Outsider, StreamReader, Subscription } from "./reader.ts";
import { ReaderRoom, type StreamHost, StreamSubscription } from "./subscription.ts";

/**
 * The chunks. A yielded or rejected Failure ends the transfer with it; anything else thrown is a programmer error.
 * `return` of the iterator is called when the reader leaves early.
 */
export type Chunks<M> = Iterable<ResponseInitOf<M> | Failure> | AsyncIterable<ResponseInitOf<M> | Failure>;

export interface TransferOptions<M> {
  /** Starts a transfer, or refuses it. Synchronous, like a handler. */
  open(request: RequestOf<M>, call: Call): Chunks<M> | Failure;
  /** Readers from outside at a time; one more is refused with RESOURCE_EXHAUSTED. The node's own have their own room. */
  readonly readersMax?: number;
}

/** Readers from outside: each holds at most one chunk and whatever its iterator keeps open. One more is refused. */
const READERS_MAX = 64;

export class Transfer<M extends DescMethod> {
  readonly method: M;
  readonly #options: TransferOptions<M>;
  readonly #open = new Set<TransferSubscription<M>>();
  readonly #room: ReaderRoom;
  #host: StreamHost | undefined;

  constructor(method: M, options: TransferOptions<M>) {
    this.method = method;
    this.#options = options;
    this.#room = new ReaderRoom(options.readersMax ?? READERS_MAX);
  }

  get readers(): number {
    return this.#open.size;
  }

  /** Kernel only: the incarnation starts. */
  attach(host: StreamHost): void {
    this.#host = host;
  }

  /** Kernel only. */
  subscribe(
    request: RequestOf<M>,
    call: Call,
    reader: StreamReader<ResponseOf<M> & object>,
    outsider?: Outsider,
  ): Subscription & { end(reason: Failure | undefined): void } {
    const host = this.#host;
    assert(host !== undefined, "a transfer was read before its actor started");
    const subscription = new TransferSubscription<M>(this.method, reader, host, {
      open: () => this.#options.open(request, call),
      closed: (closed) => {
        if (this.#open.delete(closed)) this.#room.leave(outsider);
      },
    });
    const refusal = this.#room.enter(outsider);
    if (refusal !== undefined) {
      subscription.end(refusal);
    } else {
      this.#open.add(subscription);
      subscription.wake();
    }
    return subscription;
  }

  /** Kernel only: the incarnation ended. */
  endAll(reason: Failure): void {
    for (const subscription of [...this.#open]) subscription.end(reason);
  }
}

/**
 * Chunks that a synchronous iterator hands over in one turn, then others have theirs: small ones would otherwise cost a turn
 * and a system call each. A reader that is full says so before.
 */
const CHUNKS_PER_TURN = 8;

interface TransferParts<M extends DescMethod> {
  open(): Chunks<M> | Failure;
  closed(subscription: TransferSubscription<M>): void;
}

type Step<M> = IteratorResult<ResponseInitOf<M> | Failure, unknown>;
interface ChunkIterator<M> {
  next(): Step<M> | Promise<Step<M>>;
  return?(): unknown;
}

class TransferSubscription<M extends DescMethod> extends StreamSubscription<ResponseOf<M> & object> {
  readonly #method: M;
  readonly #host: StreamHost;
  readonly #parts: TransferParts<M>;
  #iterator: ChunkIterator<M> | undefined;
  #isPulling = false;
  #held: Step<M> | undefined;

  constructor(
    method: M,
    reader: StreamReader<ResponseOf<M> & object>,
    host: StreamHost,
    parts: TransferParts<M>,
  ) {
    super(reader, host.scheduler, host.log);
    this.#method = method;
    this.#host = host;
    this.#parts = parts;
  }

  override get pending(): { messages: number; bytes: number } {
    return { messages: this.#held === undefined ? 0 : 1, bytes: 0 };
  }

  protected override deliverSome(): boolean {
    for (let handed = 0; handed < CHUNKS_PER_TURN; ) {
      if (this.#isPulling || this.isPaused || !this.isOpen) return false;
      const held = this.#held;
      if (held === undefined) {
        this.#pull();
        // An asynchronous iterator answers in a turn of its own.
        if (this.#held === undefined) return false;
        continue;
      }
      this.#held = undefined;
      this.#hand(held);
      handed += 1;
    }
    return this.isOpen;
  }

  protected override release(): void {
    this.#parts.closed(this);
    this.#held = undefined;
    const iterator = this.#iterator;
    this.#iterator = undefined;
    // A generator that waits in `next` runs its `finally` when that settles.
    const left = this.#host.guard(() => iterator?.return?.());
    if (left instanceof Promise) left.catch((thrown) => this.#fail(thrown));
  }

  /** Asks for one chunk. A synchronous iterator answers at once, an asynchronous one in its time. */
  #pull(): void {
    this.#isPulling = true;
    try {
      const iterator = this.#begin();
      if (iterator === undefined) return;
      const step = iterator.next();
      if (step instanceof Promise)
        step.then(
          (next) => this.#arrived(next),
          (thrown) => this.#fail(thrown),
        );
      else this.#arrived(step);
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  #begin(): ChunkIterator<M> | undefined {
    if (this.#iterator !== undefined) return this.#iterator;
    const chunks = this.#parts.open();
    if (chunks instanceof Failure) {
      this.end(chunks);
      return undefined;
    }
    this.#iterator =
      Symbol.asyncIterator in chunks ? chunks[Symbol.asyncIterator]() : chunks[Symbol.iterator]();
    return this.#iterator;
  }

  #arrived(step: Step<M>): void {
    this.#isPulling = false;
    if (!this.isOpen) return;
    this.#held = step;
    this.wake();
  }

  #hand(step: Step<M>): void {
    if (step.done === true) {
      this.end(undefined);
      return;
    }
    const value: unknown = step.value;
    if (value instanceof Failure) this.end(value);
    else this.deliver(create(this.#method.output as OutputOf<M>, value as never) as ResponseOf<M> & object);
  }

  #fail(thrown: unknown): void {
    this.#isPulling = false;
    if (thrown instanceof Failure) this.end(thrown);
    else if (this.isOpen) this.#host.crash(asError(thrown));
  }
}

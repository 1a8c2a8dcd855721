/**
 * One message on its way through a cell: the request, its `Call`, and whoever waits for the answer. It is settled
 * exactly once, whoever comes first: the handler, the deadline, the caller's abort, a crash or the stop.
 */
import type { DescMethod } from "@bufbuild/protobuf";
import { CALLER_ABORTED } from "./answers.ts";
import type { Call, CorrelationIds } from "./call.ts";
import type { TimerHandle } from "./clock.ts";
import type { Deferred } from "./deferred.ts";
import { Failure } from "./errors.ts";
import type { MethodPolicy } from "./protocol.ts";
import type { AskOptions } from "./ref.ts";

/** What a cell knows about a unary method. */
export interface MethodEntry {
  readonly method: DescMethod;
  /** Full name, `alys.sync.v1.SyncService.StartSync`. */
  readonly name: string;
  readonly policy: MethodPolicy;
  /** Index in LANES. */
  readonly lane: number;
  /** Local names of the response's members; a reply with another key is garbage. */
  readonly outputMembers: ReadonlySet<string>;
  /** The handler of the incarnation that runs; undefined while none does. */
  run: ((request: object, call: Call) => unknown) | undefined;
}

/** Who waits for the answer; undefined for a tell. */
export interface Waiter {
  resolve(message: object): void;
  reject(failure: Failure): void;
}

export class Envelope implements Call {
  readonly entry: MethodEntry;
  readonly request: object;
  readonly deadlineMs: number;
  readonly waiter: Waiter | undefined;
  readonly options: AskOptions | undefined;
  /** Set while the answer is deferred. */
  deferred: Deferred<never> | undefined;
  deadlineTimer: TimerHandle | undefined;
  /** Called once when a deferred call is settled, to leave the reply table. */
  onSettled: (() => void) | undefined;
  #isSettled = false;
  #isListening = false;
  #givenUp: Failure | undefined;
  #controller: AbortController | undefined;
  #correlationId: string | undefined;
  readonly #ids: CorrelationIds;

  constructor(
    entry: MethodEntry,
    request: object,
    deadlineMs: number,
    options: AskOptions | undefined,
    waiter: Waiter | undefined,
    ids: CorrelationIds,
  ) {
    this.entry = entry;
    this.request = request;
    this.deadlineMs = deadlineMs;
    this.options = options;
    this.waiter = waiter;
    this.#ids = ids;
  }

  /** Made on first use: most messages never need one. */
  get correlationId(): string {
    this.#correlationId ??=
      this.options?.correlationId ?? this.options?.cause?.correlationId ?? this.#ids.next();
    return this.#correlationId;
  }

  get traceparent(): string | undefined {
    return this.options?.traceparent ?? this.options?.cause?.traceparent;
  }

  /** Made on first use: a controller costs more than the rest of the message. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#givenUp !== undefined) this.#controller.abort(this.#givenUp);
    }
    return this.#controller.signal;
  }

  get isSettled(): boolean {
    return this.#isSettled;
  }

  /** Settles with CANCELLED as soon as the caller's signal aborts. */
  listenForAbort(): void {
    const signal = this.options?.signal;
    if (signal === undefined || this.#isSettled) return;
    this.#isListening = true;
    signal.addEventListener("abort", this, { once: true });
  }

  /** The listener of the caller's signal; an object instead of a closure for each message. */
  handleEvent(): void {
    this.giveUp(CALLER_ABORTED);
  }

  /** The actor's answer, a message or a Failure. */
  answer(reply: object): boolean {
    if (this.#isSettled) return false;
    this.#release();
    if (this.waiter === undefined) return true;
    if (reply instanceof Failure) this.waiter.reject(reply);
    else this.waiter.resolve(reply);
    return true;
  }

  /** An answer that is not the actor's: deadline, abort, crash, stop. The call's signal aborts. */
  giveUp(reason: Failure): boolean {
    if (this.#isSettled) return false;
    this.#release();
    this.#givenUp = reason;
    this.deferred?.expire();
    this.#controller?.abort(reason);
    this.waiter?.reject(reason);
    return true;
  }

  #release(): void {
    this.#isSettled = true;
    if (this.#isListening) this.options?.signal?.removeEventListener("abort", this);
    this.deadlineTimer?.cancel();
    this.onSettled?.();
  }
}

/**
 * One message on its way through a cell: the request, its `Call`, and whoever waits for the answer. It is settled
 * exactly once, whoever comes first: the handler, the deadline, the caller's abort, a crash or the stop.
 */
import type { DescMethod } from "@bufbuild/protobuf";
import type { Call, Caller } from "../call.ts";
import { type Cause, type Caused, Chain, currentCause } from "../cause.ts";
import type { CorrelationIds } from "../correlation.ts";
import { Failure } from "../errors.ts";
import type { MethodPolicy } from "../policy.ts";
import type { TimerHandle } from "../ports/clock.ts";
import type { AskOptions } from "../ref.ts";
import { CALLER_ABORTED } from "./answers.ts";
import type { Deferred } from "./deferred.ts";

/** What a cell knows about a unary method. */
export interface MethodEntry {
  readonly method: DescMethod;
  /** Full name, `alys.sync.v1.SyncService.StartSync`. */
  readonly name: string;
  readonly policy: MethodPolicy;
  /** Index in LANES. */
  readonly lane: number;
  /** Where ids of chains that begin here come from. */
  readonly ids: CorrelationIds;
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

/** What a message has while its answer is deferred. */
export interface Deferral {
  readonly deferred: Deferred<never>;
  timer: TimerHandle | undefined;
  /** Called once when the call is settled, to leave the reply table. */
  readonly onSettled: () => void;
}

/** Few members, each set once by the constructor: a message is the most frequent object of the node. */
export class Envelope implements Call, Caused {
  readonly entry: MethodEntry;
  readonly request: object;
  readonly deadlineMs: number;
  readonly waiter: Waiter | undefined;
  readonly options: AskOptions | undefined;
  deferral: Deferral | undefined = undefined;
  #cause: Cause | undefined;
  #isSettled = false;
  /** The controller of its signal, or before somebody asked for that, why it was given up. */
  #abort: AbortController | Failure | undefined = undefined;

  constructor(
    entry: MethodEntry,
    request: object,
    deadlineMs: number,
    options: AskOptions | undefined,
    waiter: Waiter | undefined,
  ) {
    this.entry = entry;
    this.request = request;
    this.deadlineMs = deadlineMs;
    this.options = options;
    this.waiter = waiter;
    // The sender's chain, not the sender: a message must not keep the one before it alive.
    this.#cause = options === undefined ? currentCause() : causeOf(options, entry.ids);
  }

  /** The chain that it belongs to. Made on first use: most messages that begin one never need it. */
  get cause(): Cause {
    this.#cause ??= new Chain(this.entry.ids, undefined, undefined);
    return this.#cause;
  }

  /** The chain if its sender was in one. */
  get knownCause(): Cause | undefined {
    return this.#cause;
  }

  get correlationId(): string {
    return this.cause.correlationId;
  }

  get caller(): Caller | undefined {
    return this.options?.caller;
  }

  get traceparent(): string | undefined {
    return this.#cause?.traceparent;
  }

  /** Made on first use: a controller costs more than the rest of the message. */
  get signal(): AbortSignal {
    if (this.#abort instanceof AbortController) return this.#abort.signal;
    const controller = new AbortController();
    if (this.#abort !== undefined) controller.abort(this.#abort);
    this.#abort = controller;
    return controller.signal;
  }

  get isSettled(): boolean {
    return this.#isSettled;
  }

  /** Settles with CANCELLED as soon as the caller's signal aborts. */
  listenForAbort(): void {
    const signal = this.options?.signal;
    if (signal === undefined || this.#isSettled) return;
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
    this.deferral?.deferred.expire();
    if (this.#abort instanceof AbortController) this.#abort.abort(reason);
    else this.#abort = reason;
    this.waiter?.reject(reason);
    return true;
  }

  #release(): void {
    this.#isSettled = true;
    this.options?.signal?.removeEventListener("abort", this);
    if (this.deferral === undefined) return;
    this.deferral.timer?.cancel();
    this.deferral.onSettled();
  }
}

function causeOf(options: AskOptions, ids: CorrelationIds): Cause | undefined {
  const inherited = options.cause ?? currentCause();
  const { correlationId, traceparent } = options;
  if (correlationId === undefined && traceparent === undefined) {
    return inherited instanceof Envelope ? inherited.cause : inherited;
  }
  return new Chain(ids, correlationId ?? inherited?.correlationId, traceparent ?? inherited?.traceparent);
}

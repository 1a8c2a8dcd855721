/**
 * One life of an actor, between a start and the crash or stop that ends it: its context, its timers, its effects. Work that
 * comes back after the end is dropped here.
 */
import type { DescMethod, DescService } from "@bufbuild/protobuf";
import { type Cause, currentCause, onBehalfOf } from "../cause.ts";
import { asError, Failure, failure } from "../errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Random } from "../ports/random.ts";
import type { OutputOf, RequestInitOf, ResponseOf, StreamMethodOf } from "../protocol.ts";
import type { Ref } from "../ref.ts";
import { type Follower, follow } from "../stream/follow.ts";
import type { StreamReader, Subscription, WatchOptions } from "../stream/reader.ts";
import type { Actor, ActorContext, ActorDefinition, Outcome } from "./actor.ts";
import { Deferred } from "./deferred.ts";
import type { ActorEnvironment } from "./environment.ts";
import { ActorTimers } from "./timers.ts";

/** Effects of one actor in flight; at the bound the outcome of one more is RESOURCE_EXHAUSTED, whatever it is. */
const EFFECTS_MAX = 4_096;

/** Messages of a watched stream that wait in this mailbox before the stream is paused, and when it goes on. */
const WATCHED_MAX = 64;
const WATCHED_MIN = 16;

export interface IncarnationParts<P extends DescService, I extends DescService> {
  readonly definition: ActorDefinition<P, I>;
  readonly environment: ActorEnvironment;
  readonly epoch: number;
  readonly log: Log;
  readonly self: Ref<I>;
  readonly selfPublic: Ref<P>;
  /** Puts work into the mailbox. */
  post(work: () => void): void;
  crash(error: Error): void;
}

export class Incarnation<P extends DescService, I extends DescService> implements ActorContext<P, I> {
  readonly epoch: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly self: Ref<I>;
  readonly selfPublic: Ref<P>;
  readonly timers: ActorTimers;
  readonly #parts: IncarnationParts<P, I>;
  readonly #controller = new AbortController();
  #actor: Actor<P, I> | undefined;
  #effects = 0;
  #isOver = false;

  constructor(parts: IncarnationParts<P, I>) {
    this.#parts = parts;
    this.epoch = parts.epoch;
    this.clock = parts.environment.clock;
    this.random = parts.environment.random;
    this.log = parts.log;
    this.self = parts.self;
    this.selfPublic = parts.selfPublic;
    this.timers = new ActorTimers(this.clock, (work) => this.#post(work));
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get effects(): number {
    return this.#effects;
  }

  /** The actor; made on first use. */
  get actor(): Actor<P, I> {
    this.#actor ??= this.#parts.definition.create(this);
    return this.#actor;
  }

  /** Ends this life: timers die, the signal aborts, whatever comes back is dropped. */
  end(reason: Failure): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.timers.cancelAll();
    this.#controller.abort(reason);
  }

  deferred<M extends DescMethod>(method: M): Deferred<OutputOf<M>> {
    return new Deferred(method.output as OutputOf<M>);
  }

  effect<T>(work: Promise<T>, done: (outcome: Outcome<T>) => void, dropped?: (value: T) => void): void {
    // The outcome belongs to whatever the work was started for.
    const cause = currentCause();
    if (this.#effects >= EFFECTS_MAX) {
      work.then((value) => dropped?.(value), nothing);
      this.#post(() => this.#isOver || onBehalfOf(cause, () => done({ ok: false, failure: EFFECTS_FULL })));
      return;
    }
    this.#effects += 1;
    work.then(
      (value) =>
        this.#finished(
          () => onBehalfOf(cause, () => done({ ok: true, value })),
          () => dropped?.(value),
        ),
      (thrown: unknown) => this.#rejected<T>(thrown, (outcome) => onBehalfOf(cause, () => done(outcome))),
    );
  }

  cause(): Cause | undefined {
    return currentCause();
  }

  onBehalfOf<T>(cause: Cause | undefined, run: () => T): T {
    return onBehalfOf(cause, run);
  }

  watch<S extends DescService, M extends StreamMethodOf<S>>(
    ref: Ref<S>,
    method: M,
    request: RequestInitOf<M>,
    follower: Follower<ResponseOf<M>>,
    options: WatchOptions = {},
  ): Subscription {
    return follow(
      {
        open: (reader) => this.#read(ref, method, request, reader, options),
        after: (delayMs, run) => this.timers.after(delayMs, run),
        now: () => this.clock.monotonicMs(),
      },
      follower,
    );
  }

  /** Reads another actor's stream once, in turns of this incarnation. */
  #read<S extends DescService, M extends StreamMethodOf<S>>(
    ref: Ref<S>,
    method: M,
    request: RequestInitOf<M>,
    reader: StreamReader<ResponseOf<M>>,
    options: WatchOptions,
  ): Subscription {
    let waiting = 0;
    let isOpen = true;
    let isPausedByUs = false;
    const inner = ref.watch(
      method,
      request,
      {
        onMessage: (message) => {
          waiting += 1;
          if (waiting >= WATCHED_MAX) {
            isPausedByUs = true;
            inner.pause();
          }
          this.#post(() => {
            waiting -= 1;
            if (isPausedByUs && waiting <= WATCHED_MIN) {
              isPausedByUs = false;
              inner.resume();
            }
            if (isOpen) reader.onMessage(message);
          });
        },
        onEnd: (reason) => {
          this.signal.removeEventListener("abort", close);
          this.#post(() => isOpen && reader.onEnd(reason));
        },
      },
      options,
    );
    const close = (): void => {
      isOpen = false;
      this.signal.removeEventListener("abort", close);
      inner.close();
    };
    this.signal.addEventListener("abort", close, { once: true });
    return {
      close,
      pause: () => inner.pause(),
      resume: () => inner.resume(),
      get pending() {
        return inner.pending;
      },
    };
  }

  #rejected<T>(thrown: unknown, done: (outcome: Outcome<T>) => void): void {
    const reason = thrown instanceof Failure ? thrown : abortFailure(thrown);
    if (reason !== undefined) this.#finished(() => done({ ok: false, failure: reason }));
    else if (!this.#isOver) this.#parts.crash(asError(thrown));
  }

  #finished(run: () => void, dropped: () => void = nothing): void {
    this.#effects -= 1;
    if (this.#isOver) dropped();
    else this.#parts.post(() => (this.#isOver ? dropped() : run()));
  }

  #post(work: () => void): void {
    if (!this.#isOver) this.#parts.post(work);
  }
}

const EFFECTS_FULL = failure("RESOURCE_EXHAUSTED", "EFFECTS_FULL", "the actor has too much work in flight");

function nothing(): void {}

/** An abort is an operating error: somebody gave up. */
function abortFailure(thrown: unknown): Failure | undefined {
  if (!(thrown instanceof Error) || thrown.name !== "AbortError") return undefined;
  return failure("CANCELLED", "ABORTED", thrown.message);
}

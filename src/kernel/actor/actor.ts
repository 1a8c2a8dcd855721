/**
 * What an actor is: a definition that makes incarnations, each with its handlers and streams, and the context through
 * which an incarnation reaches time, randomness, its own mailbox and work outside of it. `cell.ts` runs them.
 */
import type { DescMethod, DescService } from "@bufbuild/protobuf";
import type { Cause } from "../cause.ts";
import type { Failure } from "../errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Random } from "../ports/random.ts";
import type { Handlers, OutputOf, RequestInitOf, ResponseOf, StreamMethodOf } from "../protocol.ts";
import type { Ref } from "../ref.ts";
import type { Follower } from "../stream/follow.ts";
import type { Subscription, WatchOptions } from "../stream/reader.ts";
import type { Streams } from "../stream/streams.ts";
import type { Deferred } from "./deferred.ts";
import type { Timers } from "./timers.ts";

/** P is the public service, I the internal one, which the control listener never serves. */
export interface ActorDefinition<P extends DescService, I extends DescService> {
  readonly name: string;
  readonly service: P;
  readonly internal: I;
  /** Makes an incarnation, at the start and after every crash. What outlives a restart is handed in from outside. */
  create(context: ActorContext<P, I>): Actor<P, I>;
}

interface ActorParts<P extends DescService, I extends DescService> {
  readonly handlers: Handlers<P>;
  readonly internal: Handlers<I>;
  readonly streams: Streams<P>;
  /** Runs once, before the first message. A throw is a failed start. */
  onStart(): void;
  /** Runs once at an orderly stop; after a crash only `context.signal` tells. */
  onStop(): void;
}

/** Streams of the internal service, for the actors above; the member may be left out where it has none. */
type InternalStreams<I extends DescService> = [keyof Streams<I>] extends [never]
  ? { readonly internalStreams?: Streams<I> }
  : { readonly internalStreams: Streams<I> };

/** One incarnation. */
export type Actor<P extends DescService, I extends DescService> = ActorParts<P, I> & InternalStreams<I>;

export type Outcome<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly failure: Failure };

export interface ActorContext<P extends DescService, I extends DescService> {
  /** Grows with every incarnation, across processes too. */
  readonly epoch: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Aborts when this incarnation stops or crashes. */
  readonly signal: AbortSignal;
  readonly self: Ref<I>;
  readonly selfPublic: Ref<P>;
  readonly timers: Timers;
  /** An answer that comes later: return it from the handler of `method`. */
  deferred<M extends DescMethod>(method: M): Deferred<OutputOf<M>>;
  /**
   * Hands the outcome of work that runs outside the mailbox to `done`, in a later turn of this incarnation. When the
   * incarnation is gone by then, `dropped` gets the value, to release what it owns. A rejection that is neither a Failure
   * nor an abort is a programmer error and crashes the actor.
   */
  effect<T>(work: Promise<T>, done: (outcome: Outcome<T>) => void, dropped?: (value: T) => void): void;
  /**
   * On whose behalf this turn runs. Logs, asks, tells and effects of the turn belong to it by themselves; an actor keeps it
   * only to go on with `onBehalfOf` when the world below answers in an event of its own.
   */
  cause(): Cause | undefined;
  onBehalfOf<T>(cause: Cause | undefined, run: () => T): T;
  /**
   * Follows another actor's stream: the follower runs in turns of this incarnation, and it ends with it. A stream that ends is
   * read again by itself, with a back-off; `onGap` hears of it.
   */
  watch<S extends DescService, M extends StreamMethodOf<S>>(
    ref: Ref<S>,
    method: M,
    request: RequestInitOf<M>,
    follower: Follower<ResponseOf<M>>,
    options?: WatchOptions,
  ): Subscription;
}

/**
 * The cell: the stable thing behind a Ref. It owns the mailbox and the reply table, runs turns, ends an incarnation
 * that crashes or stops, and is a child of a supervisor. Refs survive its restarts; messages do not.
 */
import type { DescMethod, DescService } from "@bufbuild/protobuf";
import type { ActorDefinition } from "./actor.ts";
import {
  ACTOR_CRASHED,
  ACTOR_DOWN,
  ACTOR_STOPPED,
  CALLER_ABORTED,
  DROPPED_OLDEST,
  deadlineExceeded,
  MAILBOX_FULL,
  MESSAGE_TOO_LARGE,
} from "./answers.ts";
import type { ChildDescription, RunningChild } from "./child.ts";
import { Deferred } from "./deferred.ts";
import { Dispatch, type OpenStream } from "./dispatch.ts";
import { Envelope, type MethodEntry, type Waiter } from "./envelope.ts";
import type { ActorEnvironment } from "./environment.ts";
import { asError, assert, Failure, type StatusCode } from "./errors.ts";
import { Incarnation } from "./incarnation.ts";
import { localRef, type Receiver } from "./local-ref.ts";
import type { Log } from "./log.ts";
import { Mailbox } from "./mailbox.ts";
import { requestBytes } from "./protocol.ts";
import { RecentEvents } from "./recent-events.ts";
import type { AskOptions, Ref, StreamReader, Subscription, WatchOptions } from "./ref.ts";
import { ReplyTable } from "./replies.ts";
import { toReply } from "./reply.ts";
import { EndedSubscription, type StreamHost } from "./subscription.ts";

/** Messages in one turn; then the scheduler, so that I/O and other actors run. */
export const TURN_MESSAGES_MAX = 64;

/** A handler that held the thread longer than this is reported afterwards. A consensus deadline is 200 to 500 ms. */
const SLOW_HANDLER_MS = 100;

/** Counters since the cell was made. */
export interface CellCounts {
  handled: number;
  refused: number;
  dropped: number;
  expired: number;
  crashes: number;
}

type Item = Envelope | (() => void);

export interface ActorCell<P extends DescService, I extends DescService> {
  readonly name: string;
  readonly ref: Ref<P>;
  readonly internalRef: Ref<I>;
  /** The part of a ChildSpec that the cell knows. */
  readonly child: { readonly id: string; start(): RunningChild };
  readonly counts: Readonly<CellCounts>;
  readonly isRunning: boolean;
  describe(): ChildDescription;
  /** Crashes the incarnation as if it had thrown; for faults injected on purpose. */
  crash(error: Error): void;
}

/** Makes the cell of an actor. It is down until its `child` is started, by a supervisor or a test. */
export function actorCell<P extends DescService, I extends DescService>(
  definition: ActorDefinition<P, I>,
  environment: ActorEnvironment,
): ActorCell<P, I> {
  return new Cell(definition, environment);
}

class Cell<P extends DescService, I extends DescService> implements ActorCell<P, I> {
  readonly name: string;
  readonly ref: Ref<P>;
  readonly internalRef: Ref<I>;
  readonly child: { readonly id: string; start(): RunningChild };
  readonly counts: CellCounts = { handled: 0, refused: 0, dropped: 0, expired: 0, crashes: 0 };
  readonly #definition: ActorDefinition<P, I>;
  readonly #environment: ActorEnvironment;
  readonly #log: Log;
  readonly #dispatch: Dispatch<P, I>;
  readonly #mailbox: Mailbox<Item>;
  readonly #replies: ReplyTable;
  readonly #recent: RecentEvents;
  readonly #turn = (): void => this.#runTurn();
  #incarnation: Incarnation<P, I> | undefined;
  #epoch = 0;
  #isScheduled = false;
  #isStopping = false;
  #crashed: ((cause: unknown) => void) | undefined;
  #stopped: (() => void)[] = [];

  constructor(definition: ActorDefinition<P, I>, environment: ActorEnvironment) {
    this.name = definition.name;
    this.#definition = definition;
    this.#environment = environment;
    this.#log = environment.log.child({ actor: definition.name });
    this.#dispatch = new Dispatch(definition);
    this.#mailbox = new Mailbox(environment.lanes);
    this.#replies = new ReplyTable(environment.clock, environment.repliesMax);
    this.#recent = new RecentEvents(environment.clock);
    const receiver: Receiver = {
      name: this.name,
      entryOf: (method) => this.#dispatch.entryOf(method),
      send: (entry, request, options, waiter) => this.#send(entry, request, options, waiter),
      watch: (method, request, reader, options) => this.#watch(method, request, reader, options),
    };
    this.ref = localRef(definition.service, receiver, environment.seals);
    this.internalRef = localRef(definition.internal, receiver, environment.seals);
    this.child = { id: definition.name, start: () => this.#start() };
  }

  get isRunning(): boolean {
    return this.#incarnation !== undefined;
  }

  describe(): ChildDescription {
    return { epoch: this.#epoch, mailboxDepth: this.#mailbox.length, repliesOpen: this.#replies.size };
  }

  crash(error: Error): void {
    this.#crash(error, undefined);
  }

  // --- life cycle ---

  #start(): RunningChild {
    assert(this.#incarnation === undefined, `${this.name} is running already`);
    // Grows across processes too, so that a resume token of an earlier one is not taken for ours.
    this.#epoch = Math.max(this.#epoch + 1, Math.floor(this.#environment.clock.nowMs()));
    const incarnation = new Incarnation<P, I>({
      definition: this.#definition,
      environment: this.#environment,
      epoch: this.#epoch,
      log: this.#log,
      self: this.internalRef,
      selfPublic: this.ref,
      post: (work) => this.#post(work),
      crash: (error) => incarnation === this.#incarnation && this.#crash(error, undefined),
    });
    const crashed = new Promise<unknown>((resolve) => {
      this.#crashed = resolve;
    });
    this.#isStopping = false;
    this.#recent.clear();
    try {
      this.#dispatch.attach(incarnation.actor, this.#streamHost(incarnation));
      this.#incarnation = incarnation;
      incarnation.actor.onStart();
    } catch (thrown) {
      this.#end(ACTOR_CRASHED, "crashed");
      incarnation.end(ACTOR_CRASHED);
      throw thrown;
    }
    return {
      crashed,
      stop: () => this.#stop(),
      kill: () => this.#end(ACTOR_STOPPED, "actor_down"),
      describe: () => this.describe(),
    };
  }

  /** Stops in a turn of its own, after the work that came before it; never inside a handler. */
  #stop(): Promise<void> {
    if (this.#incarnation === undefined) return Promise.resolve();
    const incarnation = this.#incarnation;
    const stopped = new Promise<void>((resolve) => this.#stopped.push(resolve));
    if (!this.#isStopping) {
      this.#isStopping = true;
      this.#post(() => {
        if (incarnation !== this.#incarnation) return;
        incarnation.actor.onStop();
        this.#end(ACTOR_STOPPED, "actor_down");
      });
    }
    return stopped;
  }

  #crash(error: Error, during: Envelope | undefined): void {
    if (this.#incarnation === undefined) return;
    this.counts.crashes += 1;
    this.#log.error("actor crashed", {
      error,
      epoch: this.#epoch,
      method: during?.entry.name,
      correlationId: during?.correlationId,
      lastEvents: this.#recent.list(),
      queued: this.#mailbox.length,
      deferred: this.#replies.size,
    });
    const crashed = this.#crashed;
    this.#end(ACTOR_CRASHED, "crashed");
    during?.giveUp(ACTOR_CRASHED);
    crashed?.(error);
  }

  /** Ends the incarnation: everything that waits is answered, what nobody waits for is a dead letter. */
  #end(reason: Failure, cause: "crashed" | "actor_down"): void {
    const incarnation = this.#incarnation;
    this.#incarnation = undefined;
    this.#crashed = undefined;
    incarnation?.end(reason);
    this.#dispatch.detach(reason);
    for (const item of this.#mailbox.drainAll()) {
      if (item instanceof Envelope) this.#abandon(item, reason, cause);
      else this.#dismiss(item);
    }
    this.#replies.giveUpAll(reason);
    const stopped = this.#stopped;
    this.#stopped = [];
    for (const resolve of stopped) resolve();
  }

  /** Own work of a life that is over sees that it is, and only lets go of what it holds. */
  #dismiss(work: () => void): void {
    try {
      work();
    } catch (thrown) {
      this.#log.error("letting go of work failed", { error: asError(thrown) });
    }
  }

  // --- messages in ---

  #send(
    entry: MethodEntry,
    request: object,
    options: AskOptions | undefined,
    waiter: Waiter | undefined,
  ): void {
    const { clock, correlationIds } = this.#environment;
    const deadlineMs = clock.monotonicMs() + (options?.deadlineMs ?? entry.policy.deadlineMs);
    const envelope = new Envelope(entry, request, deadlineMs, options, waiter, correlationIds);
    if (this.#incarnation === undefined || this.#isStopping) {
      this.#abandon(envelope, ACTOR_DOWN, "actor_down");
      return;
    }
    if (options?.signal?.aborted === true) {
      envelope.giveUp(CALLER_ABORTED);
      return;
    }
    const bytes = requestBytes(request, entry.policy.sizePath);
    const offer = this.#mailbox.offer(entry.lane, envelope, bytes, entry.policy.overflow);
    if (!offer.isAccepted) {
      this.counts.refused += 1;
      const isFull = offer.cause === "full";
      this.#abandon(envelope, isFull ? MAILBOX_FULL : MESSAGE_TOO_LARGE, isFull ? "lane_full" : "too_large");
      return;
    }
    for (const item of offer.dropped) {
      this.counts.dropped += 1;
      if (item instanceof Envelope) this.#abandon(item, DROPPED_OLDEST, "dropped_oldest");
    }
    if (waiter !== undefined) envelope.listenForAbort();
    this.#schedule();
  }

  /** Answers a message that will not run; one that nobody waits for is a dead letter. */
  #abandon(
    envelope: Envelope,
    reason: Failure,
    cause: "actor_down" | "lane_full" | "too_large" | "dropped_oldest" | "expired" | "crashed",
  ): void {
    envelope.giveUp(reason);
    if (envelope.waiter !== undefined) return;
    this.#environment.deadLetters.record(this.name, envelope.entry.name, cause, envelope.correlationId);
  }

  #watch(
    method: DescMethod,
    request: object,
    reader: StreamReader<object>,
    options: WatchOptions,
  ): Subscription {
    const isUp = this.#incarnation !== undefined && !this.#isStopping;
    const opened: OpenStream | Failure = isUp
      ? this.#dispatch.openStream(method, request, reader, options, this.#environment)
      : ACTOR_DOWN;
    if (opened instanceof Failure) {
      return new EndedSubscription(reader, this.#environment.scheduler, this.#log, opened);
    }
    return opened;
  }

  #streamHost(incarnation: Incarnation<P, I>): StreamHost {
    const crash = (error: Error): void => {
      if (incarnation === this.#incarnation) this.#crash(error, undefined);
    };
    return {
      actor: this.name,
      epoch: incarnation.epoch,
      clock: this.#environment.clock,
      scheduler: this.#environment.scheduler,
      log: this.#log,
      crash,
      guard: (run) => {
        try {
          return run();
        } catch (thrown) {
          crash(asError(thrown));
          return undefined;
        }
      },
    };
  }

  // --- turns ---

  #post(work: () => void): void {
    this.#mailbox.pushOwn(work);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#environment.scheduler.defer(this.#turn);
  }

  #runTurn(): void {
    this.#isScheduled = false;
    const incarnation = this.#incarnation;
    if (incarnation === undefined) return;
    const { watchdog, clock } = this.#environment;
    watchdog.enter(this.name);
    let nowMs = clock.monotonicMs();
    for (let count = 0; count < TURN_MESSAGES_MAX; count++) {
      const item = this.#mailbox.take();
      if (item === undefined) break;
      const code = item instanceof Envelope ? this.#runMessage(item, nowMs) : this.#runOwn(item);
      const startedMs = nowMs;
      nowMs = clock.monotonicMs();
      this.#account(item, nowMs - startedMs, code);
      // It may have crashed or stopped, and even have been started again.
      if (this.#incarnation !== incarnation) break;
    }
    watchdog.leave();
    if (this.#mailbox.length > 0) this.#schedule();
  }

  #runOwn(work: () => void): undefined {
    try {
      work();
    } catch (thrown) {
      this.#crash(asError(thrown), undefined);
    }
  }

  /** Runs one message; returns the code of its answer, undefined when there is none yet. */
  #runMessage(envelope: Envelope, nowMs: number): StatusCode | "OK" | undefined {
    if (envelope.isSettled) return "CANCELLED";
    const { entry } = envelope;
    if (envelope.deadlineMs <= nowMs) {
      this.counts.expired += 1;
      this.#abandon(envelope, deadlineExceeded(entry.name), "expired");
      return "DEADLINE_EXCEEDED";
    }
    this.counts.handled += 1;
    this.#recent.add(entry.name, nowMs, envelope);
    try {
      assert(entry.run !== undefined, `${entry.name} has no handler`);
      return this.#answer(envelope, entry.run(envelope.request, envelope));
    } catch (thrown) {
      this.#crash(asError(thrown), envelope);
      return "INTERNAL";
    }
  }

  #answer(envelope: Envelope, returned: unknown): StatusCode | "OK" | undefined {
    if (returned instanceof Deferred) {
      this.#defer(envelope, returned as Deferred<never>);
      return undefined;
    }
    const reply = toReply(envelope.entry, returned);
    const isFailure = reply instanceof Failure;
    if (!isFailure) this.#environment.seals?.seal(reply, `${envelope.entry.name} response`);
    envelope.answer(reply);
    return isFailure ? reply.code : "OK";
  }

  #defer(envelope: Envelope, deferred: Deferred<never>): void {
    const { method, name } = envelope.entry;
    assert(deferred.output === method.output, `${name} returned the Deferred of another method`);
    // The handler itself may have stopped or crashed the actor, or the caller left while it ran.
    if (this.#incarnation === undefined) envelope.giveUp(ACTOR_STOPPED);
    if (envelope.isSettled) {
      deferred.expire();
      return;
    }
    this.#replies.enter(envelope, deferred, (reply) => {
      try {
        this.#answer(envelope, reply);
      } catch (thrown) {
        this.#crash(asError(thrown), envelope);
      }
    });
  }

  #account(item: Item, runMs: number, code: StatusCode | "OK" | undefined): void {
    if (!(item instanceof Envelope)) {
      if (runMs >= SLOW_HANDLER_MS) this.#log.warn("slow own work", { runMs });
      return;
    }
    if (runMs >= SLOW_HANDLER_MS) {
      this.#log.warn("slow handler", {
        method: item.entry.name,
        correlationId: item.correlationId,
        runMs,
      });
    }
    this.#environment.observer?.handled(this.name, item.entry.name, runMs, code);
  }
}

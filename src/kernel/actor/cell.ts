/**
 * The cell: the stable thing behind a Ref. It owns the mailbox and the reply table, runs turns, ends an incarnation
 * that crashes or stops, and is a child of a supervisor. Refs survive its restarts; messages do not.
 */
import type { DescMethod, DescService } from "@bufbuild/protobuf";
import { correlatedLog } from "../cause.ts";
import { asError, assert, Failure } from "../errors.ts";
import type { TimerHandle } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import { requestBytes } from "../protocol.ts";
import type { AskOptions, Ref } from "../ref.ts";
import type { StreamReader, Subscription, WatchOptions } from "../stream/reader.ts";
import { EndedSubscription, type StreamHost } from "../stream/subscription.ts";
import type { ChildDescription, RunningChild } from "../supervision/child.ts";
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
import { Dispatch, type OpenStream } from "./dispatch.ts";
import { Envelope, type MethodEntry, type Waiter } from "./envelope.ts";
import type { ActorEnvironment } from "./environment.ts";
import { Incarnation } from "./incarnation.ts";
import { LivenessProbe } from "./liveness-probe.ts";
import { localRef, type Receiver } from "./local-ref.ts";
import { Mailbox } from "./mailbox.ts";
import { type CellCounts, Runner } from "./runner.ts";
import { Turns } from "./turns.ts";

/** How late a message that waits in a suspended mailbox may be told that its deadline passed. */
const SUSPENDED_LOOK_MS = 50;

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
  /** Runs `fault` in a turn of the actor as if a handler did; for faults injected on purpose. */
  inject(fault: () => void): void;
  /** From now on messages wait, within the bounds of the mailbox; their deadlines go on. Ends with the incarnation. */
  suspend(): void;
  resume(): void;
  /** Sends a ping through the mailbox, unless one still waits; `changed` hears when it is late, and in time again. */
  ping(deadlineMs: number, changed: (isResponsive: boolean) => void): void;
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
  readonly counts: CellCounts = { handled: 0, refused: 0, dropped: 0, expired: 0, crashes: 0, slow: 0 };
  readonly #definition: ActorDefinition<P, I>;
  readonly #environment: ActorEnvironment;
  readonly #log: Log;
  readonly #dispatch: Dispatch<P, I>;
  readonly #mailbox: Mailbox<Item>;
  readonly #runner: Runner;
  readonly #turns: Turns<Item>;
  readonly #pulse: LivenessProbe;
  #incarnation: Incarnation<P, I> | undefined;
  #epoch = 0;
  #isStopping = false;
  #looking: TimerHandle | undefined;
  #crashed: ((cause: unknown) => void) | undefined;
  #stopped: (() => void)[] = [];

  constructor(definition: ActorDefinition<P, I>, environment: ActorEnvironment) {
    this.name = definition.name;
    this.#definition = definition;
    this.#environment = environment;
    this.#log = correlatedLog(environment.log.child({ actor: definition.name }));
    this.#dispatch = new Dispatch(definition, environment.correlationIds);
    const mailbox = new Mailbox<Item>(environment.lanes);
    this.#mailbox = mailbox;
    const runner = new Runner({
      name: this.name,
      log: this.#log,
      environment,
      counts: this.counts,
      abandon: (envelope, reason, cause) => this.#abandon(envelope, reason, cause),
      crash: (error, during) => this.#crash(error, during),
      isRunning: () => this.isRunning,
    });
    this.#runner = runner;
    this.#turns = new Turns<Item>({
      name: this.name,
      mailbox,
      ...pick(environment),
      run: (item, nowMs) => runner.run(item, nowMs),
      life: () => this.#incarnation,
    });
    this.#pulse = new LivenessProbe({ ...pick(environment), post: (work) => this.#post(work) });
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
    const { pingMs, isResponsive } = this.#pulse;
    return {
      epoch: this.#epoch,
      mailboxDepth: this.#mailbox.length,
      mailboxBytes: this.#mailbox.bytes,
      repliesOpen: this.#runner.replies.size,
      isSuspended: this.#turns.isSuspended,
      isResponsive,
      pingMs,
      counts: { ...this.counts },
    };
  }

  crash(error: Error): void {
    this.#crash(error, undefined);
  }

  inject(fault: () => void): void {
    if (this.#incarnation !== undefined) this.#post(fault);
  }

  suspend(): void {
    if (this.#incarnation === undefined || this.#isStopping || this.#turns.isSuspended) return;
    this.#turns.suspend();
    this.#look();
  }

  resume(): void {
    this.#looking?.cancel();
    this.#looking = undefined;
    this.#turns.resume();
  }

  ping(deadlineMs: number, changed: (isResponsive: boolean) => void): void {
    if (this.#incarnation !== undefined && !this.#isStopping) this.#pulse.ping(deadlineMs, changed);
  }

  /** Nothing is taken from a suspended mailbox, so somebody has to look whose time is over. */
  #look(): void {
    const { clock } = this.#environment;
    this.#looking = clock.setTimer(SUSPENDED_LOOK_MS, () => {
      const nowMs = clock.monotonicMs();
      for (const item of this.#mailbox.waiting()) {
        if (!(item instanceof Envelope) || item.isSettled || item.deadlineMs > nowMs) continue;
        this.#abandon(item, deadlineExceeded(item.entry.name), "expired");
      }
      this.#look();
    });
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
    this.#runner.recent.clear();
    this.#pulse.reset();
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
      suspend: () => this.suspend(),
      resume: () => this.resume(),
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
      this.resume();
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
      lastEvents: this.#runner.recent.list(),
      queued: this.#mailbox.length,
      deferred: this.#runner.replies.size,
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
    this.#pulse.reset();
    this.resume();
    incarnation?.end(reason);
    this.#dispatch.detach(reason);
    for (const item of this.#mailbox.drainAll()) {
      if (item instanceof Envelope) this.#abandon(item, reason, cause);
      else this.#dismiss(item);
    }
    this.#runner.replies.giveUpAll(reason);
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
    const nowMs = this.#environment.clock.coarseMs();
    // Whole milliseconds: a fraction would be an object of its own in every message.
    const deadlineMs = Math.ceil(nowMs + (options?.deadlineMs ?? entry.policy.deadlineMs));
    const envelope = new Envelope(entry, request, deadlineMs, options, waiter);
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
    if (options?.signal !== undefined && waiter !== undefined) envelope.listenForAbort();
    this.#turns.wake();
  }

  /** Answers a message that will not run; one that nobody waits for is a dead letter. */
  #abandon(
    envelope: Envelope,
    reason: Failure,
    cause: "actor_down" | "lane_full" | "too_large" | "dropped_oldest" | "expired" | "crashed",
  ): void {
    if (cause === "expired") this.counts.expired += 1;
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

  #post(work: () => void): void {
    this.#mailbox.pushOwn(work);
    this.#turns.wake();
  }
}

/** The ports of an environment that parts of a cell need. */
function pick({ clock, scheduler, watchdog }: ActorEnvironment) {
  return { clock, scheduler, watchdog };
}

/**
 * A supervisor: starts its children in order, restarts by strategy and policy what ends by itself, stops in reverse, each
 * within its deadline, and escalates when a child fails too often. What happens is done one thing at a time; after
 * each, `#reconcile` starts whatever should run, may run and does not.
 */

import { asError, assert, Failure, failure } from "../errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Random } from "../ports/random.ts";
import type {
  ChildSpec,
  ChildTree,
  RunningChild,
  Strategy,
  SupervisorState,
  SupervisorTree,
} from "./child.ts";
import { judgeRestart, restartDelayMs } from "./restart.ts";
import { SupervisedChild } from "./supervised-child.ts";

export interface SupervisorParts {
  readonly name: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Told of everything that happens to children; must be quick and must not throw. */
  onEvent?(event: SupervisorEvent): void;
}

export interface SupervisorEvent {
  readonly supervisor: string;
  readonly childId: string;
  readonly kind:
    | "started"
    | "start_failed"
    | "crashed"
    | "finished"
    | "stopped"
    | "killed"
    | "restart_scheduled"
    | "escalated";
  readonly error?: Error;
  /** For restart_scheduled. */
  readonly delayMs?: number;
}

/** Why a supervisor gave up. */
export interface Escalation {
  readonly supervisor: string;
  readonly childId: string;
  /** Restarts within the child's period. */
  readonly restarts: number;
  readonly failure: Failure;
}

/** Nothing under it can be ordered about: it starts, stops or gave up. */
const NOT_RUNNING = failure("FAILED_PRECONDITION", "SUPERVISOR_NOT_RUNNING", "the supervisor is not running");

/** An operator's order came while another was carried out, or while the child was started or stopped. */
const RESTART_UNDER_WAY = failure(
  "ABORTED",
  "RESTART_UNDER_WAY",
  "children of this supervisor are being started or stopped; try again",
);

const STANDS_ON_STOPPED = failure(
  "FAILED_PRECONDITION",
  "STANDS_ON_STOPPED",
  "a child that this one stands on was stopped; restart that one",
);

/** It is down, or nothing that takes messages. */
const CANNOT_SUSPEND = failure(
  "FAILED_PRECONDITION",
  "CANNOT_SUSPEND",
  "the child does not run or has no mailbox",
);

export class Supervisor {
  readonly strategy: Strategy;
  /** Resolves once, when it gave up and all its children are stopped. */
  readonly escalated: Promise<Escalation>;
  readonly #parts: SupervisorParts;
  readonly #log: Log;
  readonly #children: readonly SupervisedChild[];
  #state: SupervisorState = "idle";
  #isOrdered = false;
  #work: Promise<unknown> = Promise.resolve();
  #resolveEscalated: (escalation: Escalation) => void = () => {};

  /** Children start in the order given. */
  constructor(strategy: Strategy, children: readonly ChildSpec[], parts: SupervisorParts) {
    const ids = new Set(children.map((child) => child.id));
    assert(ids.size === children.length, `supervisor ${parts.name} has two children of one id`);
    this.strategy = strategy;
    this.#parts = parts;
    this.#log = parts.log.child({ supervisor: parts.name });
    this.#children = children.map((spec) => new SupervisedChild(spec, parts.clock, this.#log));
    this.escalated = new Promise((resolve) => {
      this.#resolveEscalated = resolve;
    });
  }

  /** Ids of the children, in order. */
  get children(): readonly string[] {
    return this.#children.map((child) => child.spec.id);
  }

  get state(): SupervisorState {
    return this.#state;
  }

  /** Starts the children in order. When one fails, those before it are stopped and its error is thrown. */
  start(): Promise<void> {
    return this.#enqueue(() => this.#startAll());
  }

  /** Stops the children in reverse order. Idempotent. */
  stop(): Promise<void> {
    // Said at once, so that a restart under way does not go on to the next child.
    if (this.#state === "running" || this.#state === "starting") this.#state = "stopping";
    return this.#enqueue(async () => {
      if (this.#state !== "stopping") return;
      await this.#stopFrom(0);
      this.#dismissAll();
      this.#state = "stopped";
    });
  }

  /** An operator's restart: follows the strategy, has no delay and counts against nothing. Ends a stop by `stopChild`. */
  restartChild(id: string): Promise<Failure | undefined> {
    return this.#order(id, async (child) => {
      // One that was stopped itself is released all the same: it starts with what it depends on.
      if (!child.isHeld && this.#isHeldUp(child)) return STANDS_ON_STOPPED;
      await this.#stopAffected(child);
      await this.#stopOne(child);
      child.want();
      await this.#reconcile();
      return undefined;
    });
  }

  /** Stops a child, and by the strategy those that depend on it, until `restartChild`. */
  stopChild(id: string): Promise<Failure | undefined> {
    return this.#order(id, async (child) => {
      await this.#stopAffected(child);
      await this.#stopOne(child);
      child.hold();
      return undefined;
    });
  }

  /** Lets the messages of a child wait, until `resumeChild` or its end. */
  suspendChild(id: string): Failure | undefined {
    const running = this.#children.find((child) => child.spec.id === id)?.running;
    if (running?.suspend === undefined) return CANNOT_SUSPEND;
    running.suspend();
    return undefined;
  }

  resumeChild(id: string): Failure | undefined {
    const running = this.#children.find((child) => child.spec.id === id)?.running;
    if (running?.resume === undefined) return CANNOT_SUSPEND;
    running.resume();
    return undefined;
  }

  /** A snapshot of itself and all below. */
  tree(): SupervisorTree {
    return {
      name: this.#parts.name,
      strategy: this.strategy,
      state: this.#state,
      children: this.#children.map((child): ChildTree => child.describe()),
    };
  }

  async #startAll(): Promise<void> {
    assert(this.#state !== "running", `supervisor ${this.#parts.name} is running already`);
    this.#state = "starting";
    for (const child of this.#children) {
      child.want();
      const error = await this.#startOne(child);
      if (error === undefined && this.#isStarting()) continue;
      await this.#stopFrom(0);
      this.#dismissAll();
      this.#state = "stopped";
      throw error ?? failure("CANCELLED", "STOPPED", `supervisor ${this.#parts.name} was stopped`);
    }
    this.#state = "running";
  }

  // --- what happens to a child ---

  async #onEnd(child: SupervisedChild, kind: "crashed" | "finished", cause: unknown): Promise<void> {
    const error = kind === "crashed" ? asError(cause) : undefined;
    child.ended(error);
    this.#tell(child, kind, error === undefined ? {} : { error });
    if (this.#state !== "running") return;
    const { restart } = child.spec;
    const isRestarted = restart === "permanent" || (restart === "transient" && kind === "crashed");
    if (!isRestarted) {
      child.unwant();
      return;
    }
    await this.#restart(child, error ?? new Error(`${child.spec.id} ended`));
    await this.#reconcile();
  }

  /** Decides on a child that ended: stops what depends on it and sets when it may start, or escalates. */
  async #restart(child: SupervisedChild, error: Error): Promise<void> {
    const { clock, random } = this.#parts;
    const { intensity, periodMs, backoff } = child.spec;
    const verdict = judgeRestart(child.recentMs, clock.monotonicMs(), intensity, periodMs);
    if (!verdict.isAllowed) {
      await this.#escalate(child, error, verdict.restarts);
      return;
    }
    child.recentMs = verdict.recentMs;
    const delayMs = restartDelayMs(backoff, verdict.attempt, clock.nowMs(), () => random.next());
    child.waitFor(delayMs);
    this.#log.warn("child will be restarted", {
      child: child.spec.id,
      error,
      delayMs,
      attempt: verdict.attempt,
    });
    this.#tell(child, "restart_scheduled", { error, delayMs });
    await this.#stopAffected(child);
  }

  async #escalate(child: SupervisedChild, error: Error, restarts: number): Promise<void> {
    this.#state = "stopping";
    const message = `${child.spec.id} failed more than ${restarts} times in ${child.spec.periodMs} ms: ${error.message}`;
    this.#log.error("supervisor gives up", { child: child.spec.id, restarts, error });
    await this.#stopFrom(0);
    this.#dismissAll();
    this.#state = "escalated";
    this.#tell(child, "escalated", { error });
    this.#resolveEscalated({
      supervisor: this.#parts.name,
      childId: child.spec.id,
      restarts,
      failure: error instanceof Failure ? error : failure("INTERNAL", "RESTART_LIMIT", message),
    });
  }

  /** Starts, in order, every child that should run and may. A failed start is a crash of that child. */
  async #reconcile(): Promise<void> {
    for (let hasFailed = true; hasFailed && this.#state === "running"; ) {
      hasFailed = false;
      for (const child of this.#startable()) {
        if (this.#state !== "running") return;
        const error = await this.#startOne(child);
        if (error === undefined) continue;
        hasFailed = true;
        if (child.spec.restart === "temporary") child.unwant();
        else await this.#restart(child, error);
        break;
      }
    }
    this.#armTimers();
  }

  /** Children that may start now, in order; the strategy decides whether one that is down holds the others up. */
  #startable(): SupervisedChild[] {
    const isDown = (child: SupervisedChild): boolean => child.isWanted && !child.isRunning;
    const holdsUp = (child: SupervisedChild): boolean => child.isHeld || (isDown(child) && !child.isDue());
    if (this.strategy === "one_for_one") return this.#children.filter((each) => isDown(each) && each.isDue());
    const first = this.#children.findIndex(holdsUp);
    if (first < 0) return this.#children.filter(isDown);
    return this.strategy === "one_for_all" ? [] : this.#children.slice(0, first).filter(isDown);
  }

  /** Whether a child that an operator stopped keeps this one down. */
  #isHeldUp(child: SupervisedChild): boolean {
    if (this.strategy === "one_for_one") return false;
    const others =
      this.strategy === "one_for_all"
        ? this.#children
        : this.#children.slice(0, this.#children.indexOf(child));
    return others.some((other) => other !== child && other.isHeld);
  }

  #armTimers(): void {
    for (const child of this.#children) {
      if (this.#state !== "running" || !child.isWanted || child.isRunning) continue;
      child.wakeWhenDue(() => {
        this.#background(() => this.#reconcile());
      });
    }
  }

  async #startOne(child: SupervisedChild): Promise<Error | undefined> {
    const started = await child.start();
    if (started instanceof Error) {
      this.#tell(child, "start_failed", { error: started });
      return started;
    }
    this.#observe(child, started);
    this.#tell(child, "started", {});
    return undefined;
  }

  #observe(child: SupervisedChild, running: RunningChild): void {
    const ended = (kind: "crashed" | "finished", cause: unknown): void => {
      this.#background(async () => {
        // A child that was stopped or started again meanwhile is ignored.
        if (child.is(running)) await this.#onEnd(child, kind, cause);
      });
    };
    running.crashed?.then(
      (cause) => ended("crashed", cause),
      (cause) => ended("crashed", cause),
    );
    running.finished?.then(
      (value) => ended("finished", value),
      (cause) => ended("crashed", cause),
    );
  }

  // --- stopping ---

  /** Stops what must not run on without the child: nobody, everybody, or those after it. */
  async #stopAffected(child: SupervisedChild): Promise<void> {
    if (this.strategy === "one_for_all") await this.#stopFrom(0, child);
    if (this.strategy === "rest_for_one") await this.#stopFrom(this.#children.indexOf(child) + 1);
  }

  #dismissAll(): void {
    for (const child of this.#children) child.dismiss();
  }

  /** Stops children in reverse order down to an index; one after the other, because later ones use earlier ones. */
  async #stopFrom(index: number, except?: SupervisedChild): Promise<void> {
    for (const child of this.#children.slice(index).reverse()) {
      child.cancelTimer();
      if (child !== except) await this.#stopOne(child);
    }
  }

  async #stopOne(child: SupervisedChild): Promise<void> {
    const how = await child.stop();
    if (how !== "was_down") this.#tell(child, how, {});
  }

  #isStarting(): boolean {
    return this.#state === "starting";
  }

  #tell(
    child: SupervisedChild,
    kind: SupervisorEvent["kind"],
    rest: { readonly error?: Error; readonly delayMs?: number },
  ): void {
    this.#parts.onEvent?.({ supervisor: this.#parts.name, childId: child.spec.id, kind, ...rest });
  }

  /** A job that nobody waits for. It fails only by a programmer error here or in `onEvent`, which must be seen. */
  #background(job: () => Promise<void>): void {
    this.#enqueue(job).catch((thrown) => {
      this.#log.error("supervision failed", { error: asError(thrown) });
    });
  }

  /** An operator's order: one at a time, and not while the child is being started or stopped anyway. */
  async #order(
    id: string,
    carryOut: (child: SupervisedChild) => Promise<Failure | undefined>,
  ): Promise<Failure | undefined> {
    const child = this.#children.find((candidate) => candidate.spec.id === id);
    if (child === undefined) return failure("NOT_FOUND", "NO_SUCH_CHILD", `no child is named ${id}`);
    if (this.#state !== "running") return NOT_RUNNING;
    if (this.#isOrdered || child.isChanging) return RESTART_UNDER_WAY;
    this.#isOrdered = true;
    try {
      // It may have begun to stop while this waited for its turn.
      return await this.#enqueue(async () => (this.#state === "running" ? carryOut(child) : NOT_RUNNING));
    } finally {
      this.#isOrdered = false;
    }
  }

  /** One thing at a time, in order. */
  #enqueue<T>(job: () => Promise<T>): Promise<T> {
    const result = this.#work.then(job);
    this.#work = result.catch(() => {});
    return result;
  }
}

/** A supervisor as a child of another. A new one is made at each start; its escalation is the child's crash. */
export function supervisorChild(make: () => Supervisor): () => Promise<RunningChild> {
  return async () => {
    const supervisor = make();
    await supervisor.start();
    return {
      stop: () => supervisor.stop(),
      crashed: supervisor.escalated.then((escalation) => escalation.failure),
      describe: () => ({ supervisor: supervisor.tree() }),
    };
  };
}

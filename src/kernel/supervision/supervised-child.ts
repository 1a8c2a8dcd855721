/**
 * A supervisor's book on one child: whether it should run, whether it does, since when, and when it may start again. Starting
 * and stopping have deadlines here; which child is started or stopped, and why, is decided in `supervisor.ts`.
 */

import { asError, assert, failure } from "../errors.ts";
import type { Clock, TimerHandle } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { ChildSpec, ChildState, ChildTree, RunningChild } from "./child.ts";

/** Longest start of a child that names no deadline: opening a large store takes seconds. */
const START_DEADLINE_MS = 30_000;

export class SupervisedChild {
  readonly spec: ChildSpec;
  /** Monotonic times of its restarts within its period. */
  recentMs: readonly number[] = [];
  readonly #clock: Clock;
  readonly #log: Log;
  #state: ChildState = "stopped";
  #running: RunningChild | undefined;
  #isWanted = false;
  #isHeld = false;
  #notBeforeMs = 0;
  #timer: TimerHandle | undefined;
  #starts = 0;
  #startedAtMs: number | undefined;
  #lastError: Error | undefined;

  constructor(spec: ChildSpec, clock: Clock, log: Log) {
    this.spec = spec;
    this.#clock = clock;
    this.#log = log;
  }

  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  get isWanted(): boolean {
    return this.#isWanted;
  }

  /** Stopped by an operator: neither it nor what depends on it starts before it is wanted again. */
  get isHeld(): boolean {
    return this.#isHeld;
  }

  /** It is being started or stopped right now. */
  get isChanging(): boolean {
    return this.#state === "starting" || this.#state === "stopping";
  }

  get running(): RunningChild | undefined {
    return this.#running;
  }

  is(running: RunningChild): boolean {
    return this.#running === running;
  }

  /** It should run, from now on and without delay. */
  want(): void {
    this.cancelTimer();
    this.#isWanted = true;
    this.#isHeld = false;
    this.#notBeforeMs = this.#clock.monotonicMs();
    if (this.#state !== "running") this.#state = "waiting";
  }

  /** It is done for good. */
  unwant(): void {
    this.#isWanted = false;
    this.#state = "finished";
  }

  /** It stays down until it is wanted again, and holds up what depends on it. */
  hold(): void {
    this.dismiss();
    this.#isHeld = true;
  }

  /** It stays down because its supervisor ends. */
  dismiss(): void {
    this.cancelTimer();
    this.#isWanted = false;
    this.#state = "stopped";
  }

  /** It may start no earlier than `delayMs` from now. */
  waitFor(delayMs: number): void {
    this.cancelTimer();
    this.#notBeforeMs = this.#clock.monotonicMs() + delayMs;
    this.#state = "waiting";
  }

  isDue(): boolean {
    return this.#notBeforeMs <= this.#clock.monotonicMs();
  }

  /** Calls `wake` once when its delay is over; nothing while it is due already. */
  wakeWhenDue(wake: () => void): void {
    if (this.isDue() || this.#timer !== undefined) return;
    this.#timer = this.#clock.setTimer(this.#notBeforeMs - this.#clock.monotonicMs(), () => {
      this.#timer = undefined;
      // Platform timers may fire a fraction early; the delay is over when they say so.
      this.#notBeforeMs = Math.min(this.#notBeforeMs, this.#clock.monotonicMs());
      wake();
    });
  }

  cancelTimer(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** It ended by itself. */
  ended(error: Error | undefined): void {
    this.#running = undefined;
    this.#state = "waiting";
    if (error !== undefined) this.#lastError = error;
  }

  /** Starts it; an Error says why it did not. */
  async start(): Promise<RunningChild | Error> {
    assert(this.#running === undefined, `${this.spec.id} is running already`);
    this.#state = "starting";
    try {
      const running = await this.#startInTime();
      this.#running = running;
      this.#state = "running";
      this.#starts += 1;
      this.#startedAtMs = this.#clock.nowMs();
      return running;
    } catch (thrown) {
      this.#state = "waiting";
      this.#lastError = asError(thrown);
      this.#log.error("child did not start", { child: this.spec.id, error: this.#lastError });
      return this.#lastError;
    }
  }

  /** Stops it within its deadline, then by force. */
  async stop(): Promise<"was_down" | "stopped" | "killed"> {
    const running = this.#running;
    if (running === undefined) {
      if (this.#state === "waiting") this.#state = this.#isWanted ? "waiting" : "stopped";
      return "was_down";
    }
    // From here on its end is ignored.
    this.#running = undefined;
    this.#state = "stopping";
    const how = await this.#stopInTime(running);
    this.#state = this.#isWanted ? "waiting" : "stopped";
    return how;
  }

  describe(): ChildTree {
    return {
      ...this.#running?.describe?.(),
      id: this.spec.id,
      state: this.#state,
      restarts: Math.max(0, this.#starts - 1),
      startedAtMs: this.#startedAtMs,
      lastError: this.#lastError?.message,
    };
  }

  async #startInTime(): Promise<RunningChild> {
    const deadlineMs = this.spec.startDeadlineMs ?? START_DEADLINE_MS;
    const started = Promise.resolve(this.spec.start());
    let isLate = false;
    const late = this.#after(deadlineMs);
    const first = await Promise.race([started, late.passed]).finally(late.cancel);
    if (first !== undefined) return first;
    isLate = true;
    // What comes up after its time has no place any more.
    started.then(
      (running) => isLate && this.#stopInTime(running),
      () => {},
    );
    throw failure("DEADLINE_EXCEEDED", "START_TIMEOUT", `${this.spec.id} did not start in ${deadlineMs} ms`);
  }

  async #stopInTime(running: RunningChild): Promise<"stopped" | "killed"> {
    const late = this.#after(this.spec.stopDeadlineMs);
    try {
      const stopped = running.stop().then(() => true);
      if ((await Promise.race([stopped, late.passed])) === true) return "stopped";
      this.#log.warn("child did not stop in time and is killed", {
        child: this.spec.id,
        deadlineMs: this.spec.stopDeadlineMs,
      });
      stopped.catch((thrown) => this.#stopFailed(thrown));
    } catch (thrown) {
      this.#stopFailed(thrown);
    } finally {
      late.cancel();
    }
    this.#kill(running);
    return "killed";
  }

  #stopFailed(thrown: unknown): void {
    this.#log.error("child failed while it stopped", { child: this.spec.id, error: asError(thrown) });
  }

  #kill(running: RunningChild): void {
    try {
      running.kill?.();
    } catch (thrown) {
      this.#stopFailed(thrown);
    }
  }

  #after(ms: number): { passed: Promise<undefined>; cancel: () => void } {
    let timer: TimerHandle | undefined;
    const passed = new Promise<undefined>((resolve) => {
      timer = this.#clock.setTimer(ms, () => resolve(undefined));
    });
    return { passed, cancel: () => timer?.cancel() };
  }
}

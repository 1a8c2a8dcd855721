/**
 * Time as a port: the only file that reads a clock or sets a timer of the platform. `FakeClock` is its twin, moved by
 * hand, on which tests and the simulation run.
 */
// The global of the same name is a getter of the platform, which costs as much again as the clock itself.
import { performance } from "node:perf_hooks";
import { afterThisWork } from "./scheduler.ts";

export interface TimerHandle {
  /** Idempotent; a timer that ran already is not affected. */
  cancel(): void;
}

export interface Clock {
  /** Wall clock, Unix milliseconds. May jump. */
  nowMs(): number;
  /** Milliseconds from an arbitrary origin; never goes back. Deadlines are kept in it. */
  monotonicMs(): number;
  /**
   * Monotonic time when the piece of work began that the thread is at, as libuv has it for timers: one reading serves all
   * that is sent meanwhile, for a fifth of the price. Behind `monotonicMs` by as long as that work has taken.
   */
  coarseMs(): number;
  /** Runs `run` once, no earlier than `delayMs` from now. */
  setTimer(delayMs: number, run: () => void): TimerHandle;
}

/** Longest delay that a platform timer takes (24.8 days); a longer one would fire at once, so it is waited for in parts. */
const DELAY_MS_MAX = 2 ** 31 - 1;

let coarseMs: number | undefined;
const forgetCoarseMs = (): void => {
  coarseMs = undefined;
};

export const realClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  coarseMs() {
    if (coarseMs !== undefined) return coarseMs;
    coarseMs = performance.now();
    afterThisWork(forgetCoarseMs);
    return coarseMs;
  },
  setTimer(delayMs, run) {
    let timer: ReturnType<typeof setTimeout>;
    const wait = (leftMs: number): void => {
      timer =
        leftMs > DELAY_MS_MAX
          ? setTimeout(() => wait(leftMs - DELAY_MS_MAX), DELAY_MS_MAX)
          : setTimeout(run, Math.max(0, leftMs));
    };
    wait(delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
};

interface FakeTimer {
  readonly dueMs: number;
  readonly order: number;
  readonly run: () => void;
}

/** A clock that stands still until `advance` moves it. Starts at `startMs` (Unix milliseconds). */
export class FakeClock implements Clock {
  readonly #startMs: number;
  #elapsedMs = 0;
  #orders = 0;
  readonly #timers: FakeTimer[] = [];

  constructor(startMs = 1_700_000_000_000) {
    this.#startMs = startMs;
  }

  nowMs(): number {
    return this.#startMs + this.#elapsedMs;
  }

  monotonicMs(): number {
    return this.#elapsedMs;
  }

  coarseMs(): number {
    return this.#elapsedMs;
  }

  setTimer(delayMs: number, run: () => void): TimerHandle {
    const timer: FakeTimer = {
      dueMs: this.#elapsedMs + Math.max(0, delayMs),
      order: this.#orders++,
      run,
    };
    this.#push(timer);
    return { cancel: () => this.#remove(timer) };
  }

  /** Number of timers that wait. */
  get pendingTimers(): number {
    return this.#timers.length;
  }

  /** When the next timer is due, in monotonic milliseconds; undefined without one. */
  nextTimerMs(): number | undefined {
    return this.#timers[0]?.dueMs;
  }

  /** Moves time on by `ms` and fires what becomes due, in order of due time, then of setting. */
  advance(ms: number): void {
    const targetMs = this.#elapsedMs + ms;
    for (;;) {
      const next = this.#timers[0];
      if (next === undefined || next.dueMs > targetMs) break;
      this.#pop();
      this.#elapsedMs = Math.max(this.#elapsedMs, next.dueMs);
      next.run();
    }
    this.#elapsedMs = targetMs;
  }

  // A binary heap: a simulation of a thousand peers keeps tens of thousands of timers.
  #push(timer: FakeTimer): void {
    this.#timers.push(timer);
    this.#up(this.#timers.length - 1);
  }

  #pop(): void {
    const last = this.#timers.pop();
    if (last === undefined || this.#timers.length === 0) return;
    this.#timers[0] = last;
    this.#down(0);
  }

  #remove(timer: FakeTimer): void {
    const at = this.#timers.indexOf(timer);
    if (at < 0) return;
    const last = this.#timers.pop();
    if (last === undefined || last === timer) return;
    this.#timers[at] = last;
    this.#down(at);
    this.#up(at);
  }

  #up(from: number): void {
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#isBefore(at, parent)) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  #down(from: number): void {
    let at = from;
    for (;;) {
      const left = 2 * at + 1;
      if (left >= this.#timers.length) return;
      const right = left + 1;
      const least = right < this.#timers.length && this.#isBefore(right, left) ? right : left;
      if (!this.#isBefore(least, at)) return;
      this.#swap(at, least);
      at = least;
    }
  }

  #isBefore(left: number, right: number): boolean {
    const one = this.#timers[left];
    const other = this.#timers[right];
    if (one === undefined || other === undefined) return false;
    return one.dueMs < other.dueMs || (one.dueMs === other.dueMs && one.order < other.order);
  }

  #swap(left: number, right: number): void {
    const one = this.#timers[left];
    const other = this.#timers[right];
    if (one === undefined || other === undefined) return;
    this.#timers[left] = other;
    this.#timers[right] = one;
  }
}

/** Resolves after the delay, or as soon as the signal aborts: the caller looks at it. Leaves neither timer nor listener. */
export function pause(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      timer.cancel();
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = clock.setTimer(delayMs, done);
    if (signal.aborted) done();
    else signal.addEventListener("abort", done, { once: true });
  });
}

/**
 * The ports of one simulated process: a clock with the machine's skew and a scheduler, both of which fall silent when the
 * process is killed; and the pace of its disk. What was queued then never runs, as in a process that is gone.
 */

import type { Clock, TimerHandle } from "../../src/kernel/ports/clock.ts";
import type { Random } from "../../src/kernel/ports/random.ts";
import type { Scheduler } from "../../src/kernel/ports/scheduler.ts";

/** Whether the process still lives; shared by its ports. */
export interface Life {
  isAlive: boolean;
}

const NOTHING: TimerHandle = { cancel: () => {} };

/** The machine's wall clock is off by `skewMs`, which may change; its monotonic clock is the world's. */
export class ProcessClock implements Clock {
  readonly #world: Clock;
  readonly #life: Life;
  readonly #skewMs: () => number;

  constructor(world: Clock, life: Life, skewMs: () => number) {
    this.#world = world;
    this.#life = life;
    this.#skewMs = skewMs;
  }

  nowMs(): number {
    return this.#world.nowMs() + this.#skewMs();
  }

  coarseMs(): number {
    return this.monotonicMs();
  }

  monotonicMs(): number {
    return this.#world.monotonicMs();
  }

  setTimer(delayMs: number, run: () => void): TimerHandle {
    if (!this.#life.isAlive) return NOTHING;
    // Whole milliseconds keep the number of different moments small; platform timers are no finer.
    return this.#world.setTimer(Math.ceil(delayMs), () => {
      if (this.#life.isAlive) run();
    });
  }
}

export class ProcessScheduler implements Scheduler {
  readonly #world: Scheduler;
  readonly #life: Life;
  readonly #afterTurn: () => void;

  constructor(world: Scheduler, life: Life, afterTurn: () => void) {
    this.#world = world;
    this.#life = life;
    this.#afterTurn = afterTurn;
  }

  defer(turn: () => void): void {
    this.#world.defer(() => {
      if (!this.#life.isAlive) return;
      turn();
      this.#afterTurn();
    });
  }
}

/** Each write is durable some milliseconds after it was asked for, so that a crash finds some that are not. */
export class DiskScheduler implements Scheduler {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #latencyMsMax: () => number;

  constructor(clock: Clock, random: Random, latencyMsMax: () => number) {
    this.#clock = clock;
    this.#random = random;
    this.#latencyMsMax = latencyMsMax;
  }

  defer(turn: () => void): void {
    this.#clock.setTimer(1 + this.#random.integer(this.#latencyMsMax()), turn);
  }
}

/**
 * Yielding as a port: the only file that queues a macrotask. Each turn of an actor is one `defer`, so that I/O runs
 * between turns. `SimulatedScheduler` is its twin: one step, then microtasks until quiet, in an order that a seed
 * decides.
 */
import type { Random } from "./random.ts";

export interface Scheduler {
  /** Runs `turn` in a macrotask of its own: I/O and timers run in between. */
  defer(turn: () => void): void;
}

export const realScheduler: Scheduler = {
  defer(turn) {
    setImmediate(turn);
  },
};

/** Runs `run` when the synchronous work that the thread is at has ended; for what is worth remembering only as long. */
export function afterThisWork(run: () => void): void {
  queueMicrotask(run);
}

/** Steps after which `runUntilIdle` gives up: by then two actors talk to each other without end. */
const STEPS_MAX = 1_000_000;

/**
 * Runs turns when told to. Without a `random` in order of arrival; with one it picks any of the waiting turns, which
 * shows mistakes that depend on who runs first.
 */
export class SimulatedScheduler implements Scheduler {
  readonly #turns: (() => void)[] = [];
  readonly #random: Random | undefined;

  constructor(random?: Random) {
    this.#random = random;
  }

  defer(turn: () => void): void {
    this.#turns.push(turn);
  }

  /** Number of turns that wait. */
  get pendingTurns(): number {
    return this.#turns.length;
  }

  /** Runs one turn; says whether there was one. Microtasks run only when the caller awaits. */
  step(): boolean {
    if (this.#turns.length === 0) return false;
    const at = this.#random === undefined ? 0 : this.#random.integer(this.#turns.length);
    const [turn] = this.#turns.splice(at, 1);
    turn?.();
    return true;
  }

  /** Alternates one turn and all microtasks until neither is left. */
  async runUntilIdle(): Promise<void> {
    await settleMicrotasks();
    for (let steps = 0; this.step(); steps++) {
      if (steps >= STEPS_MAX) throw new Error(`still busy after ${STEPS_MAX} turns`);
      await settleMicrotasks();
    }
  }
}

/** Resolves when the microtask queue is empty: a macrotask starts only then. */
export function settleMicrotasks(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

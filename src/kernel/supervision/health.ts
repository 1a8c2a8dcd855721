/**
 * Whether actors and their thread keep up: pings every actor through its mailbox, and measures how late the event loop
 * is. Both only watch; what follows from it is the composition root's business.
 */
import type { ActorCell } from "../actor/cell.ts";
import type { Clock, TimerHandle } from "../ports/clock.ts";

/** Once a second costs nothing, and an operator's question is never answered with older news. */
const PING_PERIOD_MS = 1_000;

/** An actor that does not get to its messages for two seconds misses every deadline of consensus. */
const PING_DEADLINE_MS = 2_000;

export interface HealthMonitorParts {
  readonly clock: Clock;
  readonly cells: readonly Pick<ActorCell<never, never>, "name" | "ping">[];
  /** Told when an actor becomes late, and when it is in time again. */
  onChange(actor: string, isResponsive: boolean): void;
}

/** Pings actors; what it learns is in each cell's description. */
export class HealthMonitor {
  readonly #parts: HealthMonitorParts;
  #timer: TimerHandle | undefined;

  constructor(parts: HealthMonitorParts) {
    this.#parts = parts;
  }

  start(): void {
    const { clock, cells, onChange } = this.#parts;
    this.#timer = clock.setTimer(PING_PERIOD_MS, () => {
      for (const cell of cells)
        cell.ping(PING_DEADLINE_MS, (isResponsive) => onChange(cell.name, isResponsive));
      this.start();
    });
  }

  stop(): void {
    this.#timer?.cancel();
  }
}

/** Time between two looks at the loop: fifty a second see every stand-still that a deadline of consensus would feel. */
const LOOK_MS = 20;

/** Looks that are kept: those of the last ten seconds. */
const LOOKS_MAX = 500;

export interface LoopLagSummary {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** How late timers of this thread run, over the last ten seconds. */
export class LoopLag {
  readonly #clock: Clock;
  readonly #lagsMs = new Float64Array(LOOKS_MAX);
  #looks = 0;
  #timer: TimerHandle | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  start(): void {
    const dueMs = this.#clock.monotonicMs() + LOOK_MS;
    this.#timer = this.#clock.setTimer(LOOK_MS, () => {
      this.#lagsMs[this.#looks % LOOKS_MAX] = Math.max(0, this.#clock.monotonicMs() - dueMs);
      this.#looks += 1;
      this.start();
    });
  }

  stop(): void {
    this.#timer?.cancel();
  }

  /** Zeros before the first look. */
  summary(): LoopLagSummary {
    const sorted = this.#lagsMs.slice(0, Math.min(this.#looks, LOOKS_MAX)).sort();
    const at = (share: number): number => sorted[Math.floor((sorted.length - 1) * share)] ?? 0;
    return { p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) };
  }
}

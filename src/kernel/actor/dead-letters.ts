/**
 * Messages that nobody handled: tells to an actor that is down, tells that were dropped, expired or lost in a crash.
 * Counted by actor, method and cause; the last thousand are kept; whoever observes is told of each.
 */
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import { Ring } from "../ring.ts";

export type DeadLetterCause =
  | "actor_down"
  | "lane_full"
  | "too_large"
  | "dropped_oldest"
  | "expired"
  | "crashed";

export interface DeadLetter {
  readonly actor: string;
  /** Full name, `alys.sync.v1.SyncService.StartSync`. */
  readonly method: string;
  readonly cause: DeadLetterCause;
  readonly correlationId: string;
  /** Unix milliseconds. */
  readonly timeMs: number;
}

/** Letters kept, without their bodies; at the bound the oldest go, the counters stay. */
const LETTERS_MAX = 1_000;

/** Observers at most; one more is a programmer error of whoever forgets to leave. */
const OBSERVERS_MAX = 64;

/** Lines logged in a row; then silence until the period is over, so that a flood of letters is no flood of lines. */
const LINES_MAX = 10;
const LINES_PERIOD_MS = 60_000;

export class DeadLetters {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #letters = new Ring<DeadLetter>();
  /** Bounded by itself: actors times methods times causes. */
  readonly #counts = new Map<string, number>();
  readonly #observers = new Set<(letter: DeadLetter) => void>();
  #total = 0;
  #lines = 0;
  #linesSinceMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  get total(): number {
    return this.#total;
  }

  /** Number of letters by `actor method cause`, separated by spaces. */
  counts(): ReadonlyMap<string, number> {
    return this.#counts;
  }

  /** The last letters, oldest first. */
  recent(): readonly DeadLetter[] {
    return this.#letters.toArray();
  }

  /** Calls `observer` with each letter from now on; returns how to stop. It must not throw and not block. */
  observe(observer: (letter: DeadLetter) => void): () => void {
    if (this.#observers.size >= OBSERVERS_MAX) throw new Error("too many observers of dead letters");
    this.#observers.add(observer);
    return () => {
      this.#observers.delete(observer);
    };
  }

  record(actor: string, method: string, cause: DeadLetterCause, correlationId: string): void {
    const letter: DeadLetter = { actor, method, cause, correlationId, timeMs: this.#clock.nowMs() };
    this.#total += 1;
    const key = `${actor} ${method} ${cause}`;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
    if (this.#letters.length >= LETTERS_MAX) this.#letters.shift();
    this.#letters.push(letter);
    this.#logSome(letter);
    for (const observer of this.#observers) observer(letter);
  }

  #logSome(letter: DeadLetter): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#linesSinceMs >= LINES_PERIOD_MS) {
      this.#linesSinceMs = nowMs;
      this.#lines = 0;
    }
    this.#lines += 1;
    if (this.#lines <= LINES_MAX) this.#log.warn("dead letter", { ...letter, total: this.#total });
  }
}

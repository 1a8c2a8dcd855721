/**
 * The turns of one mailbox: asks the scheduler for one when something waits, runs a bounded part of it, and yields. A
 * suspended mailbox takes messages in, within its bounds, and runs none.
 */
import type { Clock } from "../ports/clock.ts";
import type { Scheduler } from "../ports/scheduler.ts";
import type { Watchdog } from "../ports/watchdog.ts";
import type { Mailbox } from "./mailbox.ts";

/** Messages in one turn; then the scheduler, so that I/O and other actors run. */
export const TURN_MESSAGES_MAX = 64;

/**
 * A turn that took this long ends early: 64 handlers of 50 µs would hold the thread for 3 ms, and a control message to
 * another actor would wait for a turn of each. One handler may still take longer; that is reported.
 */
const TURN_MS_MAX = 1;

export interface TurnParts<T> {
  readonly name: string;
  readonly mailbox: Mailbox<T>;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly watchdog: Watchdog;
  /** Runs one item; answers the monotonic time after it. */
  run(item: T, nowMs: number): number;
  /** Names the life that runs now; undefined for none. A turn ends with the life that it began in. */
  life(): object | undefined;
}

export class Turns<T> {
  readonly #parts: TurnParts<T>;
  readonly #turn = (): void => this.#runTurn();
  #isScheduled = false;
  #isSuspended = false;

  constructor(parts: TurnParts<T>) {
    this.#parts = parts;
  }

  get isSuspended(): boolean {
    return this.#isSuspended;
  }

  /** Something waits. */
  wake(): void {
    if (this.#isScheduled || this.#isSuspended) return;
    this.#isScheduled = true;
    this.#parts.scheduler.defer(this.#turn);
  }

  suspend(): void {
    this.#isSuspended = true;
  }

  resume(): void {
    if (!this.#isSuspended) return;
    this.#isSuspended = false;
    if (this.#parts.mailbox.length > 0) this.wake();
  }

  #runTurn(): void {
    this.#isScheduled = false;
    const parts = this.#parts;
    const life = parts.life();
    if (life === undefined || this.#isSuspended) return;
    parts.watchdog.enter(parts.name);
    const startedMs = parts.clock.monotonicMs();
    let nowMs = startedMs;
    for (let count = 0; count < TURN_MESSAGES_MAX && nowMs - startedMs < TURN_MS_MAX; count++) {
      const item = parts.mailbox.take();
      if (item === undefined) break;
      nowMs = parts.run(item, nowMs);
      // It may have crashed or stopped, and even have been started again; or a handler suspended it.
      if (parts.life() !== life || this.#isSuspended) break;
    }
    parts.watchdog.leave();
    if (parts.mailbox.length > 0) this.wake();
  }
}

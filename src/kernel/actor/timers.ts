/**
 * An actor's timers: they run inside a turn of its mailbox and die with the incarnation that set them.
 */

import { assert } from "../errors.ts";
import type { Clock, TimerHandle } from "../ports/clock.ts";

/** What an actor sees. */
export interface Timers {
  /** Runs once, no earlier than `delayMs` from now. */
  after(delayMs: number, run: () => void): TimerHandle;
  /** Runs every `periodMs`, first after one period. A tick that finds the one before it still waiting is skipped. */
  every(periodMs: number, run: () => void): TimerHandle;
}

/** Timers of one actor; one more is a leak, a programmer error. */
const TIMERS_MAX = 16_384;

export class ActorTimers implements Timers {
  readonly #clock: Clock;
  readonly #post: (work: () => void) => void;
  readonly #live = new Set<TimerHandle>();

  /** `post` puts work into the actor's mailbox. */
  constructor(clock: Clock, post: (work: () => void) => void) {
    this.#clock = clock;
    this.#post = post;
  }

  get size(): number {
    return this.#live.size;
  }

  after(delayMs: number, run: () => void): TimerHandle {
    let isLive = true;
    const platform = this.#clock.setTimer(delayMs, () => {
      this.#post(() => {
        if (!isLive) return;
        isLive = false;
        this.#live.delete(handle);
        run();
      });
    });
    const handle = this.#keep(() => {
      isLive = false;
      platform.cancel();
    });
    return handle;
  }

  every(periodMs: number, run: () => void): TimerHandle {
    assert(periodMs > 0, "every() needs a period above zero");
    let isLive = true;
    let isWaiting = false;
    let platform: TimerHandle;
    const tick = (): void => {
      platform = this.#clock.setTimer(periodMs, tick);
      if (isWaiting) return;
      isWaiting = true;
      this.#post(() => {
        isWaiting = false;
        if (isLive) run();
      });
    };
    platform = this.#clock.setTimer(periodMs, tick);
    return this.#keep(() => {
      isLive = false;
      platform.cancel();
    });
  }

  cancelAll(): void {
    for (const handle of [...this.#live]) handle.cancel();
  }

  #keep(cancel: () => void): TimerHandle {
    assert(this.#live.size < TIMERS_MAX, `more than ${TIMERS_MAX} timers of one actor`);
    const handle: TimerHandle = {
      cancel: () => {
        this.#live.delete(handle);
        cancel();
      },
    };
    this.#live.add(handle);
    return handle;
  }
}

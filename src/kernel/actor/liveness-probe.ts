/**
 * Whether an actor gets to its messages: a ping through its mailbox, behind what waits there by weight, with a deadline.
 * One that was late counts as unresponsive until it is answered after all, or until the actor starts anew.
 */
import type { Clock, TimerHandle } from "../ports/clock.ts";
import type { Scheduler } from "../ports/scheduler.ts";

export interface PulseParts {
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  /** Puts work into the mailbox. */
  post(work: () => void): void;
}

export class LivenessProbe {
  readonly #parts: PulseParts;
  #waiting: { readonly timer: TimerHandle } | undefined;
  #isResponsive = true;
  #pingMs: number | undefined;

  constructor(parts: PulseParts) {
    this.#parts = parts;
  }

  /** False from a ping's deadline until its answer. */
  get isResponsive(): boolean {
    return this.#isResponsive;
  }

  /** How long the last ping that was answered took; undefined before the first. */
  get pingMs(): number | undefined {
    return this.#pingMs;
  }

  /** Sends a ping, unless one still waits. `changed` is told when the actor becomes late, or is in time again. */
  ping(deadlineMs: number, changed: (isResponsive: boolean) => void): void {
    if (this.#waiting !== undefined) return;
    const { clock, scheduler, post } = this.#parts;
    const sentMs = clock.monotonicMs();
    const isWaiting = (): boolean => this.#waiting === waiting;
    const timer = clock.setTimer(deadlineMs, () => {
      // After a stand-still of the whole thread its timers come first: the mailbox gets its turn before it is judged.
      scheduler.defer(() => {
        if (isWaiting()) this.#tell(false, changed);
      });
    });
    const waiting = { timer };
    this.#waiting = waiting;
    post(() => {
      if (!isWaiting()) return;
      timer.cancel();
      this.#waiting = undefined;
      this.#pingMs = clock.monotonicMs() - sentMs;
      this.#tell(true, changed);
    });
  }

  /** A life begins or ends: whatever was sent is void. */
  reset(): void {
    this.#waiting?.timer.cancel();
    this.#waiting = undefined;
    this.#isResponsive = true;
    this.#pingMs = undefined;
  }

  #tell(isResponsive: boolean, changed: (isResponsive: boolean) => void): void {
    if (isResponsive === this.#isResponsive) return;
    this.#isResponsive = isResponsive;
    changed(isResponsive);
  }
}

/**
 * Lines of the log about refused calls, so many in a while: whoever is turned away must not fill the disk with it. The
 * audit log, whose size is bounded, has a line for each. One for all listeners.
 */
import type { Clock } from "../kernel/ports/clock.ts";
import type { Fields, Log } from "../kernel/ports/log.ts";

/** Lines in a window; further ones are counted, and the next window begins with the count. */
const LINES_MAX = 20;
const WINDOW_MS = 10_000;

export class RefusalLines {
  readonly #log: Log;
  readonly #clock: Clock;
  #windowMs = 0;
  #lines = 0;
  #leftOut = 0;

  constructor(log: Log, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  write(fields: Fields): void {
    const nowMs = this.#clock.monotonicMs();
    if (this.#lines === 0 || nowMs - this.#windowMs >= WINDOW_MS) {
      if (this.#leftOut > 0) this.#log.warn("more control calls were refused", { calls: this.#leftOut });
      this.#windowMs = nowMs;
      this.#lines = 0;
      this.#leftOut = 0;
    }
    if (this.#lines >= LINES_MAX) {
      this.#leftOut += 1;
      return;
    }
    this.#lines += 1;
    this.#log.warn("control call refused", fields);
  }
}

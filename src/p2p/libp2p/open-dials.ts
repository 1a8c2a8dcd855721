/** How many dials there are at a time, of all peers together: so many run, some wait for their turn, the others are refused. */

import { asError } from "../../kernel/errors.ts";
import { hostFailure } from "../failures.ts";

/** Dials at once. A thousand peers that join within a second must find room. */
const DIALS_PARALLEL_MAX = 100;

/** Dials that wait; beyond it a dial fails at once with HOST_BUSY. */
const DIALS_WAITING_MAX = 2000;

export class OpenDials {
  readonly #waiting = new Set<() => void>();
  #running = 0;

  /** Dials under way and waiting. */
  get pending(): number {
    return this.#running + this.#waiting.size;
  }

  /** Runs a dial when it is its turn. */
  async run<T>(dial: () => Promise<T>, signal: AbortSignal): Promise<T> {
    await this.#turn(signal);
    try {
      return await dial();
    } finally {
      this.#running--;
      const [next] = this.#waiting;
      next?.();
    }
  }

  #turn(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.reject(asError(signal.reason));
    if (this.#running < DIALS_PARALLEL_MAX) {
      this.#running++;
      return Promise.resolve();
    }
    if (this.#waiting.size >= DIALS_WAITING_MAX)
      return Promise.reject(hostFailure("HOST_BUSY", `${DIALS_WAITING_MAX} dials wait`));
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#waiting.delete(onTurn);
        reject(asError(signal.reason));
      };
      const onTurn = (): void => {
        this.#waiting.delete(onTurn);
        signal.removeEventListener("abort", onAbort);
        this.#running++;
        resolve();
      };
      this.#waiting.add(onTurn);
      signal.addEventListener("abort", onAbort, { once: true });
    });
  }
}

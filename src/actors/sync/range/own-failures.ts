/** Failures of our own in a row, which are nobody's fault: each is tried again after a pause that grows. Owned by the pipeline. */

import { OWN_FAILURE_PAUSE_MS, OWN_FAILURE_PAUSE_MS_MAX } from "../config.ts";

/** Failures in a row after which the state says FAILED. */
const FAILURES_IN_ROW = 8;

export class OwnFailures {
  #inRow = 0;

  get inRow(): number {
    return this.#inRow;
  }

  get isAny(): boolean {
    return this.#inRow > 0;
  }

  /** It failed again and again; it goes on trying. */
  get isFailing(): boolean {
    return this.#inRow >= FAILURES_IN_ROW;
  }

  get pauseMs(): number {
    return Math.min(OWN_FAILURE_PAUSE_MS_MAX, OWN_FAILURE_PAUSE_MS * 2 ** Math.max(0, this.#inRow - 1));
  }

  add(): void {
    this.#inRow++;
  }

  over(): void {
    this.#inRow = 0;
  }
}

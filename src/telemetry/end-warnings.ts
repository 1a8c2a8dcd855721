/**
 * When to warn of something that ends: first with little time left, again each time that half of that is gone, and once an
 * hour after its end. Pure: whoever owns the thing looks now and then and logs what it is told.
 */

export type EndWarning = "soon" | "ended";

/** That it has ended is said again after this. */
const REPEAT_MS = 3_600_000;

export class EndWarnings {
  readonly #firstMs: number;
  /** The next warning comes with no more than this left. */
  #belowMs: number;
  #endedAtMs = Number.NEGATIVE_INFINITY;

  /** `firstMs`: time left at the first warning. */
  constructor(firstMs: number) {
    this.#firstMs = firstMs;
    this.#belowMs = firstMs;
  }

  /** `remainingMs` by the wall clock, `monotonicMs` now. */
  look(remainingMs: number, monotonicMs: number): EndWarning | undefined {
    if (remainingMs <= 0) {
      if (monotonicMs - this.#endedAtMs < REPEAT_MS) return undefined;
      this.#endedAtMs = monotonicMs;
      return "ended";
    }
    if (remainingMs > this.#belowMs) return undefined;
    this.#belowMs = remainingMs / 2;
    return "soon";
  }

  /** A newer one took its place. */
  renewed(): void {
    this.#belowMs = this.#firstMs;
    this.#endedAtMs = Number.NEGATIVE_INFINITY;
  }
}

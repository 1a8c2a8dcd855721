/**
 * Requests that take too long: when one is overdue, which of them is asked of a second peer (hedging), and which an idle
 * peer takes over at the end, when there is nothing else left to ask for (work stealing). Pure.
 */

import type { Batch } from "./batch.ts";

/** A request that was sent and not answered. */
export interface OpenRequest {
  readonly requestId: number;
  readonly batchId: number;
  readonly peerId: string;
  /** Monotonic milliseconds. */
  readonly sinceMs: number;
}

/** Duration of an answer that nothing is known of yet, milliseconds. */
const TYPICAL_MS_FIRST = 1_000;
/** Weight of the newest duration. */
const TYPICAL_SHARE = 0.2;
/** A request is overdue after so many typical durations, but never sooner or later than these, milliseconds. */
const OVERDUE_TIMES = 4;
const OVERDUE_MS_MIN = 500;
const OVERDUE_MS_MAX = 5_000;

/** What an answer usually takes. */
export class TypicalDuration {
  #ms: number | undefined;

  add(durationMs: number): void {
    this.#ms = this.#ms === undefined ? durationMs : this.#ms + (durationMs - this.#ms) * TYPICAL_SHARE;
  }

  get ms(): number {
    return this.#ms ?? TYPICAL_MS_FIRST;
  }

  /** A request that has lasted this long is overdue. */
  get overdueMs(): number {
    return Math.min(OVERDUE_MS_MAX, Math.max(OVERDUE_MS_MIN, OVERDUE_TIMES * this.ms));
  }
}

/** Batches whose request is overdue and that nobody else was asked for, lowest first: import waits for those first. */
export function overdueBatches(batches: readonly Batch[], nowMs: number, overdueMs: number): Batch[] {
  return batches.filter(
    (batch) =>
      batch.state === "downloading" && batch.hedge === undefined && nowMs - batch.sinceMs >= overdueMs,
  );
}

/**
 * The request that an idle peer takes over when no batch waits: the newest of a peer that has two, which it has not begun
 * to answer. Not one that was sent just now, or two idle peers would pass it to and fro.
 */
export function requestToSteal(
  open: readonly OpenRequest[],
  idlePeers: readonly string[],
  nowMs: number,
  typicalMs: number,
): OpenRequest | undefined {
  if (idlePeers.length === 0) return undefined;
  let newest: OpenRequest | undefined;
  for (const request of open) {
    const isSecond = open.some(
      (other) => other.peerId === request.peerId && other.requestId < request.requestId,
    );
    if (!isSecond || nowMs - request.sinceMs < typicalMs) continue;
    if (newest === undefined || request.requestId > newest.requestId) newest = request;
  }
  return newest;
}

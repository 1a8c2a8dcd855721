/**
 * Token buckets, one a holder of a token or certificate: so many calls at once after a pause, so many a second in the long run. Bounded: the
 * buckets of those who have not called for longest are forgotten, which only ever gives somebody a full bucket again.
 */

import { type Failure, failure } from "../../kernel/errors.ts";
import type { Clock } from "../../kernel/ports/clock.ts";

export interface RateLimit {
  /** Calls a second in the long run; 0 for no limit. */
  readonly callsPerSecond: number;
  /** Calls at once after a pause. */
  readonly burst: number;
}

/** Holders that are remembered; at the bound the one that has not called for longest is forgotten. */
const BUCKETS_MAX = 1_024;

interface Bucket {
  tokens: number;
  atMs: number;
}

export class RateLimiter {
  #limit: RateLimit;
  readonly #clock: Clock;
  readonly #buckets = new Map<string, Bucket>();

  constructor(limit: RateLimit, clock: Clock) {
    this.#limit = limit;
    this.#clock = clock;
  }

  /** Another limit from now on; what is in a bucket stays, cut to the new burst. */
  setLimit(limit: RateLimit): void {
    this.#limit = limit;
  }

  /**
   * Takes a call from the holder's bucket; RESOURCE_EXHAUSTED/RATE_LIMITED with the delay when it is empty, about whoever
   * it is called.
   */
  take(holder: string, name: string): Failure | undefined {
    const { callsPerSecond, burst } = this.#limit;
    if (callsPerSecond === 0) return undefined;
    const nowMs = this.#clock.monotonicMs();
    const bucket = this.#bucketOf(holder, nowMs);
    bucket.tokens = Math.min(burst, bucket.tokens + ((nowMs - bucket.atMs) * callsPerSecond) / 1000);
    bucket.atMs = nowMs;
    if (bucket.tokens >= 1) {
      bucket.tokens -= 1;
      return undefined;
    }
    const retryDelayMs = Math.ceil(((1 - bucket.tokens) * 1000) / callsPerSecond);
    const text = `${name} made more than ${callsPerSecond} calls a second`;
    return failure("RESOURCE_EXHAUSTED", "RATE_LIMITED", text, { retryDelayMs });
  }

  #bucketOf(holder: string, nowMs: number): Bucket {
    const known = this.#buckets.get(holder);
    if (known !== undefined) {
      // Last in the map is who called last; moving it matters only when somebody will be forgotten.
      if (this.#buckets.size >= BUCKETS_MAX) {
        this.#buckets.delete(holder);
        this.#buckets.set(holder, known);
      }
      return known;
    }
    if (this.#buckets.size >= BUCKETS_MAX) {
      const [oldest] = this.#buckets.keys();
      if (oldest !== undefined) this.#buckets.delete(oldest);
    }
    const bucket = { tokens: this.#limit.burst, atMs: nowMs };
    this.#buckets.set(holder, bucket);
    return bucket;
  }
}

/**
 * Who may ask how much: the rate and the number of inbound requests, per peer and protocol and all together. Pure, time
 * is an argument. Both hosts ask it before they serve anything. A rate is a GCRA: one number per bucket, the time at
 * which it will be full again, so an old bucket costs nothing to forget.
 */

import { PROTOCOL_LIMITS, type Protocol } from "./protocols.ts";

/**
 * All peers together: opening, answering and closing a stream was measured at 600–900 a second on two cores; 512 leaves the
 * loop time for blocks. At the bound a request is answered "rate limited", whoever asks, members excepted.
 */
export const REQUESTS_PER_SECOND_MAX = 512;

/**
 * Requests being served at once, all peers together. Each may hold one chunk of 2 MiB in its stream's buffer, so this
 * bounds them to 256 MiB. At the bound: "rate limited".
 */
export const REQUESTS_SERVING_MAX = 128;

/** Buckets remembered. At the bound the one that is full soonest is forgotten: it has the least to remember. */
const BUCKETS_MAX = 8192;

/** Refusals are answered politely this many times the burst; whoever goes on is reset without an answer. */
const REFUSALS_FACTOR = 2;

export type Admission = "admitted" | "refused" | "flooding";

/** One rate: `burst` at once, regained evenly over `refillMs`. */
class Bucket {
  /** Monotonic time at which nothing is owed any more. */
  fullMs = 0;

  take(burst: number, refillMs: number, nowMs: number): boolean {
    const costMs = refillMs / burst;
    const nextMs = Math.max(this.fullMs, nowMs) + costMs;
    if (nextMs - nowMs > refillMs) return false;
    this.fullMs = nextMs;
    return true;
  }
}

export class RequestAdmission {
  readonly #buckets = new Map<string, Bucket>();
  readonly #refusals = new Map<string, Bucket>();
  readonly #global = new Bucket();
  readonly #servingByKey = new Map<string, number>();
  #serving = 0;
  #refused = 0;

  get serving(): number {
    return this.#serving;
  }

  get refused(): number {
    return this.#refused;
  }

  /** Admits one request; the caller must `release` it. A reserved peer is not held to what all share. */
  admit(peerId: string, protocol: Protocol, isReserved: boolean, nowMs: number): Admission {
    const limits = PROTOCOL_LIMITS[protocol];
    const key = `${peerId} ${protocol}`;
    const isBusy =
      (this.#servingByKey.get(key) ?? 0) >= limits.concurrentMax ||
      (!isReserved && this.#serving >= REQUESTS_SERVING_MAX);
    const isWithinRate =
      !isBusy &&
      this.#bucket(this.#buckets, key, nowMs).take(limits.burst, limits.refillMs, nowMs) &&
      (this.#global.take(REQUESTS_PER_SECOND_MAX, 1000, nowMs) || isReserved);
    if (isWithinRate) {
      this.#serving += 1;
      this.#servingByKey.set(key, (this.#servingByKey.get(key) ?? 0) + 1);
      return "admitted";
    }
    this.#refused += 1;
    const patience = this.#bucket(this.#refusals, key, nowMs);
    return patience.take(limits.burst * REFUSALS_FACTOR, limits.refillMs, nowMs) ? "refused" : "flooding";
  }

  release(peerId: string, protocol: Protocol): void {
    const key = `${peerId} ${protocol}`;
    const count = this.#servingByKey.get(key) ?? 0;
    if (count === 0) return;
    this.#serving -= 1;
    if (count === 1) this.#servingByKey.delete(key);
    else this.#servingByKey.set(key, count - 1);
  }

  #bucket(buckets: Map<string, Bucket>, key: string, nowMs: number): Bucket {
    const known = buckets.get(key);
    if (known !== undefined) return known;
    if (buckets.size >= BUCKETS_MAX) forget(buckets, nowMs);
    const bucket = new Bucket();
    buckets.set(key, bucket);
    return bucket;
  }
}

/** Forgets every bucket that is full, or, when none is, the one that is full soonest. */
function forget(buckets: Map<string, Bucket>, nowMs: number): void {
  let soonest: string | undefined;
  let soonestMs = Number.POSITIVE_INFINITY;
  for (const [key, bucket] of buckets) {
    if (bucket.fullMs <= nowMs) buckets.delete(key);
    else if (bucket.fullMs < soonestMs) {
      soonest = key;
      soonestMs = bucket.fullMs;
    }
  }
  if (buckets.size >= BUCKETS_MAX && soonest !== undefined) buckets.delete(soonest);
}

/**
 * Who may ask how much: the rate and the number of inbound requests, per peer and protocol and all together. Pure, time
 * is an argument. Both hosts ask it before they serve anything. A rate is a GCRA: one number per bucket, the time at
 * which it will be full again, so an old bucket costs nothing to forget.
 */

import { FairShares } from "./fair-shares.ts";
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

/**
 * What peers share of it when they want more than all of it: a tenth is left over, so that the common bucket regains and
 * does not refuse those who keep to their share.
 */
const SHARED_PER_SECOND = Math.floor(REQUESTS_PER_SECOND_MAX * 0.9);

/** Buckets remembered. At the bound the one that is full soonest is forgotten: it has the least to remember. */
const BUCKETS_MAX = 8192;

/**
 * A peer above its own rate is told so as many times as its burst, and that is regained over ten seconds: an honest one that
 * hears it waits. Whoever goes on is reset without an answer, which is an offence. Refusals for what all share, or for
 * requests that are still being served, are not counted: their reason may be others, or our own slowness.
 */
const PATIENCE_REFILL_MS = 10_000;

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
  readonly #shares = new FairShares(SHARED_PER_SECOND);
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
    const isWithinOwn = this.#bucket(this.#buckets, key, nowMs).take(limits.burst, limits.refillMs, nowMs);
    if (isWithinOwn && this.#hasRoom(peerId, key, limits.concurrentMax, isReserved, nowMs)) {
      this.#serving += 1;
      this.#servingByKey.set(key, (this.#servingByKey.get(key) ?? 0) + 1);
      return "admitted";
    }
    this.#refused += 1;
    if (isWithinOwn) return "refused";
    const patience = this.#bucket(this.#refusals, key, nowMs);
    return patience.take(limits.burst, PATIENCE_REFILL_MS, nowMs) ? "refused" : "flooding";
  }

  /** Whether there is room in what is served at once, and in what all peers share. */
  #hasRoom(peerId: string, key: string, concurrentMax: number, isReserved: boolean, nowMs: number): boolean {
    // Asked of everybody, and first, so that the shares follow what each one wants.
    const isWithinShare = this.#shares.take(peerId, nowMs);
    if ((this.#servingByKey.get(key) ?? 0) >= concurrentMax) return false;
    if (isReserved) {
      this.#global.take(REQUESTS_PER_SECOND_MAX, 1000, nowMs);
      return true;
    }
    if (this.#serving >= REQUESTS_SERVING_MAX || !isWithinShare) return false;
    return this.#global.take(REQUESTS_PER_SECOND_MAX, 1000, nowMs);
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

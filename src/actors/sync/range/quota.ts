/**
 * Quota ledger: what we ask of each peer is at most half of what it allows, so that it never has a reason to refuse us,
 * whatever its clock and ours make of a second: of its burst, of its rate, of what it serves at once. A bucket a peer and protocol,
 * by the limits that peers measure by. Pure, time as an argument. Waiting is bounded: at worst the bucket's whole refill, so nothing stands still for good.
 */

import { PROTOCOL_LIMITS, type Protocol } from "../../../p2p/protocols.ts";

/** Share of a remote's allowance that we use, of its burst and of its rate. */
const SHARE = 0.5;

/** Buckets remembered. At the bound those that are full again are forgotten, which says the same; the rest soon will be. */
const BUCKETS_MAX = 2048;

export class QuotaLedger {
  /** Monotonic time at which nothing is owed any more, by protocol and peer. Kept over reconnections, as peers do. */
  readonly #fullMs = new Map<string, number>();

  /** Requests that were sent and have not ended, by protocol and peer. Bounded by the requests that our parts may have open. */
  readonly #inFlight = new Map<string, number>();

  /** Whether a request may be sent now. */
  has(peerId: string, protocol: Protocol, nowMs: number): boolean {
    const { concurrentMax, refillMs } = PROTOCOL_LIMITS[protocol];
    const inFlight = this.#inFlight.get(`${protocol} ${peerId}`) ?? 0;
    if (inFlight >= Math.max(1, concurrentMax * SHARE)) return false;
    return this.#after(peerId, protocol, nowMs) - nowMs <= refillMs;
  }

  /** Counts a request that is sent; `has` said that it may be. */
  take(peerId: string, protocol: Protocol, nowMs: number): void {
    const key = `${protocol} ${peerId}`;
    this.#inFlight.set(key, (this.#inFlight.get(key) ?? 0) + 1);
    this.#fullMs.set(key, this.#after(peerId, protocol, nowMs));
    if (this.#fullMs.size <= BUCKETS_MAX) return;
    for (const [each, fullMs] of this.#fullMs) if (fullMs <= nowMs) this.#fullMs.delete(each);
  }

  /** A request that was taken for has ended, whatever became of it. */
  ended(peerId: string, protocol: Protocol): void {
    const key = `${protocol} ${peerId}`;
    const inFlight = (this.#inFlight.get(key) ?? 0) - 1;
    if (inFlight > 0) this.#inFlight.set(key, inFlight);
    else this.#inFlight.delete(key);
  }

  #after(peerId: string, protocol: Protocol, nowMs: number): number {
    const { burst, refillMs } = PROTOCOL_LIMITS[protocol];
    const costMs = refillMs / Math.max(1, burst * SHARE);
    return Math.max(this.#fullMs.get(`${protocol} ${peerId}`) ?? 0, nowMs) + costMs;
  }
}

/**
 * Targets: which head synchronisation goes for, and which one it is judged by. A proven head is both. One that is claimed
 * under authorities that we do not know is followed where nobody proves a better one than ours, and shown, and nothing is
 * judged by it. Owned by state.ts.
 */

import type { Batch } from "../batch.ts";
import { ATTEMPTS_REPORTED, TARGET_EXCLUSION_MS } from "../config.ts";
import type { PeerBook } from "../peers.ts";
import { chooseTarget, type ProvenHead } from "../target.ts";

export class Targets {
  readonly #peers: PeerBook;

  constructor(peers: PeerBook) {
    this.#peers = peers;
  }

  /** The best proven head that is better than ours: what progress, being synced and production are judged by. */
  proven(own: ProvenHead, nowMs: number): ProvenHead | undefined {
    return chooseTarget(own, this.#peers.provenHeads(nowMs));
  }

  /** The best claimed head that is better than ours and than every proven one. To be shown, never to be judged by. */
  unproven(own: ProvenHead, nowMs: number): ProvenHead | undefined {
    return chooseTarget(this.proven(own, nowMs) ?? own, this.#peers.hints(nowMs));
  }

  /**
   * What to go for. Where nobody proves a better head than ours it is the best claimed one: following the chain up to it is
   * how its authorities become known. A claim that nobody makes good is left alone for a while.
   */
  next(own: ProvenHead, front: Batch | undefined, nowMs: number): ProvenHead | undefined {
    const proven = this.proven(own, nowMs);
    if (proven !== undefined) return proven;
    const hint = chooseTarget(own, this.#peers.hints(nowMs));
    if (hint === undefined || front?.state !== "awaiting" || front.attempts < ATTEMPTS_REPORTED) return hint;
    this.#peers.excludeHead(hint.hash, nowMs + TARGET_EXCLUSION_MS);
    return chooseTarget(own, this.#peers.hints(nowMs));
  }

  /** Whether anybody said where the chain stands. */
  hasSource(nowMs: number): boolean {
    return !this.#peers.provenHeads(nowMs).next().done || !this.#peers.hints(nowMs).next().done;
  }
}

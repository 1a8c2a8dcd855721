/**
 * TargetSelector: which head synchronisation goes for, and which one it is judged by. A proven head is both. One that is claimed
 * under authorities that we do not know is followed where nobody proves a better one than ours, and shown, and nothing is
 * judged by it. Nor is anything by a proven head that is withheld (unservable-heads.ts). Owned by machine.ts.
 */

import { ATTEMPTS_REPORTED, TARGET_EXCLUSION_MS } from "../config.ts";
import { chooseTarget, type ProvenHead } from "../head.ts";
import type { Batch } from "../range/batch.ts";
import type { HeadUnserved } from "../status/stall-reason.ts";
import type { SyncPeers } from "../sync-peers.ts";
import { type Exclusion, UnservableHeads } from "./unservable-heads.ts";

/** The pass under way, as far as it says whether the target's ancestors come. */
export interface RoundView {
  /** What import waits for. */
  readonly front: Batch | undefined;
  /** False while something of our own is in the way. */
  readonly isPeersTurn: boolean;
  /** Members and their sentries alone are asked. */
  readonly isFederationOnly: boolean;
  readonly nowMs: number;
}

export class TargetSelector {
  readonly #peers: SyncPeers;
  readonly #withheld = new UnservableHeads();
  /** The proven head that is gone for. */
  #going: ProvenHead | undefined;

  constructor(peers: SyncPeers) {
    this.#peers = peers;
  }

  /** The best proven head that is better than ours: what progress, being synced and production are judged by. */
  proven(own: ProvenHead, nowMs: number): ProvenHead | undefined {
    return chooseTarget(
      own,
      this.#heads(nowMs, (head) => !this.#withheld.isDoubted(head)),
    );
  }

  /** The best claimed head that is better than ours and than every proven one. To be shown, never to be judged by. */
  unproven(own: ProvenHead, nowMs: number): ProvenHead | undefined {
    return chooseTarget(this.proven(own, nowMs) ?? own, this.#peers.hints(nowMs));
  }

  /**
   * What to go for. Where nobody proves a better head than ours it is the best claimed one: following the chain up to it is
   * how its authorities become known. A claim that nobody makes good is excluded for a while.
   */
  next(own: ProvenHead, front: Batch | undefined, nowMs: number): ProvenHead | undefined {
    this.#going = chooseTarget(
      own,
      this.#heads(nowMs, (head) => !this.#withheld.isLeftAlone(head, nowMs)),
    );
    if (this.#going !== undefined) return this.#going;
    const hint = chooseTarget(own, this.#peers.hints(nowMs));
    if (hint === undefined || front?.state !== "awaiting" || front.attempts < ATTEMPTS_REPORTED) return hint;
    this.#peers.excludeHead(hint.hash, nowMs + TARGET_EXCLUSION_MS);
    return chooseTarget(own, this.#peers.hints(nowMs));
  }

  /** How the pass goes, after whatever moved it. Says when the head that is gone for is excluded from now on. */
  observe({ front, isPeersTurn, isFederationOnly, nowMs }: RoundView): Exclusion | undefined {
    const target = this.#going;
    if (target === undefined || front === undefined) return undefined;
    const reporters = this.#peers.reporters(target, front.range.first, isFederationOnly);
    return this.#withheld.observe({ target, front, reporters, isPeersTurn, nowMs });
  }

  /** A block that was new to us came by range and is durable. */
  served(block: { readonly height: number; readonly slot: number }): void {
    this.#withheld.served(block);
  }

  /** What is said of a certified head that nothing is judged by. */
  withheldReason(own: ProvenHead, nowMs: number): HeadUnserved | undefined {
    return this.#withheld.reason(own, this.#peers.provenHeads(nowMs), nowMs);
  }

  *#heads(nowMs: number, mayBe: (head: ProvenHead) => boolean): Generator<ProvenHead> {
    for (const head of this.#peers.provenHeads(nowMs)) if (mayBe(head)) yield head;
  }

  /** Whether anybody said where the chain stands. */
  hasSource(nowMs: number): boolean {
    return !this.#peers.provenHeads(nowMs).next().done || !this.#peers.hints(nowMs).next().done;
  }
}

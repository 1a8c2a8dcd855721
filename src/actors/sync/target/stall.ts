/**
 * StallDetector: since when a better head is known while ours stands still. A moment is left to gossip before ranges are
 * asked for; a long one is a stall, which is said with what is known of its reason. Owned by machine.ts.
 */

import { equalBytes } from "../../../chain/bytes.ts";
import {
  ATTEMPTS_REPORTED,
  GOSSIP_GRACE_BLOCKS,
  GOSSIP_GRACE_MS,
  LOOKUP_GRACE_BLOCKS,
  STALL_MS,
} from "../config.ts";
import { lagOf, type ProvenHead } from "../head.ts";
import type { Batch } from "../range/batch.ts";
import type { HeadReason } from "../status/stall-reason.ts";

/** Who else may bring the next blocks without a range being asked for. */
export interface ProgressSources {
  /** Near enough to the head that gossip brings what is new. */
  readonly isNear: boolean;
  readonly isLookingUp: boolean;
  readonly heldBlocks: number;
  /** Batches are under way already. */
  readonly hasRanges: boolean;
}

export class StallDetector {
  #since: { readonly hash: Uint8Array; readonly sinceMs: number } | undefined;

  over(): void {
    this.#since = undefined;
  }

  /**
   * A step or two behind a moment ago, gossip is given the time to bring the block before a range is asked for, and a
   * lookup the time to bring a few.
   */
  isDue(head: ProvenHead, target: ProvenHead | undefined, bringers: ProgressSources, nowMs: number): boolean {
    if (target === undefined) {
      this.over();
      return false;
    }
    if (this.#since === undefined || !equalBytes(this.#since.hash, head.hash)) {
      this.#since = { hash: head.hash, sinceMs: nowMs };
    }
    const { isNear, isLookingUp, heldBlocks, hasRanges } = bringers;
    const graceBlocks = isLookingUp ? LOOKUP_GRACE_BLOCKS : GOSSIP_GRACE_BLOCKS;
    const isGossipsTurn =
      isNear && (heldBlocks === 0 || isLookingUp) && !hasRanges && lagOf(head, target) <= graceBlocks;
    return !isGossipsTurn || nowMs - this.#since.sinceMs >= GOSSIP_GRACE_MS;
  }

  /** What is missing, within a bound: after failed attempts, or when the head stands still for long. */
  reason(front: Batch | undefined, nowMs: number): HeadReason | undefined {
    if (front?.state === "awaiting" && front.attempts >= ATTEMPTS_REPORTED) {
      const { range, attempts } = front;
      return { type: "noValidBlocks", height: range.first, attempts };
    }
    const forMs = this.#since === undefined ? 0 : nowMs - this.#since.sinceMs;
    if (forMs < STALL_MS) return undefined;
    return { type: "headStandsStill", forMs, next: front?.state };
  }
}

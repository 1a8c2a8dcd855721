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
import type { Batch, BatchState } from "../range/batch.ts";

const WORDS: Readonly<Record<BatchState, string>> = {
  awaiting: "waiting for a peer that has them",
  downloading: "being downloaded",
  awaitingValidation: "waiting for validation",
  validating: "being validated",
  importing: "being imported",
  final: "imported",
};

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

  /** What is missing, within a bound: after failed attempts, or when the head stands still for long. Empty otherwise. */
  reason(front: Batch | undefined, isPaused: boolean, nowMs: number): string {
    if (front?.state === "awaiting" && front.attempts >= ATTEMPTS_REPORTED) {
      const { range, attempts } = front;
      return `no peer delivers valid blocks from height ${range.first} on, after ${attempts} attempts`;
    }
    const stalledMs = this.#since === undefined ? 0 : nowMs - this.#since.sinceMs;
    if (stalledMs < STALL_MS || isPaused) return "";
    const doing = front === undefined ? "nothing is asked for" : `the next blocks are ${WORDS[front.state]}`;
    return `stalled: the head stands still for ${Math.floor(stalledMs / 1000)} s, ${doing}`;
  }
}

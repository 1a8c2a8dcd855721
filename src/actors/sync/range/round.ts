/**
 * A pass: one run of batches from a first height up to the target. Where it does not link to our chain the next one begins
 * lower, twice as far each time, but never below the block after the final one. Owned by the pipeline.
 */

import type { ProvenHead } from "../head.ts";
import type { Batches } from "./batches.ts";
import type { SyncView } from "./situation.ts";

export class SyncRound {
  /** First height of the pass under way; undefined between passes. */
  #first: number | undefined;
  /** Blocks below our head at which the next pass begins, because one above it did not link; 0 normally. */
  #stepBack = 0;
  #isAtFloor = false;

  /** It goes back below our head: only who has the target can help. */
  get isBelowHead(): boolean {
    return this.#stepBack > 0;
  }

  /** It begins right above the final block: there is no lower. */
  get isAtFloor(): boolean {
    return this.#isAtFloor;
  }

  /**
   * Plans batches up to `last`, in a new pass where none is under way. False when a whole pass beside our chain ended and
   * fork choice did not take it.
   */
  go(situation: SyncView, target: ProvenHead, ranges: Batches, batchBlocks: number): boolean {
    const { head, finalHeight, heightMax } = situation;
    if (this.#stepBack === 0) ranges.dropBelow(head.height);
    const last = Math.min(target.height, heightMax ?? target.height);
    if (ranges.front === undefined) {
      if (this.#stepBack > 0 && this.#first !== undefined && this.#first <= last) return false;
      // A better head that is no higher is a fork by definition.
      this.#stepBack = Math.max(this.#stepBack, head.height - target.height + 1, 0);
      const floor = Math.max(1, finalHeight + 1);
      this.#first = Math.max(floor, head.height + 1 - this.#stepBack);
      this.#isAtFloor = this.#first === floor;
      ranges.restart(this.#first);
    }
    ranges.plan(last, batchBlocks);
    return true;
  }

  /** Our head lies on its chain. */
  linked(): void {
    this.#stepBack = 0;
  }

  /** It did not link: the next one begins lower. Not to be called at the floor. */
  lower(): void {
    this.#stepBack = Math.max(1, this.#stepBack * 2);
    this.#first = undefined;
  }

  ended(): void {
    this.#stepBack = 0;
    this.#first = undefined;
  }
}

/**
 * Batches: which batches exist. They are contiguous and ascending from the height that import waits for; new
 * ones are planned up to the target, an answer that was short leaves the rest as a batch of its own, and
 * whatever is final leaves at the front. Owned by the pipeline.
 */

import { assert } from "../../../kernel/errors.ts";
import { ANSWER_BYTES_MAX, BATCHES_MAX, SEGMENT_ALIGNMENT } from "../config.ts";
import {
  type Batch,
  type BatchEvent,
  heldBytes,
  lastHeight,
  newBatch,
  splitBatch,
  stepBatch,
} from "./batch.ts";

/** Weight of the newest answer in the size of a block. */
const SIZE_SHARE = 0.5;

/** Whole segments of blocks of this size that an answer has room for; one at least. */
function blocksInAnswer(blockBytes: number): number {
  const blocks = Math.floor(ANSWER_BYTES_MAX / Math.max(1, blockBytes));
  return Math.max(SEGMENT_ALIGNMENT, blocks - (blocks % SEGMENT_ALIGNMENT));
}

export class Batches {
  #batches: Batch[] = [];
  #nextId = 1;
  /** What a block takes, from the answers so far. */
  #blockBytes = 0;
  /** Height that the next planned batch begins with. */
  #frontier = 1;

  get batches(): readonly Batch[] {
    return this.#batches;
  }

  get front(): Batch | undefined {
    return this.#batches[0];
  }

  get heldBytes(): number {
    let bytes = 0;
    for (const batch of this.#batches) bytes += heldBytes(batch);
    return bytes;
  }

  /** Forgets every batch; planning goes on at `first`. */
  restart(first: number): void {
    this.#batches = [];
    this.#frontier = first;
  }

  /** Blocks of this size came: later batches are planned so that an answer has room for them. */
  sawBlocks(blocks: number, bytes: number): void {
    const average = bytes / Math.max(1, blocks);
    this.#blockBytes += (average - this.#blockBytes) * SIZE_SHARE;
  }

  /** Adds batches up to the target and the bound. */
  plan(targetHeight: number, batchBlocksMax: number): void {
    const batchBlocks = Math.min(batchBlocksMax, blocksInAnswer(this.#blockBytes));
    while (this.#frontier <= targetHeight && this.#batches.length < BATCHES_MAX) {
      const first = this.#frontier;
      const count = lastOf(first, targetHeight, batchBlocks) - first + 1;
      this.#batches.push(newBatch(this.#nextId++, { first, count }));
      this.#frontier = first + count;
    }
  }

  /** The batch cut down to what one answer has room for; the rest becomes a batch of its own. */
  fit(batch: Extract<Batch, { state: "awaiting" }>): Batch {
    const room = blocksInAnswer(this.#blockBytes);
    const { first, count } = batch.range;
    if (count <= room) return batch;
    const fitting = { ...batch, range: { first, count: lastOf(first, lastHeight(batch), room) - first + 1 } };
    this.replace(fitting);
    return fitting;
  }

  find(id: number): Batch | undefined {
    return this.#batches.find((batch) => batch.id === id);
  }

  /**
   * Puts the batch in the place of the one with its id. A range that became shorter leaves its rest behind
   * it.
   */
  replace(next: Batch): void {
    const at = this.#batches.findIndex((batch) => batch.id === next.id);
    const before = this.#batches[at];
    assert(before !== undefined, "a batch that does not exist was replaced");
    const restFirst = lastHeight(next) + 1;
    const restCount = lastHeight(before) - lastHeight(next);
    if (restCount === 0) {
      this.#batches[at] = next;
    } else {
      // Bounded: each split takes a block at least, and planning stops at the bound until these are gone.
      const rest = newBatch(this.#nextId++, { first: restFirst, count: restCount });
      this.#batches.splice(at, 1, next, rest);
    }
  }

  /** Lets the batch take its step. Undefined where the event does not belong to its state, which is then unchanged. */
  step(batch: Batch, event: BatchEvent): Batch | undefined {
    const next = stepBatch(batch, event);
    if (next !== undefined) this.replace(next);
    return next;
  }

  /**
   * Puts two batches in the place of a downloaded one: its first `count` blocks, and behind them the rest. Bounded: only
   * the first of an answer's changes splits it, and the rest is looked at when that one is durable.
   */
  split(batch: Extract<Batch, { state: "awaitingValidation" }>, count: number): Batch {
    const at = this.#batches.findIndex(({ id }) => id === batch.id);
    assert(at >= 0, "a batch that does not exist was split");
    const [front, rest] = splitBatch(batch, count, this.#nextId++);
    this.#batches.splice(at, 1, front, rest);
    return front;
  }

  /** Removes what is final at the front. */
  dropFinal(): void {
    while (this.#batches[0]?.state === "final") this.#batches.shift();
  }

  /** Removes batches at the front that nothing was requested for and that lie at or below `height`. */
  dropBelow(height: number): void {
    for (let front = this.#batches[0]; front !== undefined; front = this.#batches[0]) {
      if (front.state !== "awaiting" || lastHeight(front) > height) return;
      this.#batches.shift();
    }
    this.#frontier = Math.max(this.#frontier, height + 1);
  }
}

/** Batches end at multiples of the alignment where they can, also after one that was cut short. */
function lastOf(first: number, targetHeight: number, batchBlocks: number): number {
  const last = first + batchBlocks - 1;
  const aligned = last - (last % SEGMENT_ALIGNMENT);
  return Math.min(targetHeight, aligned >= first ? aligned : last);
}

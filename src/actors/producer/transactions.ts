/**
 * TransactionQueue: submitted transactions in the order of their coming, until a block of ours that carries them is
 * imported. Bounded in number and bytes.
 */

import { TRANSACTION_OVERHEAD_BYTES } from "./block-builder.ts";
import {
  BLOCK_TRANSACTION_BYTES_MAX,
  BLOCK_TRANSACTION_BYTES_MIN,
  TRANSACTIONS_BYTES_MAX,
  TRANSACTIONS_MAX,
} from "./config.ts";

export class TransactionQueue {
  readonly #waiting: Uint8Array[] = [];
  #bytes = 0;
  /** What a block may carry: half after each that found no quorum, twice after each that did. */
  #blockBytesMax = BLOCK_TRANSACTION_BYTES_MAX;
  /** Bytes of what `next` gave last. */
  #nextBytes = 0;

  get length(): number {
    return this.#waiting.length;
  }

  /** False when there is no room. */
  add(transaction: Uint8Array): boolean {
    const isFull = this.#waiting.length >= TRANSACTIONS_MAX;
    if (isFull || this.#bytes + transaction.length > TRANSACTIONS_BYTES_MAX) return false;
    this.#waiting.push(transaction);
    this.#bytes += transaction.length;
    return true;
  }

  /** The oldest ones that fit into one block, one at the least; they stay until `drop`. */
  next(): readonly Uint8Array[] {
    let bytes = 0;
    let count = 0;
    for (const transaction of this.#waiting) {
      const more = transaction.length + TRANSACTION_OVERHEAD_BYTES;
      if (count > 0 && bytes + more > this.#blockBytesMax) break;
      bytes += more;
      count++;
    }
    this.#nextBytes = bytes;
    return this.#waiting.slice(0, count);
  }

  /** The block with what `next` gave found no quorum in time: the next one carries half of it. */
  halve(): void {
    this.#blockBytesMax = Math.max(BLOCK_TRANSACTION_BYTES_MIN, Math.floor(this.#nextBytes / 2));
  }

  /** Forgets the oldest `count`: they are in the chain. The next block may carry twice as much. */
  drop(count: number): void {
    this.#blockBytesMax = Math.min(BLOCK_TRANSACTION_BYTES_MAX, 2 * this.#blockBytesMax);
    for (const transaction of this.#waiting.splice(0, count)) this.#bytes -= transaction.length;
  }
}

/**
 * TransactionQueue: submitted transactions in the order of their coming, until a block of ours that carries them is
 * imported. Bounded in number and bytes.
 */

import { TRANSACTION_OVERHEAD_BYTES } from "./block-builder.ts";
import { BLOCK_TRANSACTION_BYTES_MAX, TRANSACTIONS_BYTES_MAX, TRANSACTIONS_MAX } from "./config.ts";

export class TransactionQueue {
  readonly #waiting: Uint8Array[] = [];
  #bytes = 0;

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

  /** The oldest ones that fit into one block; they stay until `drop`. */
  next(): readonly Uint8Array[] {
    let bytes = 0;
    let count = 0;
    for (const transaction of this.#waiting) {
      bytes += transaction.length + TRANSACTION_OVERHEAD_BYTES;
      if (bytes > BLOCK_TRANSACTION_BYTES_MAX) break;
      count++;
    }
    return this.#waiting.slice(0, count);
  }

  /** Forgets the oldest `count`: they are in the chain. */
  drop(count: number): void {
    for (const transaction of this.#waiting.splice(0, count)) this.#bytes -= transaction.length;
  }
}

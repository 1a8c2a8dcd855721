/**
 * A bounded memory of byte strings (hashes, digests). At its bound the oldest is forgotten: then a message
 * may be judged a second time, which costs work and nothing else.
 */

import { toHex } from "../../../chain/hex.ts";

export class Seen {
  readonly #itemsMax: number;
  readonly #keys = new Set<string>();

  constructor(itemsMax: number) {
    this.#itemsMax = itemsMax;
  }

  has(bytes: Uint8Array): boolean {
    return this.#keys.has(toHex(bytes));
  }

  add(bytes: Uint8Array): void {
    const key = toHex(bytes);
    this.#keys.delete(key);
    this.#keys.add(key);
    if (this.#keys.size <= this.#itemsMax) return;
    for (const oldest of this.#keys) {
      this.#keys.delete(oldest);
      return;
    }
  }
}

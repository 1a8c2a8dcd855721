/**
 * Heights of the canonical blocks whose hash is not in the index on disk yet: at most two runs of it (lmdb-layout.ts).
 * The store's own; filled when it is opened and with every append.
 */
import { HASH_LENGTH } from "./port.ts";

export class HashTail {
  readonly #heights = new Map<string, number>();

  /** Adds hashes (32 bytes each, back to back) of ascending heights. */
  add(firstHeight: number, hashes: Uint8Array): void {
    // One conversion for all: a character is a byte, so slices of the text are hashes.
    const text = Buffer.from(hashes.buffer, hashes.byteOffset, hashes.byteLength).toString("latin1");
    for (let at = 0, height = firstHeight; at < text.length; at += HASH_LENGTH, height++) {
      this.#heights.set(text.slice(at, at + HASH_LENGTH), height);
    }
  }

  get(hash: Uint8Array): number | undefined {
    return this.#heights.get(Buffer.from(hash.buffer, hash.byteOffset, hash.byteLength).toString("latin1"));
  }

  clear(): void {
    this.#heights.clear();
  }

  removeWhere(isGone: (height: number) => boolean): void {
    for (const [hash, height] of this.#heights) {
      if (isGone(height)) this.#heights.delete(hash);
    }
  }
}

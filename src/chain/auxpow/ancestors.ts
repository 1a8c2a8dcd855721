/**
 * Ancestors: the blocks below one block, by hash and height, as judging an AuxPoW's range looks them up. The chain that
 * is stored gives the lowest part; StackedAncestors puts on top of it what is not stored, or not as the canonical chain.
 */

import { equalBytes } from "../bytes.ts";
import { HASH_LENGTH } from "../header.ts";

/** Genesis is one of them, at height 0. */
export interface Ancestors {
  /** Undefined when it is not among them, or not held. */
  heightOf(hash: Uint8Array): number | undefined;
  /** 32 bytes; undefined when it is not held, as below an adopted checkpoint. */
  hashAt(height: number): Uint8Array | undefined;
  /** Hashes from `first` to `last`, in order, in runs packed back to back; ends early where they are not held. */
  hashes(first: number, last: number): Iterable<Uint8Array>;
}

/** `base` up to and with `baseHeight`, and the packed hashes of the blocks on top of it. */
export class StackedAncestors implements Ancestors {
  readonly #base: Ancestors;
  readonly #baseHeight: number;
  readonly #top: readonly Uint8Array[];

  /** Each of `top` is a run of hashes; the first one begins at `baseHeight` + 1. */
  constructor(base: Ancestors, baseHeight: number, top: readonly Uint8Array[]) {
    this.#base = base;
    this.#baseHeight = baseHeight;
    this.#top = top;
  }

  heightOf(hash: Uint8Array): number | undefined {
    let height = this.#baseHeight;
    for (const run of this.#top) {
      for (let at = 0; at < run.length; at += HASH_LENGTH) {
        height++;
        if (run[at] === hash[0] && equalBytes(run.subarray(at, at + HASH_LENGTH), hash)) return height;
      }
    }
    const below = this.#base.heightOf(hash);
    return below !== undefined && below <= this.#baseHeight ? below : undefined;
  }

  hashAt(height: number): Uint8Array | undefined {
    if (height <= this.#baseHeight) return this.#base.hashAt(height);
    for (const run of this.hashes(height, height)) return run;
    return undefined;
  }

  *hashes(first: number, last: number): Generator<Uint8Array, void, void> {
    if (first <= this.#baseHeight) {
      const end = Math.min(last, this.#baseHeight);
      let missing = end - first + 1;
      for (const run of this.#base.hashes(first, end)) {
        missing -= run.length / HASH_LENGTH;
        yield run;
      }
      if (missing > 0) return;
    }
    let height = this.#baseHeight + 1;
    for (const run of this.#top) {
      const count = run.length / HASH_LENGTH;
      const from = Math.max(first - height, 0);
      const to = Math.min(last - height + 1, count);
      if (from < to) yield run.subarray(from * HASH_LENGTH, to * HASH_LENGTH);
      height += count;
    }
  }
}

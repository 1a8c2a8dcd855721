/**
 * Unwritten: the hashes of blocks that passed the checks and are still on their way to the disk, so that a block on top
 * of them finds its ancestors. Owned by the embedded chain; bounded by the writes that the store lets wait.
 */

import { type Ancestors, StackedAncestors } from "../../../chain/auxpow/ancestors.ts";

interface Run {
  readonly firstHeight: number;
  readonly hashes: Uint8Array;
}

export class Unwritten {
  /** Ascending and without gaps. */
  #runs: Run[] = [];

  add(firstHeight: number, hashes: Uint8Array): void {
    this.#runs.push({ firstHeight, hashes });
  }

  /** The run that begins there has become durable. */
  written(firstHeight: number): void {
    this.#runs = this.#runs.filter((run) => run.firstHeight !== firstHeight);
  }

  /** A write failed: none of it is any longer going to be on the chain. */
  clear(): void {
    this.#runs = [];
  }

  /** What is stored and, on top, what is not yet. */
  on(stored: Ancestors): Ancestors {
    const first = this.#runs[0];
    if (first === undefined) return stored;
    return new StackedAncestors(
      stored,
      first.firstHeight - 1,
      this.#runs.map(({ hashes }) => hashes),
    );
  }
}

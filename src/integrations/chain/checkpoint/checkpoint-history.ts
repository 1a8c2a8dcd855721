/**
 * HistoryNodes: inner nodes of the mountain range over the canonical hashes, for proofs. Only the hashes are stored, so
 * that nodes are computed again: roots of whole runs of 4096 final hashes are remembered (32 bytes each, 32 KiB for four
 * million blocks), what is below a run is hashed when it is asked for. Computing the runs the first time is done in
 * steps, between which other work may run.
 */

import { hashFixedTrees, hashPair } from "../../../chain/merkle.ts";
import { type HistoryProof, makeHistoryProof } from "../../../chain/mmr.ts";
import { failure } from "../../../kernel/errors.ts";
import { type BlockStore, HASH_LENGTH } from "../../../storage/port.ts";

/** Levels below a run's root: 2^12 = 4096 hashes, 128 KiB, are read and hashed at once (about 1 ms). */
const RUN_LEVEL = 12;
const RUN_LENGTH = 2 ** RUN_LEVEL;
/** Levels that a count of blocks may have: heights are 32-bit integers. */
const LEVELS = 33;
/** Runs between two pauses: some 20 ms. */
const RUNS_PER_STEP = 16;

export class HistoryNodes {
  readonly #store: Pick<BlockStore, "hashesBetween">;
  readonly #genesisHash: Uint8Array;
  /** Roots of the runs from genesis on, all of them final. */
  #runs: Uint8Array[] = [];

  constructor(store: Pick<BlockStore, "hashesBetween">, genesisHash: Uint8Array) {
    this.#store = store;
    this.#genesisHash = genesisHash;
  }

  /** Computes what is missing of the runs below `finalHeight`; `pause` lets other work run. */
  async prepare(finalHeight: number, pause: () => Promise<void>): Promise<void> {
    const wanted = Math.floor((finalHeight + 1) / RUN_LENGTH);
    for (let step = 0; this.#runs.length < wanted; step++) {
      const runs = this.#runs;
      runs.push(this.#compute(RUN_LEVEL, runs.length));
      if (step % RUNS_PER_STEP === RUNS_PER_STEP - 1) await pause();
    }
  }

  /** The chain was rolled back or begins elsewhere. */
  forget(): void {
    this.#runs = [];
  }

  /** That the block at `index` is in the range over blocks 0 to count − 1. Throws HISTORY_MISSING where hashes are missing. */
  proof(index: number, count: number): HistoryProof {
    return makeHistoryProof(index, count, (level, position) => this.#nodeAt(level, position));
  }

  /** Peaks of the range over blocks 0 to count − 1, tallest first. */
  peaks(count: number): Uint8Array[] {
    const peaks: Uint8Array[] = [];
    let start = 0;
    for (let level = LEVELS - 1; level >= 0; level--) {
      const size = 2 ** level;
      if (count - start < size) continue;
      peaks.push(this.#nodeAt(level, start / size));
      start += size;
    }
    return peaks;
  }

  #nodeAt(level: number, position: number): Uint8Array {
    if (level < RUN_LEVEL) return this.#compute(level, position);
    if (level === RUN_LEVEL) return this.#runs[position] ?? this.#compute(level, position);
    return hashPair(this.#nodeAt(level - 1, 2 * position), this.#nodeAt(level - 1, 2 * position + 1));
  }

  /** From the stored hashes; genesis's is not stored. */
  #compute(level: number, position: number): Uint8Array {
    const size = 2 ** level;
    const first = position * size;
    const leaves = new Uint8Array(size * HASH_LENGTH);
    let filled = 0;
    if (first === 0) {
      leaves.set(this.#genesisHash);
      filled = 1;
    }
    if (filled < size) {
      const stored = this.#store.hashesBetween(first + filled, size - filled);
      if (stored.length < (size - filled) * HASH_LENGTH) throw missing(first + filled);
      leaves.set(stored, filled * HASH_LENGTH);
    }
    return hashFixedTrees(leaves, level);
  }
}

function missing(height: number) {
  const text = `the history from block ${height} on is not here yet: it is back-filled behind an adopted checkpoint`;
  return failure("FAILED_PRECONDITION", "HISTORY_MISSING", text);
}

/**
 * AuxPowForge: the miner beside a forged chain. It remembers the hashes that no AuxPoW covers yet and makes the AuxPoW
 * of every N-th block, over everything below that block.
 */

import type { AuxPowHeader } from "../block.ts";
import { concatBytes } from "../bytes.ts";
import { doubleHash } from "./double-hash.ts";
import type { LastAuxPow } from "./last-auxpow.ts";
import { type MiningOptions, mineAuxPow } from "./mine.ts";
import type { PowFacts } from "./pow-facts.ts";
import { requiredBits } from "./retarget.ts";

/** A forged AuxPoW may be mined otherwise than usual: to forge invalid ones. */
export interface AuxPowBend extends Partial<MiningOptions> {
  readonly fields?: Partial<AuxPowHeader>;
  /** How many of the uncovered blocks the range takes, from the lowest on; all by default. Valid all the same. */
  readonly covers?: number;
}

/** What the block at `height` carries beside the work, when it covers these hashes (ascending, not empty), and what the work is on. */
export function rangeToMine(
  last: LastAuxPow,
  height: number,
  hashes: readonly Uint8Array[],
  facts: PowFacts,
): { readonly fields: Omit<AuxPowHeader, "auxpow">; readonly commitment: Uint8Array } {
  const fields = {
    rangeStart: hashes[0] as Uint8Array,
    rangeEnd: hashes[hashes.length - 1] as Uint8Array,
    bits: requiredBits(last, height, facts),
    chainId: facts.chainId,
    height: last.carrierHeight + 1,
    feeRecipient: new Uint8Array(20),
  };
  return { fields, commitment: doubleHash(concatBytes(hashes)) };
}

export class AuxPowForge {
  readonly #every: number;
  readonly #facts: PowFacts;
  #last: LastAuxPow;
  /** Of the blocks above the last range, ascending. */
  #uncovered: Uint8Array[] = [];

  constructor(every: number, facts: PowFacts) {
    this.#every = every;
    this.#facts = facts;
    this.#last = { carrierHeight: 0, rangeEndHeight: 0, bits: facts.bits };
  }

  get last(): LastAuxPow {
    return this.#last;
  }

  /** What the block at `height` carries when it is its turn (or `bend` makes it so) and something is to be covered. */
  next(height: number, bend?: AuxPowBend): AuxPowHeader | undefined {
    const hashes = this.#uncovered.slice(0, bend?.covers);
    const isDue = bend !== undefined || height % this.#every === 0;
    if (!isDue || hashes.length === 0) return undefined;
    const { fields, commitment } = rangeToMine(this.#last, height, hashes, this.#facts);
    const { placement } = this.#facts;
    const auxpow = mineAuxPow(commitment, { bits: fields.bits, placement, ...bend });
    return { ...fields, auxpow, ...bend?.fields };
  }

  /** A block was made, with what `next` gave, `covers` being the bend's. */
  advance(height: number, hash: Uint8Array, auxpow: AuxPowHeader | undefined, covers?: number): void {
    if (auxpow !== undefined) {
      const covered = covers ?? this.#uncovered.length;
      const rangeEndHeight = this.#last.rangeEndHeight + covered;
      this.#last = { carrierHeight: height, rangeEndHeight, bits: auxpow.bits };
      this.#uncovered = this.#uncovered.slice(covered);
    }
    this.#uncovered.push(hash);
  }

  fork(): AuxPowForge {
    const copy = new AuxPowForge(this.#every, this.#facts);
    copy.#last = this.#last;
    // A list of its own, because each goes on growing.
    copy.#uncovered = [...this.#uncovered];
    return copy;
  }
}

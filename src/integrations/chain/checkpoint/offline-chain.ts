/**
 * OfflineChain: stands in for the embedded chain where that does not open, because its newest blocks are damaged. It knows
 * how far the store says it reaches and believes nothing of what is in it; recovery looks for what is sound by itself. The
 * store is opened unverified and by nobody else.
 */

import type { AuthoritySetFacts, ChainFacts } from "../../../chain/facts.ts";
import { genesisLineage, type Lineage } from "../../../chain/lineage.ts";
import { Failure } from "../../../kernel/errors.ts";
import type { BlockStore } from "../../../storage/port.ts";
import type { CheckpointChain } from "./checkpoint-store.ts";

export class OfflineChain implements CheckpointChain {
  readonly facts: ChainFacts;
  /** Recovery takes what holds at a checkpoint from its evidence, so that this is as good as any. */
  readonly lineage: Lineage;
  readonly #store: BlockStore;

  /** `authorities` are in force from height 1. */
  constructor(store: BlockStore, facts: ChainFacts, authorities: AuthoritySetFacts) {
    this.facts = facts;
    this.lineage = genesisLineage(facts, authorities);
    this.#store = store;
  }

  /** The final height is the convention's: which AuxPoWs cover what is not looked at. */
  snapshot(): { readonly head: { readonly height: number }; readonly final: { readonly height: number } } {
    const height = (this.#store.base() ?? 1) + this.#store.stats().blocks - 1;
    return { head: { height }, final: { height: Math.max(0, height - this.facts.finalityDepth) } };
  }

  hashAt(height: number): Uint8Array | undefined {
    if (height === 0) return this.facts.genesisHash;
    try {
      return this.#store.hashAt(height);
    } catch (error) {
      if (error instanceof Failure && error.code === "DATA_LOSS") return undefined;
      throw error;
    }
  }

  heightOf(): undefined {
    // An unverified store does not find the newest, and nobody may build on the others.
  }

  async reopen(change: () => Promise<void>): Promise<void> {
    await change();
  }
}

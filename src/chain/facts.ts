/** What the rules need to know beside the blocks themselves: of the chain, and of the authorities in force. */

import type { PowFacts } from "./auxpow/pow-facts.ts";

/** What is fixed for one chain and needed by the rules. */
export interface ChainFacts {
  readonly genesisHash: Uint8Array;
  readonly slotDurationMs: number;
  readonly driftMs: number;
  /** 0: the chain does not require AuxPoW. */
  readonly maxBlocksWithoutPow: number;
  readonly finalityDepth: number;
  /** What AuxPoWs are judged by, on chains that require them and on others alike. */
  readonly pow: PowFacts;
}

export interface AuthoritySetFacts {
  /** 48 bytes each, 1 to 15 of them. */
  readonly keys: readonly Uint8Array[];
  /** Hash tree root of the set, 32 bytes. */
  readonly root: Uint8Array;
}

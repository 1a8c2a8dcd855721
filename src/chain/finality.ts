/**
 * Finality on chains that do not require AuxPoW: a block is final, by convention, once `finality_depth` (64)
 * blocks stand on it. No reorganization replaces a final block. On chains that require AuxPoW a block is
 * final when covered by an AuxPoW that is itself buried as deep; until those can be judged nothing but
 * genesis is final there.
 */

import type { ChainFacts } from "./validator.ts";

export const FINALITY_DEPTH = 64;

/** Height of the newest final block below (or at) a head, at least 0: genesis is always final. */
export function finalHeight(headHeight: number, facts: ChainFacts): number {
  if (facts.maxBlocksWithoutPow > 0) return 0;
  return Math.max(0, headHeight - facts.finalityDepth);
}

/** Whether going over to a branch that leaves ours above `forkHeight` keeps every final block. */
export function mayReorganize(forkHeight: number, currentFinalHeight: number): boolean {
  return forkHeight >= currentFinalHeight;
}

/**
 * Finality. Where AuxPoW is required, a block is final once an AuxPoW covers it whose carrying block is itself buried
 * under `finality_depth` (64) blocks; elsewhere, by convention, once it is buried so itself. No reorganization replaces
 * a final block.
 */

import type { LastAuxPow } from "./auxpow/last-auxpow.ts";
import type { ChainFacts } from "./facts.ts";

export const FINALITY_DEPTH = 64;

/**
 * Height of the newest final block below (or at) a head, at least 0: genesis is always final. `auxpows` are the chain's
 * newest ones, ascending.
 */
export function finalHeight(headHeight: number, facts: ChainFacts, auxpows: readonly LastAuxPow[]): number {
  const buried = Math.max(0, headHeight - facts.finalityDepth);
  if (facts.maxBlocksWithoutPow === 0) return buried;
  return auxpows.findLast(({ carrierHeight }) => carrierHeight <= buried)?.rangeEndHeight ?? 0;
}

/** Whether going over to a branch that leaves ours above `forkHeight` keeps every final block. */
export function mayReorganize(forkHeight: number, currentFinalHeight: number): boolean {
  return forkHeight >= currentFinalHeight;
}

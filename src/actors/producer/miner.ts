/**
 * Mines AuxPoWs for development chains, whose work is trivial, so that a chain that requires them lives without Bitcoin's
 * miners. At most one for each block of ours, in bounded steps. Pure but for the chain's reads.
 */

import { rangeToMine } from "../../chain/auxpow/auxpow-forge.ts";
import { expectedTries, tryMineAuxPow } from "../../chain/auxpow/mine.ts";
import type { AuxPowHeader } from "../../chain/block.ts";
import type { ChainPort, ChildTemplate } from "../../integrations/chain/port.ts";
import { MINED_RANGE_MAX, MINING_TRIES_EXPECTED_MAX, MINING_TRIES_MAX } from "./config.ts";

type Chain = Pick<ChainPort, "facts" | "hashAt">;

/**
 * What a block on the template carries; undefined when the chain requires none, when it is not due for `every` blocks yet,
 * or when it cannot be had: the work is not trivial, the tries were in vain, or hashes of the range are not held.
 */
export function mineFor(template: ChildTemplate, every: number, chain: Chain): AuxPowHeader | undefined {
  const { lastAuxPow: last, height } = template;
  const { pow, maxBlocksWithoutPow } = chain.facts;
  if (every === 0 || maxBlocksWithoutPow === 0 || last === undefined) return undefined;
  const isOverdue = height - last.rangeEndHeight >= maxBlocksWithoutPow;
  if (!isOverdue && height - last.carrierHeight < every) return undefined;
  const hashes = hashesAbove(last.rangeEndHeight, height, chain);
  if (hashes === undefined || hashes.length === 0) return undefined;
  const { fields, commitment } = rangeToMine(last, height, hashes, pow);
  if (expectedTries(fields.bits) > MINING_TRIES_EXPECTED_MAX) return undefined;
  const options = { bits: fields.bits, placement: pow.placement };
  const auxpow = tryMineAuxPow(commitment, options, MINING_TRIES_MAX);
  return auxpow && { ...fields, auxpow };
}

/** Hashes of the blocks above `covered` and below `height`, the lowest first; undefined when one is not held. */
function hashesAbove(covered: number, height: number, chain: Chain): Uint8Array[] | undefined {
  const hashes: Uint8Array[] = [];
  for (let at = covered + 1; at < height && hashes.length < MINED_RANGE_MAX; at++) {
    const hash = chain.hashAt(at);
    if (hash === undefined) return undefined;
    hashes.push(hash);
  }
  return hashes;
}

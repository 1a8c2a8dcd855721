/**
 * PowFacts: what of a chain's parameters decides how much work its AuxPoWs need and what they must look like. The
 * names are those of ChainParameters. Workers and the ordered stage get them inside ChainFacts.
 */

import type { ChainParameters } from "../parameters.ts";

/**
 * Where the coinbase of the parent block carries the merged-mining header: in its outputs 2 or 3, as Alys's miners
 * write it, or in the scriptSig of its first input, as Namecoin's do.
 */
export type MergedMiningPlacement = "COINBASE_OUTPUTS" | "COINBASE_SCRIPT";

export interface PowFacts
  extends Pick<
    ChainParameters,
    | "bits"
    | "chainId"
    | "powLimit"
    | "powLowerLimit"
    | "powTargetTimespan"
    | "powTargetSpacing"
    | "powNoRetargeting"
    | "maxPowAdjustment"
  > {
  readonly placement: MergedMiningPlacement;
}

export function powFactsOf(
  parameters: ChainParameters,
  placement: MergedMiningPlacement = "COINBASE_OUTPUTS",
): PowFacts {
  return {
    bits: parameters.bits,
    chainId: parameters.chainId,
    powLimit: parameters.powLimit,
    powLowerLimit: parameters.powLowerLimit,
    powTargetTimespan: parameters.powTargetTimespan,
    powTargetSpacing: parameters.powTargetSpacing,
    powNoRetargeting: parameters.powNoRetargeting,
    maxPowAdjustment: parameters.maxPowAdjustment,
    placement,
  };
}

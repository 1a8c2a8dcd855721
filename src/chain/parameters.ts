/** ChainParameters: what makes a chain. spec.ts reads them from the specification and derives the genesis from them. */

/** What distinguishes one chain from another. Keys 48 bytes, addresses 20, Bitcoin keys 33 (compressed). */
export interface ChainParameters {
  readonly slotDurationMs: number;
  readonly authorities: readonly Uint8Array[];
  readonly federation: readonly Uint8Array[];
  readonly federationBitcoinPubkeys: readonly Uint8Array[];
  readonly bits: number;
  readonly chainId: number;
  /** 0: the chain does not require AuxPoW. */
  readonly maxBlocksWithoutPow: number;
  readonly bitcoinStartHeight: number;
  readonly powLimit: number;
  readonly powLowerLimit: number;
  readonly powTargetTimespan: number;
  readonly powTargetSpacing: number;
  readonly powNoRetargeting: boolean;
  readonly maxPowAdjustment: number;
}

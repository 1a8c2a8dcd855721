/**
 * What gets signed: the root of SigningData { object_root, domain }. The domain carries the kind of object
 * and the chain, so that no signature can be moved to another kind or chain.
 */

import { writeUint32 } from "./little-endian.ts";
import { hashPair } from "./merkle.ts";

export const DOMAIN_BLOCK_APPROVAL = 1;
export const DOMAIN_DELEGATION = 2;
export const DOMAIN_PROOF_OF_POSSESSION = 3;

export type DomainType =
  | typeof DOMAIN_BLOCK_APPROVAL
  | typeof DOMAIN_DELEGATION
  | typeof DOMAIN_PROOF_OF_POSSESSION;

/** Domain type (u32, little-endian), then the first 28 bytes of the genesis hash: 32 bytes. */
export function domain(type: DomainType, genesisHash: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(32);
  writeUint32(bytes, 0, type);
  bytes.set(genesisHash.subarray(0, 28), 4);
  return bytes;
}

/** Hash tree root of SigningData: the 32 bytes that BLS signs. */
export function signingRoot(objectRoot: Uint8Array, domainBytes: Uint8Array): Uint8Array {
  return hashPair(objectRoot, domainBytes);
}

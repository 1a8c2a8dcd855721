/** Bitcoin's hash: SHA-256 of SHA-256. Hashes are bytes as they are serialized, never turned round for people. */

import { concatBytes } from "../bytes.ts";
import { sha256 } from "../hash.ts";

/** 32 bytes. */
export function doubleHash(message: Uint8Array): Uint8Array {
  return sha256(sha256(message));
}

/** Parent of two nodes of a Bitcoin Merkle tree. */
export function doubleHashPair(left: Uint8Array, right: Uint8Array): Uint8Array {
  return doubleHash(concatBytes([left, right]));
}

/**
 * AuxPow: the proof that work on a parent chain (Bitcoin) was work on ours, in Bitcoin's serialization: the parent's
 * coinbase, its Merkle branch to the parent's header, the branch among the chains mined together, the parent's header.
 */

import { readUint32 } from "../little-endian.ts";
import { MalformedError } from "../malformed.ts";
import { BitcoinReader } from "./bitcoin-reader.ts";
import { doubleHash, doubleHashPair } from "./double-hash.ts";
import { type BitcoinTransaction, readTransaction } from "./transaction.ts";

const HASH_LENGTH = 32;
export const PARENT_HEADER_LENGTH = 80;
const MERKLE_ROOT_OFFSET = 36;

export interface MerkleBranch {
  /** 32 bytes each, bottom up. */
  readonly hashes: readonly Uint8Array[];
  /** Bit n says that hash n goes on the left; so the whole is the leaf's index. */
  readonly sideMask: number;
}

/** Everything inside is a view on the bytes that were read. */
export interface AuxPow {
  readonly coinbase: BitcoinTransaction;
  readonly coinbaseBranch: MerkleBranch;
  readonly chainBranch: MerkleBranch;
  /** 80 bytes. */
  readonly parentHeader: Uint8Array;
}

/** Throws MalformedError unless `bytes` are exactly one AuxPow. */
export function readAuxPow(bytes: Uint8Array): AuxPow {
  const reader = new BitcoinReader(bytes);
  const coinbase = readTransaction(reader);
  // The parent's hash, which follows from its header: Alys carries it and never looks at it.
  reader.take(HASH_LENGTH, "parent hash");
  const coinbaseBranch = readBranch(reader, "coinbase branch");
  const chainBranch = readBranch(reader, "chain branch");
  const parentHeader = reader.take(PARENT_HEADER_LENGTH, "parent header");
  reader.end("the AuxPoW");
  return { coinbase, coinbaseBranch, chainBranch, parentHeader };
}

function readBranch(reader: BitcoinReader, what: string): MerkleBranch {
  const count = reader.count(HASH_LENGTH, what);
  const hashes: Uint8Array[] = [];
  for (let index = 0; index < count; index++) hashes.push(reader.take(HASH_LENGTH, what));
  return { hashes, sideMask: reader.uint32(what) };
}

/** The root that a leaf and its branch (at most 32 hashes) lead to. */
export function branchRoot(leaf: Uint8Array, { hashes, sideMask }: MerkleBranch): Uint8Array {
  if (hashes.length > 32) throw new MalformedError(`a branch of ${hashes.length} hashes has no sides`);
  let root = leaf;
  for (const [level, hash] of hashes.entries()) {
    root = ((sideMask >>> level) & 1) === 1 ? doubleHashPair(hash, root) : doubleHashPair(root, hash);
  }
  return root;
}

/** The chain id that merge-mined chains keep in the upper half of their version. */
export function parentChainId(parentHeader: Uint8Array): number {
  return readUint32(parentHeader, 0) >>> 16;
}

export function parentMerkleRoot(parentHeader: Uint8Array): Uint8Array {
  return parentHeader.subarray(MERKLE_ROOT_OFFSET, MERKLE_ROOT_OFFSET + HASH_LENGTH);
}

/** The hash that has to meet the target. */
export function parentHash(parentHeader: Uint8Array): Uint8Array {
  return doubleHash(parentHeader);
}

/**
 * Checking an AuxPoW in two halves. checkProof needs its bytes alone and runs in the workers; checkCommitment needs the
 * hashes of the range and runs in the ordered stage. Within each the order is Alys's. Pure.
 */

import type { AuxPowHeader } from "../block.ts";
import { type BlockFault, blockFault } from "../block-fault.ts";
import { equalBytes } from "../bytes.ts";
import { type AuxPow, branchRoot, parentChainId, parentHash, parentMerkleRoot } from "./auxpow.ts";
import { meetsTarget, targetOf } from "./compact.ts";
import { expectedIndex, findHeaders, type MergedMiningHeader } from "./merged-mining.ts";
import type { PowFacts } from "./pow-facts.ts";

/** Levels of the tree of chains at most: its size is a number of 32 bits. */
const CHAIN_BRANCH_MAX = 30;
/** Levels of the parent's tree of transactions at most: the mask of sides has 32 bits. */
const COINBASE_BRANCH_MAX = 32;

/** Chain id, work, parent's own chain id, branch lengths, coinbase in the parent, a merged-mining header in it. */
export function checkProof(header: AuxPowHeader, auxpow: AuxPow, facts: PowFacts): BlockFault | undefined {
  const { chainId, bits } = header;
  const { parentHeader, coinbase, coinbaseBranch, chainBranch } = auxpow;
  if (chainId !== facts.chainId) {
    return blockFault("WRONG_AUXPOW_CHAIN_ID", { expected: facts.chainId, actual: chainId });
  }
  if (!meetsTarget(parentHash(parentHeader), targetOf(bits)))
    return blockFault("AUXPOW_WORK_MISSING", { bits });
  // Else one proof of a parent with our id would be two: as a block of ours and as an AuxPoW.
  if (parentChainId(parentHeader) === chainId) return invalid("PARENT_HAS_CHAIN_ID");
  const isTooLong =
    chainBranch.hashes.length > CHAIN_BRANCH_MAX || coinbaseBranch.hashes.length > COINBASE_BRANCH_MAX;
  if (isTooLong) return invalid("MERKLE_BRANCH_TOO_LONG");
  const root = branchRoot(coinbase.id, coinbaseBranch);
  if (!equalBytes(root, parentMerkleRoot(parentHeader))) return invalid("MERKLE_ROOT_INCORRECT");
  const headers = findHeaders(coinbase, facts.placement);
  return typeof headers === "string" ? invalid(headers) : undefined;
}

/** That the coinbase commits to the range, at our chain's own leaf. `auxpow` passed checkProof. */
export function checkCommitment(
  commitment: Uint8Array,
  auxpow: AuxPow,
  facts: PowFacts,
): BlockFault | undefined {
  const { chainBranch, coinbase } = auxpow;
  const headers = findHeaders(coinbase, facts.placement);
  if (typeof headers === "string") return invalid(headers);
  const header = headerOf(headers, branchRoot(commitment, chainBranch));
  if (header === undefined) return invalid("MISSING_MERKLE_ROOT");
  const height = chainBranch.hashes.length;
  if (header.size !== 2 ** height) return invalid("INVALID_MERKLE_SIZE");
  const index = expectedIndex(header.nonce, facts.chainId, height);
  return chainBranch.sideMask === index ? undefined : invalid("WRONG_INDEX");
}

/** The first one that commits to the root. */
function headerOf(headers: readonly MergedMiningHeader[], root: Uint8Array): MergedMiningHeader | undefined {
  return headers.find((header) => equalBytes(header.root, root));
}

function invalid(check: Parameters<typeof blockFault<"INVALID_AUXPOW">>[1]["check"]): BlockFault {
  return blockFault("INVALID_AUXPOW", { check });
}

/**
 * The sets of authorities that a block or a batch is validated under, and how sure they are. Known for sure they are only
 * behind a parent that is durable here, on our chain or beside it; everywhere else they are a guess, and nobody is blamed
 * for what a wrong guess explains. Pure but for reading the chain.
 */

import type { BlockFault } from "../../chain/block-fault.ts";
import type { AuthoritySetFacts } from "../../chain/facts.ts";
import { HASH_LENGTH, HEADER_LENGTH } from "../../chain/header.ts";
import type { ChainPort } from "../../integrations/chain/port.ts";

/** What the machines read of the chain to know its authorities. */
export type SetReads = Pick<ChainPort, "authoritiesAfter" | "authoritiesAt">;

export interface SetsInForce {
  /** In force for the block, or for every block of the batch. */
  readonly authorities: AuthoritySetFacts;
  /** In force for the parent of the first block. */
  readonly parentAuthorities: AuthoritySetFacts;
  /**
   * durableParent: the first block's parent is durable here, so that they are known for sure. predecessor: those of the
   * batch before, which may yet turn out to lead elsewhere. unknownParent: what our own chain has at that height.
   */
  readonly basis: "durableParent" | "predecessor" | "unknownParent";
}

/** Those for a child of the parent that the block names. `height` is where it claims to stand. */
export function setsBehindParent(chain: SetReads, block: Uint8Array, height: number): SetsInForce {
  const parentHash = block.length < HEADER_LENGTH ? undefined : block.subarray(0, HASH_LENGTH);
  const known = parentHash && chain.authoritiesAfter(parentHash);
  if (known !== undefined) return { ...known, basis: "durableParent" };
  const authorities = chain.authoritiesAt(height);
  const parentAuthorities = height > 0 ? chain.authoritiesAt(height - 1) : authorities;
  return { authorities, parentAuthorities, basis: "unknownParent" };
}

/** Those of the batch before, when nothing between the two changes them. */
export function setsBehind(authorities: AuthoritySetFacts): SetsInForce {
  return { authorities, parentAuthorities: authorities, basis: "predecessor" };
}

/**
 * Whether sets that were guessed wrong explain the fault. A header commits to the set that has to approve it: where its
 * root is the one that we took, its own approval is judged rightly, whatever it builds on. Of the parent's set the first
 * block's header says nothing; `isFirst` tells that the fault is in that block.
 */
export function isExplainedBySets(fault: BlockFault, isFirst: boolean): boolean {
  switch (fault.code) {
    case "WRONG_AUTHORITIES_ROOT":
      return true;
    case "WRONG_BITLIST_LENGTH":
    case "AUTHOR_BIT_MISSING":
    case "QUORUM_MISSING":
    case "BAD_APPROVAL_SIGNATURE":
      return isFirst && fault.of === "parent";
    default:
      return false;
  }
}

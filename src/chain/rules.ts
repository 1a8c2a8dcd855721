/**
 * The rules of block validity that need no signature, one small pure function each: the fault, or undefined
 * when the rule holds. check-segment.ts and sequence.ts apply them in order of cost; voting applies the same
 * ones to a proposal.
 */

import type { AggregateApproval } from "./approval.ts";
import { countBits, quorumOf } from "./approval.ts";
import { checkChange } from "./authority/change.ts";
import { readAuxPow } from "./auxpow/auxpow.ts";
import { checkProof } from "./auxpow/check-auxpow.ts";
import { type AuthorityChange, type AuxPowHeader, carriedAuxPow, carriedChange } from "./block.ts";
import { type ApprovalSubject, type BlockFault, blockFault } from "./block-fault.ts";
import type { BodyLayout } from "./body-layout.ts";
import { BODY_FIELD, isFieldEmpty } from "./body-layout.ts";
import { equalBytes } from "./bytes.ts";
import type { AuthoritySetFacts, ChainFacts } from "./facts.ts";
import type { BlockHeader } from "./header.ts";

type Outcome = BlockFault | undefined;

/** Slot in which a Unix time in milliseconds lies. */
export function slotAt(timestampMs: number, slotDurationMs: number): number {
  // Exact for safe integers, where a rounded quotient might not be.
  return (timestampMs - (timestampMs % slotDurationMs)) / slotDurationMs;
}

/** Index of the authority whose turn a slot is. */
export function authorOf(slot: number, authorities: number): number {
  return slot % authorities;
}

/** The first block of a run builds on the block that we know. */
export function checkParent(knownHash: Uint8Array, parentHash: Uint8Array): Outcome {
  return equalBytes(knownHash, parentHash) ? undefined : blockFault("UNKNOWN_PARENT", { parentHash });
}

/** A later block of a run builds on the one before it. */
export function checkLink(previousHash: Uint8Array, parentHash: Uint8Array): Outcome {
  if (equalBytes(previousHash, parentHash)) return undefined;
  return blockFault("BROKEN_LINK", { expected: previousHash.slice(), actual: parentHash.slice() });
}

export function checkHeight(parentHeight: number, height: number): Outcome {
  if (height === parentHeight + 1) return undefined;
  return blockFault("WRONG_HEIGHT", { expected: parentHeight + 1, actual: height });
}

export function checkSlot(header: BlockHeader, slotDurationMs: number): Outcome {
  const expected = slotAt(header.timestampMs, slotDurationMs);
  return header.slot === expected ? undefined : blockFault("WRONG_SLOT", { expected, actual: header.slot });
}

export function checkSlotAboveParent(parentSlot: number, slot: number): Outcome {
  return slot > parentSlot ? undefined : blockFault("SLOT_NOT_ABOVE_PARENT", { parentSlot, slot });
}

export function checkTimestamp(header: BlockHeader, nowMs: number, driftMs: number): Outcome {
  const { timestampMs } = header;
  const latestMs = nowMs + driftMs;
  return timestampMs <= latestMs ? undefined : blockFault("FUTURE_TIMESTAMP", { timestampMs, latestMs });
}

export function checkAuthoritiesRoot(header: BlockHeader, expected: Uint8Array): Outcome {
  if (equalBytes(header.authoritiesRoot, expected)) return undefined;
  return blockFault("WRONG_AUTHORITIES_ROOT", { expected, actual: header.authoritiesRoot.slice() });
}

/**
 * Bitlist of exactly one bit for each authority, the author's among them. `slot` is that of the approved
 * block; undefined, where it is not known yet, leaves the author to whoever knows it.
 */
export function checkBitlist(
  approval: AggregateApproval,
  authorities: number,
  slot: number | undefined,
  of: ApprovalSubject,
): Outcome {
  if (approval.length !== authorities) {
    return blockFault("WRONG_BITLIST_LENGTH", { of, expected: authorities, actual: approval.length });
  }
  if (slot === undefined) return undefined;
  const author = authorOf(slot, authorities);
  return (approval.bits & (1 << author)) === 0 ? blockFault("AUTHOR_BIT_MISSING", { of, author }) : undefined;
}

function checkQuorum(approval: AggregateApproval, authorities: number, of: ApprovalSubject): Outcome {
  const required = quorumOf(authorities);
  const actual = countBits(approval.bits);
  return actual >= required ? undefined : blockFault("QUORUM_MISSING", { of, required, actual });
}

/** Every rule of an approval but its signature. A proposal under vote has to pass checkBitlist alone. */
export function checkApprovalBits(
  approval: AggregateApproval,
  authorities: number,
  slot: number | undefined,
  of: ApprovalSubject,
): Outcome {
  return checkBitlist(approval, authorities, slot, of) ?? checkQuorum(approval, authorities, of);
}

/** `expected` is what the body hashes to. */
export function checkBodyRoot(header: BlockHeader, expected: Uint8Array): Outcome {
  if (equalBytes(header.bodyRoot, expected)) return undefined;
  return blockFault("WRONG_BODY_ROOT", { expected: expected.slice(), actual: header.bodyRoot.slice() });
}

export function checkHistoryRoot(header: BlockHeader, expected: Uint8Array): Outcome {
  if (equalBytes(header.historyRoot, expected)) return undefined;
  return blockFault("WRONG_HISTORY_ROOT", { expected, actual: header.historyRoot.slice() });
}

/** A block carries its parent's approval, except at height 1, whose parent is believed without one. */
export function checkParentApprovalPresence(header: BlockHeader, body: BodyLayout): Outcome {
  const isAbsent = isFieldEmpty(body, BODY_FIELD.parentApproval);
  if (header.height === 1) return isAbsent ? undefined : blockFault("PARENT_APPROVAL_UNEXPECTED", {});
  return isAbsent ? blockFault("PARENT_APPROVAL_MISSING", { height: header.height }) : undefined;
}

/**
 * What an AuxPoW's bytes alone show; range, bits and commitment are for the ordered stage. Throws MalformedError when
 * they are not exactly one.
 */
export function checkAuxPowProof(body: BodyLayout, facts: ChainFacts): Outcome {
  if (isFieldEmpty(body, BODY_FIELD.auxpow)) return undefined;
  const header = carriedAuxPow(body) as AuxPowHeader;
  return checkProof(header, readAuxPow(header.auxpow), facts.pow);
}

/** In no case may a change lie below a segment's end. The proofs' signatures and the distance are judged elsewhere. */
export function checkAuthorityChange(
  header: BlockHeader,
  body: BodyLayout,
  inForce: AuthoritySetFacts,
  isLast: boolean,
): Outcome {
  if (isFieldEmpty(body, BODY_FIELD.nextAuthorities)) return undefined;
  if (!isLast) return blockFault("AUTHORITY_CHANGE_INSIDE_SEGMENT", { height: header.height });
  return checkChange(carriedChange(body) as AuthorityChange, inForce);
}

/**
 * Judging a proposal: every rule of validity but the quorum and the signatures, as a child of a given tip. The cheap
 * ones come first. Pure.
 */

import { decodeApproval } from "../../chain/approval.ts";
import { type ParsedBlock, parentApprovalBytes, parseBlock } from "../../chain/block.ts";
import { type BlockFault, blockFault } from "../../chain/block-fault.ts";
import { bodyRoots } from "../../chain/body-root.ts";
import { MalformedError } from "../../chain/malformed.ts";
import {
  checkApprovalBits,
  checkAuthoritiesRoot,
  checkAuthorityChange,
  checkAuxPow,
  checkBitlist,
  checkBodyRoot,
  checkHeight,
  checkHistoryRoot,
  checkParent,
  checkParentApprovalPresence,
  checkSlot,
  checkSlotAboveParent,
  checkTimestamp,
} from "../../chain/rules.ts";
import { nextHistoryRoot } from "../../chain/sequence.ts";
import type { ChainFacts } from "../../chain/validator.ts";
import { checkStateRoot } from "./segment-parts.ts";
import type { Tip } from "./tip.ts";

/** `block` is a SSZ SignedBlock whose approval holds the author's bit; `nowMs` is Unix time. */
export function judgeChild(
  block: Uint8Array,
  tip: Tip,
  facts: ChainFacts,
  nowMs: number,
): BlockFault | undefined {
  let parsed: ParsedBlock;
  try {
    parsed = parseBlock(block);
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    return blockFault("MALFORMED", { message: error.message });
  }
  const { header, body, approval } = parsed;
  const { state } = tip;
  const members = state.authorities.keys.length;
  return (
    checkParent(state.hash, header.parentHash) ??
    checkHeight(state.height, header.height) ??
    checkSlot(header, facts.slotDurationMs) ??
    checkSlotAboveParent(state.slot, header.slot) ??
    checkTimestamp(header, nowMs, facts.driftMs) ??
    checkAuthoritiesRoot(header, state.authorities.root) ??
    checkBitlist(approval, members, header.slot, "own") ??
    checkBodyRoot(header, bodyRoots([body])) ??
    checkHistoryRoot(header, nextHistoryRoot(state)) ??
    checkParentApprovalPresence(header, body) ??
    checkParentsApproval(parsed, members, state.slot) ??
    checkAuxPow(header, body, facts) ??
    checkAuthorityChange(header, body, true) ??
    checkStateRoot(tip.stateRoot, header.stateRoot)
  );
}

function checkParentsApproval(
  { body }: ParsedBlock,
  members: number,
  parentSlot: number,
): BlockFault | undefined {
  const bytes = parentApprovalBytes(body);
  return bytes && checkApprovalBits(decodeApproval(bytes), members, parentSlot, "parent");
}

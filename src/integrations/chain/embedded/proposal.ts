/**
 * Judging a proposal: every rule of validity but the quorum and the approvals' signatures, as a child of a given tip,
 * and that a change of the authorities is the one our operator scheduled. The cheap ones come first. Pure.
 */

import { decodeApproval } from "../../../chain/approval.ts";
import { authoritySetRoot } from "../../../chain/authorities.ts";
import { badProof, possessionChecks } from "../../../chain/authority/change.ts";
import {
  carriedAuxPow,
  carriedChange,
  type ParsedBlock,
  parentApprovalBytes,
  parseBlock,
} from "../../../chain/block.ts";
import { type BlockFault, blockFault } from "../../../chain/block-fault.ts";
import { verifyBatch } from "../../../chain/bls.ts";
import { bodyRoots } from "../../../chain/body-root.ts";
import { equalBytes } from "../../../chain/bytes.ts";
import type { AuthoritySetFacts } from "../../../chain/facts.ts";
import { authoritiesAt } from "../../../chain/lineage.ts";
import { MalformedError } from "../../../chain/malformed.ts";
import {
  checkApprovalBits,
  checkAuthoritiesRoot,
  checkAuthorityChange,
  checkAuxPowProof,
  checkBitlist,
  checkBodyRoot,
  checkHeight,
  checkHistoryRoot,
  checkParent,
  checkParentApprovalPresence,
  checkSlot,
  checkSlotAboveParent,
  checkTimestamp,
} from "../../../chain/rules.ts";
import {
  judgeCarried,
  nextHistoryRoot,
  type SequenceContext,
  type SequenceState,
} from "../../../chain/sequence.ts";
import { checkStateRoot } from "./segment-parts.ts";
import type { Tip } from "./tip.ts";

/**
 * `block` is a SSZ SignedBlock whose approval holds the author's bit; `nowMs` is Unix time; `context` holds the tip's
 * ancestors, itself among them; `scheduled` is the only set that a change may put in force.
 */
export function judgeChild(
  block: Uint8Array,
  tip: Tip,
  context: SequenceContext,
  nowMs: number,
  scheduled: AuthoritySetFacts | undefined,
): BlockFault | undefined {
  const { facts } = context;
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
  const unsigned =
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
    checkParentsApproval(parsed, state) ??
    checkStateRoot(tip.stateRoot, header.stateRoot);
  return unsigned ?? checkCarried(parsed, state, context, scheduled);
}

function checkParentsApproval({ body }: ParsedBlock, state: SequenceState): BlockFault | undefined {
  const bytes = parentApprovalBytes(body);
  if (bytes === undefined) return undefined;
  const { keys } = authoritiesAt(state.lineage, state.height);
  return checkApprovalBits(decodeApproval(bytes), keys.length, state.slot, "parent");
}

/** AuxPoW and change of the authorities; the proofs of a change, 15 signatures at most, are verified on the spot. */
function checkCarried(
  { header, body }: ParsedBlock,
  state: SequenceState,
  context: SequenceContext,
  scheduled: AuthoritySetFacts | undefined,
): BlockFault | undefined {
  const { facts } = context;
  const [auxpow, change] = [carriedAuxPow(body), carriedChange(body)];
  let proof: BlockFault | undefined;
  try {
    proof = checkAuxPowProof(body, facts);
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    proof = blockFault("MALFORMED", { message: error.message });
  }
  const invalid = proof ?? checkAuthorityChange(header, body, state.authorities, true);
  if (invalid !== undefined) return invalid;
  const lineage = judgeCarried(state.lineage, header.height, { auxpow, change }, context);
  if ("code" in lineage) return lineage;
  if (change === undefined) return undefined;
  const isScheduled = scheduled !== undefined && equalBytes(scheduled.root, authoritySetRoot(change.keys));
  if (!isScheduled) return blockFault("AUTHORITY_CHANGE_NOT_SCHEDULED", {});
  return verifyBatch(possessionChecks(change, facts.genesisHash)) ? undefined : badProof();
}

/**
 * Approvals against signatures: turning an approval and the hash it approves into a set for BLS, verifying
 * many in batches, and finding the bad one of a batch. Blocks the thread: validation workers call it.
 */

import { type AggregateApproval, decodeApproval } from "./approval.ts";
import { keysOf } from "./authorities.ts";
import { BATCH_SETS_MAX, verifyBatch, verifyEach } from "./bls.ts";
import type { AuthoritySetFacts } from "./facts.ts";
import { decodeHeader, headerHash } from "./header.ts";
import { MalformedError } from "./malformed.ts";
import { checkApprovalBits } from "./rules.ts";
import { DOMAIN_BLOCK_APPROVAL, domain, signingRoot } from "./signing.ts";
import type { ApprovalCheck, SignatureCheck } from "./validator.ts";

/** Domain of block approvals of one chain; keep it, it is the same for every block. */
export function approvalDomain(genesisHash: Uint8Array): Uint8Array {
  return domain(DOMAIN_BLOCK_APPROVAL, genesisHash);
}

/** What must hold for the approval to be genuine. The bit rules have been checked. */
export function approvalSet(
  blockHash: Uint8Array,
  approval: AggregateApproval,
  authorities: AuthoritySetFacts,
  approvalDomainBytes: Uint8Array,
): SignatureCheck {
  return {
    publicKeys: keysOf(authorities, approval.bits),
    signingRoot: signingRoot(blockHash, approvalDomainBytes),
    signature: approval.signature,
  };
}

/** Position of the first set that does not hold, undefined when all hold. Batches of at most 64. */
export function firstBadSet(sets: readonly SignatureCheck[]): number | undefined {
  for (let start = 0; start < sets.length; start += BATCH_SETS_MAX) {
    const batch = sets.slice(start, start + BATCH_SETS_MAX);
    if (!verifyBatch(batch)) return start + bisect(batch);
  }
  return undefined;
}

/**
 * The first bad set of a batch that failed as a whole. All the halvings together cost about one more batch.
 */
function bisect(batch: readonly SignatureCheck[]): number {
  let start = 0;
  let end = batch.length;
  while (end - start > 1) {
    const middle = (start + end) >>> 1;
    if (verifyBatch(batch.slice(start, middle))) start = middle;
    else end = middle;
  }
  return start;
}

/**
 * For each check whether header and approval are well formed, the bit rules hold and the signature is
 * genuine.
 */
export function verifyApprovals(checks: readonly ApprovalCheck[], genesisHash: Uint8Array): boolean[] {
  const approvalDomainBytes = approvalDomain(genesisHash);
  const verdicts = new Array<boolean>(checks.length).fill(false);
  const positions: number[] = [];
  const sets: SignatureCheck[] = [];
  for (const [position, check] of checks.entries()) {
    const set = setOf(check, approvalDomainBytes);
    if (set === undefined) continue;
    positions.push(position);
    sets.push(set);
  }
  for (const [index, holds] of verifyEach(sets).entries()) verdicts[positions[index] as number] = holds;
  return verdicts;
}

function setOf(check: ApprovalCheck, approvalDomainBytes: Uint8Array): SignatureCheck | undefined {
  try {
    const { slot } = decodeHeader(check.header);
    const approval = decodeApproval(check.approval);
    const fault = checkApprovalBits(approval, check.authorities.keys.length, slot, "own");
    if (fault !== undefined) return undefined;
    return approvalSet(headerHash(check.header), approval, check.authorities, approvalDomainBytes);
  } catch (error) {
    // Bytes of a peer that are no header or approval certify nothing.
    if (error instanceof MalformedError) return undefined;
    throw error;
  }
}

/**
 * checkSegments: everything about segments that needs no knowledge of the blocks before them. Pure and
 * synchronous; it holds its thread for milliseconds, so that workers run it, many segments at a time.
 * sequence.ts then judges, in order, how segments continue the chain.
 */

import { assert } from "../kernel/errors.ts";
import type { AggregateApproval } from "./approval.ts";
import { decodeApproval } from "./approval.ts";
import { approvalDomain, approvalSet, firstBadSet } from "./approval-check.ts";
import { badProof, possessionChecks } from "./authority/change.ts";
import { carriedChange, type ParsedBlock, parentApprovalBytes, parseBlock } from "./block.ts";
import { type BlockFault, blockFault } from "./block-fault.ts";
import { BATCH_SETS_MAX, verifyBatch } from "./bls.ts";
import { bodyRoots } from "./body-root.ts";
import { equalBytes } from "./bytes.ts";
import type { AuthoritySetFacts, ChainFacts } from "./facts.ts";
import { decodeHeader, HASH_LENGTH, HEADER_LENGTH, headerHashes } from "./header.ts";
import { MalformedError } from "./malformed.ts";
import {
  checkApprovalBits,
  checkAuthoritiesRoot,
  checkAuthorityChange,
  checkAuxPowProof,
  checkBodyRoot,
  checkHeight,
  checkLink,
  checkParentApprovalPresence,
  checkSlot,
  checkSlotAboveParent,
  checkTimestamp,
} from "./rules.ts";
import { SEGMENT_BLOCKS_MAX } from "./segment.ts";
import type { SegmentInput, SegmentVerdict, SignatureCheck, ValidatedSegment } from "./validator.ts";

/** The block at `index` of the input broke a rule. */
interface Finding {
  readonly index: number;
  readonly fault: BlockFault;
}

/** A parent_approval with the bytes it came in. */
interface CarriedApproval {
  readonly bytes: Uint8Array;
  readonly approval: AggregateApproval;
}

/** What has been read of the segment so far. */
interface Work {
  readonly facts: ChainFacts;
  readonly input: SegmentInput;
  readonly blocks: readonly ParsedBlock[];
  /** parent_approval of each block. */
  readonly carried: readonly (CarriedApproval | undefined)[];
  readonly headers: Uint8Array;
  readonly hashes: Uint8Array;
}

/** A segment to check. */
export interface SegmentOffer {
  readonly input: SegmentInput;
  /**
   * Where its blocks lie back to back from the beginning; it is the verdict's to keep: the segment then lies there
   * instead of in a copy, if its blocks keep their lengths.
   */
  readonly memory?: Uint8Array;
}

type Rejected = Extract<SegmentVerdict, { ok: false }>;

/**
 * Form, numbers, links, bit rules, body roots and signatures of 1 to 64 blocks, cheap first. The verdict's memory is its
 * own, so that it may be transferred; on a fault the index tells the first block found at fault.
 */
export function checkSegment(facts: ChainFacts, input: SegmentInput): SegmentVerdict {
  return checkSegments(facts, [{ input }])[0] as SegmentVerdict;
}

/** The verdict on each, as if it were checked alone; their signatures are verified together if they are few. */
export function checkSegments(facts: ChainFacts, offers: readonly SegmentOffer[]): SegmentVerdict[] {
  const read = offers.map(({ input }) => readSegment(facts, input));
  const claims = read.map((work) => ("ok" in work ? [] : claimsOf(work)));
  const sets = claims.flat().map(({ set }) => set);
  const allHold = offers.length > 1 && sets.length <= BATCH_SETS_MAX && verifyBatch(sets);
  return read.map((work, at): SegmentVerdict => {
    if ("ok" in work) return work;
    const finding = allHold ? undefined : badClaim(claims[at] as Claim[]);
    if (finding !== undefined) return { ok: false, ...finding };
    return { ok: true, segment: assemble(work, offers[at]?.memory) };
  });
}

/** Everything but the signatures. */
function readSegment(facts: ChainFacts, input: SegmentInput): Work | Rejected {
  const { blocks } = input;
  assert(blocks.length > 0 && blocks.length <= SEGMENT_BLOCKS_MAX, `a segment has ${blocks.length} blocks`);
  const parsed: ParsedBlock[] = [];
  for (const [index, bytes] of blocks.entries()) {
    try {
      parsed.push(parseBlock(bytes));
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error;
      return { ok: false, index, fault: blockFault("MALFORMED", { message: error.message }) };
    }
  }
  const headers = packHeaders(blocks);
  const work: Work = {
    facts,
    input,
    blocks: parsed,
    carried: parsed.map(carriedApproval),
    headers,
    hashes: headerHashes(headers, blocks.length),
  };
  const finding = checkUnsigned(work) ?? checkBodies(work);
  return finding === undefined ? work : { ok: false, ...finding };
}

function packHeaders(blocks: readonly Uint8Array[]): Uint8Array {
  const headers = new Uint8Array(blocks.length * HEADER_LENGTH);
  for (const [index, bytes] of blocks.entries()) {
    headers.set(bytes.subarray(0, HEADER_LENGTH), index * HEADER_LENGTH);
  }
  return headers;
}

function carriedApproval(block: ParsedBlock): CarriedApproval | undefined {
  const bytes = parentApprovalBytes(block.body);
  return bytes === undefined ? undefined : { bytes, approval: decodeApproval(bytes) };
}

function hashAt(work: Work, index: number): Uint8Array {
  return work.hashes.subarray(index * HASH_LENGTH, (index + 1) * HASH_LENGTH);
}

/** In force for the parent of the block at `index`: the segment's set, except before its first block. */
function parentSet(work: Work, index: number): AuthoritySetFacts {
  const { authorities, parentAuthorities } = work.input;
  return index === 0 ? (parentAuthorities ?? authorities) : authorities;
}

function checkUnsigned(work: Work): Finding | undefined {
  for (let index = 0; index < work.blocks.length; index++) {
    const fault = checkPlace(work, index) ?? checkApprovals(work, index) ?? checkFeatures(work, index);
    if (fault !== undefined) return { index, fault };
  }
  return undefined;
}

/** Link and height inside the segment, slot, time and authorities. */
function checkPlace(work: Work, index: number): BlockFault | undefined {
  const { facts, input } = work;
  const { header } = work.blocks[index] as ParsedBlock;
  const parent = work.blocks[index - 1]?.header;
  return (
    (parent === undefined ? undefined : checkLink(hashAt(work, index - 1), header.parentHash)) ??
    (parent === undefined ? undefined : checkHeight(parent.height, header.height)) ??
    checkSlot(header, facts.slotDurationMs) ??
    (parent === undefined ? undefined : checkSlotAboveParent(parent.slot, header.slot)) ??
    checkTimestamp(header, input.nowMs, facts.driftMs) ??
    checkAuthoritiesRoot(header, input.authorities.root)
  );
}

/**
 * Bit rules of the block's own approval, where the policy looks at it, and of its parent's. The slot, so the
 * author, of the first block's parent is known to sequence.ts alone.
 */
function checkApprovals(work: Work, index: number): BlockFault | undefined {
  const { header, approval, body } = work.blocks[index] as ParsedBlock;
  const isJudged = work.input.policy === "EVERY_BLOCK" || index === work.blocks.length - 1;
  const own = isJudged
    ? checkApprovalBits(approval, work.input.authorities.keys.length, header.slot, "own")
    : undefined;
  if (own !== undefined) return own;
  const presence = checkParentApprovalPresence(header, body);
  const carried = work.carried[index];
  if (presence !== undefined || carried === undefined) return presence;
  const parentSlot = work.blocks[index - 1]?.header.slot;
  return checkApprovalBits(carried.approval, parentSet(work, index).keys.length, parentSlot, "parent");
}

function checkFeatures(work: Work, index: number): BlockFault | undefined {
  const { header, body } = work.blocks[index] as ParsedBlock;
  const isLast = index === work.blocks.length - 1;
  try {
    return (
      checkAuxPowProof(body, work.facts) ?? checkAuthorityChange(header, body, work.input.authorities, isLast)
    );
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    return blockFault("MALFORMED", { message: error.message });
  }
}

function checkBodies(work: Work): Finding | undefined {
  const roots = bodyRoots(work.blocks.map((block) => block.body));
  for (const [index, block] of work.blocks.entries()) {
    const root = roots.subarray(index * HASH_LENGTH, (index + 1) * HASH_LENGTH);
    const fault = checkBodyRoot(block.header, root);
    if (fault !== undefined) return { index, fault };
  }
  return undefined;
}

/** A signature to verify, in which block, and what is wrong when it does not hold. */
interface Claim {
  readonly index: number;
  readonly fault: BlockFault;
  readonly set: SignatureCheck;
}

const BAD_OWN = blockFault("BAD_APPROVAL_SIGNATURE", { of: "own" });
const BAD_PARENT = blockFault("BAD_APPROVAL_SIGNATURE", { of: "parent" });

function claimsOf(work: Work): Claim[] {
  const domain = approvalDomain(work.facts.genesisHash);
  const last = work.blocks.length - 1;
  const claims = work.input.policy === "SEGMENT" ? [ownClaim(work, last, domain)] : allClaims(work, domain);
  claims.push(...possessionClaims(work));
  return claims;
}

function badClaim(claims: readonly Claim[]): Finding | undefined {
  const bad = firstBadSet(claims.map(({ set }) => set));
  if (bad === undefined) return undefined;
  const { index, fault } = claims[bad] as Claim;
  return { index, fault };
}

/** Proofs of the keys that the last block puts in force, under both policies. */
function possessionClaims(work: Work): Claim[] {
  const index = work.blocks.length - 1;
  const change = carriedChange((work.blocks[index] as ParsedBlock).body);
  if (change === undefined) return [];
  const sets = possessionChecks(change, work.facts.genesisHash);
  return sets.map((set) => ({ index, fault: badProof(), set }));
}

function ownClaim(work: Work, index: number, domain: Uint8Array): Claim {
  const { approval } = work.blocks[index] as ParsedBlock;
  const { authorities } = work.input;
  const set = approvalSet(hashAt(work, index), approval, authorities, domain);
  return { index, fault: BAD_OWN, set };
}

/**
 * Each block's own approval, and each parent's approval that is not byte for byte one of those verified
 * already.
 */
function allClaims(work: Work, domain: Uint8Array): Claim[] {
  const claims: Claim[] = [];
  for (const [index, block] of work.blocks.entries()) {
    const carried = work.carried[index];
    const parent = work.blocks[index - 1];
    const verified =
      parent === undefined ? work.input.verifiedParentApproval : parent.bytes.subarray(parent.approvalOffset);
    if (carried !== undefined && (verified === undefined || !equalBytes(carried.bytes, verified))) {
      const hash = parent === undefined ? block.header.parentHash : hashAt(work, index - 1);
      const set = approvalSet(hash, carried.approval, parentSet(work, index), domain);
      claims.push({ index, fault: BAD_PARENT, set });
    }
    claims.push(ownClaim(work, index, domain));
  }
  return claims;
}

/** Blocks back to back, each with the approval that its successor commits to, or its own at the end. */
function assemble(work: Work, memory: Uint8Array | undefined): ValidatedSegment {
  const { blocks, carried, headers, hashes } = work;
  const count = blocks.length;
  const last = blocks[count - 1] as ParsedBlock;
  const approvals: Uint8Array[] = [];
  for (let index = 1; index < count; index++) approvals.push((carried[index] as CarriedApproval).bytes);
  approvals.push(last.bytes.subarray(last.approvalOffset));
  const offsets = new Uint32Array(count + 1);
  for (const [index, block] of blocks.entries()) {
    const length = block.approvalOffset + (approvals[index] as Uint8Array).length;
    offsets[index + 1] = (offsets[index] as number) + length;
  }
  const isInPlace =
    memory !== undefined &&
    blocks.every(({ bytes }, index) => bytes.byteOffset === memory.byteOffset + (offsets[index] as number));
  const bytes = isInPlace ? memory.subarray(0, offsets[count]) : new Uint8Array(offsets[count] as number);
  for (const [index, block] of blocks.entries()) {
    const start = offsets[index] as number;
    if (!isInPlace) bytes.set(block.bytes.subarray(0, block.approvalOffset), start);
    bytes.set(approvals[index] as Uint8Array, start + block.approvalOffset);
  }
  return {
    policy: work.input.policy,
    count,
    bytes,
    offsets,
    hashes,
    firstParentHash: headers.subarray(0, HASH_LENGTH),
    first: decodeHeader(headers.subarray(0, HEADER_LENGTH)),
    last: decodeHeader(headers.subarray((count - 1) * HEADER_LENGTH)),
    headers,
    firstParentApproval: carried[0]?.bytes.slice(),
  };
}

/**
 * The evidence that a checkpoint lies on our chain: every change of the authorities from a set that we know up to its own,
 * each signed by the set before it, and a later header that a quorum signed with the checkpoint in its history. With it
 * comes the AuxPoW of the checkpoint's block, which the next one goes on from: its range and bits were judged by that
 * quorum, its work is judged here. Step by step, since each change costs up to 16 signatures; pure.
 */

import { verifyApprovals } from "../approval-check.ts";
import { authoritySet } from "../authorities.ts";
import { checkChange, lowestChangeHeight, possessionChecks } from "../authority/change.ts";
import { readAuxPow } from "../auxpow/auxpow.ts";
import { checkProof } from "../auxpow/check-auxpow.ts";
import { genesisAuxPow, type LastAuxPow } from "../auxpow/last-auxpow.ts";
import type { AuthorityChange, AuxPowHeader } from "../block.ts";
import { verifyEach } from "../bls.ts";
import { equalBytes } from "../bytes.ts";
import type { AuthoritySetFacts, ChainFacts } from "../facts.ts";
import { type BlockHeader, decodeHeader, headerHash } from "../header.ts";
import type { AuthorityPeriod } from "../lineage.ts";
import { MalformedError } from "../malformed.ts";
import { type HistoryProof, verifyHistoryProof } from "../mmr.ts";
import { verifyAuxPowProof, verifyChangeProof } from "./body-proof.ts";
import { type Checkpoint, verifyCheckpoint } from "./checkpoint.ts";
import type { CheckpointFault } from "./fault.ts";

/** The later header lies at least this far above: what is buried so deep is not replaced. */
export const LATER_DISTANCE = 64;

/**
 * Changes in one answer. Each takes 4 KiB and some 16 ms to verify, so that a liar costs us 4 s at most, in steps. A
 * chain with more is followed block by block instead.
 */
export const CHANGES_MAX = 256;

/** One change without the block that carries it. */
export interface ChangeEvidence {
  readonly header: Uint8Array;
  readonly approval: Uint8Array;
  readonly change: AuthorityChange;
  readonly bodyProof: Uint8Array;
  /** Under the checkpoint's history_root, or the later header's when the block is not below the checkpoint. */
  readonly inclusion: HistoryProof;
}

/** The AuxPoW of the checkpoint's block without the block. */
export interface AuxPowEvidence {
  readonly header: AuxPowHeader;
  readonly bodyProof: Uint8Array;
  /** That the last block of its range is under the checkpoint's history_root: the proof's index is that block's height. */
  readonly rangeEndInclusion: HistoryProof;
}

export interface CheckpointEvidence {
  readonly checkpoint: Checkpoint;
  readonly laterHeader: Uint8Array;
  readonly laterApproval: Uint8Array;
  readonly inclusion: HistoryProof;
  /** Ascending. */
  readonly changes: readonly ChangeEvidence[];
  /** Of the checkpoint's block; undefined when it carries none, which a chain that requires AuxPoW does not accept. */
  readonly auxpow?: AuxPowEvidence | undefined;
}

/** What follows from evidence that holds. */
export interface ProvenCheckpoint {
  readonly checkpoint: Checkpoint;
  readonly hash: Uint8Array;
  readonly header: BlockHeader;
  /** The sets in force from the known one up to the checkpoint's block, ascending. */
  readonly periods: readonly AuthorityPeriod[];
  /** What the next AuxPoW goes on from: that of the checkpoint's block, else genesis. */
  readonly lastAuxPow: LastAuxPow;
}

export type EvidenceVerdict =
  | { readonly ok: true; readonly proven: ProvenCheckpoint }
  | { readonly ok: false; readonly fault: CheckpointFault };

/** Judges all of it at once. `known` is a set that we believe; the genesis set begins at height 1. */
export function verifyEvidence(
  evidence: CheckpointEvidence,
  known: AuthorityPeriod,
  facts: ChainFacts,
): EvidenceVerdict {
  const steps = judgeEvidence(evidence, known, facts);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** The same in steps of some 20 ms, between which other work may run. */
export function* judgeEvidence(
  evidence: CheckpointEvidence,
  known: AuthorityPeriod,
  facts: ChainFacts,
): Generator<void, EvidenceVerdict> {
  try {
    return yield* judge(evidence, known, facts);
  } catch (error) {
    // Bytes of a peer or a file that are no header or approval.
    if (!(error instanceof MalformedError)) throw error;
    return fail("MALFORMED");
  }
}

function* judge(
  evidence: CheckpointEvidence,
  known: AuthorityPeriod,
  facts: ChainFacts,
): Generator<void, EvidenceVerdict> {
  const { checkpoint, laterHeader, laterApproval, inclusion, changes } = evidence;
  if (changes.length > CHANGES_MAX) return fail("TOO_MANY_CHANGES");
  const header = decodeHeader(checkpoint.header);
  const later = decodeHeader(laterHeader);
  const hash = headerHash(checkpoint.header);
  if (later.height < header.height + LATER_DISTANCE) return fail("LATER_TOO_LOW");
  const isIncluded = inclusion.index === header.height && inclusion.count === later.height;
  if (!isIncluded || !verifyHistoryProof(inclusion, hash, later.historyRoot)) return fail("LATER_INCLUSION");
  const broken = verifyCheckpoint(checkpoint, facts.genesisHash);
  if (broken !== undefined) return fail(broken);
  const lastAuxPow = judgeAuxPow(evidence.auxpow, header, facts);
  if (typeof lastAuxPow === "string") return fail(lastAuxPow);
  yield;

  const periods: AuthorityPeriod[] = [known];
  for (const change of changes) {
    const before = periods.at(-1) as AuthorityPeriod;
    const next = judgeChange(change, before, { header, later, facts });
    if (typeof next === "string") return fail(next);
    periods.push(next);
    yield;
  }
  const upTo = periods.filter(({ firstHeight }) => firstHeight <= header.height);
  const own = upTo.at(-1)?.authorities;
  if (own === undefined || !equalBytes(own.root, header.authoritiesRoot)) return fail("CHANGES_INCOMPLETE");
  const { authorities } = periods.at(-1) as AuthorityPeriod;
  if (!equalBytes(later.authoritiesRoot, authorities.root)) return fail("LATER_AUTHORITIES");
  if (!isApproved(laterHeader, laterApproval, authorities, facts)) return fail("LATER_APPROVAL");
  return { ok: true, proven: { checkpoint, hash, header, periods: upTo, lastAuxPow } };
}

/** What the next AuxPoW goes on from, or what is wrong with this one. */
function judgeAuxPow(
  evidence: AuxPowEvidence | undefined,
  { height, bodyRoot, historyRoot }: BlockHeader,
  facts: ChainFacts,
): LastAuxPow | CheckpointFault {
  if (evidence === undefined) return facts.maxBlocksWithoutPow > 0 ? "AUXPOW_MISSING" : genesisAuxPow(facts);
  const { header, bodyProof, rangeEndInclusion } = evidence;
  if (!verifyAuxPowProof(header, bodyProof, bodyRoot)) return "AUXPOW_BODY";
  if (checkProof(header, readAuxPow(header.auxpow), facts.pow) !== undefined) return "AUXPOW_WORK";
  const { index, count } = rangeEndInclusion;
  const isCovered = count === height && verifyHistoryProof(rangeEndInclusion, header.rangeEnd, historyRoot);
  return isCovered ? { carrierHeight: height, rangeEndHeight: index, bits: header.bits } : "AUXPOW_RANGE";
}

interface Frame {
  readonly header: BlockHeader;
  readonly later: BlockHeader;
  readonly facts: ChainFacts;
}

/** The period that the change begins, or what is wrong with it. */
function judgeChange(
  evidence: ChangeEvidence,
  before: AuthorityPeriod,
  { header, later, facts }: Frame,
): AuthorityPeriod | CheckpointFault {
  const { approval, change, bodyProof, inclusion } = evidence;
  const { height, authoritiesRoot, bodyRoot } = decodeHeader(evidence.header);
  const lastChange = before.firstHeight === 1 ? undefined : before.firstHeight - 1;
  const isInOrder = height >= lowestChangeHeight(lastChange) && height < later.height;
  if (!isInOrder) return "CHANGE_ORDER";
  if (!equalBytes(authoritiesRoot, before.authorities.root)) return "CHANGE_AUTHORITIES";
  const frame = height < header.height ? header : later;
  const isPlaced = inclusion.index === height && inclusion.count === frame.height;
  if (!isPlaced || !verifyHistoryProof(inclusion, headerHash(evidence.header), frame.historyRoot)) {
    return "CHANGE_INCLUSION";
  }
  if (!verifyChangeProof(change, bodyProof, bodyRoot)) return "CHANGE_BODY";
  if (checkChange(change, before.authorities) !== undefined) return "CHANGE_INVALID";
  if (!isApproved(evidence.header, approval, before.authorities, facts)) return "CHANGE_APPROVAL";
  if (!verifyEach(possessionChecks(change, facts.genesisHash)).every(Boolean)) return "CHANGE_INVALID";
  return { firstHeight: height + 1, authorities: authoritySet(change.keys) };
}

function isApproved(
  header: Uint8Array,
  approval: Uint8Array,
  authorities: AuthoritySetFacts,
  { genesisHash }: ChainFacts,
): boolean {
  return verifyApprovals([{ header, approval, authorities }], genesisHash)[0] === true;
}

function fail(fault: CheckpointFault): EvidenceVerdict {
  return { ok: false, fault };
}

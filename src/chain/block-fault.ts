/**
 * BlockFault: why a block was not accepted, one code per check of the validity rules, with the data that
 * shows it. Plain data, so that it crosses threads. `isInvalid` tells what no later knowledge can mend (the
 * sender's fault, to be remembered by digest) from what may yet become acceptable (held, no penalty).
 */

import { assertNever } from "../kernel/errors.ts";
import { toHex } from "./hex.ts";

/** Whose approval a rule speaks of: the block's own, or the one of its parent that its body carries. */
export type ApprovalSubject = "own" | "parent";

/** What is wrong with a set of authorities that a block wants to put in force. */
export type AuthorityChangeFault =
  | "EMPTY_SET"
  | "REPEATED_KEY"
  /** It does not add or remove exactly one key and leave the others in their order. */
  | "NOT_ONE_KEY"
  | "INVALID_KEY"
  /** Not one proof for each key. */
  | "PROOF_COUNT"
  | "BAD_PROOF"
  /** Fewer than 64 blocks after the change before it. */
  | "TOO_SOON";

export type AuxPowCheck =
  | "PARENT_HAS_CHAIN_ID"
  | "MERKLE_BRANCH_TOO_LONG"
  | "MERKLE_ROOT_INCORRECT"
  | "COINBASE_NO_INPUTS"
  | "COINBASE_INVALID_OUTPUTS"
  | "MISSING_HEADER"
  | "MULTIPLE_HEADERS"
  | "MISSING_MERKLE_ROOT"
  | "INVALID_MERKLE_SIZE"
  | "WRONG_INDEX";

interface FaultData {
  /** Size or form: the bytes are not exactly a SignedBlock. */
  readonly MALFORMED: { readonly message: string };
  /** The first block's parent is not the block we build on. Not invalid: it may be known later. */
  readonly UNKNOWN_PARENT: { readonly parentHash: Uint8Array };
  /** A run that was presented as linked is not: `parentHash` is not the hash of the block before it. */
  readonly BROKEN_LINK: { readonly expected: Uint8Array; readonly actual: Uint8Array };
  readonly WRONG_HEIGHT: { readonly expected: number; readonly actual: number };
  readonly WRONG_SLOT: { readonly expected: number; readonly actual: number };
  readonly SLOT_NOT_ABOVE_PARENT: { readonly parentSlot: number; readonly slot: number };
  /** Ahead of now + drift. Not invalid: it may be in time later. */
  readonly FUTURE_TIMESTAMP: { readonly timestampMs: number; readonly latestMs: number };
  readonly WRONG_AUTHORITIES_ROOT: { readonly expected: Uint8Array; readonly actual: Uint8Array };
  readonly WRONG_BITLIST_LENGTH: {
    readonly of: ApprovalSubject;
    readonly expected: number;
    readonly actual: number;
  };
  readonly AUTHOR_BIT_MISSING: { readonly of: ApprovalSubject; readonly author: number };
  readonly QUORUM_MISSING: {
    readonly of: ApprovalSubject;
    readonly required: number;
    readonly actual: number;
  };
  readonly WRONG_BODY_ROOT: { readonly expected: Uint8Array; readonly actual: Uint8Array };
  readonly WRONG_HISTORY_ROOT: { readonly expected: Uint8Array; readonly actual: Uint8Array };
  /** A block above height 1 without the approval of its parent. */
  readonly PARENT_APPROVAL_MISSING: { readonly height: number };
  /** Height 1 with an approval of genesis, which is believed without one. */
  readonly PARENT_APPROVAL_UNEXPECTED: Readonly<Record<never, never>>;
  /** A block below the segment's end that changes the authorities: a segment ends at such a block. */
  readonly AUTHORITY_CHANGE_INSIDE_SEGMENT: { readonly height: number };
  /** A change of the authorities that breaks a rule. */
  readonly INVALID_AUTHORITY_CHANGE: { readonly reason: AuthorityChangeFault };
  /** A proposal whose change is not what our operator scheduled. The block as such may be valid. */
  readonly AUTHORITY_CHANGE_NOT_SCHEDULED: Readonly<Record<never, never>>;
  /** More blocks than `max_blocks_without_pow` since the last one that an AuxPoW covers. */
  readonly AUXPOW_OVERDUE: { readonly height: number; readonly latestHeight: number };
  readonly WRONG_AUXPOW_CHAIN_ID: { readonly expected: number; readonly actual: number };
  /** The parent header's hash is above the target that the bits stand for. */
  readonly AUXPOW_WORK_MISSING: { readonly bits: number };
  /** The parent chain's part is not in order; `check` is Alys's name for what. */
  readonly INVALID_AUXPOW: { readonly check: AuxPowCheck };
  /** Not the work that the retarget rule asks for. */
  readonly WRONG_AUXPOW_BITS: { readonly expected: number; readonly actual: number };
  /** The range does not begin right above what the last AuxPoW covers, or does not end below the block. */
  readonly WRONG_AUXPOW_RANGE: {
    readonly wrong: "start" | "end";
    readonly first: number;
    readonly height: number;
  };
  /** Hashes of the range are not held here, as below an adopted checkpoint. Not invalid: nobody is to blame. */
  readonly AUXPOW_RANGE_UNKNOWN: { readonly first: number };
  readonly BAD_APPROVAL_SIGNATURE: { readonly of: ApprovalSubject };
  /** The ChainActor computes another state than the header claims. */
  readonly WRONG_STATE_ROOT: { readonly expected: Uint8Array; readonly actual: Uint8Array };
}

export type BlockFaultCode = keyof FaultData;

/** A union discriminated by `code`; the members' data is listed in FaultData. */
export type BlockFault = {
  readonly [C in BlockFaultCode]: { readonly code: C; readonly isInvalid: boolean } & FaultData[C];
}[BlockFaultCode];

const NOT_INVALIDITY: ReadonlySet<BlockFaultCode> = new Set([
  "UNKNOWN_PARENT",
  "FUTURE_TIMESTAMP",
  "AUTHORITY_CHANGE_NOT_SCHEDULED",
  "AUXPOW_RANGE_UNKNOWN",
]);

/** Makes a fault; `isInvalid` follows from the code. */
export function blockFault<C extends BlockFaultCode>(code: C, data: FaultData[C]): BlockFault {
  return { code, isInvalid: !NOT_INVALIDITY.has(code), ...data } as unknown as BlockFault;
}

/** One sentence for logs and evidence. */
export function describeFault(fault: BlockFault): string {
  switch (fault.code) {
    case "MALFORMED":
      return `the block is malformed: ${fault.message}`;
    case "UNKNOWN_PARENT":
      return `parent ${toHex(fault.parentHash)} is unknown`;
    case "BROKEN_LINK":
      return `parent hash is ${toHex(fault.actual)}, but the block before it is ${toHex(fault.expected)}`;
    case "WRONG_HEIGHT":
      return `height is ${fault.actual} instead of ${fault.expected}`;
    case "WRONG_SLOT":
      return `slot is ${fault.actual}, but the timestamp lies in slot ${fault.expected}`;
    case "SLOT_NOT_ABOVE_PARENT":
      return `slot ${fault.slot} is not above the parent's slot ${fault.parentSlot}`;
    case "FUTURE_TIMESTAMP":
      return `timestamp ${fault.timestampMs} ms is later than ${fault.latestMs} ms`;
    case "WRONG_AUTHORITIES_ROOT":
      return `authorities root is ${toHex(fault.actual)} instead of ${toHex(fault.expected)}`;
    case "WRONG_BITLIST_LENGTH":
      return `${approvalName(fault.of)} has ${fault.actual} bits for ${fault.expected} authorities`;
    case "AUTHOR_BIT_MISSING":
      return `${approvalName(fault.of)} lacks the bit of its author, authority ${fault.author}`;
    case "QUORUM_MISSING":
      return `${approvalName(fault.of)} has ${fault.actual} of ${fault.required} votes`;
    case "WRONG_BODY_ROOT":
      return `body root is ${toHex(fault.actual)}, but the body hashes to ${toHex(fault.expected)}`;
    case "WRONG_HISTORY_ROOT":
      return `history root is ${toHex(fault.actual)} instead of ${toHex(fault.expected)}`;
    case "PARENT_APPROVAL_MISSING":
      return `block ${fault.height} carries no approval of its parent`;
    case "PARENT_APPROVAL_UNEXPECTED":
      return "block 1 carries an approval of genesis";
    case "AUTHORITY_CHANGE_INSIDE_SEGMENT":
      return `block ${fault.height} changes the authorities but does not end its segment`;
    case "INVALID_AUTHORITY_CHANGE":
      return `the change of the authorities is invalid: ${fault.reason}`;
    case "AUTHORITY_CHANGE_NOT_SCHEDULED":
      return "the change of the authorities is not what our operator scheduled";
    case "BAD_APPROVAL_SIGNATURE":
      return `${approvalName(fault.of)} has an invalid signature`;
    case "WRONG_STATE_ROOT":
      return `state root is ${toHex(fault.actual)} instead of ${toHex(fault.expected)}`;
    default:
      return describeAuxPowFault(fault);
  }
}

type AuxPowFault = Extract<BlockFault, { readonly code: `${string}AUXPOW${string}` }>;

function describeAuxPowFault(fault: AuxPowFault): string {
  switch (fault.code) {
    case "AUXPOW_OVERDUE":
      return `block ${fault.height} needs an AuxPoW: height ${fault.latestHeight} is the last covered`;
    case "WRONG_AUXPOW_CHAIN_ID":
      return `the AuxPoW is for chain ${fault.actual}, not ${fault.expected}`;
    case "AUXPOW_WORK_MISSING":
      return `the AuxPoW's parent does not meet the target of bits ${fault.bits}`;
    case "INVALID_AUXPOW":
      return `the AuxPoW is invalid: ${fault.check}`;
    case "WRONG_AUXPOW_BITS":
      return `the AuxPoW has bits ${fault.actual} instead of ${fault.expected}`;
    case "WRONG_AUXPOW_RANGE":
      return `the AuxPoW's range has a wrong ${fault.wrong}: it covers ${fault.first} up to below ${fault.height}`;
    case "AUXPOW_RANGE_UNKNOWN":
      return `hashes from height ${fault.first} on, which the AuxPoW covers, are not held here`;
    default:
      return assertNever(fault);
  }
}

function approvalName(subject: ApprovalSubject): string {
  return subject === "own" ? "the approval" : "the parent's approval";
}

/**
 * BlockFault: why a block was not accepted, one code per check of the validity rules, with the data that
 * shows it. Plain data, so that it crosses threads. `isInvalid` tells what no later knowledge can mend (the
 * sender's fault, to be remembered by digest) from what may yet become acceptable (held, no penalty).
 */

import { assertNever } from "../kernel/errors.ts";
import { toHex } from "./hex.ts";

/** Whose approval a rule speaks of: the block's own, or the one of its parent that its body carries. */
export type ApprovalSubject = "own" | "parent";

interface FaultData {
  /** Size or form: the bytes are not exactly a SignedBlock. */
  readonly MALFORMED: { readonly message: string };
  /** The first block's parent is not the block we stand on. Not invalid: it may be known later. */
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
  /** More blocks than `max_blocks_without_pow` since the last AuxPoW. */
  readonly AUXPOW_OVERDUE: { readonly height: number; readonly latestHeight: number };
  readonly BAD_APPROVAL_SIGNATURE: { readonly of: ApprovalSubject };
  /** The ChainActor computes another state than the header claims. */
  readonly WRONG_STATE_ROOT: { readonly expected: Uint8Array; readonly actual: Uint8Array };
  /** A rule that this version cannot judge yet. Not invalid: the sender may be right. */
  readonly NOT_SUPPORTED_YET: { readonly feature: string };
}

export type BlockFaultCode = keyof FaultData;

/** A union discriminated by `code`; the members' data is listed in FaultData. */
export type BlockFault = {
  readonly [C in BlockFaultCode]: { readonly code: C; readonly isInvalid: boolean } & FaultData[C];
}[BlockFaultCode];

const NOT_INVALIDITY: ReadonlySet<BlockFaultCode> = new Set([
  "UNKNOWN_PARENT",
  "FUTURE_TIMESTAMP",
  "NOT_SUPPORTED_YET",
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
    case "AUXPOW_OVERDUE":
      return `block ${fault.height} needs an AuxPoW: none since height ${fault.latestHeight}`;
    case "BAD_APPROVAL_SIGNATURE":
      return `${approvalName(fault.of)} has an invalid signature`;
    case "WRONG_STATE_ROOT":
      return `state root is ${toHex(fault.actual)} instead of ${toHex(fault.expected)}`;
    case "NOT_SUPPORTED_YET":
      return `${fault.feature} is not supported by this version yet`;
    default:
      return assertNever(fault);
  }
}

function approvalName(subject: ApprovalSubject): string {
  return subject === "own" ? "the approval" : "the parent's approval";
}

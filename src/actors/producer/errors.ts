/**
 * Why a member refuses a proposal, and what callers of the ProducerActor are told. A refusal travels to the proposal's
 * author as its code, so that its operator can read who refused and why.
 */

import { type BlockFault, describeFault } from "../../chain/block-fault.ts";
import type { VoteRefusal } from "../../chain/vote.ts";
import { type Failure, failure } from "../../kernel/errors.ts";
import type { SigningRefusal } from "./signing-guard.ts";

export type Refusal =
  | VoteRefusal
  /** This member signs nothing at present: GetProducerStatus says more. */
  | SigningRefusal
  /** Not a SignedBlock, or not in a federation message. */
  | "MALFORMED"
  /** This node's key is not in the set in force. */
  | "NOT_A_MEMBER"
  /** Too many proposals wait. */
  | "BUSY"
  /** The approval of the parent inside the proposal does not verify. */
  | "BAD_PARENT_APPROVAL"
  /** This node does not know what time it is. */
  | "CLOCK_NOT_BELIEVED"
  /** The vote could not be made durable, so it was not cast. */
  | "VOTE_NOT_DURABLE"
  /** The operating system or a worker failed us; the proposal may be good. */
  | "NOT_NOW"
  | BlockFault["code"];

/** The set that an operator wants to schedule breaks a rule; `fault` says which. */
export function changeRefused(fault: BlockFault): Failure {
  return failure("INVALID_ARGUMENT", "AUTHORITY_CHANGE_INVALID", describeFault(fault), { field: "keys" });
}

/** Keys or proofs have another length than keys and proofs have. */
export function badLengths(field: "keys" | "proofs", length: number): Failure {
  const message = `each of ${field} has ${length} bytes`;
  return failure("INVALID_ARGUMENT", "AUTHORITY_CHANGE_INVALID", message, { field });
}

export function notAMember(): Failure {
  const message = "this node has no authority key, so that it neither proposes nor approves";
  return failure("FAILED_PRECONDITION", "NO_AUTHORITY_KEY", message);
}

export function nothingToConfirm(): Failure {
  const message = "this member's key was seen nowhere else: there is nothing to confirm";
  return failure("FAILED_PRECONDITION", "NOTHING_TO_CONFIRM", message);
}

export function keyStillElsewhere(peerId: string): Failure {
  const message = `peer ${peerId} is connected and holds our key: stop it first`;
  return failure("FAILED_PRECONDITION", "KEY_STILL_ELSEWHERE", message);
}

/** A later request of the same kind overtook this one. */
export function superseded(): Failure {
  return failure("ABORTED", "SUPERSEDED", "another set was scheduled meanwhile");
}

export function clockNotBelieved(detail: string): Failure {
  return failure(
    "FAILED_PRECONDITION",
    "CLOCK_NOT_BELIEVED",
    `the present slot is not known for sure: ${detail}`,
  );
}

export function transactionRefused(length: number): Failure {
  const message = `a transaction has 1 byte to 1 MiB, this one has ${length} bytes`;
  return failure("INVALID_ARGUMENT", "TRANSACTION_SIZE", message, { field: "transaction" });
}

export function transactionsFull(slotDurationMs: number): Failure {
  const detail = { retryDelayMs: slotDurationMs };
  return failure("RESOURCE_EXHAUSTED", "TRANSACTIONS_FULL", "too many transactions wait for a block", detail);
}

/**
 * The SyncActor's operating errors, each with its reason, and the table that says what a failed range request
 * means: how long its peer is not asked and whether the attempt counts against it. Time-outs and our own
 * faults ban nobody.
 */

import { type Failure, failure, type StatusCode } from "../../kernel/errors.ts";

export const NOT_PAUSED = failure("FAILED_PRECONDITION", "NOT_PAUSED", "synchronisation is not paused");
export const NOT_RUNNING = failure("FAILED_PRECONDITION", "NOT_RUNNING", "synchronisation is not running");
export const OPERATION_NOT_FOUND = failure("NOT_FOUND", "OPERATION_NOT_FOUND", "there is no such operation");
export const BLOCK_NOT_FOUND = failure("NOT_FOUND", "BLOCK_NOT_FOUND", "we do not have this block");

export const RECOVERING = failure("FAILED_PRECONDITION", "RECOVERING", "a recovery is under way");
export const CHAIN_NOT_EMPTY = failure(
  "FAILED_PRECONDITION",
  "CHAIN_NOT_EMPTY",
  "mode CHECKPOINT begins an empty chain, and this one has blocks: go on with another mode, or recover from a checkpoint",
);

export const BUSY = failure("RESOURCE_EXHAUSTED", "BUSY", "too many blocks are being judged", {
  retryDelayMs: 100,
});

export function badField(field: string, message: string): Failure {
  return failure("INVALID_ARGUMENT", "BAD_FIELD", message, { field });
}

export function refusedBlock(message: string): Failure {
  return failure("FAILED_PRECONDITION", "BLOCK_REFUSED", message);
}

export function invalidBlock(message: string): Failure {
  return failure("INVALID_ARGUMENT", "INVALID_BLOCK", message, { field: "block" });
}

export interface RequestFailurePolicy {
  /** The attempt counts: the peer is asked last for this range, and its failure is recorded. */
  readonly isPeersFailure: boolean;
  /** Fixed time for which the peer is not asked, milliseconds; undefined: growing with failures in a row. */
  readonly coolMs: number | undefined;
}

const PEERS_FAILURE: RequestFailurePolicy = { isPeersFailure: true, coolMs: undefined };
const OURS: RequestFailurePolicy = { isPeersFailure: false, coolMs: 500 };

const POLICIES: Readonly<Record<StatusCode, RequestFailurePolicy>> = {
  // It, or the way to it, failed.
  DEADLINE_EXCEEDED: PEERS_FAILURE,
  UNAVAILABLE: PEERS_FAILURE,
  NOT_FOUND: PEERS_FAILURE,
  OUT_OF_RANGE: PEERS_FAILURE,
  ABORTED: PEERS_FAILURE,
  ALREADY_EXISTS: PEERS_FAILURE,
  FAILED_PRECONDITION: PEERS_FAILURE,
  PERMISSION_DENIED: PEERS_FAILURE,
  UNIMPLEMENTED: PEERS_FAILURE,
  DATA_LOSS: PEERS_FAILURE,
  INVALID_ARGUMENT: PEERS_FAILURE,
  UNKNOWN: PEERS_FAILURE,
  UNAUTHENTICATED: PEERS_FAILURE,
  // A limit, its or ours: wait, and do not hold it against anybody.
  RESOURCE_EXHAUSTED: { isPeersFailure: false, coolMs: 1_000 },
  CANCELLED: OURS,
  INTERNAL: OURS,
};

export function requestFailurePolicy(reason: Failure): RequestFailurePolicy {
  const policy = POLICIES[reason.code];
  const { retryDelayMs } = reason.detail;
  return retryDelayMs === undefined ? policy : { ...policy, coolMs: retryDelayMs };
}

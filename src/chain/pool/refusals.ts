/**
 * How validators refuse: the failures with which their promises reject, the same in the pool and in its twin.
 */
import { assert, type Failure, failure } from "../../kernel/errors.ts";
import { SEGMENT_BLOCKS_MAX, SEGMENT_BYTES_MAX } from "../segment.ts";
import type { SegmentInput } from "../validator.ts";

/** The caller's signal was aborted. */
export function cancelled(): Failure {
  return failure("CANCELLED", "VALIDATION_CANCELLED", "the validation was cancelled");
}

/** The validator was closed before the answer. */
export function closed(): Failure {
  return failure("CANCELLED", "VALIDATOR_CLOSED", "the validator is closed");
}

/** The queue is at its bound: ask again when an earlier call has been answered. */
export function overloaded(queued: number): Failure {
  const message = `${queued} validations are waiting already`;
  return failure("RESOURCE_EXHAUSTED", "VALIDATION_QUEUE_FULL", message, { retryDelayMs: 50 });
}

/**
 * Two workers were lost over this input. It says nothing about the input's validity, and nobody's fault is
 * proven.
 */
export function workerLost(reason: string): Failure {
  return failure(
    "INTERNAL",
    "VALIDATION_WORKER_LOST",
    `two validation workers were lost over this: ${reason}`,
  );
}

/** Workers do not start; the pool has given up. */
export function unavailable(reason: string): Failure {
  return failure("UNAVAILABLE", "VALIDATION_UNAVAILABLE", `validation workers do not start: ${reason}`);
}

/** The check itself threw: a programmer's error, with its stack. */
export function crashed(stack: string): Failure {
  return failure("INTERNAL", "VALIDATION_CRASHED", `the validation failed: ${stack}`);
}

/** A segment as cutSegments makes it; anything else is a programmer's error. Answers its bytes. */
export function assertSegment({ blocks }: SegmentInput): number {
  assert(blocks.length >= 1 && blocks.length <= SEGMENT_BLOCKS_MAX, `a segment of ${blocks.length} blocks`);
  let bytes = 0;
  for (const block of blocks) bytes += block.length;
  // A single block may be larger; one that is too large for a block is malformed, which is the verdict's to
  // say.
  const isInBounds = blocks.length === 1 || bytes <= SEGMENT_BYTES_MAX;
  assert(isInBounds, `a segment of ${blocks.length} blocks has ${bytes} bytes`);
  return bytes;
}

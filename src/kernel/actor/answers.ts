/**
 * The kernel's own answers: what a caller gets when the actor itself does not answer. Each reason is documented here, and
 * they are values made once: a failure under overload must cost nothing.
 */
import { type Failure, failure } from "../errors.ts";

/** Not started, stopping, or between a crash and the restart. */
export const ACTOR_DOWN = failure("UNAVAILABLE", "ACTOR_DOWN", "the actor is not running");

/** Stopped while the message waited or its answer was deferred. */
export const ACTOR_STOPPED = failure("UNAVAILABLE", "ACTOR_STOPPED", "the actor stopped before it answered");

/** Crashed while the message waited, ran, or its answer was deferred. */
export const ACTOR_CRASHED = failure("UNAVAILABLE", "ACTOR_CRASHED", "the actor crashed before it answered");

/** The lane is at its bound and the method refuses. */
export const MAILBOX_FULL = failure("RESOURCE_EXHAUSTED", "MAILBOX_FULL", "the actor's mailbox is full");

/** The lane was at its bound and a newer message dropped this one. */
export const DROPPED_OLDEST = failure(
  "RESOURCE_EXHAUSTED",
  "DROPPED_OLDEST",
  "a newer message took this one's place",
);

/** The message alone exceeds its lane's bytes: it never fits. */
export const MESSAGE_TOO_LARGE = failure(
  "INVALID_ARGUMENT",
  "MESSAGE_TOO_LARGE",
  "the message exceeds its lane's bytes",
);

/** The actor has as many deferred answers outstanding as it may. */
export const REPLY_TABLE_FULL = failure(
  "RESOURCE_EXHAUSTED",
  "REPLY_TABLE_FULL",
  "too many answers of this actor are outstanding",
);

/** The caller's signal aborted. */
export const CALLER_ABORTED = failure("CANCELLED", "CALLER_ABORTED", "the caller gave up");

/** The deadline passed while the message waited or its answer was deferred. `method` is the full name. */
export function deadlineExceeded(method: string): Failure {
  return failure("DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED", `${method} was not answered in time`);
}

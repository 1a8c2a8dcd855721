/**
 * What travels beside a message: who caused it, until when the answer is wanted, and whether it is still wanted.
 * Handlers see it as `Call`; correlation ids and W3C trace contexts are made here.
 */
import type { Cause } from "./cause.ts";
import type { ScopeName } from "./policy.ts";

/** Who called from outside the process, and what bounds it: for handlers that hand on rights of their caller. */
export interface Caller {
  /** With its source before it: token:ci, certificate:operator/ops, owner. */
  readonly principal: string;
  /** The token that it came with. */
  readonly tokenId: string | undefined;
  readonly scope: ScopeName;
  /** Each list must name a method that it may call; none means every method of the scope. */
  readonly methodLists: readonly (readonly string[])[];
  /** Unix milliseconds; undefined for no end. */
  readonly expiresMs: number | undefined;
}

/** A message's correlation id and trace context (`00-<trace id>-<span id>-<flags>`), and how long its answer is wanted. */
export interface Call extends Cause {
  /** When the answer is no longer wanted, in the clock's monotonic milliseconds. */
  readonly deadlineMs: number;
  /** Aborts when the caller gives up, the deadline passes or the actor ends before the answer. */
  readonly signal: AbortSignal;
  /** Undefined for what the process asks itself. */
  readonly caller?: Caller | undefined;
}

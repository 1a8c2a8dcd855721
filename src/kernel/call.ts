/**
 * What travels beside a message: who caused it, until when the answer is wanted, and whether it is still wanted.
 * Handlers see it as `Call`; correlation ids and W3C trace contexts are made here.
 */
import type { Cause } from "./cause.ts";
import type { Random } from "./ports/random.ts";
import type { ScopeName } from "./protocol.ts";

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

/** Makes correlation ids: a random prefix for the process and a counter. Cheap, unique, easy to search for. */
export class CorrelationIds {
  readonly #prefix: string;
  #next = 0;

  constructor(random: Random) {
    this.#prefix = Buffer.from(random.bytes(4)).toString("hex");
  }

  next(): string {
    this.#next += 1;
    return `${this.#prefix}-${this.#next.toString(36)}`;
  }
}

const TRACEPARENT = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** The value if it is a well-formed W3C traceparent of version 00, undefined otherwise. */
export function parseTraceparent(value: string): string | undefined {
  return TRACEPARENT.test(value) ? value : undefined;
}

/** Starts a trace; the sampled flag is set. */
export function newTraceparent(random: Random): string {
  return `00-${nonZeroHex(random, 16)}-${nonZeroHex(random, 8)}-01`;
}

/** A new span in the same trace. */
export function childTraceparent(parent: string, random: Random): string {
  return `${parent.slice(0, 36)}${nonZeroHex(random, 8)}${parent.slice(52)}`;
}

function nonZeroHex(random: Random, length: number): string {
  const bytes = random.bytes(length);
  // The specification forbids an id of zeros only.
  if (bytes.every((byte) => byte === 0)) bytes[length - 1] = 1;
  return Buffer.from(bytes).toString("hex");
}

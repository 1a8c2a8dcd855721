/**
 * On whose behalf the thread works: handlers are synchronous, so one variable says it, and whatever is asked, told, begun
 * or logged meanwhile belongs to the same chain. The cell sets it around each message; nobody else may.
 */
import type { CorrelationIds } from "./correlation.ts";
import type { Fields, Log } from "./ports/log.ts";

/** What a chain of messages has in common, from the call that began it. */
export interface Cause {
  /** Names the whole chain; in every log line about it. */
  readonly correlationId: string;
  /** W3C trace context, when whoever began the chain had one. */
  readonly traceparent: string | undefined;
}

/** A chain whose id is made when somebody wants to know it, which most never do. */
export class Chain implements Cause {
  readonly traceparent: string | undefined;
  readonly #ids: CorrelationIds;
  #correlationId: string | undefined;

  constructor(ids: CorrelationIds, correlationId: string | undefined, traceparent: string | undefined) {
    this.#ids = ids;
    this.#correlationId = correlationId;
    this.traceparent = traceparent;
  }

  get correlationId(): string {
    this.#correlationId ??= this.#ids.next();
    return this.#correlationId;
  }
}

/** Who has a cause: a message knows its own, and makes it on first use. */
export interface Caused {
  readonly cause: Cause;
}

let current: Caused | undefined;

/** The chain that the thread works for, undefined between messages. */
export function currentCause(): Cause | undefined {
  return current?.cause;
}

/** The cell only: from now on the thread works for this message; `undefined` for nobody. */
export function workFor(caused: Caused | undefined): void {
  current = caused;
}

/** Runs something on behalf of a cause that was remembered: the outcome of an effect, an answer of the world below. */
export function onBehalfOf<T>(cause: Cause | undefined, run: () => T): T {
  if (cause === undefined) return run();
  const before = current;
  current = { cause };
  try {
    return run();
  } finally {
    current = before;
  }
}

/** A log whose lines carry the correlation id and the trace of whatever the thread works for. */
export function correlatedLog(log: Log): Log {
  return {
    debug: (message, fields) => log.debug(message, withCause(fields)),
    info: (message, fields) => log.info(message, withCause(fields)),
    warn: (message, fields) => log.warn(message, withCause(fields)),
    error: (message, fields) => log.error(message, withCause(fields)),
    child: (fields) => correlatedLog(log.child(fields)),
  };
}

function withCause(fields: Fields | undefined): Fields | undefined {
  const cause = current?.cause;
  if (cause === undefined) return fields;
  const { correlationId, traceparent } = cause;
  return { correlationId, ...(traceparent === undefined ? {} : { traceparent }), ...fields };
}

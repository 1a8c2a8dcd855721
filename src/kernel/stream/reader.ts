/** Who reads a stream, for whom, and what holds the reading: what a Ref, the topics and the transfers agree on. */
import type { Cause } from "../cause.ts";
import type { Failure } from "../errors.ts";

export interface WatchOptions {
  /** Closes the subscription when it aborts; the reader hears nothing more. */
  readonly signal?: AbortSignal;
  /** Sends a heartbeat when nothing was sent for this long, milliseconds; none without it. Topics only. */
  readonly heartbeatMs?: number;
  readonly cause?: Cause;
  readonly correlationId?: string;
  readonly traceparent?: string;
  /** For whom outside the process this is read; without it the node reads for itself. */
  readonly outsider?: Outsider;
}

/** Somebody outside the process for whom a stream is read. Who reads without being one is the node itself. */
export interface Outsider {
  /**
   * What its streams are counted under: a token, a certificate, or a way in that asks for neither. Undefined for the owner
   * of the node, who is many programs: no share holds it.
   */
  readonly account: string | undefined;
  /** It may command the node, and has places beyond the others'. */
  readonly isAdministrator: boolean;
}

/** Who reads a stream. Called in turns of its own, never inside `watch`, and never after `close`. */
export interface StreamReader<T> {
  /** Must not block. One that throws is closed, with INTERNAL. */
  onMessage(message: T): void;
  /** Called once, last: `undefined` when a transfer is complete, the failure otherwise. */
  onEnd(failure: Failure | undefined): void;
}

export interface Subscription {
  /** Idempotent; the reader hears nothing more, not even the end. */
  close(): void;
  /** A paused reader gets nothing; what comes meanwhile is buffered up to the topic's bound, then skipped. */
  pause(): void;
  resume(): void;
  /** What waits for the reader. */
  readonly pending: { readonly messages: number; readonly bytes: number };
}

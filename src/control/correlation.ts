/**
 * What a caller says about the call in its metadata: its correlation id and W3C trace context, and until
 * when it wants the answer. All of it comes from outside and is checked.
 */
import type { Deadline, Metadata } from "@grpc/grpc-js";
import { type CorrelationIds, parseTraceparent } from "../kernel/correlation.ts";
import type { Clock } from "../kernel/ports/clock.ts";
import { CORRELATION_KEY } from "./errors.ts";

/** Printable, without spaces, short enough for a log line; any other id is replaced by one of ours. */
const CORRELATION_ID = /^[\w.:/@+-]{1,128}$/;

/** The caller's correlation id, or a new one. */
export function correlationIdOf(metadata: Metadata, ids: CorrelationIds): string {
  const [given] = metadata.get(CORRELATION_KEY);
  return typeof given === "string" && CORRELATION_ID.test(given) ? given : ids.next();
}

/** The caller's trace context when it is well formed. */
export function traceparentOf(metadata: Metadata): string | undefined {
  const [given] = metadata.get("traceparent");
  return typeof given === "string" ? parseTraceparent(given) : undefined;
}

/** Milliseconds that are left until the caller's deadline; undefined when it named none. */
export function remainingMs(deadline: Deadline, clock: Clock): number | undefined {
  const atMs = typeof deadline === "number" ? deadline : deadline.getTime();
  return Number.isFinite(atMs) ? Math.max(0, atMs - clock.nowMs()) : undefined;
}

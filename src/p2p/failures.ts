/**
 * Why a host refuses, and whose fault it is. Every promise of the host rejects with a kernel `Failure` whose reason is
 * one of these; the table is the one place that says what a reason means for the peer that was involved.
 */

import { Failure, failure, type StatusCode } from "../kernel/errors.ts";

/** Who caused a failure. Only `peer` may cost the peer anything; `network` and `self` never ban. */
export type Fault = "peer" | "network" | "self";

interface FailureKind {
  readonly code: StatusCode;
  readonly fault: Fault;
}

const KINDS = {
  /** The host is not open, or closed while we waited. */
  HOST_CLOSED: { code: "UNAVAILABLE", fault: "self" },
  /** The caller's signal was aborted. */
  REQUEST_CANCELLED: { code: "CANCELLED", fault: "self" },
  /** The gate (ban table) or a connection limit of ours refused. */
  GATE_REFUSED: { code: "PERMISSION_DENIED", fault: "self" },
  /** Our own connections, concurrent dials or requests are at their bound. */
  HOST_BUSY: { code: "RESOURCE_EXHAUSTED", fault: "self" },
  /** Malformed address, peer id or argument, or one with no transport for it. */
  ADDRESS_INVALID: { code: "INVALID_ARGUMENT", fault: "self" },
  /** The request is longer than its protocol allows. */
  REQUEST_TOO_LARGE: { code: "INVALID_ARGUMENT", fault: "self" },
  /** Nobody answered at any address. */
  DIAL_FAILED: { code: "UNAVAILABLE", fault: "network" },
  DIAL_DEADLINE: { code: "DEADLINE_EXCEEDED", fault: "network" },
  /** There is no connection to that peer, or it broke before or during the exchange. */
  NOT_CONNECTED: { code: "UNAVAILABLE", fault: "network" },
  CONNECTION_LOST: { code: "UNAVAILABLE", fault: "network" },
  /** The remote speaks another chain or version of this protocol. */
  PROTOCOL_UNSUPPORTED: { code: "UNIMPLEMENTED", fault: "network" },
  /** No byte of an answer in time. */
  FIRST_BYTE_DEADLINE: { code: "DEADLINE_EXCEEDED", fault: "network" },
  /** Answer begun, not finished in time. */
  RESPONSE_DEADLINE: { code: "DEADLINE_EXCEEDED", fault: "network" },
  /** The remote reset the stream instead of ending it. */
  STREAM_RESET: { code: "UNAVAILABLE", fault: "network" },
  /** The stream ended before the answer did. QUIC shows a reset as an end, so it is nobody's proven fault. */
  RESPONSE_TRUNCATED: { code: "UNAVAILABLE", fault: "network" },
  /** Unknown status byte, a length that is no varint, bytes after an error. */
  RESPONSE_MALFORMED: { code: "DATA_LOSS", fault: "peer" },
  /** A chunk or the whole is longer than was asked for. */
  RESPONSE_TOO_LARGE: { code: "DATA_LOSS", fault: "peer" },
  /** More chunks than were asked for. */
  RESPONSE_TOO_MANY: { code: "DATA_LOSS", fault: "peer" },
  /** Status 1: the remote calls our request invalid. */
  PEER_INVALID_REQUEST: { code: "FAILED_PRECONDITION", fault: "self" },
  /** Status 2: the remote failed inside. */
  PEER_SERVER_ERROR: { code: "UNAVAILABLE", fault: "network" },
  /** Status 3: the remote does not have it. */
  PEER_RESOURCE_UNAVAILABLE: { code: "NOT_FOUND", fault: "network" },
  /** Status 4: the remote asks us to wait. */
  PEER_RATE_LIMITED: { code: "RESOURCE_EXHAUSTED", fault: "self" },
  /** Gossip larger than its topic allows, or not published at all. */
  PUBLISH_FAILED: { code: "UNAVAILABLE", fault: "self" },
  /** Addresses cannot be listened on. */
  LISTEN_FAILED: { code: "FAILED_PRECONDITION", fault: "self" },
  /** The DHT is off. */
  LOOKUP_DISABLED: { code: "FAILED_PRECONDITION", fault: "self" },
} as const satisfies Record<string, FailureKind>;

/** The reasons with which a host's promises reject. */
export type HostFailureReason = keyof typeof KINDS;

export function hostFailure(reason: HostFailureReason, message: string): Failure {
  return failure(KINDS[reason].code, reason, message);
}

/** A failure that a peer's own bytes prove. */
export class ProvenFault extends Failure {
  /** The digest and the first of these bytes (evidence.ts). */
  readonly evidence: Uint8Array;

  constructor(code: StatusCode, reason: string, message: string, evidence: Uint8Array) {
    super(code, reason, message, {});
    this.evidence = evidence;
  }
}

export function provenFault(reason: string, message: string, evidence: Uint8Array): ProvenFault {
  return new ProvenFault(isHostReason(reason) ? KINDS[reason].code : "DATA_LOSS", reason, message, evidence);
}

/** Whether this reason is proof against the peer. */
export const isPeersFault = (reason: HostFailureReason): boolean => KINDS[reason].fault === "peer";

function isHostReason(reason: string): reason is HostFailureReason {
  return Object.hasOwn(KINDS, reason);
}

/** Whose fault a failure is. What did not come from the host is our own fault. */
export function faultOf(cause: Failure): Fault {
  return isHostReason(cause.reason) ? KINDS[cause.reason].fault : "self";
}

/** Turns whatever a library threw into one of ours; a Failure passes unchanged. */
export function toHostFailure(cause: unknown, otherwise: HostFailureReason): Failure {
  if (cause instanceof Failure) return cause;
  const message = withoutStack(cause instanceof Error ? cause.message : String(cause));
  return hostFailure(otherwise, otherwise === "LISTEN_FAILED" ? listenText(message) : message);
}

/** An address that libp2p could not listen on, and why, as it lists them. */
const NOT_LISTENED = /(\/(?:ip|dns)\S+): (?:\w*Error: )?(.+?)(?= \/(?:ip|dns)|$)/g;

/** The addresses and reasons out of libp2p's text, which advises to change options of its own that nobody has here. */
function listenText(message: string): string {
  const addresses = [...message.matchAll(NOT_LISTENED)].map(([, address, why = ""]) => {
    const inUse = why.includes("EADDRINUSE") ? "another program listens there" : why;
    const isOthers = why.includes("EADDRNOTAVAIL");
    return `${address}: ${isOthers ? "this machine has no such address" : inUse}`;
  });
  return addresses.length === 0 ? message : `cannot listen on ${addresses.join("; ")}`;
}

/** libp2p packs the stacks of what went wrong below into its messages; an operator wants the sentence. */
function withoutStack(message: string): string {
  return message
    .split("\n")
    .filter((line) => !/^\s*at .*[:)]/.test(line))
    .map((line) => line.trim())
    .filter((line) => line !== "")
    .join(" ");
}

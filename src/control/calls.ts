/**
 * The three kinds of calls on grpc-js: unary, server-streaming and bidirectional. Here a call gets its
 * correlation id, deadline and abort signal, is counted, refused while there are too many, answered with
 * the right status, and written to the audit log. What is done with the request is `bind.ts`'s,
 * `health.ts`'s and `reflection.ts`'s business.
 */
import type { DescMethod } from "@bufbuild/protobuf";
import {
  type handleBidiStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  Metadata,
  type ServerDuplexStream,
} from "@grpc/grpc-js";
import type { Caller } from "../kernel/call.ts";
import type { CorrelationIds } from "../kernel/correlation.ts";
import { Failure, failure } from "../kernel/errors.ts";
import { policyOf } from "../kernel/policy.ts";
import type { Clock } from "../kernel/ports/clock.ts";
import type { Log } from "../kernel/ports/log.ts";
import type { Outsider } from "../kernel/stream/reader.ts";
import { Audit, type AuditRecord, type AuditSink } from "./audit.ts";
import { type Admission, type Gate, isStandard, outsiderOf, scopeOf } from "./auth/gate.ts";
import { decodeRequest, encodeResponse, pathOf } from "./codec.ts";
import { correlationIdOf, remainingMs, traceparentOf } from "./correlation.ts";
import { type Doorway, peerOf } from "./doorway.ts";
import { CORRELATION_KEY, toFailure, toStatus } from "./errors.ts";
import { isGone } from "./inner-call.ts";
import type { LiveCalls, LiveStream } from "./live-calls.ts";
import type { RefusalLines } from "./refusals.ts";
import { type OnceAnswer, REPLAYED_KEY, type RequestIds, requestIdOf } from "./request-ids.ts";
import { Outgoing, type WritableCall } from "./stream.ts";

/** What all calls of one listener share. */
export interface CallHost {
  readonly log: Log;
  readonly clock: Clock;
  readonly live: LiveCalls;
  readonly correlationIds: CorrelationIds;
  /** Ends streams whose right to run has ended. */
  readonly gate: Gate;
  /** Judged the call at its headers. */
  readonly doorway: Doorway;
  /** Where audited calls are written; the log without it. */
  readonly audit?: AuditSink | undefined;
  /** Bounds what the log has of refused calls. */
  readonly refusals: RefusalLines;
  /** Remembers the answers of calls that their callers named. */
  readonly requestIds: RequestIds;
}

/** What is known of a call beside its request. */
export interface Incoming {
  readonly method: DescMethod;
  /** Who calls. */
  readonly principal: string;
  /** Its token or certificate. */
  readonly holder: string;
  readonly caller: Caller | undefined;
  /** What its streams are counted under. */
  readonly outsider: Outsider;
  readonly correlationId: string;
  readonly traceparent: string | undefined;
  /** Milliseconds that the caller gave it; undefined when it named no deadline. */
  readonly deadlineMs: number | undefined;
  /** Aborts when the caller leaves or its deadline passes. */
  readonly signal: AbortSignal;
}

export type UnaryRun = (request: object, incoming: Incoming) => Promise<object> | object;

/** What a streaming method does with a call; it answers how to react. */
export interface StreamReaction {
  /** There is room for more. */
  onRoom(): void;
  /** Nobody listens any more, whoever ended it: let go of everything. Called once. */
  onClosed(): void;
}
export type StreamRun = (request: object, incoming: Incoming, outgoing: Outgoing) => StreamReaction;

/** The reading side of a bidirectional call: decoded messages at the reader's pace. */
export type DuplexRun = (
  requests: AsyncIterable<object>,
  incoming: Incoming,
  send: (response: object) => Promise<void>,
) => Promise<void>;

const CALLER_GONE = failure("CANCELLED", "CALLER_GONE", "the caller left");

type AnyCall = Parameters<handleUnaryCall<Buffer, Buffer>>[0] | WritableCall;

function incomingOf(
  method: DescMethod,
  call: AnyCall,
  host: CallHost,
  admission: Admission,
  signal: AbortSignal,
): Incoming {
  return {
    method,
    principal: admission.principal,
    holder: admission.holder,
    caller: admission.caller,
    outsider: outsiderOf(admission),
    correlationId: correlationIdOf(call.metadata, host.correlationIds),
    traceparent: traceparentOf(call.metadata),
    deadlineMs: remainingMs(call.getDeadline(), host.clock),
    signal,
  };
}

/** One request, one answer. */
export function unaryCall(
  method: DescMethod,
  host: CallHost,
  run: UnaryRun,
): handleUnaryCall<Buffer, Buffer> {
  const audit = new Audit(method, host);
  host.doorway.add(method);
  const isAdministration = scopeOf(method) === "admin";
  return (call, callback) => {
    const controller = new AbortController();
    const admission = host.doorway.admissionOf(method, call);
    const incoming = incomingOf(method, call, host, admission, controller.signal);
    const record = auditCall(audit, call, admission, incoming.correlationId, call.request);
    let isAnswered = false;
    call.once("cancelled", () => {
      if (!isAnswered) controller.abort(CALLER_GONE);
    });
    const gone = isGone(call) ? CALLER_GONE : undefined;
    const calling = { account: incoming.outsider.account, isAdministration };
    const refusal = gone ?? admission.refusal ?? audit.refusal() ?? host.live.beginUnary(calling);
    const answer = async (): Promise<OnceAnswer> => {
      if (refusal !== undefined) throw refusal;
      try {
        // What changes nothing may as well be done twice.
        const requestId = audit.changesState && !isStandard(method) ? requestIdOf(call.metadata) : undefined;
        if (requestId !== undefined) return await runOnce(host, requestId, run, incoming, call.request);
        const response = await run(decodeRequest(method, call.request), incoming);
        return { frame: encodeResponse(method, response), isReplayed: false };
      } finally {
        host.live.unaryEnded(calling);
      }
    };
    answer().then(
      ({ frame, isReplayed }) => {
        isAnswered = true;
        const headers = new Metadata();
        headers.set(CORRELATION_KEY, incoming.correlationId);
        if (isReplayed) headers.set(REPLAYED_KEY, "true");
        call.sendMetadata(headers);
        record.end(undefined, isReplayed);
        callback(null, frame);
      },
      (thrown: unknown) => {
        isAnswered = true;
        const reason = toFailure(thrown, incoming.correlationId, host.log);
        if (reason === refusal && gone === undefined) record.refuse(reason);
        else record.end(reason);
        callback(toStatus(reason, incoming.correlationId, host.log));
      },
    );
  };
}

/**
 * Runs a call that its caller named, once: to its end even when that caller leaves, because it will ask again for the
 * answer, and for at least as long as the method's policy says.
 */
function runOnce(
  { requestIds }: CallHost,
  id: string | Failure,
  run: UnaryRun,
  incoming: Incoming,
  request: Buffer,
): Promise<OnceAnswer> {
  if (id instanceof Failure) throw id;
  const { method, principal, holder } = incoming;
  const message = decodeRequest(method, request);
  const deadlineMs = Math.max(incoming.deadlineMs ?? 0, policyOf(method).deadlineMs);
  const detached = { ...incoming, deadlineMs, signal: new AbortController().signal };
  return requestIds.once({ principal, holder, method: pathOf(method), id, request }, async () =>
    encodeResponse(method, await run(message, detached)),
  );
}

function auditCall(
  audit: Audit,
  call: AnyCall,
  admission: Admission,
  correlationId: string,
  request?: Uint8Array,
): AuditRecord {
  const { principal, tokenId } = admission;
  return audit.begin(correlationId, { principal, tokenId, peer: () => peerOf(call) }, request);
}

/** One request, many answers. */
export function streamCall(
  method: DescMethod,
  host: CallHost,
  run: StreamRun,
): handleServerStreamingCall<Buffer, Buffer> {
  const audit = new Audit(method, host);
  host.doorway.add(method);
  return (call) => {
    const stream = new LiveOutgoing(method, call, host, audit, call.request);
    if (stream.outgoing.isFinished) return;
    try {
      stream.react(run(decodeRequest(method, call.request), stream.incoming, stream.outgoing));
    } catch (thrown) {
      stream.end(toFailure(thrown, stream.incoming.correlationId, host.log));
    }
  };
}

/** Many requests, many answers, in any order. */
export function duplexCall(
  method: DescMethod,
  host: CallHost,
  run: DuplexRun,
): handleBidiStreamingCall<Buffer, Buffer> {
  const audit = new Audit(method, host);
  host.doorway.add(method);
  return (call) => {
    const stream = new LiveOutgoing(method, call, host, audit);
    if (stream.outgoing.isFinished) return;
    const room = new Room();
    stream.react({ onRoom: () => room.open(), onClosed: () => room.close() });
    const send = async (response: object): Promise<void> => {
      if (stream.outgoing.isFinished) throw CALLER_GONE;
      if (!stream.outgoing.send(encodeResponse(method, response))) await room.wait();
    };
    run(requestsOf(method, call, stream.incoming.signal), stream.incoming, send).then(
      () => stream.outgoing.finish(undefined),
      (thrown: unknown) => stream.end(toFailure(thrown, stream.incoming.correlationId, host.log)),
    );
  };
}

/** A stream as it is counted, ended by a drain, and audited. */
class LiveOutgoing implements LiveStream {
  readonly account: string | undefined;
  readonly isAdministration: boolean;
  readonly incoming: Incoming;
  readonly outgoing: Outgoing;
  #reaction: StreamReaction | undefined;

  constructor(method: DescMethod, call: WritableCall, host: CallHost, audit: Audit, request?: Uint8Array) {
    const controller = new AbortController();
    const admission = host.doorway.admissionOf(method, call);
    this.isAdministration = scopeOf(method) === "admin";
    this.incoming = incomingOf(method, call, host, admission, controller.signal);
    this.account = this.incoming.outsider.account;
    const record = auditCall(audit, call, admission, this.incoming.correlationId, request);
    let letGo: (() => void) | undefined;
    let refusal: Failure | undefined;
    this.outgoing = new Outgoing(call, this.incoming.correlationId, host.log, {
      onRoom: () => this.#reaction?.onRoom(),
      onGone: () => {},
      onFinished: (reason) => {
        letGo?.();
        host.live.streamEnded(this);
        if (reason !== undefined && reason === refusal) record.refuse(reason);
        else record.end(reason);
        this.#close();
        controller.abort(reason ?? CALLER_GONE);
      },
    });
    if (this.outgoing.isFinished) return;
    refusal = admission.refusal ?? audit.refusal() ?? host.live.beginStream(this);
    if (refusal !== undefined) {
      this.end(refusal);
      return;
    }
    record.begun();
    letGo = host.gate.watch(admission, (reason) => this.end(reason));
    if (this.outgoing.isFinished) letGo();
  }

  react(reaction: StreamReaction): void {
    this.#reaction = reaction;
    if (this.outgoing.isFinished) this.#close();
  }

  end(reason: Failure): void {
    this.outgoing.finish(reason);
  }

  #close(): void {
    const reaction = this.#reaction;
    this.#reaction = undefined;
    reaction?.onClosed();
  }
}

/** Lets senders wait for room; one that waits when the stream ends is told so. */
class Room {
  #waiting: { resolve(): void; reject(reason: Failure): void }[] = [];

  wait(): Promise<void> {
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  open(): void {
    for (const one of this.#waiting.splice(0)) one.resolve();
  }

  close(): void {
    for (const one of this.#waiting.splice(0)) one.reject(CALLER_GONE);
  }
}

async function* requestsOf(
  method: DescMethod,
  call: ServerDuplexStream<Buffer, Buffer>,
  signal: AbortSignal,
): AsyncGenerator<object> {
  try {
    // A bare loop over the call destroys it at the client's half-close, and the trailers are never sent.
    for await (const frame of call.iterator({ destroyOnReturn: false })) {
      yield decodeRequest(method, frame as Buffer);
    }
  } catch (thrown) {
    if (signal.aborted) throw signal.reason;
    throw thrown;
  }
}

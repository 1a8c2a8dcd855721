/**
 * Judges every call at its headers, before a byte of its message is taken: whoever may not call is answered and its
 * stream reset, and what the others send is bounded in bytes and in time until it is whole. An interceptor of grpc-js;
 * one a listener. The handlers in `calls.ts` ask it what was judged.
 */
import { constants } from "node:http2";
import type { DescMethod } from "@bufbuild/protobuf";
import {
  Metadata,
  ServerInterceptingCall,
  type ServerInterceptingCallInterface,
  type ServerInterceptor,
  type ServerListener,
} from "@grpc/grpc-js";
import type { CorrelationIds } from "../kernel/correlation.ts";
import { Failure, failure } from "../kernel/errors.ts";
import type { TimerHandle } from "../kernel/ports/clock.ts";
import { Audit, type AuditParts } from "./audit.ts";
import type { Admission, Gate, JudgedCall } from "./auth/gate.ts";
import { pathOf } from "./codec.ts";
import type { Connections } from "./connections.ts";
import { correlationIdOf } from "./correlation.ts";
import { toStatus } from "./errors.ts";
import { streamOf } from "./inner-call.ts";
import type { Unfinished, UnfinishedMessage } from "./unfinished.ts";

/** Time from the headers, or a message's first byte, to its last: 4 MiB at 1.2 Mbit/s. */
const MESSAGE_MS_MAX = 30_000;
/** The same for a caller that nobody vouches for: its messages are small. */
const ANONYMOUS_MESSAGE_MS_MAX = 5_000;

const LATE = failure("DEADLINE_EXCEEDED", "REQUEST_LATE", "the request was not received in time", {
  retryDelayMs: 1_000,
});

export interface DoorwayParts extends AuditParts {
  readonly gate: Gate;
  readonly correlationIds: CorrelationIds;
  /** Shared by all listeners. */
  readonly connections: Connections;
  readonly unfinished: Unfinished;
}

interface Served {
  readonly method: DescMethod;
  readonly audit: Audit;
}

export class Doorway {
  readonly #parts: DoorwayParts;
  readonly #served = new Map<string, Served>();
  /** By the metadata of the call: all that grpc-js hands on from here to the handler. */
  readonly #admissions = new WeakMap<Metadata, Admission>();

  constructor(parts: DoorwayParts) {
    this.#parts = parts;
  }

  /** Calls of this method are judged from now on. */
  add(method: DescMethod): void {
    this.#served.set(pathOf(method), { method, audit: new Audit(method, this.#parts) });
  }

  /** How the call was judged. */
  admissionOf(method: DescMethod, call: JudgedCall): Admission {
    return this.#admissions.get(call.metadata) ?? this.#parts.gate.admit(method, call);
  }

  readonly interceptor: ServerInterceptor = (definition, call) => {
    const served = this.#served.get(definition.path);
    // grpc-js answers what it has no handler for before it asks here.
    if (served === undefined) return new ServerInterceptingCall(call);
    const visit = new Visit(this.#parts, served, call, (metadata, admission) => {
      this.#admissions.set(metadata, admission);
    });
    return new ServerInterceptingCall(call, { start: (next) => next(visit.listener) });
  };
}

/** One call on its way from its headers to its handler. */
class Visit {
  readonly listener: ServerListener;
  readonly #parts: DoorwayParts;
  readonly #served: Served;
  readonly #call: ServerInterceptingCallInterface;
  readonly #isDuplex: boolean;
  #admission: Admission | undefined;
  #metadata: Metadata | undefined;
  #message: UnfinishedMessage | undefined;
  #timer: TimerHandle | undefined;
  #isOver = false;

  constructor(
    parts: DoorwayParts,
    served: Served,
    call: ServerInterceptingCallInterface,
    admitted: (metadata: Metadata, admission: Admission) => void,
  ) {
    this.#parts = parts;
    this.#served = served;
    this.#call = call;
    this.#isDuplex = served.method.methodKind === "bidi_streaming";
    this.listener = {
      onReceiveMetadata: (metadata, next) => {
        const admission = this.#judge(metadata);
        if (admission === undefined) return;
        admitted(metadata, admission);
        next(metadata);
      },
      onReceiveMessage: (message, next) => {
        if (this.#isDuplex) this.#whole();
        if (!this.#isOver) next(message);
      },
      onReceiveHalfClose: (next) => {
        this.#receivedAll();
        if (!this.#isOver) next();
      },
    };
  }

  /** Lets the call in, or answers it; undefined then. */
  #judge(metadata: Metadata): Admission | undefined {
    const { gate, unfinished, connections } = this.#parts;
    const call = this.#call;
    const { method } = this.#served;
    this.#metadata = metadata;
    const admission = gate.admit(method, { metadata, getAuthContext: () => call.getAuthContext() });
    this.#admission = admission;
    const { holder, isAnonymous, refusal } = admission;
    const message = refusal ?? unfinished.begin(holder, isAnonymous);
    if (message instanceof Failure) {
      this.#refuse(message);
      return undefined;
    }
    this.#message = message;
    const leave = connections.callBegan(call.getConnectionInfo(), !isAnonymous);
    const stream = streamOf(call);
    stream?.on("data", (chunk: Buffer) => this.#received(chunk.length));
    stream?.once("close", () => {
      leave();
      this.#receivedAll();
    });
    if (!this.#isDuplex) this.#arm();
    return admission;
  }

  #received(bytes: number): void {
    const message = this.#message;
    if (message === undefined || this.#isOver) return;
    if (this.#isDuplex && this.#timer === undefined) this.#arm();
    const refusal = message.add(bytes);
    if (refusal !== undefined) this.#refuse(refusal);
  }

  #whole(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#message?.whole();
  }

  #receivedAll(): void {
    this.#whole();
    this.#message?.end();
    this.#message = undefined;
  }

  #arm(): void {
    const delayMs = this.#admission?.isAnonymous === true ? ANONYMOUS_MESSAGE_MS_MAX : MESSAGE_MS_MAX;
    this.#timer = this.#parts.clock.setTimer(delayMs, () => {
      this.#timer = undefined;
      // While the reader of a stream has no room it is we who do not take the rest.
      if (this.#isDuplex && streamOf(this.#call)?.isPaused() === true) this.#arm();
      else this.#refuse(LATE);
    });
  }

  #refuse(reason: Failure): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#receivedAll();
    const { principal = "anonymous", tokenId } = this.#admission ?? {};
    const correlationId = correlationIdOf(this.#metadata ?? new Metadata(), this.#parts.correlationIds);
    const caller = { principal, tokenId, peer: () => peerOf(this.#call) };
    this.#served.audit.begin(correlationId, caller).refuse(reason);
    const stream = streamOf(this.#call);
    const isFirst = stream?.headersSent !== true;
    this.#call.sendStatus(toStatus(reason, correlationId, this.#parts.log));
    // RFC 9113, 8.1: the answer is complete, and what else the caller wants to send is not wanted. A stream that has
    // begun to answer ends with trailers, which a reset would cut off; what still comes on it is dropped.
    if (isFirst) stream?.close(constants.NGHTTP2_NO_ERROR);
  }
}

/** grpc-js knows no address of a unix socket's other end. */
export function peerOf(call: { getPeer(): string }): string {
  const peer = call.getPeer();
  return peer === "unknown" ? "unix" : peer;
}

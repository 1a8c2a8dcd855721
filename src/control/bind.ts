/**
 * Binds services to gRPC, any of them with the same few lines: a unary method is an ask, a server-streaming
 * one a watch, `Attach` goes to whoever the composition root names. There is no second list of methods:
 * descriptors decide.
 */
import type { DescMethod, DescService } from "@bufbuild/protobuf";
import type { UntypedHandleCall, UntypedServiceImplementation } from "@grpc/grpc-js";
import { assert, type Failure, failure } from "../kernel/errors.ts";
import { policyOf } from "../kernel/policy.ts";
import type { AskOptions } from "../kernel/ref.ts";
import type { StreamReader, Subscription, WatchOptions } from "../kernel/stream/reader.ts";
import { type CallHost, duplexCall, type Incoming, streamCall, unaryCall } from "./calls.ts";
import { encodeResponse, encodeShared } from "./codec.ts";
import type { Outgoing } from "./stream.ts";

/** Any kernel `Ref<S>`: this floor does not know which. */
export interface AnyRef {
  readonly service: DescService;
  readonly name: string;
  ask(method: never, request: never, options?: AskOptions): Promise<unknown>;
  watch(method: never, request: never, reader: StreamReader<never>, options?: WatchOptions): Subscription;
}

/** The abstract duplex stream on which another process attaches. */
export interface AttachStream {
  readonly service: DescService;
  /** Who calls. */
  readonly principal: string;
  readonly correlationId: string;
  /**
   * Decoded requests at the reader's pace; ends at the client's half-close, throws Failure when it leaves.
   */
  readonly requests: AsyncIterable<object>;
  /** Aborts when the stream ends, whoever ended it. */
  readonly signal: AbortSignal;
  /** Resolves when there is room for the next one; rejects with Failure CANCELLED when the client is gone. */
  send(response: object): Promise<void>;
}

/**
 * Serves one attachment. Ends the stream with OK when it resolves, with the Failure that it rejects with
 * otherwise.
 */
export type AttachHandler = (stream: AttachStream) => Promise<void>;

/** One service to serve: by an actor, by a handler of its `Attach`, or both. */
export interface ServedService {
  readonly service: DescService;
  readonly ref?: AnyRef | undefined;
  readonly attach?: AttachHandler | undefined;
}

interface UntypedRef {
  ask(method: DescMethod, request: object, options: AskOptions): Promise<object>;
  watch(
    method: DescMethod,
    request: object,
    reader: StreamReader<object>,
    options: WatchOptions,
  ): Subscription;
}

export interface BindOptions {
  /** A quiet topic sends a heartbeat this often. */
  readonly heartbeatMs: number;
}

/** Methods that the control listener serves. Throws AssertionError for a method without a policy. */
export function servedMethods(service: DescService): DescMethod[] {
  return service.methods.filter((method) => policyOf(method).scope !== "internal");
}

/** grpc-js handlers of the served methods, by local name. */
export function bindService(
  served: ServedService,
  host: CallHost,
  options: BindOptions,
): UntypedServiceImplementation {
  const { service, ref } = served;
  assert(
    ref === undefined || ref.service === service,
    `${service.typeName} is bound to another service's ref`,
  );
  const bind = (method: DescMethod): UntypedHandleCall => {
    switch (method.methodKind) {
      case "unary":
        return unaryCall(method, host, (request, incoming) => ask(refOf(served), method, request, incoming));
      case "server_streaming":
        return streamCall(method, host, (request, incoming, outgoing) =>
          watch(refOf(served), method, request, incoming, outgoing, options),
        );
      case "bidi_streaming":
        return duplexCall(method, host, (requests, incoming, send) => {
          if (served.attach === undefined) return Promise.reject(noAttach(service));
          const { principal, correlationId, signal } = incoming;
          return served.attach({ service, principal, correlationId, requests, signal, send });
        });
      default:
        // No service of ours has one; the day it does, somebody must decide what it means.
        throw failure("UNIMPLEMENTED", "CLIENT_STREAMING", `${method.name} cannot be bound`);
    }
  };
  return Object.fromEntries(servedMethods(service).map((method) => [method.localName, bind(method)]));
}

function refOf(served: ServedService): UntypedRef {
  if (served.ref === undefined) {
    throw failure("UNIMPLEMENTED", "NO_ACTOR", `no actor serves ${served.service.typeName} in this node`);
  }
  return served.ref as UntypedRef;
}

function noAttach(service: DescService): Failure {
  return failure(
    "UNIMPLEMENTED",
    "ATTACH_NOT_OFFERED",
    `${service.typeName} takes no attachment in this node`,
  );
}

function ask(ref: UntypedRef, method: DescMethod, request: object, incoming: Incoming): Promise<object> {
  return ref.ask(method, request, callOptions(incoming));
}

/** The caller's own words; the method's policy fills in a missing deadline. */
function callOptions(incoming: Incoming): AskOptions {
  const { principal, caller, deadlineMs, traceparent } = incoming;
  return {
    principal,
    caller,
    signal: incoming.signal,
    correlationId: incoming.correlationId,
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
    ...(traceparent === undefined ? {} : { traceparent }),
  };
}

const TOPIC_ENDED = failure("UNAVAILABLE", "TOPIC_ENDED", "the topic ended", { retryDelayMs: 1_000 });

function watch(
  ref: UntypedRef,
  method: DescMethod,
  request: object,
  incoming: Incoming,
  outgoing: Outgoing,
  { heartbeatMs }: BindOptions,
): { onRoom(): void; onClosed(): void } {
  const isTopic = policyOf(method).stream === "topic";
  const { deadlineMs: _, ...called } = callOptions(incoming);
  const options = { ...called, outsider: incoming.outsider };
  const subscription = ref.watch(
    method,
    request,
    {
      onMessage(message) {
        const frame = isTopic ? encodeShared(method, message) : encodeResponse(method, message);
        // What comes while it is paused waits in the topic's bounded buffer, where the newest wins.
        if (!outgoing.send(frame)) subscription.pause();
      },
      // A topic has no end of its own: a clean end would tell the reader that it has seen everything.
      onEnd: (reason) => outgoing.finish(reason ?? (isTopic ? TOPIC_ENDED : undefined)),
    },
    isTopic ? { ...options, heartbeatMs } : options,
  );
  return { onRoom: () => subscription.resume(), onClosed: () => subscription.close() };
}

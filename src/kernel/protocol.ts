/**
 * How a protobuf service types an actor. Unary methods are its mailbox, server-streaming methods its topics and
 * transfers; a missing one does not compile. Also the policy of a method, read once from its options.
 */
import {
  type DescField,
  type DescMessage,
  type DescMethod,
  type DescMethodServerStreaming,
  type DescService,
  getOption,
  hasOption,
  type MessageInitShape,
  type MessageShape,
  ScalarType,
} from "@bufbuild/protobuf";
import { Lane, Overflow, policy, Scope, StreamKind } from "../../gen/alys/actor/v1/options_pb.ts";
import type { Deferred } from "./actor/deferred.ts";
import type { Call } from "./call.ts";
import { assert, type Failure, failure } from "./errors.ts";
import type { Topic } from "./stream/topic.ts";
import type { Transfer } from "./stream/transfer.ts";

/** A service's unary methods by local name. */
export type UnaryOf<S extends DescService> = {
  [K in keyof S["method"] as S["method"][K] extends { methodKind: "unary" } ? K : never]: S["method"][K];
};
/** A service's server-streaming methods by local name. */
export type StreamOf<S extends DescService> = {
  [K in keyof S["method"] as S["method"][K] extends { methodKind: "server_streaming" }
    ? K
    : never]: S["method"][K];
};
/** Any unary method of the service, for example `typeof SyncService.method.getSyncStatus`. */
export type UnaryMethodOf<S extends DescService> = UnaryOf<S>[keyof UnaryOf<S>];
export type StreamMethodOf<S extends DescService> = StreamOf<S>[keyof StreamOf<S>];

export type InputOf<M> = M extends { input: infer I extends DescMessage } ? I : never;
export type OutputOf<M> = M extends { output: infer O extends DescMessage } ? O : never;
export type RequestOf<M> = MessageShape<InputOf<M>>;
export type RequestInitOf<M> = MessageInitShape<InputOf<M>>;
export type ResponseOf<M> = MessageShape<OutputOf<M>>;
export type ResponseInitOf<M> = MessageInitShape<OutputOf<M>>;

/** What a handler returns: the answer, an operating error, or the promise to answer later. */
export type Reply<O extends DescMessage> = MessageInitShape<O> | Failure | Deferred<O>;

/** One synchronous function for each unary method. */
export type Handlers<S extends DescService> = {
  readonly [K in keyof UnaryOf<S>]: (
    request: RequestOf<UnaryOf<S>[K]>,
    call: Call,
  ) => Reply<OutputOf<UnaryOf<S>[K]>>;
};

/** One topic or transfer for each server-streaming method. */
export type Streams<S extends DescService> = {
  readonly [K in keyof StreamOf<S>]:
    | Topic<Extract<StreamOf<S>[K], DescMethodServerStreaming>>
    | Transfer<Extract<StreamOf<S>[K], DescMethodServerStreaming>>
    | Later;
};

/** A method that is planned: answers UNIMPLEMENTED. Tests enumerate these by `laterReason`. */
export interface Later {
  (request: unknown, call: Call): Failure;
  readonly laterReason: string;
}

/** Stands where a handler, topic or transfer will be. `reason` is a sentence for the caller. */
export function later(reason: string): Later {
  const answer = failure("UNIMPLEMENTED", "NOT_YET_IMPLEMENTED", reason);
  return Object.assign(() => answer, { laterReason: reason });
}

export function isLater(value: unknown): value is Later {
  return typeof value === "function" && "laterReason" in value;
}

export type LaneName = "control" | "consensus" | "normal" | "bulk";
export type ScopeName = "public" | "read" | "operate" | "admin" | "internal";

/** A method's options, in the kernel's words. */
export interface MethodPolicy {
  /** Undefined for streaming methods, which do not wait in a mailbox. */
  readonly lane: LaneName | undefined;
  readonly deadlineMs: number;
  readonly scope: ScopeName;
  readonly overflow: "refuse" | "drop_oldest";
  readonly stream: "topic" | "transfer";
  /**
   * Where a bulk request carries its payload: local names from the request to a bytes field, singular or repeated, its own
   * or that of a message in it. Its length is the message's size.
   */
  readonly sizePath: readonly string[] | undefined;
}

/** Deadline of a unary method whose option names none. */
const DEADLINE_MS_DEFAULT = 5_000;

const LANES: ReadonlyMap<number, LaneName> = new Map<number, LaneName>([
  [Lane.CONTROL, "control"],
  [Lane.CONSENSUS, "consensus"],
  [Lane.NORMAL, "normal"],
  [Lane.BULK, "bulk"],
]);

/** An unspecified scope is the strictest one that is still served, so that forgetting it opens nothing. */
const SCOPES: ReadonlyMap<number, ScopeName> = new Map<number, ScopeName>([
  [Scope.UNSPECIFIED, "admin"],
  [Scope.PUBLIC, "public"],
  [Scope.READ, "read"],
  [Scope.OPERATE, "operate"],
  [Scope.ADMIN, "admin"],
  [Scope.INTERNAL, "internal"],
]);

/** Reading an option decodes it each time, twenty times the cost of a whole ask: once a method is enough. */
const policies = new WeakMap<DescMethod, MethodPolicy>();

/** The method's policy, cached. A method without one, or a unary one without a lane, is a programmer error. */
export function policyOf(method: DescMethod): MethodPolicy {
  const known = policies.get(method);
  if (known !== undefined) return known;
  const read = readPolicy(method);
  policies.set(method, read);
  return read;
}

function readPolicy(method: DescMethod): MethodPolicy {
  const name = `${method.parent.typeName}.${method.name}`;
  assert(hasOption(method, policy), `${name} has no (alys.actor.v1.policy)`);
  const option = getOption(method, policy);
  const lane = LANES.get(option.lane);
  assert(method.methodKind !== "unary" || lane !== undefined, `${name} names no lane`);
  return Object.freeze({
    lane: method.methodKind === "unary" ? lane : undefined,
    deadlineMs: option.deadlineMs > 0 ? option.deadlineMs : DEADLINE_MS_DEFAULT,
    scope: SCOPES.get(option.scope) ?? "admin",
    overflow: option.overflow === Overflow.DROP_OLDEST ? "drop_oldest" : "refuse",
    stream: option.stream === StreamKind.TRANSFER ? "transfer" : "topic",
    sizePath: lane === "bulk" ? bytesPathOf(method.input) : undefined,
  });
}

function bytesPathOf(message: DescMessage): readonly string[] | undefined {
  const own = message.fields.find(isBytes);
  if (own !== undefined) return [own.localName];
  // One level down is as deep as our messages hide a payload; a recursive search would need a guard.
  for (const field of message.fields) {
    const inner = field.fieldKind === "message" ? field.message.fields.find(isBytes) : undefined;
    if (inner !== undefined) return [field.localName, inner.localName];
  }
  return undefined;
}

function isBytes(field: DescField): boolean {
  if (field.fieldKind === "scalar") return field.scalar === ScalarType.BYTES;
  return field.fieldKind === "list" && field.listKind === "scalar" && field.scalar === ScalarType.BYTES;
}

/** Size that a message counts for when it carries no payload; small messages measured 100 to 400 bytes of heap. */
export const MESSAGE_BYTES = 256;

/** Bytes that a request counts for in its lane; `sizePath` is that of its method's policy. */
export function requestBytes(request: object, sizePath: readonly string[] | undefined): number {
  if (sizePath === undefined) return MESSAGE_BYTES;
  let payload: unknown = request;
  for (const name of sizePath) payload = (payload as Readonly<Record<string, unknown>> | undefined)?.[name];
  if (payload instanceof Uint8Array) return MESSAGE_BYTES + payload.byteLength;
  if (!Array.isArray(payload)) return MESSAGE_BYTES;
  return payload.reduce((sum: number, part) => sum + (part as Uint8Array).byteLength, MESSAGE_BYTES);
}

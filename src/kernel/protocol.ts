/**
 * How a protobuf service types an actor. Unary methods are its mailbox, server-streaming methods its topics and
 * transfers; a missing one does not compile.
 */
import type { DescMessage, DescService, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import type { Deferred } from "./actor/deferred.ts";
import type { Call } from "./call.ts";
import { type Failure, failure } from "./errors.ts";

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

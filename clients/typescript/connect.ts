/**
 * connect: calls of every service of a node, typed by the generated descriptors. A failed call rejects with the ServiceError of
 * @grpc/grpc-js: `code` is the canonical status.
 */

import {
  create,
  type DescMessage,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { Client, Metadata } from "@grpc/grpc-js";
import { type AttachOptions, credentialsOf } from "./attach.ts";

export interface CallOptions {
  /** Unary calls: 10 s without it. Streams: no end without it. */
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
}

export interface NodeConnection {
  call<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    options?: CallOptions,
  ): Promise<MessageShape<O>>;
  stream<I extends DescMessage, O extends DescMessage>(
    method: DescMethodServerStreaming<I, O>,
    request: MessageInitShape<I>,
    options?: CallOptions,
  ): AsyncIterable<MessageShape<O>>;
  close(): void;
}

const DEADLINE_MS_DEFAULT = 10_000;
/** The wire format's largest. */
const DEADLINE_MS_MAX = 2 ** 31 - 1;
const ANSWER_BYTES_MAX = 16 * 1024 * 1024;

/** The connection is made at the first call. */
export function connect(options: Pick<AttachOptions, "address" | "token" | "tls">): NodeConnection {
  const client = new Client(options.address, credentialsOf(options), {
    // No proxy of the environment stands between a node and its client.
    "grpc.enable_http_proxy": 0,
    "grpc.max_receive_message_length": ANSWER_BYTES_MAX,
  });
  const metadata = new Metadata();
  if (options.token !== undefined) metadata.set("authorization", `Bearer ${options.token}`);
  const until = (deadlineMs: number | undefined) =>
    deadlineMs === undefined ? {} : { deadline: Date.now() + Math.min(deadlineMs, DEADLINE_MS_MAX) };
  const codecOf = <I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O> | DescMethodServerStreaming<I, O>,
  ) =>
    [
      `/${method.parent.typeName}/${method.name}`,
      (request: MessageShape<I>) => Buffer.from(toBinary(method.input, request)),
      (bytes: Buffer) => fromBinary(method.output, bytes),
    ] as const;
  return {
    call(method, request, { deadlineMs = DEADLINE_MS_DEFAULT, signal } = {}) {
      signal?.throwIfAborted();
      return new Promise((resolve, reject) => {
        const message = create(method.input, request);
        const leave = (): void => call.cancel();
        const call = client.makeUnaryRequest(
          ...codecOf(method),
          message,
          metadata,
          until(deadlineMs),
          (problem, response) => {
            signal?.removeEventListener("abort", leave);
            if (problem !== null) reject(problem);
            else if (response === undefined) reject(new Error(`${method.name} was answered with nothing`));
            else resolve(response);
          },
        );
        signal?.addEventListener("abort", leave, { once: true });
      });
    },
    async *stream(method, request, { deadlineMs, signal } = {}) {
      signal?.throwIfAborted();
      const message = create(method.input, request);
      const call = client.makeServerStreamRequest(...codecOf(method), message, metadata, until(deadlineMs));
      const leave = (): void => call.cancel();
      signal?.addEventListener("abort", leave, { once: true });
      try {
        yield* call;
      } finally {
        signal?.removeEventListener("abort", leave);
        call.cancel();
      }
    },
    close: () => client.close(),
  };
}

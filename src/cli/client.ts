/**
 * A gRPC client typed by a service descriptor: `connection.client(SyncService).getSyncStatus({})`, streams
 * as async iterables. Whatever goes wrong is a `Failure`, with the reason and details that the node gave.
 */
import { isIP } from "node:net";
import { checkServerIdentity, type PeerCertificate } from "node:tls";
import {
  create,
  type DescMethod,
  type DescMethodBiDiStreaming,
  type DescService,
  fromBinary,
  toBinary,
} from "@bufbuild/protobuf";
import { anyUnpack, durationMs } from "@bufbuild/protobuf/wkt";
import {
  type ChannelCredentials,
  credentials,
  Client as GrpcClient,
  Metadata,
  type ServiceError,
  status,
  type VerifyOptions,
} from "@grpc/grpc-js";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { StatusSchema } from "../../gen/google/rpc/status_pb.ts";
import { asBuffer, asBytes, pathOf } from "../control/codec.ts";
import { CORRELATION_KEY, DETAILS_KEY } from "../control/errors.ts";
import { REPLAYED_KEY, REQUEST_ID_KEY } from "../control/request-ids.ts";
import { asError, Failure, type FailureDetail, failure, type StatusCode } from "../kernel/errors.ts";
import { policyOf } from "../kernel/policy.ts";
import { realClock } from "../kernel/ports/clock.ts";
import type { RequestInitOf, ResponseOf, StreamOf, UnaryOf } from "../kernel/protocol.ts";
import { type Attempt, whyUnreachable } from "./unreachable.ts";

export interface ClientCallOptions {
  /**
   * How long the answer is wanted, milliseconds. Unary: the method's policy without it; streams: no end
   * without it.
   */
  readonly deadlineMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly correlationId?: string | undefined;
  readonly traceparent?: string | undefined;
  /** Names a state-changing unary call, so that it may be repeated and is carried out once. */
  readonly requestId?: string | undefined;
  /** Called when the node had carried the call of this request id out before, and answers as then. */
  readonly onReplayed?: (() => void) | undefined;
}

/**
 * One function a method, by local name. Unary ones promise the answer, streaming ones are async iterables.
 */
export type Client<S extends DescService> = {
  readonly [K in keyof UnaryOf<S>]: (
    request: RequestInitOf<UnaryOf<S>[K]>,
    options?: ClientCallOptions,
  ) => Promise<ResponseOf<UnaryOf<S>[K]>>;
} & {
  readonly [K in keyof StreamOf<S>]: (
    request: RequestInitOf<StreamOf<S>[K]>,
    options?: ClientCallOptions,
  ) => AsyncIterable<ResponseOf<StreamOf<S>[K]>>;
};

/** Both directions of a bidirectional call. */
export interface Duplex<M extends DescMethodBiDiStreaming> {
  /** False when the node does not keep up: wait a little. */
  send(request: RequestInitOf<M>): boolean;
  /** No more requests. */
  halfClose(): void;
  readonly responses: AsyncIterable<ResponseOf<M>>;
}

/** Requests that the node refuses as too large are refused by it; answers may be larger than its 4 MiB. */
const RESPONSE_BYTES_MAX = 16 * 1024 * 1024;
/** A stream on a dead path ends within 40 s. */
const KEEPALIVE_MS = 30_000;
const KEEPALIVE_TIMEOUT_MS = 10_000;
/** A node that was restarted is back within seconds, and on this machine asking again costs nothing. */
const RECONNECT_MS_MIN = 100;
const RECONNECT_MS_MAX = 1_000;
/** Deadlines of services without our policy option: health and reflection. */
const DEADLINE_MS_DEFAULT = 5_000;
/** A policy is the actor's time; this is for connecting, on a busy machine, and the way there and back. */
const CONNECT_MS = 5_000;
/** The wire format overflows at 2^31 ms, and the call would fail at once. */
const DEADLINE_MS_MAX = 2 ** 31 - 1;

/** How to show who calls, and whom to trust. */
export interface ConnectOptions {
  /** For "authorization: Bearer TOKEN". */
  readonly token?: string | undefined;
  /** Unencrypted without it. PEM. */
  readonly tls?:
    | { readonly authority: Buffer; readonly certificate?: Buffer; readonly key?: Buffer }
    | undefined;
}

/** Connections are made at the first call. `address`: HOST:PORT or unix:PATH. */
export function connect(address: string, options: ConnectOptions = {}): Connection {
  return new Connection(address, options);
}

export class Connection {
  readonly address: string;
  readonly #grpc: GrpcClient;
  readonly #token: string | undefined;
  readonly #attempt: Attempt;

  constructor(address: string, { token, tls }: ConnectOptions) {
    this.address = address;
    this.#token = token;
    this.#attempt = attemptOf(tls);
    const channel = tls === undefined ? credentials.createInsecure() : tlsCredentials(address, tls);
    this.#grpc = new GrpcClient(address, channel, {
      "grpc.max_receive_message_length": RESPONSE_BYTES_MAX,
      "grpc.keepalive_time_ms": KEEPALIVE_MS,
      "grpc.keepalive_timeout_ms": KEEPALIVE_TIMEOUT_MS,
      "grpc.initial_reconnect_backoff_ms": RECONNECT_MS_MIN,
      "grpc.max_reconnect_backoff_ms": RECONNECT_MS_MAX,
      // The node is on this machine: a proxy of the environment has no part in it.
      "grpc.enable_http_proxy": 0,
      "grpc.enable_channelz": 0,
      ...(tls !== undefined && addressIp(address) !== undefined
        ? { "grpc.ssl_target_name_override": NAME_OF_ADDRESSES }
        : {}),
    });
  }

  /** Ends the calls that run. */
  close(): void {
    this.#grpc.close();
  }

  /** Functions for a service's unary and server-streaming methods. */
  client<S extends DescService>(service: S): Client<S> {
    const functionOf = (method: DescMethod): unknown =>
      method.methodKind === "unary"
        ? (request: object, options?: ClientCallOptions) => this.unary(method, request, options)
        : (request: object, options?: ClientCallOptions) => this.stream(method, request, options);
    const entries = service.methods
      .filter(({ methodKind }) => methodKind === "unary" || methodKind === "server_streaming")
      .map((method) => [method.localName, functionOf(method)]);
    return Object.fromEntries(entries) as Client<S>;
  }

  /** Calls a unary method. Rejects with Failure. */
  unary<M extends DescMethod>(
    method: M,
    request: object,
    options: ClientCallOptions = {},
  ): Promise<ResponseOf<M>> {
    return new Promise((resolve, reject) => {
      const { signal } = options;
      if (signal?.aborted === true) return reject(ABORTED);
      const call = this.#grpc.makeUnaryRequest(
        pathOf(method),
        serializerOf(method),
        deserializerOf(method),
        request,
        metadataOf(options, this.#token),
        { deadline: deadlineOf(options.deadlineMs ?? ownDeadlineMs(method)) },
        (error, response) => {
          signal?.removeEventListener("abort", cancel);
          if (error !== null) reject(this.#failureOf(error));
          else resolve(response as ResponseOf<M>);
        },
      );
      const { onReplayed } = options;
      if (onReplayed !== undefined)
        call.on("metadata", (headers) => headers.get(REPLAYED_KEY).length > 0 && onReplayed());
      const cancel = (): void => call.cancel();
      signal?.addEventListener("abort", cancel, { once: true });
    });
  }

  /** Reads a server-streaming method; leaving the loop cancels the call. Throws Failure. */
  async *stream<M extends DescMethod>(
    method: M,
    request: object,
    options: ClientCallOptions = {},
  ): AsyncGenerator<ResponseOf<M>, void, void> {
    const { signal } = options;
    if (signal?.aborted === true) throw ABORTED;
    const call = this.#grpc.makeServerStreamRequest(
      pathOf(method),
      serializerOf(method),
      deserializerOf(method),
      request,
      metadataOf(options, this.#token),
      options.deadlineMs === undefined ? {} : { deadline: deadlineOf(options.deadlineMs) },
    );
    const cancel = (): void => call.cancel();
    signal?.addEventListener("abort", cancel, { once: true });
    try {
      for await (const response of call) yield response as ResponseOf<M>;
    } catch (thrown) {
      throw this.#failureOf(thrown);
    } finally {
      signal?.removeEventListener("abort", cancel);
      call.cancel();
    }
  }

  /** Opens a bidirectional call. */
  duplex<M extends DescMethodBiDiStreaming>(method: M, options: ClientCallOptions = {}): Duplex<M> {
    const call = this.#grpc.makeBidiStreamRequest(
      pathOf(method),
      serializerOf(method),
      deserializerOf(method),
      metadataOf(options, this.#token),
      options.deadlineMs === undefined ? {} : { deadline: deadlineOf(options.deadlineMs) },
    );
    options.signal?.addEventListener("abort", () => call.cancel(), { once: true });
    const failureOf = (thrown: unknown): Failure => this.#failureOf(thrown);
    async function* responses(): AsyncGenerator<ResponseOf<M>, void, void> {
      try {
        for await (const response of call.iterator({ destroyOnReturn: false })) {
          yield response as ResponseOf<M>;
        }
      } catch (thrown) {
        throw failureOf(thrown);
      } finally {
        call.cancel();
      }
    }
    return { send: (request) => call.write(request), halfClose: () => call.end(), responses: responses() };
  }

  #failureOf(thrown: unknown): Failure {
    return failureOf(thrown, this.address, this.#attempt);
  }
}

/** What TLS is told as the server's name where there is an address only: it may not be told an address (RFC 6066). */
const NAME_OF_ADDRESSES = "alysd";

/** The IP address of ADDRESS:PORT; undefined for a name. */
function addressIp(address: string): string | undefined {
  const host = /^(?:\[(.+)\]|([^:]+)):\d+$/.exec(address);
  const text = host?.[1] ?? host?.[2] ?? "";
  return isIP(text) === 0 ? undefined : text;
}

function attemptOf(tls: ConnectOptions["tls"]): Attempt {
  if (tls === undefined) return "plain";
  return tls.certificate === undefined ? "tls" : "certificate";
}

function tlsCredentials(address: string, tls: NonNullable<ConnectOptions["tls"]>): ChannelCredentials {
  const ip = addressIp(address);
  // The certificate must hold the address that was dialled, whatever TLS was told.
  const verify = ip === undefined ? {} : { checkServerIdentity: identityOf(ip) };
  try {
    return credentials.createSsl(tls.authority, tls.key ?? null, tls.certificate ?? null, verify);
  } catch (thrown) {
    const why = asError(thrown).message;
    throw failure("INVALID_ARGUMENT", "TLS_FILES", `the certificate and its key cannot be used: ${why}`);
  }
}

function identityOf(ip: string): NonNullable<VerifyOptions["checkServerIdentity"]> {
  return (_name, certificate) => checkServerIdentity(ip, certificate as PeerCertificate);
}

const ABORTED = failure("CANCELLED", "CALLER_ABORTED", "the caller gave up");

function serializerOf(method: DescMethod): (request: object) => Buffer {
  return (request) => asBuffer(toBinary(method.input, create(method.input, request as never)));
}

function deserializerOf(method: DescMethod): (frame: Buffer) => object {
  return (frame) => fromBinary(method.output, asBytes(frame));
}

function metadataOf(options: ClientCallOptions, token: string | undefined): Metadata {
  const metadata = new Metadata();
  if (token !== undefined) metadata.set("authorization", `Bearer ${token}`);
  if (options.correlationId !== undefined) metadata.set(CORRELATION_KEY, options.correlationId);
  if (options.traceparent !== undefined) metadata.set("traceparent", options.traceparent);
  if (options.requestId !== undefined) metadata.set(REQUEST_ID_KEY, options.requestId);
  return metadata;
}

function deadlineOf(deadlineMs: number): number {
  return realClock.nowMs() + Math.min(deadlineMs, DEADLINE_MS_MAX);
}

function ownDeadlineMs(method: DescMethod): number {
  const isOurs = method.parent.typeName.startsWith("alys.");
  return (isOurs ? policyOf(method).deadlineMs : DEADLINE_MS_DEFAULT) + CONNECT_MS;
}

/** The error of grpc-js as a Failure, details unpacked. */
function failureOf(thrown: unknown, address: string, attempt: Attempt): Failure {
  if (thrown instanceof Failure) return thrown;
  const error = thrown as Partial<ServiceError>;
  const code = codeName(error.code);
  const text = error.details ?? error.message ?? String(thrown);
  const [packed] = error.metadata?.get(DETAILS_KEY) ?? [];
  if (packed instanceof Buffer) return failureFromDetails(code, text, packed);
  if (code === "UNAVAILABLE") {
    const why = whyUnreachable(text, attempt, address);
    return failure(code, "UNREACHABLE", `cannot reach a node at ${address}: ${why}`);
  }
  // After the first comma grpc-js goes on about its own inside.
  return failure(code, code, code === "DEADLINE_EXCEEDED" ? text.replace(/,.*/, "") : text);
}

function codeName(code: status | undefined): StatusCode {
  const name = status[code ?? status.UNKNOWN];
  return (name === undefined || name === "OK" ? "UNKNOWN" : name) as StatusCode;
}

/** Details come from the node, so from outside: what cannot be read is left out. */
function failureFromDetails(code: StatusCode, text: string, packed: Buffer): Failure {
  let reason: string = code;
  let detail: FailureDetail = {};
  try {
    for (const any of fromBinary(StatusSchema, asBytes(packed)).details) {
      const info = anyUnpack(any, ErrorInfoSchema);
      if (info !== undefined) {
        reason = info.reason;
        detail = { ...detail, metadata: info.metadata };
      }
      const field = anyUnpack(any, BadRequestSchema)?.fieldViolations[0]?.field;
      if (field !== undefined) detail = { ...detail, field };
      const delay = anyUnpack(any, RetryInfoSchema)?.retryDelay;
      if (delay !== undefined) detail = { ...detail, retryDelayMs: durationMs(delay) };
    }
  } catch {
    return failure(code, reason, text);
  }
  return failure(code, reason, text, detail);
}

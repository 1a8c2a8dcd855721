/**
 * attachChain, attachEngine, attachBridge: keep a process attached to a node: dial, say hello, answer calls and
 * heartbeats, hand over what the node tells, and dial again when the stream breaks. What the calls are done with is the
 * caller's.
 */

import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { create, fromBinary, type MessageInitShape, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { type ChannelCredentials, Client, credentials, Metadata } from "@grpc/grpc-js";
import {
  BridgeService,
  type BridgeServiceAttachResponse,
  ChainService,
  type ChainServiceAttachResponse,
  EngineService,
  type EngineServiceAttachResponse,
  ImportVerdict,
  type TransactionSource,
  TransactionVerdict,
} from "../../gen/alys/integration/v1/integration_pb.ts";

export { ImportVerdict, TransactionVerdict };

export interface BlockReference {
  readonly height: number;
  readonly hash: Uint8Array;
}

/** What the node tells without asking: head, production, sync, authorities, peg, federation, skipped, … */
export type ChainNotice = ChainServiceAttachResponse["message"];
export type EngineNotice = EngineServiceAttachResponse["message"];
export type BridgeNotice = BridgeServiceAttachResponse["message"];

export interface ChainActor {
  /** The newest block that is durable; undefined for none. */
  lastApplied(): BlockReference | undefined;
  /** A verdict a block, in their order, once they are durable. `reason` says why the first invalid one is. */
  importBlocks(
    blocks: readonly Uint8Array[],
    genesisHash: Uint8Array,
  ): Promise<{ verdicts: ImportVerdict[]; reason?: string }>;
  told?(notice: ChainNotice): void;
}

/** Throw a Refusal to answer with a status of your own. */
export interface EngineActor {
  validateTransaction(
    transaction: Uint8Array,
    source: TransactionSource | undefined,
  ): Promise<{ verdict: TransactionVerdict; reason?: string }>;
  receivePayload?(memberKey: Uint8Array, payloadHash: Uint8Array, payload: Uint8Array): Promise<void>;
  providePayload?(memberKey: Uint8Array, payloadHash: Uint8Array): Promise<Uint8Array>;
  told?(notice: EngineNotice): void;
}

export interface BridgeActor {
  /** Gives the reply, which may be empty. */
  federationMessage(memberKey: Uint8Array, label: string, message: Uint8Array): Promise<Uint8Array>;
  told?(notice: BridgeNotice): void;
}

/** An answer with a canonical gRPC status instead of a result. */
export class Refusal extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

export interface AttachOptions {
  /** HOST:PORT or unix:PATH. */
  readonly address: string;
  /** For nodes that ask for one. */
  readonly token?: string | undefined;
  /** Files in PEM. With `ca` alone it is TLS, with the other two the client shows a certificate. */
  readonly tls?: { readonly ca: string; readonly certificate?: string; readonly key?: string } | undefined;
  readonly takeOver?: boolean;
  readonly signal: AbortSignal;
  readonly onProblem?: (problem: string) => void;
}

const WINDOW_CALLS = 4;
const WINDOW_BYTES = 8n * 1024n * 1024n;
const RETRY_MS_MIN = 100;
const RETRY_MS_MAX = 5_000;
const INTERNAL = 13;
const UNIMPLEMENTED = 12;

/** Resolves when `signal` aborts; until then it is attached or trying to be. */
export async function attachChain(actor: ChainActor, options: AttachOptions): Promise<void> {
  let genesisHash: Uint8Array = new Uint8Array(32);
  await attach(ChainService.method.attach, options, {
    lastApplied: () => actor.lastApplied(),
    async hear(message) {
      if (message.case === "welcome") ({ genesisHash } = message.value);
      if (message.case !== "importBlocks") return actor.told?.(message);
      const { verdicts, reason = "" } = await actor.importBlocks(message.value.blocks, genesisHash);
      return { case: "importBlocks", value: { verdicts, reason } };
    },
  });
}

export async function attachEngine(actor: EngineActor, options: AttachOptions): Promise<void> {
  await attach(EngineService.method.attach, options, {
    async hear(message) {
      switch (message.case) {
        case "validateTransaction": {
          const { transaction, source } = message.value;
          const { verdict, reason = "" } = await actor.validateTransaction(transaction, source);
          return { case: "validateTransaction", value: { verdict, reason } };
        }
        case "receivePayload": {
          const { memberKey, payloadHash, payload } = message.value;
          if (actor.receivePayload === undefined) throw new Refusal(UNIMPLEMENTED, "no payloads here");
          await actor.receivePayload(memberKey, payloadHash, payload);
          return { case: "receivePayload", value: {} };
        }
        case "providePayload": {
          const { memberKey, payloadHash } = message.value;
          if (actor.providePayload === undefined) throw new Refusal(UNIMPLEMENTED, "no payloads here");
          const payload = await actor.providePayload(memberKey, payloadHash);
          return { case: "providePayload", value: { payload } };
        }
        default:
          return actor.told?.(message);
      }
    },
  });
}

export async function attachBridge(actor: BridgeActor, options: AttachOptions): Promise<void> {
  await attach(BridgeService.method.attach, options, {
    async hear(message) {
      if (message.case !== "federationMessage") return actor.told?.(message);
      const { memberKey, label, message: content } = message.value;
      const reply = await actor.federationMessage(memberKey, label, content);
      return { case: "federationMessage", value: { reply } };
    },
  });
}

type AttachMethod =
  | typeof ChainService.method.attach
  | typeof EngineService.method.attach
  | typeof BridgeService.method.attach;

interface Ears<M extends AttachMethod> {
  lastApplied?(): BlockReference | undefined;
  /** Gives the answer to a call, as the oneof of a request; nothing to what needs none. */
  hear(message: MessageShape<M["output"]>["message"]): Promise<object | undefined | void>;
}

export function credentialsOf({ tls }: Pick<AttachOptions, "tls">): ChannelCredentials {
  if (tls === undefined) return credentials.createInsecure();
  const read = (path: string | undefined): Buffer | null => (path === undefined ? null : readFileSync(path));
  return credentials.createSsl(read(tls.ca), read(tls.key), read(tls.certificate));
}

async function attach<M extends AttachMethod>(method: M, options: AttachOptions, ears: Ears<M>): Promise<void> {
  const { address, signal, onProblem } = options;
  const instanceId = randomUUID();
  // No proxy of the environment stands between a node and what attaches to it.
  const client = new Client(address, credentialsOf(options), { "grpc.enable_http_proxy": 0 });
  let retryMs = RETRY_MS_MIN;
  try {
    while (!signal.aborted) {
      try {
        await attachOnce(client, method, instanceId, options, ears, () => {
          retryMs = RETRY_MS_MIN;
        });
      } catch (problem) {
        if (!signal.aborted) onProblem?.(String(problem));
      }
      if (signal.aborted) return;
      await new Promise((resolve) => setTimeout(resolve, retryMs));
      retryMs = Math.min(RETRY_MS_MAX, retryMs * 2);
    }
  } finally {
    client.close();
  }
}

async function attachOnce<M extends AttachMethod>(
  client: Client,
  method: M,
  instanceId: string,
  options: AttachOptions,
  ears: Ears<M>,
  welcomed: () => void,
): Promise<void> {
  const metadata = new Metadata();
  if (options.token !== undefined) metadata.set("authorization", `Bearer ${options.token}`);
  type Request = MessageShape<M["input"]>;
  type Response = MessageShape<M["output"]>;
  const call = client.makeBidiStreamRequest(
    `/${method.parent.typeName}/Attach`,
    (request: Request) => Buffer.from(toBinary(method.input, request)),
    (bytes: Buffer) => fromBinary(method.output, bytes) as Response,
    metadata,
  );
  const say = (request: { callId?: bigint; message: object }): void => {
    call.write(create(method.input, request as MessageInitShape<M["input"]>) as Request);
  };
  const reference = (): object => {
    const last = ears.lastApplied?.();
    return last === undefined ? {} : { height: BigInt(last.height), hash: last.hash };
  };
  const leave = (): void => call.cancel();
  options.signal.addEventListener("abort", leave, { once: true });
  let heartbeat: NodeJS.Timeout | undefined;
  const value = {
    protocolVersion: 1,
    instanceId,
    creditCalls: WINDOW_CALLS,
    creditBytes: WINDOW_BYTES,
    takeOver: options.takeOver ?? false,
    ...(ears.lastApplied?.() && { lastApplied: reference() }),
  };
  say({ message: { case: "hello", value } });
  try {
    for await (const frame of call as AsyncIterable<Response>) {
      const { callId, message } = frame;
      if (message.case === "heartbeat") continue;
      if (message.case === "welcome") {
        welcomed();
        heartbeat = setInterval(() => {
          say({ message: { case: "heartbeat", value: { head: reference() } } });
        }, message.value.heartbeatIntervalMs);
      }
      try {
        const answer = await ears.hear(message);
        if (callId > 0n && answer) say({ callId, message: answer });
      } catch (problem) {
        const code = problem instanceof Refusal ? problem.code : INTERNAL;
        if (callId > 0n) say({ callId, message: { case: "error", value: { code, message: String(problem) } } });
      }
    }
  } finally {
    clearInterval(heartbeat);
    options.signal.removeEventListener("abort", leave);
    call.cancel();
  }
}

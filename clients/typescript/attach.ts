/**
 * attachChain: keeps a ChainActor attached to a node: dials, says hello with the last block applied, answers ImportBlocks
 * and heartbeats, and dials again when the stream breaks. What the blocks are done with is the caller's.
 */

import { randomUUID } from "node:crypto";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Client, credentials, Metadata } from "@grpc/grpc-js";
import {
  type ChainServiceAttachRequest,
  ChainServiceAttachRequestSchema,
  type ChainServiceAttachResponse,
  ChainServiceAttachResponseSchema,
  ImportVerdict,
} from "../../gen/alys/integration/v1/integration_pb.ts";

export { ImportVerdict };

export interface BlockReference {
  readonly height: number;
  readonly hash: Uint8Array;
}

export interface ChainActor {
  /** The newest block that is durable; undefined for none. */
  lastApplied(): BlockReference | undefined;
  /** A verdict a block, in their order, once they are durable. `reason` says why the first invalid one is. */
  importBlocks(
    blocks: readonly Uint8Array[],
    genesisHash: Uint8Array,
  ): Promise<{ verdicts: ImportVerdict[]; reason?: string }>;
}

export interface AttachOptions {
  /** HOST:PORT or unix:PATH. */
  readonly address: string;
  /** For nodes that ask for one. */
  readonly token?: string;
  readonly takeOver?: boolean;
  readonly signal: AbortSignal;
  readonly onProblem?: (problem: string) => void;
}

const WINDOW_CALLS = 4;
const WINDOW_BYTES = 8n * 1024n * 1024n;
const RETRY_MS_MIN = 100;
const RETRY_MS_MAX = 5_000;

type RequestInit = Parameters<typeof create<typeof ChainServiceAttachRequestSchema>>[1];

/** Resolves when `signal` aborts; until then it is attached or trying to be. */
export async function attachChain(actor: ChainActor, options: AttachOptions): Promise<void> {
  const { address, signal, onProblem } = options;
  const instanceId = randomUUID();
  const client = new Client(address, credentials.createInsecure());
  let retryMs = RETRY_MS_MIN;
  try {
    while (!signal.aborted) {
      try {
        await attachOnce(client, actor, instanceId, options, () => {
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

async function attachOnce(
  client: Client,
  actor: ChainActor,
  instanceId: string,
  options: AttachOptions,
  welcomed: () => void,
): Promise<void> {
  const metadata = new Metadata();
  if (options.token !== undefined) metadata.set("authorization", `Bearer ${options.token}`);
  const call = client.makeBidiStreamRequest(
    "/alys.integration.v1.ChainService/Attach",
    (request: ChainServiceAttachRequest) => Buffer.from(toBinary(ChainServiceAttachRequestSchema, request)),
    (bytes: Buffer): ChainServiceAttachResponse => fromBinary(ChainServiceAttachResponseSchema, bytes),
    metadata,
  );
  const say = (request: RequestInit): void => {
    call.write(create(ChainServiceAttachRequestSchema, request));
  };
  const referenceTo = (): { height: bigint; hash: Uint8Array } | undefined => {
    const last = actor.lastApplied();
    return last && { height: BigInt(last.height), hash: last.hash };
  };
  const leave = (): void => call.cancel();
  options.signal.addEventListener("abort", leave, { once: true });
  let heartbeat: NodeJS.Timeout | undefined;
  let genesisHash: Uint8Array = new Uint8Array(32);
  const lastApplied = referenceTo();
  const value = {
    protocolVersion: 1,
    instanceId,
    creditCalls: WINDOW_CALLS,
    creditBytes: WINDOW_BYTES,
    takeOver: options.takeOver ?? false,
    ...(lastApplied && { lastApplied }),
  };
  say({ message: { case: "hello", value } });
  try {
    for await (const frame of call as AsyncIterable<ChainServiceAttachResponse>) {
      if (frame.message.case === "welcome") {
        welcomed();
        const { heartbeatIntervalMs } = frame.message.value;
        ({ genesisHash } = frame.message.value);
        heartbeat = setInterval(() => {
          const head = referenceTo();
          say({ message: { case: "heartbeat", value: head === undefined ? {} : { head } } });
        }, heartbeatIntervalMs);
      } else if (frame.message.case === "importBlocks") {
        const { callId } = frame;
        try {
          const { verdicts, reason = "" } = await actor.importBlocks(frame.message.value.blocks, genesisHash);
          say({ callId, message: { case: "importBlocks", value: { verdicts, reason } } });
        } catch (problem) {
          say({ callId, message: { case: "error", value: { code: 13, message: String(problem) } } });
        }
      }
    }
  } finally {
    clearInterval(heartbeat);
    options.signal.removeEventListener("abort", leave);
    call.cancel();
  }
}

/** A ChainActor that takes whatever it is given: how fast blocks come to it. */
import { randomUUID } from "node:crypto";
import { performance } from "node:perf_hooks";
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { Client, credentials, Metadata } from "@grpc/grpc-js";
import {
  ChainService,
  ChainServiceAttachRequestSchema,
  ChainServiceAttachResponseSchema,
  ImportVerdict,
} from "../../gen/alys/integration/v1/integration_pb.ts";
import { asBuffer, asBytes, pathOf } from "../../src/control/codec.ts";

/** Blocks of a round: a few seconds. */
export const CHAIN_BLOCKS = 100_000;
const CREDIT_CALLS = 8;
const CREDIT_BYTES = 8n * 1024n * 1024n;

const through = (bytes: Buffer): Buffer => bytes;

/** Attaches, takes the whole chain from genesis, and answers the blocks a second. */
export async function attachRound(address: string, token: string): Promise<number> {
  const client = new Client(address, credentials.createInsecure(), { "grpc.enable_channelz": 0 });
  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${token}`);
  const call = client.makeBidiStreamRequest(pathOf(ChainService.method.attach), through, through, metadata);
  const send = (init: MessageInitShape<typeof ChainServiceAttachRequestSchema>): void => {
    const message = create(ChainServiceAttachRequestSchema, init);
    call.write(asBuffer(toBinary(ChainServiceAttachRequestSchema, message)));
  };
  let startedMs = 0;
  let height = 0;
  try {
    await new Promise<void>((resolve, reject) => {
      call.on("error", reject);
      call.on("end", () => reject(new Error("the attachment ended")));
      call.on("data", (frame: Buffer) => {
        const { callId, message } = fromBinary(ChainServiceAttachResponseSchema, asBytes(frame));
        if (message.case === "welcome") startedMs = performance.now();
        if (message.case !== "importBlocks") return;
        const { blocks, firstHeight } = message.value;
        if (Number(firstHeight) !== height + 1) reject(new Error(`${firstHeight} came after ${height}`));
        height += blocks.length;
        const verdicts = blocks.map(() => ImportVerdict.IMPORTED);
        send({ callId, message: { case: "importBlocks", value: { verdicts } } });
        if (height === CHAIN_BLOCKS) resolve();
      });
      const instanceId = randomUUID();
      const credit = { creditCalls: CREDIT_CALLS, creditBytes: CREDIT_BYTES };
      const value = { protocolVersion: 1, instanceId, takeOver: true, ...credit };
      send({ message: { case: "hello", value } });
    });
    return (CHAIN_BLOCKS * 1_000) / (performance.now() - startedMs);
  } finally {
    call.on("error", () => {});
    call.cancel();
    client.close();
  }
}

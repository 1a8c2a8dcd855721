/** The load of the control plane's benchmark: calls of a bare grpc-js client, timed one by one. */
import { performance } from "node:perf_hooks";
import { create, type DescMethod, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { Client, credentials, Metadata } from "@grpc/grpc-js";
import { SyncService, SyncState, type SyncStatusSchema } from "../../gen/alys/sync/v1/sync_pb.ts";
import { asBuffer, pathOf } from "../../src/control/codec.ts";

/** Bytes of a streamed message's payload: two small blocks. */
export const CHUNK_BYTES = 970;

/** A status as a syncing node tells it. */
export const STATUS = {
  state: SyncState.BLOCKS,
  head: { height: 123_456n, hash: new Uint8Array(32).fill(0xab) },
  target: { height: 200_000n, hash: new Uint8Array(32).fill(0xcd) },
  progressPpm: 617_280,
  blocksPerSecond: 4_321.5,
  connectedPeers: 25,
} satisfies MessageInitShape<typeof SyncStatusSchema>;

export interface UnaryFigures {
  readonly [metric: string]: number;
  readonly calls_per_second: number;
  readonly p50_ms: number;
  readonly p99_ms: number;
}

const through = (bytes: Buffer): Buffer => bytes;

export class Load {
  readonly #client: Client;
  readonly #token: string;

  constructor(address: string, token: string) {
    this.#token = token;
    this.#client = new Client(address, credentials.createInsecure(), { "grpc.enable_channelz": 0 });
  }

  close(): void {
    this.#client.close();
  }

  /** `calls` calls of the method, so many at a time. */
  async unary(
    method: DescMethod,
    request: object,
    inFlight: number,
    calls: number,
    isAuthenticated: boolean,
  ): Promise<UnaryFigures> {
    const frame = asBuffer(toBinary(method.input, create(method.input, request as never)));
    const path = pathOf(method);
    const metadata = new Metadata();
    if (isAuthenticated && this.#token !== "") metadata.set("authorization", `Bearer ${this.#token}`);
    const latencies: number[] = [];
    let left = calls;
    const one = (): Promise<void> =>
      new Promise((resolve, reject) => {
        const startedMs = performance.now();
        this.#client.makeUnaryRequest(path, through, through, frame, metadata, (error) => {
          if (error !== null) return reject(error);
          latencies.push(performance.now() - startedMs);
          resolve();
        });
      });
    const worker = async (): Promise<void> => {
      while (left-- > 0) await one();
    };
    const startedMs = performance.now();
    await Promise.all(Array.from({ length: inFlight }, worker));
    const seconds = (performance.now() - startedMs) / 1000;
    latencies.sort((left, right) => left - right);
    const at = (share: number): number => latencies[Math.floor(latencies.length * share)] ?? Number.NaN;
    return { calls_per_second: calls / seconds, p50_ms: at(0.5), p99_ms: at(0.99) };
  }

  /** Messages a second of one stream. */
  async stream(messages: number): Promise<number> {
    const method = SyncService.method.streamBlocks;
    const request = create(method.input, { startHeight: 1n, count: BigInt(messages) });
    const frame = asBuffer(toBinary(method.input, request));
    const startedMs = performance.now();
    const call = this.#client.makeServerStreamRequest(pathOf(method), through, through, frame);
    let seen = 0;
    await new Promise<void>((resolve, reject) => {
      call.on("data", () => {
        seen += 1;
      });
      call.on("end", resolve);
      call.on("error", reject);
    });
    if (seen !== messages) throw new Error(`the stream gave ${seen} of ${messages} messages`);
    return seen / ((performance.now() - startedMs) / 1000);
  }
}

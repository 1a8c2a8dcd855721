/**
 * A peer, hostile or not: plain js-libp2p without any code of the host that it attacks. It can greet as a newcomer of the chain does,
 * and otherwise sends what it is told.
 */

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { generateKeyPair } from "@libp2p/crypto/keys";
import { identify } from "@libp2p/identify";
import type { Connection, Stream } from "@libp2p/interface";
import { tcp } from "@libp2p/tcp";
import { tls } from "@libp2p/tls";
import { yamux } from "@libp2p/yamux";
import { multiaddr } from "@multiformats/multiaddr";
import { createLibp2p, type Libp2p } from "libp2p";
import {
  BlocksByRangeRequestSchema,
  BlocksByRangeResponseSchema,
  StatusSchema,
} from "../../gen/alys/wire/v1/wire_pb.ts";
import type { LoadedChain } from "../../src/chain/chain-file.ts";
import { decodeHeader } from "../../src/chain/header.ts";
import { framed } from "./wire.ts";

const DIAL_DEADLINE_MS = 5_000;

/** The byte that ends an answer of a request protocol. */
const ANSWER_END = 5;

export interface Target {
  /** Multiaddr with the peer id. */
  readonly address: string;
  readonly chain: LoadedChain;
}

/** `/alys/<chain>/<name>/1`: a request protocol, a topic, or the DHT. */
export function nameOf(chain: LoadedChain, name: string): string {
  return `/alys/${Buffer.from(chain.genesis.hash.subarray(0, 4)).toString("hex")}/${name}/1`;
}

export class HostilePeer {
  readonly node: Libp2p;
  readonly target: Target;
  #connection: Connection | undefined;

  private constructor(node: Libp2p, target: Target) {
    this.node = node;
    this.target = target;
  }

  /** A peer with an identity of its own, not connected yet. */
  static async create(target: Target): Promise<HostilePeer> {
    const node = await createLibp2p({
      privateKey: await generateKeyPair("Ed25519"),
      addresses: { listen: [] },
      transports: [tcp()],
      connectionEncrypters: [tls()],
      streamMuxers: [yamux({ maxOutboundStreams: 10_000, maxInboundStreams: 10_000 })],
      connectionGater: { denyDialMultiaddr: () => false },
      connectionMonitor: { enabled: false },
      connectionManager: { reconnectRetries: 0 },
      services: { identify: identify() },
    });
    const peer = new HostilePeer(node, target);
    await node.handle(nameOf(target.chain, "status"), (stream) => peer.#answerStatus(stream));
    return peer;
  }

  get peerId(): string {
    return this.node.peerId.toString();
  }

  get isConnected(): boolean {
    return this.#connection?.status === "open";
  }

  /** Dials the target; `force` opens one connection more. Rejects when it is refused. */
  async connect(force = false): Promise<Connection> {
    const options = { signal: AbortSignal.timeout(DIAL_DEADLINE_MS), force };
    this.#connection = await this.node.dial(multiaddr(this.target.address), options);
    return this.#connection;
  }

  /** Connects and greets as a node that knows nothing but the genesis block. */
  async greet(): Promise<Connection> {
    const connection = await this.connect();
    await this.ask("status", this.status());
    return connection;
  }

  /** Opens a stream of a protocol by its full name. */
  async open(protocol: string): Promise<Stream> {
    if (this.#connection === undefined) throw new Error("not connected");
    const stream = await this.#connection.newStream(protocol, {
      maxOutboundStreams: 10_000,
      signal: AbortSignal.timeout(DIAL_DEADLINE_MS),
    });
    return stream;
  }

  /** One request on a protocol of the chain; resolves with the raw answer at its end. */
  async ask(name: string, payload: Uint8Array): Promise<Buffer> {
    const stream = await this.open(nameOf(this.target.chain, name));
    const pieces: Uint8Array[] = [];
    const ended = new Promise<Buffer>((resolve) => {
      const finish = (): void => resolve(Buffer.concat(pieces));
      stream.addEventListener("close", finish);
      stream.addEventListener("message", ({ data }) => {
        pieces.push(data.subarray());
        if (data.subarray().at(-1) === ANSWER_END) finish();
      });
      AbortSignal.timeout(DIAL_DEADLINE_MS).addEventListener("abort", finish);
    });
    stream.send(framed(payload));
    const answer = await ended;
    stream.abort(new Error("done"));
    return answer;
  }

  /** The status of a node at the genesis block. */
  status(): Uint8Array {
    const { genesis } = this.target.chain;
    return toBinary(
      StatusSchema,
      create(StatusSchema, {
        versions: [1],
        genesisHash: genesis.hash,
        headHeader: genesis.header,
        finalHash: genesis.hash,
        earliestHeight: 1n,
      }),
    );
  }

  async stop(): Promise<void> {
    await this.node.stop();
  }

  #answerStatus(stream: Stream): void {
    stream.addEventListener(
      "message",
      () => {
        const chunk = Buffer.concat([Uint8Array.of(0), framed(this.status()), Uint8Array.of(ANSWER_END)]);
        stream.send(chunk);
        void stream.close().catch(() => undefined);
      },
      { once: true },
    );
  }
}

/** Sends unless the stream is full; then waits until it drains or ends. False when it has ended. */
export async function pour(stream: Stream, bytes: Uint8Array): Promise<boolean> {
  if (stream.status !== "open") return false;
  if (stream.send(bytes)) return true;
  await new Promise<void>((resolve) => {
    stream.addEventListener("drain", () => resolve(), { once: true });
    stream.addEventListener("close", () => resolve(), { once: true });
  });
  return stream.status === "open";
}

/** The newest block that the target serves, SSZ, as everybody knows it. */
export async function knownBlock(peer: HostilePeer): Promise<Uint8Array> {
  const { headHeader } = fromBinary(StatusSchema, chunkOf(await peer.ask("status", peer.status())));
  const { height } = decodeHeader(headHeader);
  const request = create(BlocksByRangeRequestSchema, { startHeight: BigInt(height), count: 1 });
  const answer = await peer.ask("blocks-by-range", toBinary(BlocksByRangeRequestSchema, request));
  const [block] = fromBinary(BlocksByRangeResponseSchema, chunkOf(answer)).blocks;
  if (block === undefined) throw new Error("the target served no block");
  return block;
}

/** The first chunk of an answer: a status byte, a length, the bytes. */
function chunkOf(answer: Buffer): Uint8Array {
  let at = 1;
  let length = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = answer[at++];
    if (byte === undefined) throw new Error("the target did not answer");
    length |= (byte & 0x7f) << shift;
    if (byte < 0x80) break;
  }
  return answer.subarray(at, at + length);
}

/**
 * A peer on plain js-libp2p that serves one chain, without any code of the host that asks it: ranges, blocks by hash and a
 * checkpoint, in answers as short as a test wants them. It notes when each request came and how many it served at once.
 */

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { identify } from "@libp2p/identify";
import type { Stream } from "@libp2p/interface";
import { tcp } from "@libp2p/tcp";
import { tls } from "@libp2p/tls";
import { yamux } from "@libp2p/yamux";
import { createLibp2p, type Libp2p } from "libp2p";
import {
  BlocksByHashRequestSchema,
  BlocksByHashResponseSchema,
  BlocksByRangeRequestSchema,
  BlocksByRangeResponseSchema,
  StatusSchema,
} from "../../gen/alys/wire/v1/wire_pb.ts";
import { splitBlock } from "../../src/chain/block.ts";
import { HEADER_LENGTH, headerHash } from "../../src/chain/header.ts";
import { toHex } from "../../src/chain/hex.ts";
import { encodeChunk, encodeEnd, encodeError } from "../../src/p2p/framing.ts";
import { type Protocol, protocolId, topicId } from "../../src/p2p/protocols.ts";
import { field, publication, subscription } from "../hostile/wire.ts";

/** Before an answer is sent, milliseconds: long enough for requests to be at the peer side by side. */
const ANSWER_MS = 15;
const GOSSIP_PROTOCOL = "/meshsub/1.2.0";

/** A request as it came. */
export interface Arrival {
  readonly protocol: Protocol;
  /** Monotonic milliseconds. */
  readonly atMs: number;
  /** Requests of this protocol that were being served then, this one counted. */
  readonly atOnce: number;
}

export interface ServedBlocks {
  readonly genesisHash: Uint8Array;
  readonly blocks: readonly Uint8Array[];
  /** Height of the head that its status shows, and that it serves up to. */
  readonly head: number;
  /** Encoded evidence of its checkpoint. */
  readonly evidence: Uint8Array;
  /** Blocks of one answer at most. */
  readonly answerBlocks: number;
}

export class ServingPeer {
  readonly arrivals: Arrival[] = [];
  readonly #node: Libp2p;
  readonly #served: ServedBlocks;
  readonly #atOnce = new Map<Protocol, number>();
  readonly #byHash = new Map<string, Uint8Array>();
  #gossip: Stream | undefined;

  private constructor(node: Libp2p, served: ServedBlocks) {
    this.#node = node;
    this.#served = served;
    for (const block of served.blocks)
      this.#byHash.set(toHex(headerHash(block.subarray(0, HEADER_LENGTH))), block);
  }

  static async start(served: ServedBlocks): Promise<ServingPeer> {
    const node = await createLibp2p({
      addresses: { listen: ["/ip4/127.0.0.1/tcp/0"] },
      transports: [tcp()],
      connectionEncrypters: [tls()],
      streamMuxers: [yamux()],
      connectionMonitor: { enabled: false },
      services: { identify: identify() },
    });
    const peer = new ServingPeer(node, served);
    await peer.#serve("status", () => peer.#status());
    await peer.#serve("blocks-by-range", (request) => peer.#range(request));
    await peer.#serve("blocks-by-hash", (request) => peer.#hashes(request));
    await peer.#serve("checkpoint", () => served.evidence);
    // What others gossip is not read.
    await node.handle(GOSSIP_PROTOCOL, () => undefined);
    return peer;
  }

  /** Multiaddr with the peer id. */
  get address(): string {
    return String(this.#node.getMultiaddrs()[0]);
  }

  of(protocol: Protocol): Arrival[] {
    return this.arrivals.filter((arrival) => arrival.protocol === protocol);
  }

  /** Sends the block on the topic of blocks to the first peer that is connected. */
  async publish(height: number): Promise<void> {
    const topic = topicId(this.#served.genesisHash, "blocks");
    if (this.#gossip === undefined) {
      const [connection] = this.#node.getConnections();
      if (connection === undefined) throw new Error("nobody is connected");
      this.#gossip = await connection.newStream(GOSSIP_PROTOCOL);
      this.#gossip.send(subscription([topic]));
    }
    const block = this.#served.blocks[height - 1] ?? new Uint8Array();
    this.#gossip.send(publication(topic, [field(1, block)]));
  }

  async stop(): Promise<void> {
    await this.#node.stop();
  }

  async #serve(protocol: Protocol, answer: (request: Uint8Array) => Uint8Array | undefined): Promise<void> {
    await this.#node.handle(protocolId(this.#served.genesisHash, protocol), (stream: Stream) => {
      const atOnce = (this.#atOnce.get(protocol) ?? 0) + 1;
      this.#atOnce.set(protocol, atOnce);
      this.arrivals.push({ protocol, atMs: performance.now(), atOnce });
      const isStatus = protocol === "status";
      stream.addEventListener(
        "message",
        ({ data }) => {
          const reply = (): void => {
            this.#atOnce.set(protocol, (this.#atOnce.get(protocol) ?? 1) - 1);
            const chunk = answer(requestOf(data.subarray()));
            if (stream.status !== "open") return;
            stream.send(
              chunk === undefined
                ? encodeError("resource-unavailable")
                : Buffer.concat([encodeChunk(chunk), encodeEnd()]),
            );
            stream.close().catch(() => undefined);
          };
          if (isStatus) reply();
          else setTimeout(reply, ANSWER_MS);
        },
        { once: true },
      );
    });
  }

  #status(): Uint8Array {
    const { genesisHash, blocks, head } = this.#served;
    const { header, approval } = splitBlock(blocks[head - 1] ?? new Uint8Array());
    return toBinary(
      StatusSchema,
      create(StatusSchema, {
        versions: [1],
        genesisHash,
        headHeader: header,
        headApproval: approval,
        finalHash: genesisHash,
        earliestHeight: 1n,
      }),
    );
  }

  #range(request: Uint8Array): Uint8Array {
    const { startHeight, count } = fromBinary(BlocksByRangeRequestSchema, request);
    const { blocks, head, answerBlocks } = this.#served;
    const first = Number(startHeight);
    const end = Math.min(head, first - 1 + Math.min(count, answerBlocks));
    return toBinary(
      BlocksByRangeResponseSchema,
      create(BlocksByRangeResponseSchema, { blocks: blocks.slice(first - 1, end) }),
    );
  }

  #hashes(request: Uint8Array): Uint8Array {
    const { hashes } = fromBinary(BlocksByHashRequestSchema, request);
    const blocks = hashes.flatMap((hash) => this.#byHash.get(toHex(hash)) ?? []);
    return toBinary(BlocksByHashResponseSchema, create(BlocksByHashResponseSchema, { blocks }));
  }
}

/** What a request's length prefix announces. */
function requestOf(bytes: Uint8Array): Uint8Array {
  const end = bytes.findIndex((byte) => byte < 0x80);
  return bytes.subarray(end + 1);
}

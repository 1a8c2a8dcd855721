/**
 * What we ask of peers: ranges of blocks for the SyncActor, and messages to members for the ProducerActor. Owned by the
 * NetworkActor; each request is an effect with its own deadline, and what a peer does wrong is reported with evidence.
 */

import {
  NetworkInternalService,
  type NetworkService,
  type RequestBlocksRequest,
  type SendFederationRequest,
} from "../../../gen/alys/network/v1/network_pb.ts";
import { Offence } from "../../../gen/alys/peer/v1/peer_pb.ts";
import { sha256 } from "../../chain/hash.ts";
import type { ActorContext } from "../../kernel/actor.ts";
import type { Deferred } from "../../kernel/deferred.ts";
import { type Failure, failure } from "../../kernel/errors.ts";
import { faultOf } from "../../p2p/failures.ts";
import type { Host } from "../../p2p/port.ts";
import { CHUNK_BYTES_MAX, RESPONSE_BYTES_MAX, RESPONSE_CHUNKS_MAX } from "../../p2p/protocols.ts";
import { FIRST_BYTE_DEADLINE_MS, type NetworkActorConfig, RANGE_BLOCKS_MAX } from "./config.ts";
import type { FederationDesk } from "./federation.ts";
import { decodeRangeAnswer, encodeRangeRequest } from "./ranges.ts";

type Context = ActorContext<typeof NetworkService, typeof NetworkInternalService>;
type BlocksAnswer = Deferred<typeof NetworkInternalService.method.requestBlocks.output>;
type FederationAnswer = Deferred<typeof NetworkInternalService.method.sendFederation.output>;

export interface OutboundParts {
  readonly context: Context;
  readonly host: Host;
  readonly federation: FederationDesk;
  readonly config: NetworkActorConfig;
  readonly offence: (peerId: string, offence: Offence, detail: string, evidence: Uint8Array) => void;
}

/** How long an answer to a federation message stays valid; the asker waits no longer anyway. */
const ANSWER_LIFETIME_MS = 2_000;

interface Fetched {
  readonly chunks: readonly Uint8Array[];
  readonly latencyMs: number;
  readonly durationMs: number;
}

export class Outbound {
  readonly #parts: OutboundParts;

  constructor(parts: OutboundParts) {
    this.#parts = parts;
  }

  requestBlocks(request: RequestBlocksRequest): BlocksAnswer | Failure {
    const { context } = this.#parts;
    const { peerId, count } = request;
    if (count < 1 || count > RANGE_BLOCKS_MAX) {
      return failure("INVALID_ARGUMENT", "RANGE_SIZE", `a range has 1 to ${RANGE_BLOCKS_MAX} blocks`, {
        field: "count",
      });
    }
    const answer: BlocksAnswer = context.deferred(NetworkInternalService.method.requestBlocks);
    context.effect(this.#fetch(peerId, Number(request.startHeight), count), (outcome) => {
      if (!outcome.ok) {
        this.#blame(peerId, outcome.failure);
        answer.reject(outcome.failure);
        return;
      }
      const { chunks, latencyMs, durationMs } = outcome.value;
      const blocks = decodeRangeAnswer(chunks, count);
      if (blocks === undefined) {
        const wrong = failure("DATA_LOSS", "RESPONSE_MALFORMED", `${peerId} answered a range with garbage`);
        this.#parts.offence(
          peerId,
          Offence.WRONG_ANSWER,
          wrong.message,
          sha256(chunks[0] ?? new Uint8Array()),
        );
        answer.reject(wrong);
        return;
      }
      const bytes = BigInt(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
      answer.resolve({ blocks, latencyMs, durationMs, bytes });
    });
    return answer;
  }

  sendFederation(request: SendFederationRequest): FederationAnswer {
    const { context } = this.#parts;
    const answer: FederationAnswer = context.deferred(NetworkInternalService.method.sendFederation);
    context.effect(this.#exchange(request), (outcome) => {
      if (outcome.ok) {
        answer.resolve({ payload: outcome.value });
        return;
      }
      this.#blame(request.peerId, outcome.failure);
      answer.reject(outcome.failure);
    });
    return answer;
  }

  /** Seals the answer to an inbound federation message. */
  sealAnswer(payload: Uint8Array): Uint8Array {
    return this.#parts.federation.seal(payload, this.#parts.context.clock.nowMs(), ANSWER_LIFETIME_MS);
  }

  async #fetch(peerId: string, startHeight: number, count: number): Promise<Fetched> {
    const { host, context, config } = this.#parts;
    const started = context.clock.monotonicMs();
    let firstMs: number | undefined;
    const chunks = await host.request(peerId, "blocks-by-range", encodeRangeRequest({ startHeight, count }), {
      firstByteDeadlineMs: FIRST_BYTE_DEADLINE_MS,
      deadlineMs: config.requestDeadlineMs,
      responseBytesMax: RESPONSE_BYTES_MAX,
      chunkBytesMax: CHUNK_BYTES_MAX,
      chunksMax: RESPONSE_CHUNKS_MAX,
      signal: context.signal,
      onChunk: () => {
        firstMs ??= context.clock.monotonicMs();
      },
    });
    const endedMs = context.clock.monotonicMs();
    return { chunks, latencyMs: (firstMs ?? endedMs) - started, durationMs: endedMs - started };
  }

  async #exchange(request: SendFederationRequest): Promise<Uint8Array> {
    const { host, federation, context } = this.#parts;
    const { peerId, lifetimeMs } = request;
    const sealed = federation.seal(request.payload, context.clock.nowMs(), lifetimeMs);
    const chunks = await host.request(peerId, "federation", sealed, {
      firstByteDeadlineMs: lifetimeMs,
      deadlineMs: lifetimeMs,
      responseBytesMax: CHUNK_BYTES_MAX,
      chunkBytesMax: CHUNK_BYTES_MAX,
      chunksMax: 1,
      signal: context.signal,
    });
    const opened = federation.open(peerId, chunks[0] ?? new Uint8Array(), context.clock.nowMs());
    if (!opened.ok) throw failure("DATA_LOSS", "RESPONSE_MALFORMED", `federation answer: ${opened.fault}`);
    return opened.bytes;
  }

  /** Only what is provably the peer's fault costs it anything: time-outs and lost connections do not. */
  #blame(peerId: string, cause: Failure): void {
    if (faultOf(cause) !== "peer") return;
    const evidence = new TextEncoder().encode(cause.reason);
    this.#parts.offence(peerId, Offence.MALFORMED_MESSAGE, cause.message, evidence);
  }
}

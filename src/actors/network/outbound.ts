/**
 * What we ask of peers: ranges of blocks for the SyncActor, and messages to members for the ProducerActor. Owned by the
 * NetworkActor; each request is an effect with its own deadline, and what a peer does wrong is reported with evidence.
 */

import {
  NetworkInternalService,
  type NetworkService,
  type RequestBlocksByHashRequest,
  type RequestBlocksRequest,
  type RequestCheckpointRequest,
  type SendFederationRequest,
} from "../../../gen/alys/network/v1/network_pb.ts";
import { Offence } from "../../../gen/alys/peer/v1/peer_pb.ts";
import { concatBytes } from "../../chain/bytes.ts";
import { decodeEvidence } from "../../chain/checkpoint/codec.ts";
import type { ActorContext } from "../../kernel/actor/actor.ts";
import type { Deferred } from "../../kernel/actor/deferred.ts";
import { type Failure, failure } from "../../kernel/errors.ts";
import { evidenceOf } from "../../p2p/evidence.ts";
import { ProvenFault, provenFault } from "../../p2p/failures.ts";
import type { Host } from "../../p2p/port.ts";
import { CHUNK_BYTES_MAX, RESPONSE_BYTES_MAX, RESPONSE_CHUNKS_MAX } from "../../p2p/protocols.ts";
import { areHashes, decodeHashAnswer, encodeHashRequest, HASHES_MAX } from "./by-hash.ts";
import { encodeCheckpointRequest } from "./checkpoints.ts";
import { FIRST_BYTE_DEADLINE_MS, type NetworkActorConfig, RANGE_BLOCKS_MAX } from "./config.ts";
import { type FederationEndpoint, isProof, LIFETIME_MS_MAX } from "./federation.ts";
import type { Greeted } from "./greeted.ts";
import { decodeRangeAnswer, encodeRangeRequest } from "./ranges.ts";

type Context = ActorContext<typeof NetworkService, typeof NetworkInternalService>;
type BlocksAnswer = Deferred<typeof NetworkInternalService.method.requestBlocks.output>;
type HashAnswer = Deferred<typeof NetworkInternalService.method.requestBlocksByHash.output>;
type CheckpointAnswer = Deferred<typeof NetworkInternalService.method.requestCheckpoint.output>;
type FederationAnswer = Deferred<typeof NetworkInternalService.method.sendFederation.output>;

export interface OutboundParts {
  readonly context: Context;
  readonly host: Host;
  readonly federation: FederationEndpoint;
  readonly config: NetworkActorConfig;
  readonly greeted: Greeted;
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

  /** The caller's signal ends the request: a range that is not wanted any more is not fetched. */
  requestBlocks(request: RequestBlocksRequest, signal: AbortSignal): BlocksAnswer | Failure {
    const { context } = this.#parts;
    const { peerId, count } = request;
    const startHeight = Number(request.startHeight);
    if (startHeight < 1 || !Number.isSafeInteger(startHeight)) {
      return failure("INVALID_ARGUMENT", "RANGE_START", "a range starts at height 1 or above", {
        field: "start_height",
      });
    }
    if (count < 1 || count > RANGE_BLOCKS_MAX) {
      return failure("INVALID_ARGUMENT", "RANGE_SIZE", `a range has 1 to ${RANGE_BLOCKS_MAX} blocks`, {
        field: "count",
      });
    }
    const answer: BlocksAnswer = context.deferred(NetworkInternalService.method.requestBlocks);
    const payload = encodeRangeRequest({ startHeight, count });
    context.effect(this.#fetch(peerId, "blocks-by-range", payload, signal), (outcome) => {
      if (!outcome.ok) {
        this.#blame(peerId, outcome.failure);
        answer.reject(outcome.failure);
        return;
      }
      const { chunks, latencyMs, durationMs } = outcome.value;
      const blocks = decodeRangeAnswer(chunks, count);
      if (blocks === undefined) return answer.reject(this.#garbage(peerId, "a range", chunks));
      const bytes = BigInt(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
      answer.resolve({ blocks, latencyMs, durationMs, bytes });
    });
    return answer;
  }

  /** As `requestBlocks`, by hashes. */
  requestBlocksByHash(request: RequestBlocksByHashRequest, signal: AbortSignal): HashAnswer | Failure {
    const { context } = this.#parts;
    const { peerId, hashes } = request;
    if (!areHashes(hashes)) {
      return failure("INVALID_ARGUMENT", "HASHES", `1 to ${HASHES_MAX} hashes of 32 bytes, each once`, {
        field: "hashes",
      });
    }
    const answer: HashAnswer = context.deferred(NetworkInternalService.method.requestBlocksByHash);
    context.effect(this.#fetch(peerId, "blocks-by-hash", encodeHashRequest(hashes), signal), (outcome) => {
      if (!outcome.ok) {
        this.#blame(peerId, outcome.failure);
        answer.reject(outcome.failure);
        return;
      }
      const { chunks } = outcome.value;
      const blocks = decodeHashAnswer(chunks, hashes);
      if (blocks === undefined) answer.reject(this.#garbage(peerId, "hashes", chunks));
      else answer.resolve({ blocks });
    });
    return answer;
  }

  /** One peer's word on a checkpoint, of which only the form is checked here: who asked judges it. */
  requestCheckpoint(request: RequestCheckpointRequest, signal: AbortSignal): CheckpointAnswer {
    const { context } = this.#parts;
    const { peerId } = request;
    const answer: CheckpointAnswer = context.deferred(NetworkInternalService.method.requestCheckpoint);
    context.effect(this.#fetch(peerId, "checkpoint", encodeCheckpointRequest(request), signal), (outcome) => {
      if (!outcome.ok) {
        this.#blame(peerId, outcome.failure);
        return answer.reject(outcome.failure);
      }
      const { chunks } = outcome.value;
      const [evidence] = chunks;
      const isForm = evidence !== undefined && chunks.length === 1 && decodeEvidence(evidence) !== undefined;
      if (isForm) answer.resolve({ evidence });
      else answer.reject(this.#garbage(peerId, "a checkpoint", chunks));
    });
    return answer;
  }

  /** Only members are spoken to: the channel is theirs, in both directions. */
  sendFederation(request: SendFederationRequest, signal: AbortSignal): FederationAnswer | Failure {
    const { context, federation, greeted } = this.#parts;
    const { peerId, payload, lifetimeMs } = request;
    if (lifetimeMs < 1 || lifetimeMs > LIFETIME_MS_MAX) {
      return failure("INVALID_ARGUMENT", "LIFETIME_RANGE", `lifetime_ms lies in 1–${LIFETIME_MS_MAX}`, {
        field: "lifetime_ms",
      });
    }
    if (greeted.memberKey(peerId) === undefined) {
      return failure("FAILED_PRECONDITION", "NOT_A_MEMBER", `${peerId} is no connected member`, {
        field: "peer_id",
      });
    }
    const sealed = federation.seal(payload, context.clock.nowMs(), lifetimeMs);
    if (sealed === undefined) return saysNothing();
    const answer: FederationAnswer = context.deferred(NetworkInternalService.method.sendFederation);
    context.effect(this.#exchange(peerId, sealed, lifetimeMs, signal), (outcome) => {
      if (outcome.ok) {
        answer.resolve({ payload: outcome.value });
        return;
      }
      this.#blame(peerId, outcome.failure);
      answer.reject(outcome.failure);
    });
    return answer;
  }

  /** Seals the answer to an inbound federation message; undefined when it is malformed. */
  sealAnswer(payload: Uint8Array): Uint8Array | undefined {
    return this.#parts.federation.seal(payload, this.#parts.context.clock.nowMs(), ANSWER_LIFETIME_MS);
  }

  async #fetch(
    peerId: string,
    protocol: "blocks-by-range" | "blocks-by-hash" | "checkpoint",
    payload: Uint8Array,
    signal: AbortSignal,
  ): Promise<Fetched> {
    const { host, context, config } = this.#parts;
    const started = context.clock.monotonicMs();
    let firstMs: number | undefined;
    const chunks = await host.request(peerId, protocol, payload, {
      firstByteDeadlineMs: FIRST_BYTE_DEADLINE_MS,
      deadlineMs: config.requestDeadlineMs,
      responseBytesMax: RESPONSE_BYTES_MAX,
      chunkBytesMax: CHUNK_BYTES_MAX,
      chunksMax: RESPONSE_CHUNKS_MAX,
      signal,
      onChunk: () => {
        firstMs ??= context.clock.monotonicMs();
      },
    });
    const endedMs = context.clock.monotonicMs();
    return { chunks, latencyMs: (firstMs ?? endedMs) - started, durationMs: endedMs - started };
  }

  async #exchange(
    peerId: string,
    sealed: Uint8Array,
    lifetimeMs: number,
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    const { host, federation, context } = this.#parts;
    const chunks = await host.request(peerId, "federation", sealed, {
      firstByteDeadlineMs: lifetimeMs,
      deadlineMs: lifetimeMs,
      responseBytesMax: CHUNK_BYTES_MAX,
      chunkBytesMax: CHUNK_BYTES_MAX,
      chunksMax: 1,
      signal,
    });
    const answer = chunks[0] ?? new Uint8Array();
    const opened = federation.open(peerId, answer, context.clock.nowMs());
    if (!opened.ok) {
      const message = `federation answer: ${opened.fault}`;
      if (!isProof(opened.fault)) throw failure("DATA_LOSS", "FEDERATION_ANSWER_VOID", message);
      throw provenFault("RESPONSE_MALFORMED", message, evidenceOf(answer));
    }
    return opened.bytes;
  }

  #garbage(peerId: string, asked: string, chunks: readonly Uint8Array[]): Failure {
    const wrong = failure("DATA_LOSS", "RESPONSE_MALFORMED", `${peerId} answered ${asked} with garbage`);
    this.#parts.offence(peerId, Offence.WRONG_ANSWER, wrong.message, evidenceOf(concatBytes(chunks)));
    return wrong;
  }

  /** Only what the peer's own bytes prove costs it anything: time-outs, resets and lost connections do not. */
  #blame(peerId: string, cause: Failure): void {
    if (!(cause instanceof ProvenFault)) return;
    this.#parts.offence(peerId, Offence.MALFORMED_MESSAGE, cause.message, cause.evidence);
  }
}

export const saysNothing = (): Failure =>
  failure(
    "INVALID_ARGUMENT",
    "PAYLOAD_MALFORMED",
    "the payload is no FederationMessage that says something",
    {
      field: "payload",
    },
  );

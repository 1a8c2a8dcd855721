/**
 * Downloads: the range requests in flight and what became of them. It sends as many as peers, bounds and the
 * buffer allow, reads answers against what was asked, and blames exactly who answered wrongly. Owned by the
 * pipeline, whose batches it moves between awaiting, downloading and awaitingValidation.
 */

import { Offence } from "../../../gen/alys/peer/v1/peer_pb.ts";
import { concatBytes } from "../../chain/bytes.ts";
import { sha256 } from "../../chain/hash.ts";
import { HEADER_LENGTH, HEADER_OFFSET } from "../../chain/header.ts";
import { readUint64 } from "../../chain/little-endian.ts";
import type { Failure } from "../../kernel/errors.ts";
import { type Batch, stepBatch } from "./batch.ts";
import { ANSWER_BYTES_MAX, REQUESTS_PER_PEER_MAX, type SyncConfig } from "./config.ts";
import { requestFailurePolicy } from "./errors.ts";
import type { SyncMetrics } from "./metrics.ts";
import { choosePeer } from "./peer-choice.ts";
import type { PeerBook } from "./peers.ts";
import type { PipelineEffect } from "./pipeline-effect.ts";
import type { Ranges } from "./range.ts";
import type { ProvenHead } from "./target.ts";

interface OpenRequest {
  readonly batchId: number;
  readonly peerId: string;
}

/** How a request went, as the NetworkActor measured it. */
export interface Timing {
  readonly latencyMs: number;
  readonly durationMs: number;
  readonly bytes: number;
}

export interface DownloadParts {
  readonly config: SyncConfig;
  readonly peers: PeerBook;
  readonly ranges: Ranges;
  readonly metrics: SyncMetrics;
  effect(effect: PipelineEffect): void;
}

/** A batch is tried again elsewhere at once, and after this many failures with a pause, milliseconds. */
const QUICK_ATTEMPTS = 4;
const ATTEMPT_PAUSE_MS = 1_000;

export class Downloads {
  readonly #parts: DownloadParts;
  readonly #open = new Map<number, OpenRequest>();
  #nextId = 1;
  #lowestHeight = 0;

  constructor(parts: DownloadParts) {
    this.#parts = parts;
  }

  get inFlight(): number {
    return this.#open.size;
  }

  get ids(): ReadonlySet<number> {
    return new Set(this.#open.keys());
  }

  /** Lowest height ever requested; 0 before the first request. */
  get lowestHeight(): number {
    return this.#lowestHeight;
  }

  /**
   * Sends what may be sent. The batch that import waits for goes even when the buffer is full, or nothing
   * would move.
   */
  send(nowMs: number, onTarget: ProvenHead | undefined): void {
    const { config, peers, ranges } = this.#parts;
    if (this.#open.size >= config.maxParallelDownloads) return;
    const free = peers
      .candidates(nowMs, onTarget)
      .filter((peer) => peer.coolUntilMs <= nowMs && peer.requestsInFlight < REQUESTS_PER_PEER_MAX);
    if (free.length === 0) return;
    let bytes = ranges.heldBytes + this.#open.size * ANSWER_BYTES_MAX;
    for (const batch of [...ranges.batches]) {
      if (this.#open.size >= config.maxParallelDownloads) return;
      if (bytes + ANSWER_BYTES_MAX > config.bufferBytesMax && batch !== ranges.front) return;
      if (batch.state !== "awaiting" || batch.notBeforeMs > nowMs) continue;
      const peer = choosePeer(free, batch.range, batch.failedPeers, nowMs);
      if (peer === undefined) continue;
      this.#request(batch, peer.peerId, nowMs);
      free[free.indexOf(peer)] = { ...peer, requestsInFlight: peer.requestsInFlight + 1 };
      bytes += ANSWER_BYTES_MAX;
    }
  }

  answered(requestId: number, blocks: readonly Uint8Array[], timing: Timing, nowMs: number): void {
    const { peers, ranges, metrics, effect } = this.#parts;
    const found = this.#close(requestId);
    if (found === undefined) return;
    const { batch, peerId } = found;
    const bytes = blocks.reduce((sum, block) => sum + block.length, 0);
    metrics.add("bytesDownloaded", bytes);
    const wrong = wrongAnswer(blocks, batch.range.first, batch.range.count);
    if (blocks.length === 0 || wrong !== undefined) {
      if (wrong === undefined) metrics.add("emptyAnswers");
      else this.#blame(peerId, wrong, blocks);
      return this.#failed(batch, requestId, peerId, nowMs, true);
    }
    if (blocks.length < batch.range.count) metrics.add("shortAnswers");
    peers.answered(peerId);
    effect({ type: "performance", peerId, succeeded: true, ...timing, blocks: blocks.length });
    const digest = sha256(concatBytes(blocks));
    const answer = { attribution: { peerId, requestId, digest }, blocks, bytes };
    const next = stepBatch(batch, { type: "delivered", requestId, answer });
    if (next !== undefined) ranges.replace(next);
  }

  failed(requestId: number, reason: Failure, nowMs: number): void {
    const found = this.#close(requestId);
    if (found === undefined) return;
    const { isPeersFailure, coolMs } = requestFailurePolicy(reason);
    this.#failed(found.batch, requestId, found.peerId, nowMs, isPeersFailure, coolMs);
  }

  /** Its requests will not be answered any more: they go elsewhere at once. */
  peerGone(peerId: string): void {
    for (const [requestId, open] of [...this.#open])
      if (open.peerId === peerId) this.#giveUp(requestId, true);
  }

  /** Gives up every request; nobody is to blame. */
  cancelAll(): void {
    for (const requestId of [...this.#open.keys()]) this.#giveUp(requestId, false);
  }

  #request(batch: Batch, peerId: string, nowMs: number): void {
    const requestId = this.#nextId++;
    const next = stepBatch(batch, { type: "requested", peerId, requestId, nowMs });
    if (next === undefined) return;
    const { first, count } = batch.range;
    this.#parts.ranges.replace(next);
    this.#open.set(requestId, { batchId: batch.id, peerId });
    this.#parts.peers.requestSent(peerId);
    this.#parts.metrics.add("requestsSent");
    this.#lowestHeight = this.#lowestHeight === 0 ? first : Math.min(this.#lowestHeight, first);
    this.#parts.effect({ type: "request", requestId, peerId, first, count });
  }

  /** Takes the request off the list. Undefined for one that we gave up: its outcome is stale. */
  #close(requestId: number): { readonly batch: Batch; readonly peerId: string } | undefined {
    const open = this.#open.get(requestId);
    const batch = open && this.#parts.ranges.find(open.batchId);
    if (open === undefined || batch === undefined) {
      this.#parts.metrics.add("staleOutcomes");
      return undefined;
    }
    this.#open.delete(requestId);
    this.#parts.peers.requestEnded(open.peerId);
    return { batch, peerId: open.peerId };
  }

  #failed(
    batch: Batch,
    requestId: number,
    peerId: string,
    nowMs: number,
    isPeersFailure: boolean,
    coolMs?: number,
  ): void {
    const { peers, ranges, metrics, effect } = this.#parts;
    metrics.add("requestsFailed");
    peers.coolDown(peerId, nowMs, coolMs);
    if (isPeersFailure) {
      effect({
        type: "performance",
        peerId,
        succeeded: false,
        latencyMs: 0,
        durationMs: 0,
        bytes: 0,
        blocks: 0,
      });
    }
    const notBeforeMs = batch.attempts + 1 < QUICK_ATTEMPTS ? 0 : nowMs + ATTEMPT_PAUSE_MS;
    const next = stepBatch(batch, { type: "requestFailed", requestId, isPeersFailure, notBeforeMs });
    if (next !== undefined) ranges.replace(next);
  }

  #giveUp(requestId: number, isPeersFailure: boolean): void {
    const { ranges, effect } = this.#parts;
    effect({ type: "cancel", requestId });
    const found = this.#close(requestId);
    if (found === undefined) return;
    const event = { type: "requestFailed", requestId, isPeersFailure, notBeforeMs: 0 } as const;
    const next = stepBatch(found.batch, event);
    if (next !== undefined) ranges.replace(next);
  }

  #blame(peerId: string, detail: string, blocks: readonly Uint8Array[]): void {
    this.#parts.metrics.add("offencesReported");
    const evidence = sha256(concatBytes(blocks));
    this.#parts.effect({ type: "offence", peerId, offence: Offence.WRONG_ANSWER, detail, evidence });
  }
}

/**
 * A first look, a batch and not a block at a time: not more than asked, and it begins and ends where it
 * should.
 */
function wrongAnswer(blocks: readonly Uint8Array[], first: number, count: number): string | undefined {
  if (blocks.length === 0) return undefined;
  if (blocks.length > count) return `${blocks.length} blocks instead of ${count}`;
  const begins = heightOf(blocks[0]);
  if (begins !== first) return `the answer begins at height ${begins} instead of ${first}`;
  const last = first + blocks.length - 1;
  const ends = heightOf(blocks.at(-1));
  if (ends !== last) return `the answer ends at height ${ends} instead of ${last}`;
  return undefined;
}

function heightOf(block: Uint8Array | undefined): number | undefined {
  if (block === undefined || block.length < HEADER_LENGTH) return undefined;
  try {
    return readUint64(block, HEADER_OFFSET.height, "height");
  } catch {
    // Above 2^53: no height that we asked for.
    return undefined;
  }
}

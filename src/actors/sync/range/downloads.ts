/**
 * Downloads: the range requests in flight and what became of them. It sends as many as peers, quotas, bounds and the
 * buffer allow, repeats overdue ones elsewhere, reads answers against what was asked, and blames exactly who answered
 * wrongly. Owned by the pipeline, whose batches it moves between awaiting, downloading and awaitingValidation.
 */

import type { Failure } from "../../../kernel/errors.ts";
import type { Current } from "../../../kernel/settings.ts";
import {
  ANSWER_BYTES_MAX,
  HEDGES_MAX,
  type Mode,
  SLOW_ANSWERS_MAX,
  SLOW_PEER_MS,
  type SyncConfig,
  THROUGHPUT_MIN,
  THROUGHPUT_SAMPLE_BYTES,
} from "../config.ts";
import type { RangeEffect } from "../effect.ts";
import type { RequestFailurePolicy } from "../errors.ts";
import type { ProvenHead } from "../head.ts";
import type { SyncMetrics } from "../metrics.ts";
import type { SyncPeers } from "../sync-peers.ts";
import { wholeSegments, wrongAnswer } from "./answer.ts";
import { attribute, type Batch, stepBatch } from "./batch.ts";
import type { Batches } from "./batches.ts";
import type { BlockRequests, Timing } from "./block-requests.ts";
import { type OpenRequest, overdueBatches, requestToSteal, TypicalDuration } from "./hedge.ts";
import { type Candidate, choosePeer } from "./peer-choice.ts";

export interface DownloadParts {
  readonly config: Current<SyncConfig>;
  readonly peers: SyncPeers;
  readonly requests: BlockRequests;
  readonly ranges: Batches;
  readonly metrics: SyncMetrics;
  effect(effect: RangeEffect): void;
}

/** A batch is tried again elsewhere at once, and after this many failures with a pause, milliseconds. */
const QUICK_ATTEMPTS = 4;
const ATTEMPT_PAUSE_MS = 1_000;

/** Requests in flight with the overdue ones, as a multiple of max_parallel_downloads; at it the overdue ones are waited for. */
export const OVERDUE_FACTOR = 2;

/** An empty answer: the peer lacks what it says that it has. */
const EMPTY: RequestFailurePolicy = { isPeersFailure: true, coolMs: undefined };

export class Downloads {
  readonly #parts: DownloadParts;
  readonly #open = new Map<number, OpenRequest>();
  readonly #typical = new TypicalDuration();
  /** Answers in a row that were too slow. Bounded by the connected peers. */
  readonly #slowInRow = new Map<string, number>();
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
  send(nowMs: number, onTarget: ProvenHead | undefined, mode: Mode): void {
    const free = this.#freePeers(nowMs, onTarget, mode);
    if (free.length === 0) return;
    // One at a time, whatever it takes: after damage nothing may be confused with anything.
    if (mode === "RECOVERY") return this.#sendAwaiting(free, 1, Number.POSITIVE_INFINITY, nowMs);
    const { overdueMs } = this.#typical;
    this.#sendAwaiting(free, this.#parts.config.current.maxParallelDownloads, overdueMs, nowMs);
    this.#hedge(free, overdueMs, nowMs);
    this.#steal(free, nowMs);
  }

  answered(requestId: number, received: readonly Uint8Array[], timing: Timing, nowMs: number): void {
    const { requests, ranges, metrics } = this.#parts;
    const found = this.#close(requestId);
    if (found === undefined) return;
    const { batch, peerId } = found;
    const blocks = wholeSegments(received, batch.range);
    const bytes = blocks.reduce((sum, block) => sum + block.length, 0);
    metrics.add("bytesDownloaded", bytes);
    const wrong = wrongAnswer(blocks, batch.range.first, batch.range.count);
    if (blocks.length === 0 || wrong !== undefined) {
      if (wrong === undefined) metrics.add("emptyAnswers");
      else requests.blame(peerId, wrong, blocks);
      requests.failedAs(peerId, EMPTY, nowMs);
      return this.#failed(batch, requestId, nowMs, true);
    }
    if (blocks.length < batch.range.count) metrics.add("shortAnswers");
    ranges.sawBlocks(blocks.length, bytes);
    this.#typical.add(timing.durationMs);
    requests.succeeded(peerId, timing, blocks.length);
    this.#judgeThroughput(peerId, bytes, timing.durationMs, nowMs);
    const answer = { attribution: attribute(peerId, requestId, blocks), blocks, bytes };
    const next = stepBatch(batch, { type: "delivered", requestId, answer });
    if (next === undefined) return;
    ranges.replace(next);
    this.#dropRival(batch.id, nowMs);
  }

  failed(requestId: number, reason: Failure, nowMs: number): void {
    const found = this.#close(requestId);
    if (found === undefined) return;
    const { isPeersFailure } = this.#parts.requests.failed(found.peerId, reason, nowMs);
    this.#failed(found.batch, requestId, nowMs, isPeersFailure);
  }

  /** Its requests will not be answered any more: they go elsewhere at once. */
  peerGone(peerId: string): void {
    this.#slowInRow.delete(peerId);
    for (const [requestId, open] of [...this.#open])
      if (open.peerId === peerId) this.#giveUp(requestId, true);
  }

  /** Gives up every request; nobody is to blame. */
  cancelAll(): void {
    for (const requestId of [...this.#open.keys()]) this.#giveUp(requestId, false);
  }

  /** Who can be asked now: neither cooling down, nor busy, nor over our quota, nor late with an answer. */
  #freePeers(nowMs: number, onTarget: ProvenHead | undefined, mode: Mode): Candidate[] {
    const { peers, requests } = this.#parts;
    const late = new Set<string>();
    for (const { peerId, sinceMs } of this.#open.values()) {
      if (nowMs - sinceMs >= this.#typical.overdueMs) late.add(peerId);
    }
    return peers
      .candidates(nowMs, onTarget, mode === "FEDERATION")
      .filter((candidate) => !late.has(candidate.peerId) && requests.mayAsk(candidate, nowMs));
  }

  /** Overdue requests do not count, so that silent peers take no slot from the others; up to as many again. */
  #sendAwaiting(free: Candidate[], parallelMax: number, overdueMs: number, nowMs: number): void {
    const { config, ranges } = this.#parts;
    let slots = parallelMax;
    for (const { sinceMs } of this.#open.values()) if (nowMs - sinceMs < overdueMs) slots--;
    let bytes = ranges.heldBytes + this.#open.size * ANSWER_BYTES_MAX;
    for (const batch of [...ranges.batches]) {
      if (slots <= 0 || this.#open.size >= parallelMax * OVERDUE_FACTOR) return;
      if (bytes + ANSWER_BYTES_MAX > config.current.bufferBytesMax && batch !== ranges.front) return;
      if (batch.state !== "awaiting" || batch.notBeforeMs > nowMs) continue;
      const peer = choosePeer(free, batch.range, batch.failedPeers, nowMs);
      if (peer === undefined) continue;
      const requestId = this.#parts.requests.nextId();
      this.#request(ranges.fit(batch), { type: "requested", peerId: peer.peerId, requestId, nowMs }, nowMs);
      this.#occupy(free, peer, nowMs);
      slots--;
      bytes += ANSWER_BYTES_MAX;
    }
  }

  /** Asks a second peer for what is overdue. */
  #hedge(free: Candidate[], overdueMs: number, nowMs: number): void {
    const { ranges, metrics } = this.#parts;
    let hedges = 0;
    for (const batch of ranges.batches) if (batch.state === "downloading" && batch.hedge) hedges++;
    for (const batch of overdueBatches(ranges.batches, nowMs, overdueMs)) {
      if (hedges >= HEDGES_MAX || batch.state !== "downloading") return;
      const others = free.filter(({ peerId }) => peerId !== batch.peerId);
      const peer = choosePeer(others, batch.range, batch.failedPeers, nowMs);
      if (peer === undefined) continue;
      const requestId = this.#parts.requests.nextId();
      this.#request(batch, { type: "hedged", peerId: peer.peerId, requestId }, nowMs);
      this.#occupy(free, peer, nowMs);
      metrics.add("requestsHedged");
      hedges++;
    }
  }

  /** Nothing waits any more: idle peers take over what others have not begun with. */
  #steal(free: Candidate[], nowMs: number): void {
    const { ranges, metrics } = this.#parts;
    if (ranges.batches.some((batch) => batch.state === "awaiting")) return;
    const idle = free.filter(({ requestsInFlight }) => requestsInFlight === 0);
    const open = [...this.#open.values()];
    const stolen = requestToSteal(
      open,
      idle.map(({ peerId }) => peerId),
      nowMs,
      this.#typical.ms,
    );
    const batch = stolen && ranges.find(stolen.batchId);
    if (stolen === undefined || batch?.state !== "downloading" || batch.hedge !== undefined) return;
    const thief = choosePeer(idle, batch.range, batch.failedPeers, nowMs);
    if (thief === undefined) return;
    this.#giveUp(stolen.requestId, false);
    const again = ranges.find(stolen.batchId);
    if (again === undefined) return;
    const requestId = this.#parts.requests.nextId();
    this.#request(again, { type: "requested", peerId: thief.peerId, requestId, nowMs }, nowMs);
    metrics.add("requestsStolen");
  }

  #request(
    batch: Batch,
    event: Extract<Parameters<typeof stepBatch>[1], { type: "requested" | "hedged" }>,
    nowMs: number,
  ): void {
    const { ranges, requests } = this.#parts;
    const next = stepBatch(batch, event);
    if (next === undefined) return;
    const { peerId, requestId } = event;
    const { first } = batch.range;
    ranges.replace(next);
    this.#open.set(requestId, { requestId, batchId: batch.id, peerId, sinceMs: nowMs });
    this.#lowestHeight = this.#lowestHeight === 0 ? first : Math.min(this.#lowestHeight, first);
    requests.send(requestId, "range", peerId, batch.range, nowMs);
  }

  /** Takes the request off the list. Undefined for one that we gave up: its outcome is stale. */
  #close(requestId: number): { readonly batch: Batch; readonly peerId: string } | undefined {
    const open = this.#open.get(requestId);
    this.#open.delete(requestId);
    if (!this.#parts.requests.close(requestId)) return undefined;
    const batch = open && this.#parts.ranges.find(open.batchId);
    return open && batch && { batch, peerId: open.peerId };
  }

  /** The other one of two that were asked for the same was slower. */
  #dropRival(batchId: number, nowMs: number): void {
    for (const { requestId, peerId, batchId: other, sinceMs } of [...this.#open.values()]) {
      if (other !== batchId) continue;
      this.#open.delete(requestId);
      this.#parts.requests.cancel(requestId);
      if (nowMs - sinceMs < this.#typical.overdueMs) continue;
      this.#parts.peers.coolDown(peerId, nowMs);
      this.#tooSlow(peerId, nowMs);
      this.#parts.requests.recordFailure(peerId);
    }
  }

  #judgeThroughput(peerId: string, bytes: number, durationMs: number, nowMs: number): void {
    const isSlow =
      bytes >= THROUGHPUT_SAMPLE_BYTES && (1000 * bytes) / Math.max(1, durationMs) < THROUGHPUT_MIN;
    if (isSlow) this.#tooSlow(peerId, nowMs);
    else this.#slowInRow.delete(peerId);
  }

  /** Too slow so often in a row that it is not worth a request for a while. Told to the PeerActor, never a ban. */
  #tooSlow(peerId: string, nowMs: number): void {
    const { peers, metrics, effect } = this.#parts;
    const inRow = (this.#slowInRow.get(peerId) ?? 0) + 1;
    this.#slowInRow.set(peerId, inRow);
    if (inRow < SLOW_ANSWERS_MAX) return;
    this.#slowInRow.delete(peerId);
    peers.coolDown(peerId, nowMs, SLOW_PEER_MS);
    metrics.add("slowPeersLeft");
    effect({ type: "slowPeer", peerId, leftAloneMs: SLOW_PEER_MS });
  }

  #failed(batch: Batch, requestId: number, nowMs: number, isPeersFailure: boolean): void {
    const notBeforeMs = batch.attempts + 1 < QUICK_ATTEMPTS ? 0 : nowMs + ATTEMPT_PAUSE_MS;
    const next = stepBatch(batch, { type: "requestFailed", requestId, isPeersFailure, notBeforeMs });
    if (next !== undefined) this.#parts.ranges.replace(next);
  }

  #giveUp(requestId: number, isPeersFailure: boolean): void {
    const { ranges, requests } = this.#parts;
    const open = this.#open.get(requestId);
    this.#open.delete(requestId);
    requests.cancel(requestId);
    const batch = open && ranges.find(open.batchId);
    if (batch === undefined) return;
    const next = stepBatch(batch, { type: "requestFailed", requestId, isPeersFailure, notBeforeMs: 0 });
    if (next !== undefined) ranges.replace(next);
  }

  /** One of the free peers was asked: it stays free while it may be asked once more. */
  #occupy(free: Candidate[], peer: Candidate, nowMs: number): void {
    const busier = { ...peer, requestsInFlight: peer.requestsInFlight + 1 };
    const mayAsk = this.#parts.requests.mayAsk(busier, nowMs);
    free.splice(free.indexOf(peer), 1, ...(mayAsk ? [busier] : []));
  }
}

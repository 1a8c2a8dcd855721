/**
 * BlockRequests: requests for runs of blocks, whoever of the machine wants them: range synchronisation, the back-fill, the search
 * for a checkpoint. One law for all: who may be asked now (quota, cool-down, requests in flight), and what an outcome means
 * for the peer. A machine without effects of its own, owned by machine.ts.
 */

import { Offence } from "../../../../gen/alys/peer/v1/peer_pb.ts";
import { concatBytes } from "../../../chain/bytes.ts";
import { sha256 } from "../../../chain/hash.ts";
import type { Failure } from "../../../kernel/errors.ts";
import { REQUESTS_PER_PEER_MAX } from "../config.ts";
import type { RangeEffect } from "../effect.ts";
import { type RequestFailurePolicy, requestFailurePolicy } from "../errors.ts";
import type { SyncMetrics } from "../metrics.ts";
import type { SyncPeers } from "../sync-peers.ts";
import type { BlockRange } from "./batch.ts";
import type { Candidate } from "./peer-choice.ts";
import type { QuotaLedger } from "./quota.ts";

/** How a request went, as the NetworkActor measured it. */
export interface Timing {
  readonly latencyMs: number;
  readonly durationMs: number;
  readonly bytes: number;
}

/** Who wants the blocks. */
export type RequestOwner = "range" | "backFill" | "search";

export interface BlockRequestsParts {
  readonly peers: SyncPeers;
  readonly quota: QuotaLedger;
  readonly metrics: SyncMetrics;
  effect(effect: RangeEffect): void;
}

const PROTOCOL = "blocks-by-range";

export class BlockRequests {
  readonly #parts: BlockRequestsParts;
  /** Bounded by the connected peers and what each may be asked at once. */
  readonly #open = new Map<number, { readonly owner: RequestOwner; readonly peerId: string }>();
  #nextId = 1;

  constructor(parts: BlockRequestsParts) {
    this.#parts = parts;
  }

  /** Undefined for one that was given up. */
  ownerOf(requestId: number): RequestOwner | undefined {
    return this.#open.get(requestId)?.owner;
  }

  /** Whether one more may be sent now: the peer neither cools down, nor is busy, nor over our share of its quota. */
  mayAsk(
    { peerId, coolUntilMs, requestsInFlight }: Omit<Candidate, "headHeight" | "score">,
    nowMs: number,
  ): boolean {
    return (
      coolUntilMs <= nowMs &&
      requestsInFlight < REQUESTS_PER_PEER_MAX &&
      this.#parts.quota.has(peerId, PROTOCOL, nowMs)
    );
  }

  /** A number for a request that is about to be sent. */
  nextId(): number {
    return this.#nextId++;
  }

  /** `deadlineMs`: shorter than the configured one. */
  send(
    requestId: number,
    owner: RequestOwner,
    peerId: string,
    { first, count }: BlockRange,
    nowMs: number,
    deadlineMs?: number,
  ): void {
    const { peers, quota, metrics, effect } = this.#parts;
    this.#open.set(requestId, { owner, peerId });
    quota.take(peerId, PROTOCOL, nowMs);
    peers.requestSent(peerId);
    metrics.add("requestsSent");
    effect({
      type: "request",
      requestId,
      peerId,
      first,
      count,
      ...(deadlineMs !== undefined && { deadlineMs }),
    });
  }

  /** Takes it off the list. False for one that we gave up: its outcome is stale. */
  close(requestId: number): boolean {
    const open = this.#open.get(requestId);
    if (open === undefined) {
      this.#parts.metrics.add("staleOutcomes");
      return false;
    }
    this.#open.delete(requestId);
    this.#parts.peers.requestEnded(open.peerId);
    this.#parts.quota.ended(open.peerId, PROTOCOL);
    return true;
  }

  /** Its answer is not wanted any more. */
  cancel(requestId: number): void {
    this.#parts.effect({ type: "cancel", requestId });
    this.close(requestId);
  }

  /** The peer delivered what was asked for, as far as can be seen at once. */
  succeeded(peerId: string, timing: Timing, blocks: number): void {
    this.#parts.peers.answered(peerId);
    this.#parts.effect({ type: "performance", peerId, succeeded: true, ...timing, blocks });
  }

  /** The request failed: the peer is left alone for a while, and its failure recorded where it is its own. */
  failed(peerId: string, reason: Failure, nowMs: number): RequestFailurePolicy {
    const policy = requestFailurePolicy(reason);
    this.failedAs(peerId, policy, nowMs);
    return policy;
  }

  failedAs(peerId: string, { isPeersFailure, coolMs }: RequestFailurePolicy, nowMs: number): void {
    this.#parts.metrics.add("requestsFailed");
    this.#parts.peers.coolDown(peerId, nowMs, coolMs);
    if (isPeersFailure) this.recordFailure(peerId);
  }

  /** For the peer's score. */
  recordFailure(peerId: string): void {
    const nothing = { latencyMs: 0, durationMs: 0, bytes: 0, blocks: 0 };
    this.#parts.effect({ type: "performance", peerId, succeeded: false, ...nothing });
  }

  /** The answer is not what was asked for, which its bytes prove. */
  blame(peerId: string, detail: string, blocks: readonly Uint8Array[]): void {
    this.#parts.metrics.add("offencesReported");
    const evidence = sha256(concatBytes(blocks));
    this.#parts.effect({ type: "offence", peerId, offence: Offence.WRONG_ANSWER, detail, evidence });
  }
}

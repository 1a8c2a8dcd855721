/**
 * RangeSync: the conductor of range synchronisation. Batches are downloaded from several peers at once, cut
 * into segments, validated in parallel and imported in order, as far as bounds allow; a failure goes back to
 * where it can be mended. A machine without effects of its own: each input moves it, `pump` moves on whatever
 * can move, and what is to be done outside is handed to `effect`. Owned by machine.ts.
 */

import { Offence } from "../../../../gen/alys/peer/v1/peer_pb.ts";
import type { BlockFault } from "../../../chain/block-fault.ts";
import { describeFault } from "../../../chain/block-fault.ts";
import type { AuthoritySetFacts } from "../../../chain/facts.ts";
import { sha256 } from "../../../chain/hash.ts";
import { decodeHeader, HEADER_LENGTH } from "../../../chain/header.ts";
import type { SegmentVerdict } from "../../../chain/validator.ts";
import type { ImportOutcome } from "../../../integrations/chain/port.ts";
import { assertNever, type Failure } from "../../../kernel/errors.ts";
import type { Current } from "../../../kernel/settings.ts";
import {
  type SyncConfig,
  TARGET_EXCLUSION_MS,
  TARGET_PAUSE_MS,
  UNPROVEN_ATTEMPTS_MAX,
  UNPROVEN_ATTEMPTS_MIN,
} from "../config.ts";
import type { RangeEffect } from "../effect.ts";
import type { ProvenHead } from "../head.ts";
import type { SyncMetrics } from "../metrics.ts";
import type { AbandonReason, OwnFailure, RangeReason } from "../status/stall-reason.ts";
import type { SyncPeers } from "../sync-peers.ts";
import { isExplainedBySets, type SetReads } from "../validation-sets.ts";
import { type Batch, type BatchEvent, FAILED_PEERS_MAX } from "./batch.ts";
import { Batches } from "./batches.ts";
import type { BlockRequests, Timing } from "./block-requests.ts";
import { Downloads } from "./downloads.ts";
import { decideImport, type ImportDecision, judgeFault } from "./import-outcome.ts";
import { brokenLink } from "./link.ts";
import { OwnFailures } from "./own-failures.ts";
import { type PartingReads, ReorgConfirmation } from "./reorg-confirmation.ts";
import { SyncRound } from "./round.ts";
import { SegmentQueue, type Working } from "./segment-queue.ts";
import type { SyncView } from "./situation.ts";
import { findStuck, type Stuck, type Ticket } from "./stuck.ts";

export interface RangeSyncParts {
  readonly config: Current<SyncConfig>;
  readonly chain: SetReads & PartingReads;
  readonly peers: SyncPeers;
  readonly requests: BlockRequests;
  readonly metrics: SyncMetrics;
  effect(effect: RangeEffect): void;
  /** The approvals of these blocks were verified, each one. */
  approved(blocks: readonly Uint8Array[], authorities: AuthoritySetFacts): void;
  /** Blocks became part of the chain that we follow. */
  progressed(blocks: number, nowMs: number): void;
  /** Blocks up to this one, that we did not have, came from peers and are durable. */
  served(last: { readonly height: number; readonly slot: number }): void;
}

export class RangeSync {
  readonly #parts: RangeSyncParts;
  readonly #batches = new Batches();
  readonly #downloads: Downloads;
  readonly #segments: SegmentQueue;
  readonly #round = new SyncRound();
  readonly #ownFailures = new OwnFailures();
  readonly #confirmation = new ReorgConfirmation();
  #target: ProvenHead | undefined;
  #reason: RangeReason | undefined;
  /** A reason of ours ends by this moment even when nothing moves, monotonic milliseconds. */
  #reasonUntilMs = Number.POSITIVE_INFINITY;

  constructor(parts: RangeSyncParts) {
    this.#parts = parts;
    this.#downloads = new Downloads({
      ...parts,
      ranges: this.#batches,
      effect: (effect) => parts.effect(effect),
    });
    const { config, chain } = parts;
    this.#segments = new SegmentQueue({
      config,
      chain,
      ranges: this.#batches,
      effect: (effect) => parts.effect(effect),
    });
  }

  get requestsInFlight(): number {
    return this.#downloads.inFlight;
  }
  get lowestRequestedHeight(): number {
    return this.#downloads.lowestHeight;
  }
  /** Two small ones count as one. */
  get segmentsChecking(): number {
    return this.#segments.checking;
  }
  get segmentsImporting(): number {
    return this.#segments.importing;
  }
  get bytesBuffered(): number {
    return this.#batches.heldBytes;
  }
  /** Why it does not move; undefined while it does. */
  get reason(): RangeReason | undefined {
    return this.#confirmation.reason ?? this.#reason;
  }
  /** It failed again and again for a reason of our own; it goes on trying. */
  get isFailing(): boolean {
    return this.#ownFailures.isFailing;
  }
  /** Blocks came that we could not validate or import yet, for a reason of our own. */
  get isTroubled(): boolean {
    const { front } = this.#batches;
    return this.#ownFailures.isAny && front?.state !== "awaiting" && front?.state !== "downloading";
  }
  /** A reorganization waits for a second peer that reports its head. */
  get isUnconfirmed(): boolean {
    return this.#confirmation.reason !== undefined;
  }
  get batches(): readonly Batch[] {
    return this.#batches.batches;
  }

  /** Moves on whatever can move. */
  pump(situation: SyncView): void {
    const { target, nowMs } = situation;
    this.#target = target;
    // What failed was brought by other means, or nobody holds it out any more: nothing stands still.
    if (nowMs >= this.#reasonUntilMs) this.#reason = undefined;
    else if (situation.isLevel && this.#ownFailures.isAny) this.#wellAgain();
    if (target === undefined) {
      // What was handed to the chain comes back first, so that its blocks are counted.
      if (this.#segments.importing === 0) this.#reset();
      if (!this.#batches.front) return;
    } else {
      this.#go(situation, target);
    }
    if (situation.mayProcess) this.#segments.move(situation, this.#confirmation);
    if (target !== undefined && situation.mayRequest && situation.mayProcess) {
      this.#downloads.send(nowMs, this.#round.isBelowHead ? target : undefined, situation.mode);
    }
  }

  answered(requestId: number, blocks: readonly Uint8Array[], timing: Timing, nowMs: number): void {
    this.#downloads.answered(requestId, blocks, timing, nowMs);
  }

  requestFailed(requestId: number, reason: Failure, nowMs: number): void {
    this.#downloads.failed(requestId, reason, nowMs);
  }

  peerGone(peerId: string): void {
    this.#downloads.peerGone(peerId);
  }

  validated(ticket: Ticket, verdict: SegmentVerdict, nowMs: number): void {
    this.#segments.settled(ticket);
    const batch = this.#working(ticket);
    if (batch === undefined) return;
    if (!verdict.ok) return this.#faulty(batch, ticket.index, verdict.index, verdict.fault, nowMs);
    this.#parts.metrics.add("segmentsValidated");
    const slot = batch.slots[ticket.index];
    if (slot?.policy === "EVERY_BLOCK") {
      const blocks = batch.answer.blocks.slice(slot.start, slot.start + slot.count);
      this.#parts.approved(blocks, batch.sets.authorities);
    }
    const next = this.#step(batch, { type: "validated", index: ticket.index, segment: verdict.segment });
    if (next?.state !== "importing") return;
    const broken = brokenLink(next.slots);
    if (broken !== undefined) this.#blame(next, broken.index, 0, broken.fault, nowMs);
  }

  /** The validator itself failed: nobody's fault. */
  validationFailed(ticket: Ticket, failure: Failure, nowMs: number): void {
    this.#segments.settled(ticket);
    const batch = this.#working(ticket);
    if (batch !== undefined) this.#retry(batch, { type: "validationFailed", failure }, nowMs);
  }

  imported(ticket: Ticket, outcome: ImportOutcome, nowMs: number): void {
    this.#segments.settled(ticket);
    const batch = this.#working(ticket);
    if (batch === undefined) return;
    const decision = decideImport(outcome);
    switch (decision.kind) {
      case "advance":
        return this.#advance(batch, ticket.index, decision, nowMs);
      case "blame":
        this.#blame(batch, ticket.index, decision.index, decision.fault, nowMs);
        return this.#voidSubmitted(nowMs);
      case "retry":
        this.#retry(batch, decision.reason, nowMs);
        return this.#voidSubmitted(nowMs + this.#ownFailures.pauseMs);
      case "stepBack":
        return this.#beginLower(nowMs);
      case "abandon":
        return this.#abandon(decision.reason, nowMs);
      default:
        return assertNever(decision);
    }
  }

  /** Drops everything; outcomes that still come are stale. */
  stop(): void {
    this.#reset();
    this.#wellAgain();
  }

  /** Puts back what waits for nothing, and tells what it was. */
  mend(nowMs: number): Stuck[] {
    const { tickets } = this.#segments;
    const stuck = findStuck({ batches: this.#batches.batches, requestIds: this.#downloads.ids, tickets });
    for (const { batchId } of stuck) {
      const batch = this.#batches.find(batchId);
      if (batch?.state === "downloading") {
        const { requestId } = batch;
        this.#step(batch, { type: "requestFailed", requestId, isPeersFailure: false, notBeforeMs: nowMs });
      } else if (batch !== undefined) {
        this.#step(batch, { type: "putBack", notBeforeMs: nowMs, mustBeFirst: false });
      }
    }
    if (stuck.length > 0) this.#parts.metrics.add("stuckFound", stuck.length);
    return stuck;
  }

  #go(situation: SyncView, target: ProvenHead): void {
    if (this.#round.go(situation, target, this.#batches, this.#parts.config.current.batchBlocks)) return;
    this.#abandon({ type: "targetNotBetter" }, situation.nowMs, TARGET_PAUSE_MS);
  }

  #advance(
    batch: Working,
    index: number,
    decision: Extract<ImportDecision, { kind: "advance" }>,
    nowMs: number,
  ): void {
    const { start = 0, count: blocks = 0 } = batch.slots[index] ?? {};
    this.#parts.metrics.add("segmentsImported");
    const last = batch.answer.blocks[start + blocks - 1];
    if (decision.isNew && last !== undefined)
      this.#parts.served(decodeHeader(last.subarray(0, HEADER_LENGTH)));
    if (decision.isHead) {
      this.#round.linked();
      this.#confirmation.ended();
      this.#parts.metrics.add("blocksSynced", blocks);
      this.#parts.progressed(blocks, nowMs);
    }
    this.#wellAgain();
    this.#step(batch, { type: "imported", index });
    this.#batches.dropFinal();
  }

  #faulty(batch: Working, slot: number, index: number, fault: BlockFault, nowMs: number): void {
    const decision = judgeFault(fault, index);
    if (decision.kind !== "blame") return this.#retry(batch, { type: "blockNotYetValid", fault }, nowMs);
    const isFirst = batch.slots[slot]?.start === 0 && index === 0;
    const { basis } = batch.sets;
    if (basis === "durableParent" || !isExplainedBySets(fault, isFirst)) {
      return this.#blame(batch, slot, index, fault, nowMs);
    }
    // Which sets are in force for it is known for sure only when everything before it is durable.
    const again = { type: "putBack", notBeforeMs: nowMs, mustBeFirst: true } as const;
    return basis === "predecessor" ? void this.#step(batch, again) : this.#unproven(batch, nowMs);
  }

  /**
   * The first blocks build on what we do not have, under a set that we do not know: a chain that parted from ours before
   * its own change of authorities, or garbage. Nobody is blamed. When a second attempt says the same, the pass begins
   * lower; at the lowest height everybody who could have it is asked before the target is excluded, so that garbage of
   * one who is never busy excludes none.
   */
  #unproven(batch: Working, nowMs: number): void {
    const attempts = batch.attempts + 1;
    if (attempts >= UNPROVEN_ATTEMPTS_MIN && !this.#round.isAtFloor) return this.#beginLower(nowMs);
    if (attempts >= UNPROVEN_ATTEMPTS_MAX && this.#haveAllFailed(batch, nowMs)) {
      return this.#abandon({ type: "targetForeignAuthorities" }, nowMs);
    }
    this.#parts.peers.coolDown(batch.answer.attribution.peerId, nowMs);
    this.#step(batch, { type: "rejected", notBeforeMs: nowMs });
  }

  /** Whether nobody is left who could deliver the batch and has not tried, as far as is remembered. */
  #haveAllFailed({ range, failedPeers, answer }: Working, nowMs: number): boolean {
    const failed = new Set([...failedPeers, answer.attribution.peerId]);
    if (failed.size >= FAILED_PEERS_MAX) return true;
    return this.#parts.peers
      .candidates(nowMs, this.#target)
      .every(({ peerId, headHeight }) => headHeight < range.first || failed.has(peerId));
  }

  /** The batch goes elsewhere, and exactly who sent the block is told of. */
  #blame(batch: Working, slot: number, index: number, fault: BlockFault, nowMs: number): void {
    const { attribution, blocks } = batch.answer;
    const at = (batch.slots[slot]?.start ?? 0) + index;
    const evidence = sha256(blocks[at] ?? new Uint8Array());
    const detail = `block ${batch.range.first + at}: ${describeFault(fault)}`;
    const { peerId } = attribution;
    this.#parts.metrics.add("segmentsRejected");
    this.#parts.metrics.add("offencesReported");
    this.#parts.effect({ type: "offence", peerId, offence: Offence.INVALID_BLOCK, detail, evidence });
    this.#parts.peers.coolDown(peerId, nowMs);
    this.#step(batch, { type: "rejected", notBeforeMs: nowMs });
  }

  #retry(batch: Working, reason: OwnFailure, nowMs: number): void {
    this.#ownFailures.add();
    this.#reason = { ...reason, attempts: this.#ownFailures.inRow };
    this.#reasonUntilMs = Number.POSITIVE_INFINITY;
    this.#parts.metrics.add("ownFailures");
    const notBeforeMs = nowMs + this.#ownFailures.pauseMs;
    this.#step(batch, { type: "putBack", notBeforeMs, mustBeFirst: false });
  }

  /**
   * What was handed to the chain behind a segment that failed has nothing to build on: it is validated again.
   */
  #voidSubmitted(notBeforeMs: number): void {
    for (const batch of [...this.#batches.batches]) {
      if (batch.state !== "importing" || batch.slots.every((slot) => slot.step.at !== "submitted")) continue;
      this.#step(batch, { type: "putBack", notBeforeMs, mustBeFirst: false });
    }
  }

  /**
   * The range does not link to us: begin lower, twice as far each time, but never below the block after the
   * final one.
   */
  #beginLower(nowMs: number): void {
    if (this.#round.isAtFloor) return this.#abandon({ type: "targetBelowFinal", height: undefined }, nowMs);
    this.#parts.metrics.add("stepsBack");
    this.#round.lower();
    this.#forgetBatches();
  }

  #abandon(reason: AbandonReason, nowMs: number, pauseMs = TARGET_EXCLUSION_MS): void {
    this.#reason = reason;
    this.#reasonUntilMs = nowMs + pauseMs;
    this.#parts.metrics.add("targetsAbandoned");
    if (this.#target !== undefined) this.#parts.peers.excludeHead(this.#target.hash, nowMs + pauseMs);
    this.#reset();
  }

  #wellAgain(): void {
    this.#reason = undefined;
    this.#ownFailures.over();
  }

  #reset(): void {
    this.#round.ended();
    this.#confirmation.ended();
    this.#forgetBatches();
  }

  #forgetBatches(): void {
    this.#confirmation.dropped();
    this.#downloads.cancelAll();
    this.#batches.restart(1);
  }

  /** The batch that an outcome is for; undefined when the outcome is stale. */
  #working(ticket: Ticket): Working | undefined {
    const batch = this.#batches.find(ticket.batchId);
    const isWorking = batch?.state === "validating" || batch?.state === "importing";
    if (isWorking && batch.revision === ticket.revision) return batch;
    this.#parts.metrics.add("staleOutcomes");
    return undefined;
  }

  #step(batch: Batch, event: BatchEvent): Batch | undefined {
    return this.#batches.step(batch, event);
  }
}

/**
 * Pipeline: the conductor of range synchronisation. Batches are downloaded from several peers at once, cut
 * into segments, validated in parallel and imported in order, as far as bounds allow; a failure goes back to
 * where it can be mended. A machine without effects of its own: each input moves it, `pump` moves on whatever
 * can move, and what is to be done outside is handed to `effect`. Owned by state.ts.
 */

import { Offence } from "../../../gen/alys/peer/v1/peer_pb.ts";
import type { BlockFault } from "../../chain/block-fault.ts";
import { describeFault } from "../../chain/block-fault.ts";
import { sha256 } from "../../chain/hash.ts";
import { decodeHeader, HEADER_LENGTH } from "../../chain/header.ts";
import type { AuthoritySetFacts, SegmentVerdict } from "../../chain/validator.ts";
import type { ImportOutcome } from "../../integrations/chain/port.ts";
import { assertNever, type Failure } from "../../kernel/errors.ts";
import {
  isExplainedBySets,
  type SetReads,
  type SetsInForce,
  setsBehind,
  setsBehindParent,
} from "./authorities/sets.ts";
import { type Batch, type BatchEvent, endsAtBarrier, stepBatch } from "./batch.ts";
import {
  IMPORTS_MAX,
  OWN_FAILURE_PAUSE_MS,
  OWN_FAILURE_PAUSE_MS_MAX,
  type SyncConfig,
  TARGET_EXCLUSION_MS,
  TARGET_PAUSE_MS,
  UNPROVEN_ATTEMPTS_MAX,
  UNPROVEN_ATTEMPTS_MIN,
  VALID_AHEAD_MAX,
  verifiesEveryBlock,
} from "./config.ts";
import { cutSlots } from "./cut.ts";
import { Downloads, type Timing } from "./downloads.ts";
import { decideImport, type ImportDecision, judgeFault } from "./import.ts";
import { brokenLink } from "./link.ts";
import { findStuck, type Stuck, type Ticket, ticketKey } from "./liveness.ts";
import type { SyncMetrics } from "./metrics.ts";
import { Confirmation, type PartingReads } from "./parting.ts";
import type { PeerBook } from "./peers.ts";
import type { PipelineEffect } from "./pipeline-effect.ts";
import type { QuotaLedger } from "./quota.ts";
import { Ranges } from "./range.ts";
import type { Situation } from "./situation.ts";
import type { ProvenHead } from "./target.ts";

export interface PipelineParts {
  readonly config: SyncConfig;
  readonly chain: SetReads & PartingReads;
  readonly peers: PeerBook;
  readonly quota: QuotaLedger;
  readonly metrics: SyncMetrics;
  effect(effect: PipelineEffect): void;
  /** The approvals of these blocks were verified, each one. */
  approved(blocks: readonly Uint8Array[], authorities: AuthoritySetFacts): void;
  /** Blocks became part of the chain that we follow. */
  progressed(blocks: number, nowMs: number): void;
  /** Blocks up to this one, that we did not have, came from peers and are durable. */
  served(last: { readonly height: number; readonly slot: number }): void;
}

/** Failures of our own in a row after which the state says FAILED. */
const FAILURES_IN_ROW = 8;

type Working = Extract<Batch, { state: "validating" | "importing" }>;

export class Pipeline {
  readonly #parts: PipelineParts;
  readonly #ranges = new Ranges();
  readonly #downloads: Downloads;
  /**
   * Validations and imports that will still settle, stale ones too: they use a worker or the disk all the
   * same.
   */
  readonly #checking = new Set<string>();
  readonly #importing = new Set<string>();
  #target: ProvenHead | undefined;
  /** First height of the pass under way; undefined between passes. */
  #passFirst: number | undefined;
  /**
   * Blocks below our head at which the next pass begins, because a pass above it did not link; 0 normally.
   */
  #stepBack = 0;
  /** The pass begins right above the final block: there is no lower. */
  #isAtFloor = false;
  readonly #confirmation = new Confirmation();
  /** Failures of our own in a row. */
  #ownFailures = 0;
  #reason = "";

  constructor(parts: PipelineParts) {
    this.#parts = parts;
    this.#downloads = new Downloads({
      ...parts,
      ranges: this.#ranges,
      effect: (effect) => parts.effect(effect),
    });
  }

  get requestsInFlight(): number {
    return this.#downloads.inFlight;
  }
  get lowestRequestedHeight(): number {
    return this.#downloads.lowestHeight;
  }
  get segmentsChecking(): number {
    return this.#checking.size;
  }
  get segmentsImporting(): number {
    return this.#importing.size;
  }
  get bytesBuffered(): number {
    return this.#ranges.heldBytes;
  }
  /** Why it does not move; empty while it does. */
  get reason(): string {
    return this.#confirmation.reason || this.#reason;
  }
  /** It failed again and again for a reason of our own; it goes on trying. */
  get isFailing(): boolean {
    return this.#ownFailures >= FAILURES_IN_ROW;
  }
  /** Blocks came that we could not validate or import yet, for a reason of our own. */
  get isTroubled(): boolean {
    const { front } = this.#ranges;
    return this.#ownFailures > 0 && front?.state !== "awaiting" && front?.state !== "downloading";
  }
  /** A reorganization waits for a second peer that reports its head. */
  get isUnconfirmed(): boolean {
    return this.#confirmation.reason !== "";
  }
  get batches(): readonly Batch[] {
    return this.#ranges.batches;
  }

  /** Moves on whatever can move. */
  pump(situation: Situation): void {
    const { target, nowMs } = situation;
    this.#target = target;
    if (target === undefined) {
      // What was handed to the chain comes back first, so that its blocks are counted.
      if (this.#importing.size === 0) this.#reset();
      if (!this.#ranges.front) return;
    } else {
      this.#beginPass(situation, target);
    }
    if (situation.mayProcess) {
      this.#cut(situation);
      this.#check();
      this.#submit();
    }
    if (target !== undefined && situation.mayRequest && situation.mayProcess) {
      this.#downloads.send(nowMs, this.#stepBack > 0 ? target : undefined, situation.mode);
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
    this.#checking.delete(ticketKey(ticket));
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
  validationFailed(ticket: Ticket, reason: Failure, nowMs: number): void {
    this.#checking.delete(ticketKey(ticket));
    const batch = this.#working(ticket);
    if (batch !== undefined) this.#retry(batch, `validation failed: ${reason.message}`, nowMs);
  }

  imported(ticket: Ticket, outcome: ImportOutcome, nowMs: number): void {
    this.#importing.delete(ticketKey(ticket));
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
        return this.#voidSubmitted(nowMs + this.#pauseMs());
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
    this.#reason = "";
    this.#ownFailures = 0;
  }

  /** Puts back what waits for nothing, and tells what it was. */
  mend(nowMs: number): Stuck[] {
    const tickets = new Set([...this.#checking, ...this.#importing]);
    const stuck = findStuck({ batches: this.#ranges.batches, requestIds: this.#downloads.ids, tickets });
    for (const { batchId } of stuck) {
      const batch = this.#ranges.find(batchId);
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

  #beginPass(situation: Situation, target: ProvenHead): void {
    const { head, finalHeight, heightMax, nowMs } = situation;
    if (this.#stepBack === 0) this.#ranges.dropBelow(head.height);
    const last = Math.min(target.height, heightMax ?? target.height);
    if (this.#ranges.front === undefined) {
      if (this.#stepBack > 0 && this.#passFirst !== undefined && this.#passFirst <= last) {
        // A whole pass beside our chain ended and fork choice did not take it.
        const reason = "the target's chain was not better than ours after all";
        return this.#abandon(reason, nowMs, TARGET_PAUSE_MS);
      }
      // A better head that is no higher is a fork by definition.
      this.#stepBack = Math.max(this.#stepBack, head.height - target.height + 1, 0);
      const floor = Math.max(1, finalHeight + 1);
      this.#passFirst = Math.max(floor, head.height + 1 - this.#stepBack);
      this.#isAtFloor = this.#passFirst === floor;
      this.#ranges.restart(this.#passFirst);
    }
    this.#ranges.plan(last, this.#parts.config.batchBlocks);
  }

  /**
   * Cuts answers in order of height. The first one stands on what is durable, so that its sets are known; those behind it
   * take the sets of the one before, and nothing behind a change of authorities is cut before the change is durable.
   */
  #cut(situation: Situation): void {
    const { target, mode, finalityDepth, nowMs } = situation;
    const { chain } = this.#parts;
    const everyBlockFrom =
      verifiesEveryBlock(mode) || target === undefined ? 0 : target.height - finalityDepth + 1;
    const { front, batches } = this.#ranges;
    let before: SetsInForce | undefined;
    for (const batch of [...batches]) {
      if (batch.state === "validating" || batch.state === "importing") before = batch.sets;
      if (endsAtBarrier(batch)) return;
      if (batch.state !== "awaitingValidation" || batch.notBeforeMs > nowMs) continue;
      if (batch === front && !this.#confirmation.allows(chain, batch.answer.blocks, situation)) return;
      if (batch.mustBeFirst && batch !== front) continue;
      const { blocks } = batch.answer;
      const { first } = batch.range;
      const sets: SetsInForce =
        batch === front
          ? setsBehindParent(chain, blocks[0] ?? new Uint8Array(), first)
          : setsBehind(before?.authorities ?? chain.authoritiesAt(first));
      const slots = cutSlots(blocks, first, everyBlockFrom);
      const end = slots.findIndex(({ isBarrier }) => isBarrier) + 1 || slots.length;
      const last = slots[end - 1];
      const cut = end < slots.length && last ? this.#ranges.split(batch, last.start + last.count) : batch;
      this.#step(cut, { type: "cut", slots: slots.slice(0, end), sets });
      before = sets;
      if (last?.isBarrier) return;
    }
  }

  /**
   * Validates in order of height: what import waits for first. Nothing beyond the first batch while the chain has enough
   * to import: that would only wait, in memory.
   */
  #check(): void {
    const { validationsMax } = this.#parts.config;
    if (this.#checking.size >= validationsMax) return;
    const isFarAhead = this.#validAhead() >= VALID_AHEAD_MAX;
    for (const { id } of [...this.#ranges.batches]) {
      if (isFarAhead && id !== this.#ranges.front?.id) return;
      const slots = this.#slotsOf(id);
      for (const [index, slot] of slots.entries()) {
        if (this.#checking.size >= validationsMax) return;
        const batch = this.#ranges.find(id);
        if (slot.step.at === "waiting" && batch?.state === "validating") {
          this.#step(batch, { type: "checking", index });
          const ticket = { batchId: id, revision: batch.revision, index };
          this.#checking.add(ticketKey(ticket));
          const { start, count, policy } = slot;
          const blocks = batch.answer.blocks.slice(start, start + count);
          const sets = start === 0 ? batch.sets : setsBehind(batch.sets.authorities);
          this.#parts.effect({ type: "validate", ticket, blocks, policy, sets });
        }
      }
    }
  }

  /** Valid segments that are not handed to the chain yet. */
  #validAhead(): number {
    let count = 0;
    for (const batch of this.#ranges.batches) {
      for (const { step } of this.#slotsOf(batch.id)) if (step.at === "valid") count++;
    }
    return count;
  }

  /** Hands segments to the chain, strictly in order of height. */
  #submit(): void {
    for (const { id } of [...this.#ranges.batches]) {
      const slots = this.#slotsOf(id);
      for (const [index, { step }] of slots.entries()) {
        if (this.#importing.size >= IMPORTS_MAX) return;
        const batch = this.#ranges.find(id);
        if (step.at !== "valid" || batch?.state !== "importing") continue;
        this.#step(batch, { type: "submitted", index });
        const ticket = { batchId: id, revision: batch.revision, index };
        this.#importing.add(ticketKey(ticket));
        this.#parts.effect({ type: "import", ticket, segment: step.segment });
      }
      if (this.#ranges.find(id)?.state !== "importing") return;
    }
  }

  #slotsOf(id: number): Working["slots"] {
    const batch = this.#ranges.find(id);
    return batch?.state === "validating" || batch?.state === "importing" ? batch.slots : [];
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
      this.#stepBack = 0;
      this.#confirmation.ended();
      this.#parts.metrics.add("blocksSynced", blocks);
      this.#parts.progressed(blocks, nowMs);
    }
    this.#reason = "";
    this.#ownFailures = 0;
    this.#step(batch, { type: "imported", index });
    this.#ranges.dropFinal();
  }

  #faulty(batch: Working, slot: number, index: number, fault: BlockFault, nowMs: number): void {
    const decision = judgeFault(fault, index);
    if (decision.kind !== "blame") return this.#retry(batch, describeFault(fault), nowMs);
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
   * The first blocks stand on what we do not have, under a set that we do not know: a chain that parted from ours before
   * its own change of authorities, or garbage. Nobody is blamed. When a second attempt says the same, the pass begins
   * lower; at the lowest height others are asked a few times more before the target is left alone.
   */
  #unproven(batch: Working, nowMs: number): void {
    const attempts = batch.attempts + 1;
    if (attempts >= UNPROVEN_ATTEMPTS_MIN && !this.#isAtFloor) return this.#beginLower(nowMs);
    if (attempts >= UNPROVEN_ATTEMPTS_MAX) {
      return this.#abandon("the target's chain is under authorities that do not follow from ours", nowMs);
    }
    this.#parts.peers.coolDown(batch.answer.attribution.peerId, nowMs);
    this.#step(batch, { type: "rejected", notBeforeMs: nowMs });
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

  #retry(batch: Working, reason: string, nowMs: number): void {
    this.#reason = reason;
    this.#ownFailures++;
    this.#parts.metrics.add("ownFailures");
    const notBeforeMs = nowMs + this.#pauseMs();
    this.#step(batch, { type: "putBack", notBeforeMs, mustBeFirst: false });
  }

  #pauseMs(): number {
    return Math.min(OWN_FAILURE_PAUSE_MS_MAX, OWN_FAILURE_PAUSE_MS * 2 ** Math.max(0, this.#ownFailures - 1));
  }

  /**
   * What was handed to the chain behind a segment that failed has nothing to stand on: it is validated again.
   */
  #voidSubmitted(notBeforeMs: number): void {
    for (const batch of [...this.#ranges.batches]) {
      if (batch.state !== "importing" || batch.slots.every((slot) => slot.step.at !== "submitted")) continue;
      this.#step(batch, { type: "putBack", notBeforeMs, mustBeFirst: false });
    }
  }

  /**
   * The range does not link to us: begin lower, twice as far each time, but never below the block after the
   * final one.
   */
  #beginLower(nowMs: number): void {
    if (this.#isAtFloor)
      return this.#abandon("the target's chain parts from ours below the final block", nowMs);
    this.#parts.metrics.add("stepsBack");
    this.#stepBack = Math.max(1, this.#stepBack * 2);
    this.#forgetPass();
  }

  #abandon(reason: string, nowMs: number, pauseMs = TARGET_EXCLUSION_MS): void {
    this.#reason = reason;
    this.#parts.metrics.add("targetsAbandoned");
    if (this.#target !== undefined) this.#parts.peers.excludeHead(this.#target.hash, nowMs + pauseMs);
    this.#reset();
  }

  #reset(): void {
    this.#stepBack = 0;
    this.#confirmation.ended();
    this.#forgetPass();
  }
  #forgetPass(): void {
    this.#confirmation.dropped();
    this.#downloads.cancelAll();
    this.#ranges.restart(1);
    this.#passFirst = undefined;
  }

  /** The batch that an outcome is for; undefined when the outcome is stale. */
  #working(ticket: Ticket): Working | undefined {
    const batch = this.#ranges.find(ticket.batchId);
    const isWorking = batch?.state === "validating" || batch?.state === "importing";
    if (isWorking && batch.revision === ticket.revision) return batch;
    this.#parts.metrics.add("staleOutcomes");
    return undefined;
  }

  #step(batch: Batch, event: BatchEvent): Batch | undefined {
    const next = stepBatch(batch, event);
    if (next !== undefined) this.#ranges.replace(next);
    return next;
  }
}

/**
 * SegmentQueue: what was downloaded on its way to the chain. Answers are cut into segments, segments are validated in parallel
 * and handed to the chain in order, as far as the bounds allow. It knows which validations and imports are under way; what
 * their outcomes mean is the pipeline's, which owns it.
 */

import { ownApproval } from "../../../chain/segment.ts";
import type { Current } from "../../../kernel/settings.ts";
import {
  IMPORTS_MAX,
  type SyncConfig,
  VALID_AHEAD_MAX,
  validationRoom,
  verifiesEveryBlock,
} from "../config.ts";
import type { RangeEffect } from "../effect.ts";
import { type SetReads, type SetsInForce, setsBehind, setsBehindParent } from "../validation-sets.ts";
import { type Batch, endsAtBarrier } from "./batch.ts";
import type { Batches } from "./batches.ts";
import { cutSlots } from "./cut.ts";
import type { PartingReads, ReorgConfirmation } from "./reorg-confirmation.ts";
import type { SyncView } from "./situation.ts";
import { type Ticket, ticketKey } from "./stuck.ts";

export interface SegmentQueueParts {
  readonly config: Current<SyncConfig>;
  readonly chain: SetReads & PartingReads;
  readonly ranges: Batches;
  effect(effect: RangeEffect): void;
}

/** A batch that is cut. */
export type Working = Extract<Batch, { state: "validating" | "importing" }>;

export class SegmentQueue {
  readonly #parts: SegmentQueueParts;
  /**
   * Those that will still settle, stale ones too: they use a worker or the disk all the same. Of what is being validated
   * also the room that it takes.
   */
  readonly #checking = new Map<string, number>();
  readonly #importing = new Set<string>();

  constructor(parts: SegmentQueueParts) {
    this.#parts = parts;
  }

  /** How much of validationsMax is taken. */
  get checking(): number {
    return [...this.#checking.values()].reduce((sum, room) => sum + room, 0);
  }

  get importing(): number {
    return this.#importing.size;
  }

  /** Keys of all that will still settle. */
  get tickets(): ReadonlySet<string> {
    return new Set([...this.#checking.keys(), ...this.#importing]);
  }

  /** Its validation, or its import, came to its end. */
  settled(ticket: Ticket): void {
    const key = ticketKey(ticket);
    // The import of a segment begins when its validation has settled: it is in one of them at most.
    if (!this.#checking.delete(key)) this.#importing.delete(key);
  }

  /** Moves on whatever can move. */
  move(situation: SyncView, confirmation: ReorgConfirmation): void {
    this.#cut(situation, confirmation);
    this.#check();
    this.#submit();
  }

  /**
   * Cuts answers in order of height. The first one builds on what is durable, so that its sets are known; those behind it
   * take the sets of the one before, and nothing behind a change of authorities is cut before the change is durable.
   */
  #cut(situation: SyncView, confirmation: ReorgConfirmation): void {
    const { target, mode, finalityDepth, nowMs } = situation;
    const { chain, ranges } = this.#parts;
    const everyBlockFrom =
      verifiesEveryBlock(mode) || target === undefined ? 0 : target.height - finalityDepth + 1;
    const { front, batches } = ranges;
    let before: SetsInForce | undefined;
    for (const batch of [...batches]) {
      if (batch.state === "validating" || batch.state === "importing") before = batch.sets;
      if (endsAtBarrier(batch)) return;
      if (batch.state !== "awaitingValidation" || batch.notBeforeMs > nowMs) continue;
      if (batch === front && !confirmation.allows(chain, batch.answer.blocks, situation)) return;
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
      const cut = end < slots.length && last ? ranges.split(batch, last.start + last.count) : batch;
      ranges.step(cut, { type: "cut", slots: slots.slice(0, end), sets });
      before = sets;
      if (last?.isBarrier) return;
    }
  }

  /**
   * Validates in order of height: what import waits for first. Nothing beyond the first batch while the chain has enough
   * to import: that would only wait, in memory.
   */
  #check(): void {
    const { ranges, config, effect } = this.#parts;
    let room = config.current.validationsMax - this.checking;
    if (room <= 0) return;
    const isFarAhead = this.#validAhead() >= VALID_AHEAD_MAX;
    for (const { id } of [...ranges.batches]) {
      if (isFarAhead && id !== ranges.front?.id) return;
      const slots = this.#slotsOf(id);
      for (const [index, slot] of slots.entries()) {
        const batch = ranges.find(id);
        if (slot.step.at === "waiting" && batch?.state === "validating") {
          const { start, count, policy } = slot;
          const blocks = batch.answer.blocks.slice(start, start + count);
          const needed = validationRoom(policy, blocks);
          if (needed > room) return;
          room -= needed;
          ranges.step(batch, { type: "checking", index });
          const ticket = { batchId: id, revision: batch.revision, index };
          this.#checking.set(ticketKey(ticket), needed);
          const parent = batch.answer.blocks[start - 1];
          const sets = parent === undefined ? batch.sets : setsBehind(batch.sets.authorities);
          // Nothing of an answer is imported before all its segments hold and are linked to each other.
          const parentApproval = parent && ownApproval(parent);
          effect({ type: "validate", ticket, blocks, policy, sets, parentApproval });
        }
      }
    }
  }

  /** Valid segments that are not handed to the chain yet. */
  #validAhead(): number {
    let count = 0;
    for (const batch of this.#parts.ranges.batches) {
      for (const { step } of this.#slotsOf(batch.id)) if (step.at === "valid") count++;
    }
    return count;
  }

  /** Hands segments to the chain, strictly in order of height. */
  #submit(): void {
    const { ranges, effect } = this.#parts;
    for (const { id } of [...ranges.batches]) {
      const slots = this.#slotsOf(id);
      for (const [index, { step }] of slots.entries()) {
        if (this.#importing.size >= IMPORTS_MAX) return;
        const batch = ranges.find(id);
        if (step.at !== "valid" || batch?.state !== "importing") continue;
        ranges.step(batch, { type: "submitted", index });
        const ticket = { batchId: id, revision: batch.revision, index };
        this.#importing.add(ticketKey(ticket));
        effect({ type: "import", ticket, segment: step.segment });
      }
      if (ranges.find(id)?.state !== "importing") return;
    }
  }

  #slotsOf(id: number): Working["slots"] {
    const batch = this.#parts.ranges.find(id);
    return batch?.state === "validating" || batch?.state === "importing" ? batch.slots : [];
  }
}

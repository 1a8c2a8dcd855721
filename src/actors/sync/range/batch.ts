/**
 * A batch: one range of blocks on its way from a peer to the chain. The data lives inside the state it
 * belongs to:
 *
 *   awaiting → downloading → awaitingValidation → validating → importing → final
 *       ↑___________|↺hedged         ↑_____________|____________|      (own failure: validate again, nobody to blame)
 *       ↑__________________________________________|____________|      (bad data: fetch elsewhere)
 *
 * An answer with a change of the authorities in its middle is two batches: what follows the change is judged when the
 * change is durable (`splitBatch`). So one batch is under one set, which travels with it.
 *
 * Pure values: each event returns the next batch, or undefined where the event does not belong to the state.
 * Attribution (who sent these bytes, in answer to what) travels with the blocks until the last of them is
 * imported. The pipeline moves batches; batches.ts keeps them in order.
 */

import { concatBytes } from "../../../chain/bytes.ts";
import { sha256 } from "../../../chain/hash.ts";
import type { ValidatedSegment } from "../../../chain/validator.ts";
import { assert, assertNever } from "../../../kernel/errors.ts";
import type { SetsInForce } from "../validation-sets.ts";

export interface BlockRange {
  readonly first: number;
  readonly count: number;
}

/** Exact or absent: whoever is blamed sent exactly these bytes. */
export interface Attribution {
  readonly peerId: string;
  readonly requestId: number;
  /** SHA-256 of the answer's blocks, back to back. */
  readonly digest: Uint8Array;
}

/**
 * The digest is taken when somebody asks for it: hashing every answer would cost the event loop 40 µs for each block of
 * 10 KB, and only those that turn out bad are ever compared.
 */
export function attribute(peerId: string, requestId: number, blocks: readonly Uint8Array[]): Attribution {
  let digest: Uint8Array | undefined;
  return {
    peerId,
    requestId,
    get digest() {
      digest ??= sha256(concatBytes(blocks));
      return digest;
    },
  };
}

export interface Answer {
  readonly attribution: Attribution;
  /** Ascending from the batch's first height, one for each block of its range. */
  readonly blocks: readonly Uint8Array[];
  readonly bytes: number;
}

/** A run of the answer's blocks that is validated and imported as one. */
export interface Slot {
  /** Index of its first block in the answer. */
  readonly start: number;
  readonly count: number;
  readonly policy: "SEGMENT" | "EVERY_BLOCK";
  /** Its last block changes the authorities: it is its batch's last, and what follows is judged after its import. */
  readonly isBarrier: boolean;
  readonly step:
    | { readonly at: "waiting" }
    | { readonly at: "checking" }
    | { readonly at: "valid"; readonly segment: ValidatedSegment }
    /** Its buffer belongs to the chain. */
    | { readonly at: "submitted" }
    | { readonly at: "imported" };
}

export interface Hedge {
  readonly peerId: string;
  readonly requestId: number;
}

interface Common {
  readonly id: number;
  readonly range: BlockRange;
  /** Peers whose attempt at this range failed, oldest first, each once; they are asked last. */
  readonly failedPeers: readonly string[];
  /** Failed attempts in all. */
  readonly attempts: number;
  /** Changes whenever work under way is void: outcomes that carry an older one are stale. */
  readonly revision: number;
}

/** A cut answer. */
interface Work {
  readonly answer: Answer;
  readonly sets: SetsInForce;
  readonly slots: readonly Slot[];
}

export type Batch =
  | (Common & { readonly state: "awaiting"; readonly notBeforeMs: number })
  | (Common & {
      readonly state: "downloading";
      readonly peerId: string;
      readonly requestId: number;
      readonly sinceMs: number;
      /** A second peer that was asked for the same; whoever answers first counts. */
      readonly hedge: Hedge | undefined;
    })
  | (Common & {
      readonly state: "awaitingValidation";
      readonly answer: Answer;
      readonly notBeforeMs: number;
      /** Judged only as the first batch, when the authorities in force for it are known for sure. */
      readonly mustBeFirst: boolean;
    })
  | (Common & Work & { readonly state: "validating" })
  | (Common & Work & { readonly state: "importing" })
  | (Common & { readonly state: "final"; readonly attribution: Attribution });

export type BatchState = Batch["state"];

/**
 * Failed peers that a batch remembers; at the bound the oldest is forgotten and may be asked like any other.
 */
export const FAILED_PEERS_MAX = 32;

export type BatchEvent =
  /** A request was sent. */
  | {
      readonly type: "requested";
      readonly peerId: string;
      readonly requestId: number;
      readonly nowMs: number;
    }
  /** A second peer was asked for the same range. */
  | { readonly type: "hedged"; readonly peerId: string; readonly requestId: number }
  /** Blocks came: at least one, at most the range. The range becomes what came. */
  | { readonly type: "delivered"; readonly requestId: number; readonly answer: Answer }
  /**
   * No usable answer. `isPeersFailure` false: the attempt does not count (we gave up, or were told to wait).
   */
  | {
      readonly type: "requestFailed";
      readonly requestId: number;
      readonly isPeersFailure: boolean;
      readonly notBeforeMs: number;
    }
  /** The answer was cut into segments, none but the last of which is a barrier. */
  | { readonly type: "cut"; readonly slots: readonly Slot[]; readonly sets: SetsInForce }
  | { readonly type: "checking"; readonly index: number }
  | { readonly type: "validated"; readonly index: number; readonly segment: ValidatedSegment }
  | { readonly type: "submitted"; readonly index: number }
  | { readonly type: "imported"; readonly index: number }
  /** The peer's data is bad: what is not imported is fetched elsewhere. */
  | { readonly type: "rejected"; readonly notBeforeMs: number }
  /** A failure of our own: what is not imported is validated again. */
  | { readonly type: "putBack"; readonly notBeforeMs: number; readonly mustBeFirst: boolean };

export function newBatch(id: number, range: BlockRange): Batch {
  return { state: "awaiting", id, range, failedPeers: [], attempts: 0, revision: 0, notBeforeMs: 0 };
}

/** Height of the batch's last block. */
export function lastHeight(batch: Batch): number {
  return batch.range.first + batch.range.count - 1;
}

/** Its last block changes the authorities, as far as it was looked at. */
export function endsAtBarrier(batch: Batch): boolean {
  const isCut = batch.state === "validating" || batch.state === "importing";
  return isCut && batch.slots.at(-1)?.isBarrier === true;
}

/**
 * The first `count` blocks of an answer, and the rest as a batch of its own under `restId`: both from the same peer. Less
 * than all of them, and one at least.
 */
export function splitBatch(batch: In<"awaitingValidation">, count: number, restId: number): [Batch, Batch] {
  assert(count > 0 && count < batch.range.count, `a batch was split after ${count} blocks`);
  return [
    { ...batch, ...part(batch, 0, count) },
    { ...batch, ...part(batch, count, batch.range.count), id: restId },
  ];
}

function part({ answer, range }: In<"awaitingValidation">, start: number, end: number) {
  const blocks = answer.blocks.slice(start, end);
  const bytes = bytesOf(blocks);
  return { range: { first: range.first + start, count: end - start }, answer: { ...answer, blocks, bytes } };
}

function bytesOf(blocks: readonly Uint8Array[]): number {
  return blocks.reduce((sum, block) => sum + block.length, 0);
}

/**
 * Memory that the batch holds: blocks as they came and, once validation began, as much again for their stored
 * form.
 */
export function heldBytes(batch: Batch): number {
  switch (batch.state) {
    case "awaiting":
    case "downloading":
    case "final":
      return 0;
    case "awaitingValidation":
      return batch.answer.bytes;
    case "validating":
    case "importing":
      return batch.answer.bytes * 2;
    default:
      return assertNever(batch);
  }
}

/**
 * The batch after the event; undefined when the event does not belong to its state, which is then unchanged.
 */
export function stepBatch(batch: Batch, event: BatchEvent): Batch | undefined {
  switch (batch.state) {
    case "awaiting":
      return event.type === "requested" ? requested(batch, event) : undefined;
    case "downloading":
      return stepDownloading(batch, event);
    case "awaitingValidation":
      return stepAwaitingValidation(batch, event);
    case "validating":
      return stepValidating(batch, event);
    case "importing":
      return stepImporting(batch, event);
    case "final":
      return undefined;
    default:
      return assertNever(batch);
  }
}

type In<S extends BatchState> = Extract<Batch, { state: S }>;
type EventOf<T extends BatchEvent["type"]> = Extract<BatchEvent, { type: T }>;

function common(batch: Batch): Common {
  const { id, range, failedPeers, attempts, revision } = batch;
  return { id, range, failedPeers, attempts, revision };
}

/** awaiting → downloading */
function requested(batch: In<"awaiting">, event: EventOf<"requested">): Batch {
  const { peerId, requestId, nowMs } = event;
  return { ...common(batch), state: "downloading", peerId, requestId, sinceMs: nowMs, hedge: undefined };
}

function stepDownloading(batch: In<"downloading">, event: BatchEvent): Batch | undefined {
  if (event.type === "hedged" && batch.hedge === undefined) {
    return { ...batch, hedge: { peerId: event.peerId, requestId: event.requestId } };
  }
  if (event.type === "delivered" && isAsked(batch, event.requestId)) {
    const { answer } = event;
    if (answer.blocks.length < 1 || answer.blocks.length > batch.range.count) return undefined;
    const range = { first: batch.range.first, count: answer.blocks.length };
    return {
      ...common(batch),
      state: "awaitingValidation",
      range,
      answer,
      notBeforeMs: 0,
      mustBeFirst: false,
      revision: batch.revision + 1,
    };
  }
  if (event.type === "requestFailed" && isAsked(batch, event.requestId)) {
    const { isPeersFailure, notBeforeMs, requestId } = event;
    const { hedge } = batch;
    const failedPeer = requestId === batch.requestId ? batch.peerId : (hedge?.peerId ?? batch.peerId);
    const base = isPeersFailure ? blaming(common(batch), failedPeer) : common(batch);
    if (hedge === undefined) return { ...base, state: "awaiting", notBeforeMs };
    // One of two failed: the other goes on.
    const left = requestId === batch.requestId ? hedge : { peerId: batch.peerId, requestId: batch.requestId };
    return { ...base, ...left, state: "downloading", sinceMs: batch.sinceMs, hedge: undefined };
  }
  return undefined;
}

function isAsked(batch: In<"downloading">, requestId: number): boolean {
  return requestId === batch.requestId || requestId === batch.hedge?.requestId;
}

/**
 * awaitingValidation → validating, or → awaiting when a first look shows that it is not what was asked for
 */
function stepAwaitingValidation(batch: In<"awaitingValidation">, event: BatchEvent): Batch | undefined {
  if (event.type === "rejected") return rejected(batch, [], event.notBeforeMs);
  if (event.type !== "cut" || event.slots.length === 0) return undefined;
  const { slots, sets } = event;
  return { ...common(batch), state: "validating", answer: batch.answer, sets, slots };
}

function stepValidating(batch: In<"validating">, event: BatchEvent): Batch | undefined {
  switch (event.type) {
    case "checking":
      return withStep(batch, event.index, "waiting", { at: "checking" });
    case "validated": {
      const next = withStep(batch, event.index, "checking", { at: "valid", segment: event.segment });
      if (next === undefined || next.slots.some((slot) => slot.step.at !== "valid")) return next;
      return { ...next, state: "importing" };
    }
    case "rejected":
      return rejected(batch, batch.slots, event.notBeforeMs);
    case "putBack":
      return putBack(batch, event);
    default:
      return undefined;
  }
}

function stepImporting(batch: In<"importing">, event: BatchEvent): Batch | undefined {
  switch (event.type) {
    case "submitted":
      return withStep(batch, event.index, "valid", { at: "submitted" });
    case "imported": {
      const next = withStep(batch, event.index, "submitted", { at: "imported" });
      if (next === undefined || next.slots.some((slot) => slot.step.at !== "imported")) return next;
      return { ...common(batch), state: "final", attribution: batch.answer.attribution };
    }
    case "rejected":
      return rejected(batch, batch.slots, event.notBeforeMs);
    case "putBack":
      return putBack(batch, event);
    default:
      return undefined;
  }
}

function withStep<B extends In<"validating"> | In<"importing">>(
  batch: B,
  index: number,
  from: Slot["step"]["at"],
  step: Slot["step"],
): B | undefined {
  const slot = batch.slots[index];
  if (slot === undefined || slot.step.at !== from) return undefined;
  return { ...batch, slots: batch.slots.with(index, { ...slot, step }) };
}

/** Blocks at the front of the answer that are imported already: they are not asked for again. */
function importedBlocks(slots: readonly Slot[]): number {
  let count = 0;
  for (const slot of slots) {
    if (slot.step.at !== "imported") break;
    count += slot.count;
  }
  return count;
}

function blaming(base: Common, peerId: string): Common {
  const others = base.failedPeers.filter((failed) => failed !== peerId).slice(1 - FAILED_PEERS_MAX);
  return { ...base, failedPeers: [...others, peerId], attempts: base.attempts + 1 };
}

/** → awaiting, without what is imported */
function rejected(
  batch: In<"awaitingValidation"> | In<"validating"> | In<"importing">,
  slots: readonly Slot[],
  notBeforeMs: number,
): Batch {
  const done = importedBlocks(slots);
  const { first, count } = batch.range;
  return {
    ...blaming(common(batch), batch.answer.attribution.peerId),
    state: "awaiting",
    range: { first: first + done, count: count - done },
    revision: batch.revision + 1,
    notBeforeMs,
  };
}

/** validating, importing → awaitingValidation, without what is imported */
function putBack(batch: In<"validating"> | In<"importing">, event: EventOf<"putBack">): Batch {
  const done = importedBlocks(batch.slots);
  const { first, count } = batch.range;
  const blocks = done === 0 ? batch.answer.blocks : batch.answer.blocks.slice(done);
  return {
    ...common(batch),
    state: "awaitingValidation",
    range: { first: first + done, count: count - done },
    answer: { ...batch.answer, blocks, bytes: bytesOf(blocks) },
    revision: batch.revision + 1,
    notBeforeMs: event.notBeforeMs,
    mustBeFirst: event.mustBeFirst,
  };
}

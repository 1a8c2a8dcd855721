/**
 * CheckpointMachine: what is fetched from peers around checkpoints, whether or not synchronisation runs: the search for one to
 * begin from, and the history behind one that was adopted. Without effects of its own; owned by the SyncMachine, which gives
 * it what range synchronisation leaves of each peer's quota.
 */

import { assertNever, type Failure } from "../../../kernel/errors.ts";
import { BackFill } from "../backfill/back-fill.ts";
import type { BackFillEffect, SearchEffect } from "../effect.ts";
import type { CheckpointInput } from "../input.ts";
import type { Timing } from "../range/block-requests.ts";
import { CheckpointSearch, type CheckpointSearchParts } from "./search.ts";

export interface CheckpointMachineParts extends Omit<CheckpointSearchParts, "effect"> {
  effect(effect: BackFillEffect | SearchEffect): void;
}

export class CheckpointMachine {
  readonly #backFill: BackFill;
  readonly #search: CheckpointSearch;

  constructor(parts: CheckpointMachineParts) {
    this.#backFill = new BackFill(parts);
    this.#search = new CheckpointSearch(parts);
  }

  take(input: CheckpointInput, nowMs: number): void {
    switch (input.type) {
      case "backFill":
        return this.#backFill.begin(input.missing);
      case "endBackFill":
        return this.#backFill.end();
      case "prepended":
        return this.#backFill.prepended(input.runId, input.missing, input.failure);
      case "search":
        return this.#search.begin(input.options, nowMs);
      case "endSearch":
        return this.#search.end();
      case "checkpointAnswered":
        return this.#search.answered(input.askId, input.answer, nowMs);
      case "checkpointKept":
        return this.#search.kept(input.outcome);
      default:
        return assertNever(input);
    }
  }

  /** Blocks that one of both asked for came. */
  answered(
    owner: "backFill" | "search",
    requestId: number,
    blocks: readonly Uint8Array[],
    timing: Timing,
    nowMs: number,
  ): void {
    if (owner === "backFill") return this.#backFill.answered(requestId, blocks, timing, nowMs);
    return this.#search.blocksCame(requestId, blocks, timing);
  }

  requestFailed(owner: "backFill" | "search", requestId: number, reason: Failure, nowMs: number): void {
    if (owner === "backFill") return this.#backFill.requestFailed(requestId, reason, nowMs);
    return this.#search.blocksFailed(requestId, reason, nowMs);
  }

  /** Nobody is asked for anything while it is paused; what was asked for is taken when it comes. */
  move(nowMs: number, isPaused: boolean): void {
    this.#search.move(nowMs, isPaused);
    if (!isPaused) this.#backFill.move(nowMs);
  }

  peerGone(peerId: string): void {
    this.#backFill.peerGone(peerId);
    this.#search.peerGone(peerId);
  }
}

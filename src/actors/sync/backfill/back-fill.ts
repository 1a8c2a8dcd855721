/**
 * BackFill: fetches the history behind an adopted checkpoint from the top down, run after run, each from one peer that has it,
 * and hands each run to the chain, which checks that it leads to what is there. A peer whose blocks do not is asked no more
 * and reported. Its requests come after those of range synchronisation, under the same law. It ends when nothing is missing,
 * or when it is stopped; without peers it waits. A machine without effects of its own, owned by machine.ts.
 */

import type { Failure } from "../../../kernel/errors.ts";
import type { BackFillEffect } from "../effect.ts";
import { wrongAnswer } from "../range/answer.ts";
import type { BlockRequests, Timing } from "../range/block-requests.ts";
import { choosePeer } from "../range/peer-choice.ts";
import type { SyncPeers } from "../sync-peers.ts";

export interface BackFillParts {
  readonly peers: SyncPeers;
  readonly requests: BlockRequests;
  effect(effect: BackFillEffect): void;
}

/** Blocks of one run: 110 KiB of usual blocks. Their bytes are bounded below. */
const RUN_BLOCKS = 256;
/** Bytes of a run; above it a shorter one is asked for. Half of what a write may have. */
const RUN_BYTES_MAX = 8 * 1024 * 1024;
/** Peers remembered for blocks that did not lead to ours; with one more the oldest may be asked again. A restart forgives. */
const LIARS_MAX = 1_024;
/** Peers remembered for not having delivered the run that is wanted: they are asked last for it. */
const FAILED_PEERS_MAX = 16;

/** The run that is being fetched, or is with the chain. */
interface Run {
  readonly id: number;
  readonly peerId: string;
  readonly first: number;
  readonly last: number;
  readonly blocks: readonly Uint8Array[];
  readonly bytes: number;
  readonly step:
    | { readonly at: "waiting" }
    | { readonly at: "asked"; readonly requestId: number; readonly count: number }
    | { readonly at: "prepending" };
}

export class BackFill {
  readonly #parts: BackFillParts;
  readonly #liars = new Set<string>();
  #failedPeers: readonly string[] = [];
  #runBlocks = RUN_BLOCKS;
  /** Blocks 1 to this one are missing; undefined while nothing is being filled. */
  #missing: number | undefined;
  #run: Run | undefined;
  #nextRun = 1;

  constructor(parts: BackFillParts) {
    this.#parts = parts;
  }

  get isRunning(): boolean {
    return this.#missing !== undefined;
  }

  /** Blocks 1 to `missing` are wanted. */
  begin(missing: number): void {
    this.end();
    this.#missing = missing;
    if (missing === 0) this.#finish(undefined);
  }

  /** Asks for no more. A run that is with the chain may still be written. */
  end(): void {
    if (this.#run?.step.at === "asked") this.#parts.requests.cancel(this.#run.step.requestId);
    this.#run = undefined;
    this.#missing = undefined;
  }

  /** Asks for what is wanted next, where it may. */
  move(nowMs: number): void {
    if (this.#missing === undefined) return;
    this.#run ??= this.#choose(this.#missing, nowMs);
    if (this.#run?.step.at === "waiting") this.#ask(this.#run, nowMs);
  }

  answered(requestId: number, blocks: readonly Uint8Array[], timing: Timing, nowMs: number): void {
    const { requests } = this.#parts;
    if (!requests.close(requestId)) return;
    const run = this.#asked(requestId);
    if (run === undefined) return;
    const { peerId, first, last } = run;
    const begin = first + run.blocks.length;
    const wrong = wrongAnswer(blocks, begin, last - begin + 1);
    if (wrong !== undefined || blocks.length === 0) {
      if (wrong !== undefined) this.#blame(peerId, wrong, blocks);
      requests.failedAs(peerId, { isPeersFailure: true, coolMs: undefined }, nowMs);
      return this.#drop(run);
    }
    requests.succeeded(peerId, timing, blocks.length);
    const all = [...run.blocks, ...blocks];
    const bytes = run.bytes + blocks.reduce((sum, block) => sum + block.length, 0);
    if (all.length === last - first + 1) {
      this.#run = { ...run, blocks: all, bytes, step: { at: "prepending" } };
      return this.#parts.effect({ type: "prepend", runId: run.id, blocks: all });
    }
    if (bytes > RUN_BYTES_MAX) {
      this.#runBlocks = Math.max(1, Math.floor(this.#runBlocks / 2));
      this.#run = undefined;
    } else this.#run = { ...run, blocks: all, bytes, step: { at: "waiting" } };
  }

  requestFailed(requestId: number, reason: Failure, nowMs: number): void {
    if (!this.#parts.requests.close(requestId)) return;
    const run = this.#asked(requestId);
    if (run === undefined) return;
    this.#parts.requests.failed(run.peerId, reason, nowMs);
    this.#drop(run);
  }

  /** What became of a run that the chain was handed; `missing` is what is missing now. */
  prepended(runId: number, missing: number, failure: Failure | undefined): void {
    const run = this.#run;
    if (run?.id !== runId) return;
    if (failure === undefined) {
      this.#missing = missing;
      this.#run = undefined;
      this.#failedPeers = [];
      if (missing === 0) this.#finish(undefined);
    } else if (failure.reason === "WRONG_HISTORY") {
      this.#blame(run.peerId, failure.message, run.blocks);
      this.#run = undefined;
    } else {
      this.#finish(failure);
    }
  }

  peerGone(peerId: string): void {
    const run = this.#run;
    if (run?.peerId !== peerId || run.step.at === "prepending") return;
    if (run.step.at === "asked") this.#parts.requests.cancel(run.step.requestId);
    this.#run = undefined;
  }

  /** The run that ends below what is there, at a peer that says that it has it. */
  #choose(last: number, nowMs: number): Run | undefined {
    const first = Math.max(1, last - this.#runBlocks + 1);
    const able = this.#parts.peers
      .candidates(nowMs)
      .filter(
        (candidate) => !this.#liars.has(candidate.peerId) && this.#parts.requests.mayAsk(candidate, nowMs),
      );
    const peer = choosePeer(able, { first, count: last - first + 1 }, this.#failedPeers, nowMs);
    if (peer === undefined) return undefined;
    const { peerId } = peer;
    return { id: this.#nextRun++, peerId, first, last, blocks: [], bytes: 0, step: { at: "waiting" } };
  }

  /** Asks its peer for the rest of the run, once it may be asked. */
  #ask(run: Run, nowMs: number): void {
    const { peers, requests } = this.#parts;
    const { peerId, first: begin, last, blocks } = run;
    const peer = peers.get(peerId);
    if (peer === undefined || !requests.mayAsk(peer, nowMs)) return;
    const requestId = requests.nextId();
    const first = begin + blocks.length;
    const count = last - first + 1;
    this.#run = { ...run, step: { at: "asked", requestId, count } };
    requests.send(requestId, "backFill", peerId, { first, count }, nowMs);
  }

  #asked(requestId: number): Run | undefined {
    const step = this.#run?.step;
    return step?.at === "asked" && step.requestId === requestId ? this.#run : undefined;
  }

  /** Its peer does not deliver it: another one is asked for the whole, so that whoever is blamed for a run delivered all of it. */
  #drop({ peerId }: Run): void {
    const others = this.#failedPeers.filter((each) => each !== peerId);
    this.#failedPeers = [...others.slice(1 - FAILED_PEERS_MAX), peerId];
    this.#run = undefined;
  }

  #finish(failure: Failure | undefined): void {
    this.#missing = undefined;
    this.#run = undefined;
    this.#parts.effect({ type: "backFilled", failure });
  }

  #blame(peerId: string, detail: string, blocks: readonly Uint8Array[]): void {
    this.#liars.add(peerId);
    for (const oldest of this.#liars) {
      if (this.#liars.size <= LIARS_MAX) break;
      this.#liars.delete(oldest);
    }
    this.#parts.requests.blame(peerId, detail, blocks);
  }
}

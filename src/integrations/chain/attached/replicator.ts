/**
 * Replicator: brings the attached ChainActor to where this node's chain is. A cursor over the node's own store: blocks above
 * what the client confirmed go out in batches, several at a time; its verdicts move the cursor, a reorganization takes it
 * back, a lost client is met again where it says it stands. AttachedChain owns it.
 */

import type { AttachHello, ImportBlocksResult } from "../../../../gen/alys/integration/v1/integration_pb.ts";
import { ImportVerdict } from "../../../../gen/alys/integration/v1/integration_pb.ts";
import { type Failure, failure } from "../../../kernel/errors.ts";
import type { Clock, TimerHandle } from "../../../kernel/ports/clock.ts";
import type { Log } from "../../../kernel/ports/log.ts";
import type { BlockPoint } from "../../../storage/port.ts";
import type { AttachHub, AttachOwner, Reported } from "../../attach/hub.ts";
import { blockView } from "../block-view.ts";
import type { ChainPort } from "../port.ts";
import { type Contradiction, contradictionText, Divergence } from "./divergence.ts";

/** Blocks of one batch. */
const BATCH_BLOCKS_MAX = 64;
/** Bytes of one batch; a larger block goes alone. */
const BATCH_BYTES_MAX = 1024 * 1024;
/** Batches on their way at a time: enough to hide the way there and back; no more are read from the store. */
const BATCHES_MAX = 8;
/** For the verdicts on one batch; later ones are asked for again. */
const BATCH_DEADLINE_MS = 10_000;
/** After "not now" or a failed call, before the same blocks go out again. */
const RETRY_MS = 500;
/** Steps from a block beside the chain down to it; a client further off begins at the final block. */
const WALK_BLOCKS_MAX = 1_024;

export interface FollowerParts {
  readonly chain: ChainPort;
  readonly hub: AttachHub;
  readonly clock: Clock;
  readonly log: Log;
  /** Availability, or what the client confirmed, may have changed. */
  readonly changed: () => void;
  /** The client began to contradict our chain, in what is given; undefined when it ended. */
  readonly diverged: (contradiction: Contradiction | undefined) => void;
}

interface Batch {
  readonly first: number;
  readonly count: number;
  result: ImportBlocksResult | undefined;
}

export interface Refusal {
  readonly height: number;
  readonly reason: string;
}

export class Replicator implements AttachOwner {
  readonly #parts: FollowerParts;
  readonly #claims: Divergence;
  #isActive = false;
  #hasCaughtUp = false;
  #wantsViews = false;
  #confirmedHeight = 0;
  #nextHeight = 1;
  #refusal: Refusal | undefined;
  /** Batches on their way, ascending; one that is no longer in here is forgotten. */
  #batches: Batch[] = [];
  #pause: TimerHandle | undefined;

  constructor(parts: FollowerParts) {
    this.#parts = parts;
    this.#claims = new Divergence(parts.chain);
    parts.hub.own(this);
  }

  /** Attached, once at our head since, and not on another chain by its own word. */
  get isFollowing(): boolean {
    return this.#isActive && this.#hasCaughtUp && this.contradiction === undefined;
  }

  /** Where the attached client says that it builds on other blocks than those it confirmed. */
  get contradiction(): Contradiction | undefined {
    return this.#isActive ? this.#claims.contradiction : undefined;
  }

  /** Height of the newest block that the client applied, as far as we know. */
  get confirmedHeight(): number {
    return this.#confirmedHeight;
  }

  /** The block that the client found invalid; nothing is imported until a client attaches anew. */
  get refusal(): Refusal | undefined {
    return this.#refusal;
  }

  admit({ lastApplied, withBlockViews }: AttachHello): BlockPoint | Failure {
    const from = this.#resumePoint(lastApplied);
    const { earliestHeight } = this.#parts.chain.snapshot();
    if (from.height + 1 < earliestHeight) {
      const text = `the client needs block ${from.height + 1}, our first is ${earliestHeight}`;
      return failure("OUT_OF_RANGE", "ATTACH_PRUNED", text);
    }
    const wasDiverged = this.contradiction !== undefined;
    this.#claims.begun();
    if (wasDiverged) this.#parts.diverged(undefined);
    this.#wantsViews = withBlockViews;
    this.#confirmedHeight = from.height;
    this.#refusal = undefined;
    this.#hasCaughtUp = false;
    this.#restart();
    return from;
  }

  attached(): void {
    this.#isActive = true;
    // A take-over said "detached" for the one before.
    this.#restart();
    this.#pump();
    this.#progressed();
  }

  detached(): void {
    const wasDiverged = this.contradiction !== undefined;
    this.#isActive = false;
    if (wasDiverged) this.#parts.diverged(undefined);
    this.#hasCaughtUp = false;
    this.#restart();
    this.#parts.changed();
  }

  reported(reported: Reported): void {
    if (!this.#isActive) return;
    const { clock, log } = this.#parts;
    const isNews = this.#claims.heard(reported, this.#confirmedHeight, clock.monotonicMs(), clock.nowMs());
    if (!isNews) return;
    const { contradiction } = this;
    if (contradiction === undefined) log.info("the attached ChainActor is on our chain again");
    else {
      const text = contradictionText(contradiction);
      const { height } = contradiction;
      log.error("the attached ChainActor is on another chain", { alarm: "chain_diverged", height, text });
    }
    this.#parts.diverged(contradiction);
    this.#parts.changed();
  }

  /** The node's head moved. `commonHeight`: blocks above it were replaced. */
  headMoved(commonHeight?: number): void {
    if (commonHeight !== undefined && commonHeight + 1 < this.#nextHeight) {
      this.#confirmedHeight = Math.min(this.#confirmedHeight, commonHeight);
      this.#restart();
    }
    this.#pump();
  }

  close(): void {
    this.#isActive = false;
    this.#restart();
  }

  /** The highest block that the client surely shares with us. */
  #resumePoint(lastApplied: AttachHello["lastApplied"]): BlockPoint {
    const { chain } = this.#parts;
    const genesis = { height: 0, hash: chain.facts.genesisHash };
    if (lastApplied === undefined || lastApplied.height === 0n) return genesis;
    let { hash } = lastApplied;
    for (let step = 0; step < WALK_BLOCKS_MAX; step++) {
      const height = chain.heightOf(hash);
      if (height !== undefined) return { height, hash: hash.slice() };
      const beside = chain.readBlockByHash(hash);
      if (beside === undefined) break;
      // A block begins with its parent's hash.
      hash = beside.bytes.slice(0, 32);
    }
    // It is ahead of us, or on a branch that we never saw: what is final is common, if it is our chain at all.
    const { final } = chain.snapshot();
    return final.height <= Number(lastApplied.height) ? final : genesis;
  }

  #restart(): void {
    this.#batches = [];
    this.#nextHeight = this.#confirmedHeight + 1;
    this.#pause?.cancel();
    this.#pause = undefined;
  }

  #pump(): void {
    const { chain } = this.#parts;
    while (
      this.#isActive &&
      this.#refusal === undefined &&
      this.#pause === undefined &&
      this.#batches.length < BATCHES_MAX &&
      this.#nextHeight <= chain.snapshot().head.height
    ) {
      const blocks = chain.readRange(this.#nextHeight, BATCH_BLOCKS_MAX, BATCH_BYTES_MAX);
      if (blocks.length === 0) return;
      this.#send(blocks);
    }
  }

  #send(blocks: readonly Uint8Array[]): void {
    const batch: Batch = { first: this.#nextHeight, count: blocks.length, result: undefined };
    this.#batches.push(batch);
    this.#nextHeight += batch.count;
    const bytes = blocks.reduce((sum, { length }) => sum + length, 0);
    const value = {
      blocks: [...blocks],
      firstHeight: BigInt(batch.first),
      ...(this.#wantsViews && { views: this.#viewsOf(blocks, batch.first) }),
    };
    this.#parts.hub.call("importBlocks", value, bytes, BATCH_DEADLINE_MS).then(
      (result) => this.#judged(batch, result as ImportBlocksResult),
      (reason: Failure) => this.#retryLater(batch, reason.message),
    );
  }

  #viewsOf(blocks: readonly Uint8Array[], first: number) {
    const { final } = this.#parts.chain.snapshot();
    return blocks.map((block, index) => blockView(block, first + index <= final.height));
  }

  #judged(batch: Batch, result: ImportBlocksResult): void {
    if (!this.#batches.includes(batch)) return;
    if (result.verdicts.length !== batch.count) {
      const text = `${result.verdicts.length} verdicts came for ${batch.count} blocks`;
      return this.#parts.hub.end(failure("INVALID_ARGUMENT", "ATTACH_PROTOCOL", text));
    }
    batch.result = result;
    // Answers come in any order; blocks are confirmed in theirs.
    for (let next = this.#batches[0]; next?.result !== undefined; next = this.#batches[0]) {
      if (!this.#apply(next, next.result)) break;
      this.#batches.shift();
    }
    this.#pump();
    this.#progressed();
  }

  /** False when the batch did not go through to its end. */
  #apply(batch: Batch, { verdicts, reason }: ImportBlocksResult): boolean {
    for (const [index, verdict] of verdicts.entries()) {
      const height = batch.first + index;
      switch (verdict) {
        case ImportVerdict.IMPORTED:
        case ImportVerdict.ALREADY_KNOWN:
          this.#confirmedHeight = height;
          break;
        case ImportVerdict.INVALID:
          this.#refuse(height, reason);
          return false;
        default:
          this.#retryLater(batch, reason);
          return false;
      }
    }
    return true;
  }

  #refuse(height: number, reason: string): void {
    this.#refusal = { height, reason };
    this.#restart();
    this.#parts.log.error("the attached ChainActor refuses a block that our rules accept: import stops", {
      alarm: "chain_refused",
      height,
      reason,
    });
  }

  #retryLater(batch: Batch, reason: string): void {
    if (!this.#isActive || !this.#batches.includes(batch)) return;
    this.#parts.log.debug("blocks go to the ChainActor again", { height: this.#confirmedHeight + 1, reason });
    this.#restart();
    this.#pause = this.#parts.clock.setTimer(RETRY_MS, () => {
      this.#pause = undefined;
      this.#pump();
    });
  }

  #progressed(): void {
    const { head } = this.#parts.chain.snapshot();
    if (this.#isActive && this.#confirmedHeight >= head.height) this.#hasCaughtUp = true;
    this.#parts.changed();
  }
}

/**
 * SyncMachine: the whole state of synchronisation without any effect of its own. It owns the organs (peers,
 * pipeline, live blocks, progress, production, operations), decides what they may do at each moment, and
 * collects what is to be done outside; time is an argument. The actor feeds it and carries its effects out.
 */

import { quorumOf } from "../../chain/approval.ts";
import { equalBytes } from "../../chain/bytes.ts";
import type { ChainPort } from "../../integrations/chain/port.ts";
import {
  GOSSIP_GRACE_BLOCKS,
  GOSSIP_GRACE_MS,
  type Mode,
  STATUS_REFRESH_MS,
  type SyncConfig,
} from "./config.ts";
import { LiveBlocks } from "./live.ts";
import type { LiveEffect } from "./live-effect.ts";
import type { Stuck } from "./liveness.ts";
import { SyncMetrics } from "./metrics.ts";
import { type Operation, Operations } from "./operation.ts";
import { PeerBook } from "./peers.ts";
import { Pipeline } from "./pipeline.ts";
import type { PipelineEffect } from "./pipeline-effect.ts";
import {
  FIRST_MEMORY,
  judgeProduction,
  type ProductionOverride,
  type ProductionVerdict,
} from "./production.ts";
import { RateMeter } from "./progress.ts";
import type { StatusFacts } from "./status.ts";
import { chooseTarget, lagOf, type ProvenHead } from "./target.ts";

export type SyncEffect =
  | PipelineEffect
  | LiveEffect
  /** Ask all connected peers for a fresh Status. */
  | { readonly type: "refreshStatus" };

/** One moment by both clocks: monotonic for what we wait for, Unix for what others stamped. */
export interface Moment {
  readonly monotonicMs: number;
  readonly unixMs: number;
}

export interface MachineParts {
  readonly config: SyncConfig;
  /** Read only; imports are effects. */
  readonly chain: Pick<ChainPort, "facts" | "snapshot" | "authoritiesAt" | "heightOf" | "readBlockByHash">;
  readonly ownKey: Uint8Array | undefined;
  readonly epoch: number;
}

export interface StartOptions {
  readonly mode: Mode;
  /** Last height wanted; undefined: the head of the chain, for ever. */
  readonly heightMax: number | undefined;
}

/** Failed attempts at the range that import waits for after which the status says so. */
const ATTEMPTS_REPORTED = 4;

export class SyncMachine {
  readonly metrics = new SyncMetrics();
  readonly peers = new PeerBook();
  readonly operations: Operations;
  readonly pipeline: Pipeline;
  readonly live: LiveBlocks;
  /** Height at which this process found its chain. */
  readonly resumedFromHeight: number;
  readonly #parts: MachineParts;
  readonly #rate = new RateMeter();
  #effects: SyncEffect[] = [];
  #options: StartOptions;
  #isRunning = false;
  #isPaused = false;
  #operatorsReason = "";
  #override: ProductionOverride = "none";
  #production = FIRST_MEMORY;
  #isSynced = false;
  #canProduce = false;
  /** Since when a better head is known while ours stands still, monotonic milliseconds. */
  #behind: { readonly hash: Uint8Array; readonly sinceMs: number } | undefined;
  #refreshedMs = Number.NEGATIVE_INFINITY;

  constructor(parts: MachineParts) {
    const { chain, config } = parts;
    this.#parts = parts;
    this.#options = { mode: config.mode, heightMax: undefined };
    this.operations = new Operations(parts.epoch);
    this.resumedFromHeight = chain.snapshot().head.height;
    const effect = (wanted: SyncEffect): void => void this.#effects.push(wanted);
    this.pipeline = new Pipeline({
      config,
      peers: this.peers,
      metrics: this.metrics,
      effect,
      progressed: (blocks, nowMs) => this.#rate.add(blocks, nowMs),
    });
    this.live = new LiveBlocks({
      chain: {
        isKnown: (hash) => chain.heightOf(hash) !== undefined || chain.readBlockByHash(hash) !== undefined,
        finalHeight: () => chain.snapshot().final.height,
      },
      metrics: this.metrics,
      driftMs: chain.facts.driftMs,
      effect,
      proven: (peerId, head) => this.peers.proveByGossip(peerId, head),
    });
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }
  get isPaused(): boolean {
    return this.#isPaused;
  }
  get mode(): Mode {
    return this.#options.mode;
  }

  takeEffects(): SyncEffect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  /** The running operation when the options are the same, a new one otherwise. */
  start(options: StartOptions, moment: Moment): Operation {
    const parameters = `${options.mode} ${options.heightMax ?? "head"}`;
    const { running } = this.operations;
    if (this.#isRunning && running?.parameters === parameters) return running;
    this.#options = options;
    this.#isRunning = true;
    this.#operatorsReason = "";
    const operation = this.operations.start("StartSync", parameters, moment.unixMs);
    this.move(moment);
    return this.operations.find(operation.id) ?? operation;
  }

  stop(reason: string): void {
    this.operations.finish(`stopped: ${reason}`);
    this.#halt(reason);
  }

  pause(reason: string): void {
    this.#isPaused = true;
    this.#operatorsReason = reason;
  }

  resume(moment: Moment): void {
    this.#isPaused = false;
    this.#operatorsReason = "";
    this.move(moment);
  }

  overrideProduction(override: ProductionOverride): void {
    this.#override = override;
  }

  /** Its requests go elsewhere. */
  peerGone(peerId: string): void {
    this.pipeline.peerGone(peerId);
    this.peers.remove(peerId);
  }

  gossip(handle: string, peerId: string, bytes: Uint8Array): void {
    if (this.#isFollowing()) return this.live.gossip(handle, peerId, bytes);
    this.metrics.add("gossipIgnored");
    this.#effects.push({ type: "verdict", handle, verdict: "ignore" });
  }

  /** Moves on whatever can move. To be called after every input. */
  move(moment: Moment): void {
    if (!this.#isRunning) return;
    const { head, final, isAvailable } = this.#parts.chain.snapshot();
    const { heightMax, mode } = this.#options;
    if (heightMax !== undefined && head.height >= heightMax) {
      this.operations.finish("");
      return this.#halt(`height ${heightMax} is reached`);
    }
    const target = this.#target(head, moment);
    this.pipeline.pump({
      nowMs: moment.monotonicMs,
      head,
      finalHeight: final.height,
      target: this.#isDue(head, target, moment) ? target : undefined,
      heightMax,
      mode,
      finalityDepth: this.#parts.chain.facts.finalityDepth,
      mayRequest: !this.#isPaused,
      mayProcess: isAvailable,
    });
  }

  /** The chain has another head: held blocks may have their parent now. */
  chainMoved(): void {
    if (this.#isFollowing()) this.live.release();
  }

  /** Once a tick. Gives what was found stuck, which is a defect. */
  tick(moment: Moment): Stuck[] {
    if (this.#isFollowing()) this.live.tick(moment.unixMs);
    const stuck = this.pipeline.mend(moment.monotonicMs);
    this.move(moment);
    this.judge(moment);
    this.#refreshReports(moment);
    return stuck;
  }

  /** Whether this node may produce now. */
  judge(moment: Moment): ProductionVerdict {
    const { chain, ownKey, config } = this.#parts;
    const { head, isAvailable } = chain.snapshot();
    const target = this.#target(head, moment);
    const verdict = judgeProduction(
      {
        headHeight: head.height,
        headHash: head.hash,
        headAgeMs: moment.unixMs - head.timestampMs,
        targetHeight: Math.max(head.height, target?.height ?? 0),
        peers: [...this.peers.all()],
        authorities: chain.authoritiesAt(head.height + 1).keys,
        ownKey,
        isChainAvailable: isAvailable,
        override: this.#override,
        nowMs: moment.unixMs,
      },
      config,
      this.#production,
    );
    this.#production = verdict.memory;
    this.#isSynced = verdict.isSynced;
    this.#canProduce = verdict.canProduce;
    return verdict;
  }

  status(moment: Moment): StatusFacts {
    const { chain, config } = this.#parts;
    const { head, final, isAvailable } = chain.snapshot();
    return {
      head,
      final,
      headAgeMs: moment.unixMs - head.timestampMs,
      target: this.#target(head, moment),
      mode: this.#options.mode,
      isRunning: this.#isRunning,
      isPaused: this.#isPaused,
      isChainAvailable: isAvailable,
      hasSource: this.#hasSource(head.height, moment),
      isFailing: this.pipeline.isFailing,
      isSynced: this.#isSynced,
      operatorsReason: this.#operatorsReason,
      pipelineReason: this.pipeline.reason === "" ? this.#stall() : this.pipeline.reason,
      blocksPerSecond: this.#rate.blocksPerSecond(moment.monotonicMs),
      connectedPeers: this.peers.size,
      usefulPeers: this.peers.countAbove(head.height),
      requestsInFlight: this.pipeline.requestsInFlight,
      bytesBuffered: this.pipeline.bytesBuffered,
      bytesBufferedMax: config.bufferBytesMax,
      canProduce: this.#canProduce,
      resumedFromHeight: this.resumedFromHeight,
      lowestRequestedHeight: this.pipeline.lowestRequestedHeight,
      blocksSynced: this.metrics.get("blocksSynced"),
      blocksFollowed: this.metrics.get("blocksFollowed"),
    };
  }

  #halt(reason: string): void {
    this.#isRunning = false;
    this.#isPaused = false;
    this.#operatorsReason = reason;
    this.#behind = undefined;
    this.pipeline.stop();
    this.live.stop();
  }

  #isFollowing(): boolean {
    return this.#isRunning && !this.#isPaused && this.#parts.chain.snapshot().isAvailable;
  }

  #target(own: ProvenHead, moment: Moment): ProvenHead | undefined {
    return chooseTarget(own, this.peers.provenHeads(moment.monotonicMs));
  }

  /**
   * A step or two behind a moment ago, gossip is given the time to bring the block before a range is asked
   * for.
   */
  #isDue(head: ProvenHead, target: ProvenHead | undefined, moment: Moment): boolean {
    if (target === undefined) {
      this.#behind = undefined;
      return false;
    }
    if (this.#behind === undefined || !equalBytes(this.#behind.hash, head.hash)) {
      this.#behind = { hash: head.hash, sinceMs: moment.monotonicMs };
    }
    const isGossipsTurn =
      this.#production.isNear &&
      this.live.heldBlocks === 0 &&
      this.pipeline.batches.length === 0 &&
      lagOf(head, target) <= GOSSIP_GRACE_BLOCKS;
    return !isGossipsTurn || moment.monotonicMs - this.#behind.sinceMs >= GOSSIP_GRACE_MS;
  }

  /** A node that needs nobody else (it alone is a quorum, or no peers are asked for) has one in itself. */
  #hasSource(headHeight: number, moment: Moment): boolean {
    const { chain, config, ownKey } = this.#parts;
    if (config.peersMin === 0) return true;
    const { keys } = chain.authoritiesAt(headHeight + 1);
    const isMember = ownKey !== undefined && keys.some((key) => equalBytes(key, ownKey));
    if (isMember && quorumOf(keys.length) === 1) return true;
    return !this.peers.provenHeads(moment.monotonicMs).next().done;
  }

  #stall(): string {
    const front = this.pipeline.batches[0];
    if (front?.state !== "awaiting" || front.attempts < ATTEMPTS_REPORTED) return "";
    const { range, attempts } = front;
    return `no peer delivers valid blocks from height ${range.first} on, after ${attempts} attempts`;
  }

  /** While only the head's age stands in the way, reports of the same head decide: they must be fresh. */
  #refreshReports(moment: Moment): void {
    const { isNear, isFresh } = this.#production;
    const isDue = moment.monotonicMs - this.#refreshedMs >= STATUS_REFRESH_MS;
    if (!this.#isRunning || !isNear || isFresh || !isDue || this.peers.size === 0) return;
    this.#refreshedMs = moment.monotonicMs;
    this.#effects.push({ type: "refreshStatus" });
  }
}

/**
 * SyncMachine: the whole state of synchronisation without any effect of its own, and its one entrance,
 * `step(input, moment) → effects`. It owns the organs (peers, pipeline, live blocks, progress, production, operations), which
 * reach each other through it alone, and decides what they may do at each moment. The actor feeds it and has its effects
 * carried out. Everything but `step` only reads.
 */

import { toHex } from "../../chain/hex.ts";
import type { ChainPort } from "../../integrations/chain/port.ts";
import { assertNever } from "../../kernel/errors.ts";
import { LiveSettings } from "../../kernel/settings.ts";
import { CheckpointMachine } from "./checkpoint/machine.ts";
import type { Mode, SyncConfig } from "./config.ts";
import type { Moment, SyncEffect } from "./effect.ts";
import { EquivocationDetector } from "./equivocation/detector.ts";
import type {
  CommandInput,
  LiveOutcome,
  NeighbourInput,
  RangeOutcome,
  StartOptions,
  SyncInput,
} from "./input.ts";
import { AncestorLookups, LOOKUP_DEPTH_MAX } from "./live/ancestor-lookup.ts";
import { LiveBlocks } from "./live/live-blocks.ts";
import { SyncMetrics } from "./metrics.ts";
import { Operations } from "./operation.ts";
import type { Condition, ProductionOverride, ProductionVerdict } from "./production/readiness.ts";
import { ReadinessMonitor } from "./production/readiness-monitor.ts";
import { BlockRequests } from "./range/block-requests.ts";
import { QuotaLedger } from "./range/quota.ts";
import { RangeSync } from "./range/range-sync.ts";
import { progressPpm, RateMeter } from "./status/progress.ts";
import type { PausedReason, RestingReason, SearchReason } from "./status/stall-reason.ts";
import { stallWords } from "./status/stall-words.ts";
import { type StatusSources, syncStatus } from "./status/status.ts";
import { beginTailCheck, stepTailCheck, type TailCheck, tailCount } from "./store-check/tail-check.ts";
import { SyncPeers } from "./sync-peers.ts";
import { type ProgressSources, StallDetector } from "./target/stall.ts";
import { TargetSelector } from "./target/target-selector.ts";
import { UnprovenHeads } from "./target/unproven-heads.ts";

type ChainReads = Pick<
  ChainPort,
  "facts" | "snapshot" | "authoritiesAt" | "authoritiesAfter" | "heightOf" | "readBlockByHash"
>;

export interface MachineParts {
  /** That it begins with. */
  readonly config: SyncConfig;
  /** Read only; imports are effects. */
  readonly chain: ChainReads;
  readonly ownKey: Uint8Array | undefined;
  readonly signingBars?: (() => readonly Condition[]) | undefined;
  readonly epoch: number;
}

function isKnown(chain: ChainReads, hash: Uint8Array): boolean {
  return chain.heightOf(hash) !== undefined || chain.readBlockByHash(hash) !== undefined;
}

export class SyncMachine {
  readonly metrics = new SyncMetrics();
  readonly operations: Operations;
  /** Height at which this process found its chain. */
  readonly resumedFromHeight: number;
  readonly #parts: MachineParts;
  readonly #config: LiveSettings<SyncConfig>;
  readonly #peers = new SyncPeers();
  readonly #requests: BlockRequests;
  readonly #checkpoints: CheckpointMachine;
  readonly #pipeline: RangeSync;
  readonly #live: LiveBlocks;
  readonly #lookups: AncestorLookups;
  readonly #hints: UnprovenHeads;
  readonly #equivocations: EquivocationDetector;
  readonly #rate = new RateMeter();
  #effects: SyncEffect[] = [];
  #options: StartOptions;
  #isRunning = false;
  /** Undefined while it is not paused. */
  #paused: PausedReason | undefined;
  /** Why it does not run, while it does not. */
  #resting: RestingReason = { type: "notStarted" };
  #tail: TailCheck = { state: "none" };
  #nowMs = 0;
  readonly #standstill = new StallDetector();
  readonly #targets = new TargetSelector(this.#peers);
  readonly #standing: ReadinessMonitor;

  constructor(parts: MachineParts) {
    const { chain, config } = parts;
    this.#parts = parts;
    this.#config = new LiveSettings(config);
    this.#options = { mode: config.mode, heightMax: undefined };
    this.operations = new Operations(parts.epoch);
    this.resumedFromHeight = chain.snapshot().head.height;
    const effect = (wanted: SyncEffect): void => void this.#effects.push(wanted);
    // What may be asked of each peer, by whatever part of synchronisation.
    const quota = new QuotaLedger();
    const asking = { peers: this.#peers, quota, metrics: this.metrics, effect };
    this.#requests = new BlockRequests(asking);
    const shared = { ...asking, requests: this.#requests };
    this.#checkpoints = new CheckpointMachine(shared);
    this.#standing = new ReadinessMonitor({
      ...parts,
      ...shared,
      config: this.#config,
      targets: this.#targets,
    });
    this.#lookups = new AncestorLookups(shared);
    this.#hints = new UnprovenHeads(shared);
    this.#equivocations = new EquivocationDetector({ ...shared, ownKey: parts.ownKey });
    this.#pipeline = new RangeSync({
      ...shared,
      config: this.#config,
      chain,
      approved: (blocks, authorities) => this.#equivocations.sawBlocks(blocks, authorities),
      progressed: (blocks, nowMs) => this.#rate.add(blocks, nowMs),
      served: (last) => this.#targets.served(last),
    });
    this.#live = new LiveBlocks({
      chain: {
        authoritiesAfter: (hash) => chain.authoritiesAfter(hash),
        authoritiesAt: (height) => chain.authoritiesAt(height),
        isKnown: (hash) => isKnown(chain, hash),
        finalHeight: () => chain.snapshot().final.height,
      },
      metrics: this.metrics,
      driftMs: chain.facts.driftMs,
      effect,
      proven: (peerId, head) => this.#peers.proveByGossip(peerId, head),
      approved: (check, header) => this.#equivocations.saw(check, header),
      hinted: (peerId, head) => this.#peers.claim(peerId, head),
      missing: (child, parent, height, peerId) => this.#lookUp(child, parent, height, peerId),
    });
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }
  get isPaused(): boolean {
    return this.#paused !== undefined;
  }
  /** Undefined while it is not paused. */
  get paused(): PausedReason | undefined {
    return this.#paused;
  }
  get config(): SyncConfig {
    return this.#config.current;
  }
  get override(): ProductionOverride {
    return this.#standing.override;
  }
  get mode(): Mode {
    return this.#options.mode;
  }

  /** Takes one input and moves on whatever can move; gives what is to be done outside, in this order. */
  step(input: SyncInput, moment: Moment): readonly SyncEffect[] {
    this.#nowMs = moment.monotonicMs;
    this.#take(input, moment);
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  #take(input: SyncInput, moment: Moment): void {
    switch (input.type) {
      case "tick":
        return this.#tick(moment);
      case "start":
      case "stop":
      case "pause":
      case "resume":
      case "overrideProduction":
      case "reconfigure":
        return this.#command(input, moment);
      case "backFill":
      case "endBackFill":
      case "search":
      case "endSearch":
      case "prepended":
      case "checkpointAnswered":
      case "checkpointKept":
        this.#checkpoints.take(input, this.#nowMs);
        return this.#move(moment);
      case "answered":
      case "requestFailed":
      case "validated":
      case "validationFailed":
      case "imported":
      case "tailChecked":
        this.#rangeOutcome(input);
        return this.#move(moment);
      case "liveValidated":
      case "liveValidationFailed":
      case "liveImported":
      case "lookedUp":
      case "lookUpFailed":
      case "authoritiesFetched":
      case "claimJudged":
        this.#liveOutcome(input);
        return this.#move(moment);
      default:
        return this.#neighbour(input, moment);
    }
  }

  #command(input: CommandInput, moment: Moment): void {
    switch (input.type) {
      case "start":
        return this.#start(input.options, moment);
      case "stop":
        this.operations.finish(stallWords(input.reason), moment.unixMs);
        return this.#halt(input.reason);
      case "pause":
        this.#paused = { type: "paused", note: input.note };
        return;
      case "resume":
        this.#paused = undefined;
        return this.#move(moment);
      case "overrideProduction":
        this.#standing.override = input.override;
        return;
      case "reconfigure":
        this.#config.replace(input.config);
        return this.#move(moment);
      default:
        return assertNever(input);
    }
  }

  #neighbour(input: NeighbourInput, moment: Moment): void {
    switch (input.type) {
      case "peersListed":
        for (const peerId of this.#peers.replaceAll(input.peers, this.#nowMs)) this.#peerGone(peerId);
        return this.#move(moment);
      case "peerSeen":
        this.#peers.put(input.peer, this.#nowMs);
        return this.#move(moment);
      case "peerGone":
        this.#peerGone(input.peerId);
        return this.#move(moment);
      case "gossip":
        return this.#gossip(input);
      case "gossipSkipped":
        return this.metrics.add("gossipSkipped", input.count);
      case "own":
        return this.#live.own(input.token, input.block);
      case "approvalSeen":
        return this.#equivocations.saw(input.check);
      case "signing":
        this.#standing.signing = input.unmet;
        return;
      case "chainMoved":
        if (input.isReorganized) this.metrics.add("reorganizations");
        if (this.#isFollowing()) this.#live.release();
        return this.#move(moment);
      default:
        return assertNever(input);
    }
  }

  #rangeOutcome(input: RangeOutcome): void {
    const nowMs = this.#nowMs;
    switch (input.type) {
      case "answered":
        return this.#answered(input, nowMs);
      case "requestFailed":
        return this.#requestFailed(input, nowMs);
      case "validated":
        return this.#pipeline.validated(input.ticket, input.verdict, nowMs);
      case "validationFailed":
        return this.#pipeline.validationFailed(input.ticket, input.failure, nowMs);
      case "imported":
        return this.#pipeline.imported(input.ticket, input.outcome, nowMs);
      case "tailChecked":
        this.#tail = stepTailCheck(this.#tail, input.outcome);
        return this.#requestTail();
      default:
        return assertNever(input);
    }
  }

  #answered({ requestId, blocks, timing }: Extract<RangeOutcome, { type: "answered" }>, nowMs: number): void {
    const owner = this.#requests.ownerOf(requestId) ?? "range";
    if (owner === "range") return this.#pipeline.answered(requestId, blocks, timing, nowMs);
    return this.#checkpoints.answered(owner, requestId, blocks, timing, nowMs);
  }

  #requestFailed(
    { requestId, failure }: Extract<RangeOutcome, { type: "requestFailed" }>,
    nowMs: number,
  ): void {
    const owner = this.#requests.ownerOf(requestId) ?? "range";
    if (owner === "range") return this.#pipeline.requestFailed(requestId, failure, nowMs);
    return this.#checkpoints.requestFailed(owner, requestId, failure, nowMs);
  }

  #liveOutcome(input: LiveOutcome): void {
    switch (input.type) {
      case "liveValidated":
        return this.#live.validated(input.id, input.verdict);
      case "liveValidationFailed":
        return this.#live.validationFailed(input.id, input.failure);
      case "liveImported":
        return this.#live.imported(input.id, input.outcome);
      case "lookedUp":
        return this.#lookedUp(input.id, input.block);
      case "lookUpFailed":
        return this.#lookups.failed(input.id, input.failure, this.#nowMs);
      case "authoritiesFetched":
        return this.#hints.fetched(input.peerId, input.authorities);
      case "claimJudged":
        return this.#hints.judged(input.peerId, input.isTrue);
      default:
        return assertNever(input);
    }
  }

  #start(options: StartOptions, moment: Moment): void {
    const parameters = `${options.mode} ${options.heightMax ?? "head"}`;
    if (this.#isRunning && this.operations.running?.parameters === parameters) return;
    this.#options = options;
    this.#isRunning = true;
    this.operations.start("StartSync", parameters, moment.unixMs);
    this.#tail = { state: "none" };
    if (options.mode === "RECOVERY") this.#beginTailCheck();
    this.#move(moment);
  }

  #lookedUp(id: number, block: Uint8Array | undefined): void {
    const peerId = this.#lookups.answered(id, block, this.#nowMs);
    if (peerId !== undefined && block !== undefined) this.#live.fetched(peerId, block);
  }

  #peerGone(peerId: string): void {
    this.#pipeline.peerGone(peerId);
    this.#checkpoints.peerGone(peerId);
    this.#peers.remove(peerId);
    this.#lookups.peerGone(peerId, this.#nowMs);
    this.#hints.peerGone(peerId);
  }

  #gossip({ handle, peerId, bytes, header }: Extract<SyncInput, { type: "gossip" }>): void {
    if (this.#isFollowing()) return this.#live.gossip(handle, peerId, bytes, header);
    this.metrics.add("gossipIgnored");
    this.#effects.push({ type: "verdict", handle, verdict: "ignore" });
  }

  /** Moves on whatever can move: what leads to the head first, history with what is left of each peer's quota. */
  #move(moment: Moment): void {
    this.#synchronise(moment);
    this.#checkpoints.move(moment.monotonicMs, this.isPaused);
  }

  #synchronise(moment: Moment): void {
    if (!this.#isRunning || this.#tail.state === "checking" || this.#tail.state === "damaged") return;
    const { head, final, isAvailable } = this.#parts.chain.snapshot();
    const { heightMax, mode } = this.#options;
    if (heightMax !== undefined && head.height >= heightMax) {
      this.operations.finish("", moment.unixMs);
      return this.#halt({ type: "heightReached", height: heightMax });
    }
    const target = this.#targets.next(head, this.#pipeline.batches[0], moment.monotonicMs);
    this.#pipeline.pump({
      nowMs: moment.monotonicMs,
      head,
      finalHeight: final.height,
      target: this.#standstill.isDue(head, target, this.#bringers(), moment.monotonicMs) ? target : undefined,
      connectedPeers: this.#peers.size,
      isTargetConfirmed: target !== undefined && this.#peers.isConfirmed(target),
      heightMax,
      mode,
      finalityDepth: this.#parts.chain.facts.finalityDepth,
      mayRequest: !this.isPaused,
      mayProcess: isAvailable,
      isLevel: target === undefined,
    });
    this.#watchPass(isAvailable, moment);
  }

  /** What was found stuck is a defect: it is told, and mended. */
  #tick(moment: Moment): void {
    if (this.#isFollowing()) {
      this.#live.tick(moment.unixMs);
      this.#lookups.tick((hash) => isKnown(this.#parts.chain, hash), moment.monotonicMs);
      this.#hints.move(moment.monotonicMs);
    }
    for (const peerId of this.#peers.takeUnserving()) this.#effects.push({ type: "unserving", peerId });
    for (const stuck of this.#pipeline.mend(moment.monotonicMs))
      this.#effects.push({ type: "stuck", ...stuck });
    this.#move(moment);
    this.#standing.tick(this.#isRunning, this.#pipeline.isUnconfirmed, moment);
  }

  /** Whether this node may produce now. */
  judge(moment: Moment): ProductionVerdict {
    return this.#standing.judge(moment);
  }

  /** `search`: what looks for a checkpoint to begin from says of itself, while it does. */
  status(moment: Moment, search?: SearchReason) {
    return syncStatus(this.#sources(), moment, search);
  }

  /** How far this process came from where it began, in parts per million of the way to the target. */
  progressPpm({ monotonicMs }: Moment): number {
    const { head } = this.#parts.chain.snapshot();
    const target = this.#targets.proven(head, monotonicMs) ?? head;
    return progressPpm(head.height - this.resumedFromHeight, target.height - this.resumedFromHeight);
  }

  #sources(): StatusSources {
    const { chain } = this.#parts;
    return {
      config: this.config,
      chain,
      run: {
        mode: this.#options.mode,
        isRunning: this.#isRunning,
        resting: this.#resting,
        paused: this.paused,
        tail: this.#tail,
      },
      peers: this.#peers,
      targets: this.#targets,
      pipeline: this.#pipeline,
      live: this.#live,
      lookups: this.#lookups,
      standing: this.#standing,
      standstill: this.#standstill,
      rate: this.#rate,
      metrics: this.metrics,
      resumedFromHeight: this.resumedFromHeight,
    };
  }

  #halt(reason: RestingReason): void {
    this.#isRunning = false;
    this.#paused = undefined;
    this.#resting = reason;
    this.#standstill.over();
    this.#pipeline.stop();
    this.#live.stop();
    this.#lookups.stop();
  }

  #beginTailCheck(): void {
    const { head, earliestHeight } = this.#parts.chain.snapshot();
    this.#tail = beginTailCheck(head.height, earliestHeight);
    this.#requestTail();
  }

  #requestTail(): void {
    if (this.#tail.state !== "checking") return;
    this.#effects.push({ type: "checkTail", first: this.#tail.next, count: tailCount(this.#tail) });
  }

  /** Far above our head, range synchronisation is the way. */
  #lookUp(child: Uint8Array, parent: Uint8Array, height: number, peerId: string): void {
    if (height - this.#parts.chain.snapshot().head.height > LOOKUP_DEPTH_MAX) return;
    this.#lookups.want(child, parent, height, peerId, this.#nowMs);
  }

  #isFollowing(): boolean {
    return this.#isRunning && !this.isPaused && this.#parts.chain.snapshot().isAvailable;
  }

  /** A certified head whose ancestors nobody delivers is excluded for a while. */
  #watchPass(isAvailable: boolean, moment: Moment): void {
    const { isTroubled, isUnconfirmed, batches } = this.#pipeline;
    const left = this.#targets.observe({
      front: batches[0],
      isPeersTurn: isAvailable && !this.isPaused && !isTroubled && !isUnconfirmed,
      isFederationOnly: this.#options.mode === "FEDERATION",
      nowMs: moment.monotonicMs,
    });
    if (left === undefined) return;
    this.metrics.add("targetsAbandoned");
    const { head, passes, forMs } = left;
    const fields = { height: head.height, hash: toHex(head.hash), passes, leftAloneMs: forMs };
    const message = "nobody delivers what leads to a certified head: it is left alone";
    this.#effects.push({ type: "warning", message, fields });
  }

  #bringers(): ProgressSources {
    return {
      isNear: this.#standing.isNear,
      isLookingUp: this.#lookups.size > 0 || this.#live.jobs > 0,
      heldBlocks: this.#live.heldBlocks,
      hasRanges: this.#pipeline.batches.length > 0,
    };
  }
}

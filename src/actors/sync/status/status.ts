/**
 * Where synchronisation stands, for people and programs: the one projection of the machine's organs on SyncStatus. The state is
 * derived and never stored. Pure.
 */

import type { MessageInitShape } from "@bufbuild/protobuf";
import { SyncMode, SyncState, type SyncStatusSchema } from "../../../../gen/alys/sync/v1/sync_pb.ts";
import type { ChainPort } from "../../../integrations/chain/port.ts";
import { CATCH_UP_BLOCKS, type Mode, type SyncConfig } from "../config.ts";
import type { Moment } from "../effect.ts";
import { lagOf, type ProvenHead } from "../head.ts";
import type { AncestorLookups } from "../live/ancestor-lookup.ts";
import type { LiveBlocks } from "../live/live-blocks.ts";
import type { SyncMetrics } from "../metrics.ts";
import { headAgeMs, type ReadinessMonitor } from "../production/readiness-monitor.ts";
import type { RangeSync } from "../range/range-sync.ts";
import type { TailCheck } from "../store-check/tail-check.ts";
import type { SyncPeers } from "../sync-peers.ts";
import type { StallDetector } from "../target/stall.ts";
import type { TargetSelector } from "../target/target-selector.ts";
import { etaMs, progressPpm, type RateMeter } from "./progress.ts";
import { poolLevels } from "./queue-levels.ts";
import { stallMessage } from "./stall-message.ts";
import type { PausedReason, RestingReason, SearchReason, StallReason } from "./stall-reason.ts";
import { stallWords } from "./stall-words.ts";

type StatusInit = MessageInitShape<typeof SyncStatusSchema>;

/** What an operator asked for last, and what became of it. */
export interface RunState {
  readonly mode: Mode;
  readonly isRunning: boolean;
  /** Why it does not run, where it does not. */
  readonly resting: RestingReason;
  readonly paused: PausedReason | undefined;
  readonly tail: TailCheck;
}

/** Where each fact of the status lives. */
export interface StatusSources {
  readonly config: SyncConfig;
  readonly chain: Pick<ChainPort, "snapshot">;
  readonly run: RunState;
  readonly peers: SyncPeers;
  readonly targets: TargetSelector;
  readonly pipeline: RangeSync;
  readonly live: LiveBlocks;
  readonly lookups: AncestorLookups;
  readonly standing: ReadinessMonitor;
  readonly standstill: StallDetector;
  readonly rate: RateMeter;
  readonly metrics: SyncMetrics;
  /** Height from which this process went on. */
  readonly resumedFromHeight: number;
}

/** `search`: a checkpoint to begin from is looked for, or adopted; the machine has nothing to do meanwhile. */
export function syncStatus(
  sources: StatusSources,
  moment: Moment,
  search: SearchReason | undefined,
): StatusInit {
  const { config, chain, run, peers, targets, pipeline, standing, metrics } = sources;
  const { head, final } = chain.snapshot();
  const nowMs = moment.monotonicMs;
  const proven = targets.proven(head, nowMs);
  const unproven = targets.unproven(head, nowMs);
  const target = proven ?? head;
  const state = search === undefined ? stateOf(sources, proven ?? unproven, moment) : SyncState.DISCOVERING;
  const stall = search === undefined ? stallOf(sources, state, moment) : searchStall(search, run);
  const blocksPerSecond = sources.rate.blocksPerSecond(nowMs);
  const remainingMs = etaMs(lagOf(head, proven), blocksPerSecond);
  return {
    state,
    mode: search === undefined ? SyncMode[run.mode] : SyncMode.CHECKPOINT,
    head: reference(head),
    target: reference(target),
    ...(unproven && { unprovenTarget: reference(unproven) }),
    final: reference(final),
    progressPpm: progressPpm(head.height, target.height),
    blocksPerSecond,
    ...(remainingMs === undefined ? {} : { etaMs: BigInt(remainingMs) }),
    connectedPeers: peers.size,
    usefulPeers: peers.countAbove(head.height),
    requestsInFlight: pipeline.requestsInFlight,
    bytesBuffered: BigInt(pipeline.bytesBuffered),
    bytesBufferedMax: BigInt(config.bufferBytesMax),
    canProduceBlocks: standing.canProduce,
    isPaused: run.paused !== undefined,
    reason: stall === undefined ? "" : stallWords(stall),
    ...(stall && { stall: stallMessage(stall) }),
    resumedFromHeight: BigInt(sources.resumedFromHeight),
    lowestRequestedHeight: BigInt(pipeline.lowestRequestedHeight),
    blocksSynced: BigInt(metrics.get("blocksSynced")),
    blocksFollowed: BigInt(metrics.get("blocksFollowed")),
    pools: poolLevels(sources, config),
    headAgeMs: BigInt(Math.floor(headAgeMs(head, moment))),
  };
}

function stateOf(sources: StatusSources, ahead: ProvenHead | undefined, moment: Moment): SyncState {
  const { run, pipeline, standing, chain } = sources;
  if (pipeline.isFailing || run.tail.state === "damaged") return SyncState.FAILED;
  if (!run.isRunning || !standing.hasSource(moment)) return SyncState.DISCOVERING;
  if (standing.isSynced) return SyncState.SYNCED;
  return lagOf(chain.snapshot().head, ahead) > CATCH_UP_BLOCKS ? SyncState.BLOCKS : SyncState.CATCH_UP;
}

/** What has to end first. */
function stallOf(sources: StatusSources, state: SyncState, moment: Moment): StallReason | undefined {
  const { run, chain, pipeline, targets, standing, standstill } = sources;
  const { head, isAvailable, unavailable } = chain.snapshot();
  const nowMs = moment.monotonicMs;
  if (!run.isRunning) return run.resting;
  if (run.paused !== undefined) return run.paused;
  if (!isAvailable) return { type: "chainAway", failure: unavailable };
  const { tail } = run;
  if (tail.state === "checking") return { type: "checkingStore", height: tail.next };
  if (tail.state === "damaged") return { type: "storeDamaged", height: tail.height, damage: tail.damage };
  const stands =
    pipeline.reason ??
    targets.withheldReason(head, nowMs) ??
    standstill.reason(pipeline.batches[0], nowMs) ??
    followed(sources, head, nowMs);
  if (stands !== undefined) return stands;
  if (!standing.hasSource(moment)) return { type: "noProvenHead" };
  if (state === SyncState.CATCH_UP && targets.proven(head, nowMs) === undefined)
    return { type: "headOld", ageMs: headAgeMs(head, moment) };
  return undefined;
}

/** What is followed is no target that anybody proved. */
function followed({ standing, targets }: StatusSources, own: ProvenHead, nowMs: number) {
  if (standing.isSynced || targets.proven(own, nowMs) !== undefined) return undefined;
  const head = targets.unproven(own, nowMs);
  return head && ({ type: "followingUnprovenHead", head } as const);
}

/** A chain that is being begun is begun to its end; only asking peers can be paused. */
function searchStall(search: SearchReason, { paused }: RunState): StallReason {
  return search.type === "adoptingCheckpoint" ? search : (paused ?? search);
}

export function reference(block: { readonly height: number; readonly hash: Uint8Array }) {
  return { height: BigInt(block.height), hash: block.hash };
}

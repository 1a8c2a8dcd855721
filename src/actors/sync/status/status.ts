/**
 * Where synchronisation stands, for people and programs: the state, derived and never stored, and the reason
 * why it stands still. Pure.
 */

import type { MessageInitShape } from "@bufbuild/protobuf";
import { SyncMode, SyncState, type SyncStatusSchema } from "../../../../gen/alys/sync/v1/sync_pb.ts";
import { CATCH_UP_BLOCKS, type Mode } from "../config.ts";
import { lagOf, type ProvenHead } from "../head.ts";
import { etaMs, progressPpm } from "./progress.ts";

export interface StatusFacts {
  readonly head: ProvenHead;
  /** Never negative. */
  readonly headAgeMs: number;
  readonly pools: MessageInitShape<typeof SyncStatusSchema>["pools"];
  readonly final: { readonly height: number; readonly hash: Uint8Array };
  readonly target: ProvenHead | undefined;
  /** Better than that, and claimed under authorities that are not known yet. Nothing but what is shown follows from it. */
  readonly unprovenTarget: ProvenHead | undefined;
  readonly mode: Mode;
  readonly isRunning: boolean;
  /** Undefined while it is not paused. */
  readonly pausedReason: string | undefined;
  readonly isChainAvailable: boolean;
  /** Why it is not, in the chain's words. */
  readonly chainReason?: string | undefined;
  /** Somebody proved a head, or nobody else is needed. */
  readonly hasSource: boolean;
  readonly isFailing: boolean;
  readonly isSynced: boolean;
  /** Why it does not run, when it does not. */
  readonly restingReason: string;
  /** Why the pipeline does not move; empty otherwise. */
  readonly pipelineReason: string;
  readonly blocksPerSecond: number;
  readonly connectedPeers: number;
  readonly usefulPeers: number;
  readonly requestsInFlight: number;
  readonly bytesBuffered: number;
  readonly bytesBufferedMax: number;
  readonly canProduce: boolean;
  readonly resumedFromHeight: number;
  readonly lowestRequestedHeight: number;
  readonly blocksSynced: number;
  readonly blocksFollowed: number;
}

function stateOf(facts: StatusFacts): SyncState {
  if (facts.isFailing) return SyncState.FAILED;
  if (!facts.isRunning || !facts.hasSource) return SyncState.DISCOVERING;
  if (facts.isSynced) return SyncState.SYNCED;
  return lagOf(facts.head, facts.target ?? facts.unprovenTarget) > CATCH_UP_BLOCKS
    ? SyncState.BLOCKS
    : SyncState.CATCH_UP;
}

function reasonOf(facts: StatusFacts, state: SyncState): string {
  if (!facts.isRunning) return facts.restingReason;
  if (facts.pausedReason !== undefined) return facts.pausedReason;
  if (!facts.isChainAvailable) return facts.chainReason ?? "the ChainActor is away";
  if (facts.pipelineReason !== "") return facts.pipelineReason;
  if (!facts.hasSource) return "no peer has proven a head yet";
  if (state === SyncState.CATCH_UP && facts.target === undefined) {
    return `nobody has a better head, and ours is ${facts.headAgeMs} ms old`;
  }
  return "";
}

export function syncStatus(facts: StatusFacts): MessageInitShape<typeof SyncStatusSchema> {
  const state = stateOf(facts);
  const target = facts.target ?? facts.head;
  const remainingMs = etaMs(lagOf(facts.head, facts.target), facts.blocksPerSecond);
  return {
    state,
    mode: SyncMode[facts.mode],
    head: reference(facts.head),
    target: reference(target),
    ...(facts.unprovenTarget === undefined ? {} : { unprovenTarget: reference(facts.unprovenTarget) }),
    final: reference(facts.final),
    progressPpm: progressPpm(facts.head.height, target.height),
    blocksPerSecond: facts.blocksPerSecond,
    ...(remainingMs === undefined ? {} : { etaMs: BigInt(remainingMs) }),
    connectedPeers: facts.connectedPeers,
    usefulPeers: facts.usefulPeers,
    requestsInFlight: facts.requestsInFlight,
    bytesBuffered: BigInt(facts.bytesBuffered),
    bytesBufferedMax: BigInt(facts.bytesBufferedMax),
    canProduceBlocks: facts.canProduce,
    isPaused: facts.pausedReason !== undefined,
    reason: reasonOf(facts, state),
    resumedFromHeight: BigInt(facts.resumedFromHeight),
    lowestRequestedHeight: BigInt(facts.lowestRequestedHeight),
    blocksSynced: BigInt(facts.blocksSynced),
    blocksFollowed: BigInt(facts.blocksFollowed),
    pools: facts.pools ?? [],
    headAgeMs: BigInt(Math.floor(facts.headAgeMs)),
  };
}

export function reference(block: { readonly height: number; readonly hash: Uint8Array }) {
  return { height: BigInt(block.height), hash: block.hash };
}

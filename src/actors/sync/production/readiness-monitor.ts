/**
 * ReadinessMonitor: how near the head this node is and whether it may produce, judged by readiness.ts and remembered from one
 * judgement to the next; the operator's word on it; the emergency, told once; and the fresh reports of other heads that
 * a judgement waits for. Owned by machine.ts.
 */

import { ProductionCondition } from "../../../../gen/alys/sync/v1/sync_pb.ts";
import { quorumOf } from "../../../chain/approval.ts";
import { equalBytes } from "../../../chain/bytes.ts";
import type { ChainPort } from "../../../integrations/chain/port.ts";
import type { Current } from "../../../kernel/settings.ts";
import { STATUS_REFRESH_MS, type SyncConfig } from "../config.ts";
import type { Moment, SyncEffect } from "../effect.ts";
import type { SyncMetrics } from "../metrics.ts";
import type { SyncPeers } from "../sync-peers.ts";
import type { TargetSelector } from "../target/target-selector.ts";
import {
  type Condition,
  FIRST_MEMORY,
  judgeProduction,
  type ProductionOverride,
  type ProductionVerdict,
} from "./readiness.ts";

export interface ReadinessMonitorParts {
  readonly config: Current<SyncConfig>;
  readonly chain: Pick<ChainPort, "snapshot" | "authoritiesAt">;
  readonly ownKey: Uint8Array | undefined;
  /** What else keeps this member from signing. */
  readonly signingBars?: (() => readonly Condition[]) | undefined;
  readonly peers: SyncPeers;
  readonly targets: TargetSelector;
  readonly metrics: SyncMetrics;
  effect(effect: SyncEffect): void;
}

export class ReadinessMonitor {
  /** The operator's word. */
  override: ProductionOverride = "none";
  /** Why the ProducerActor signs nothing, as it told last; no word of the operator sets it aside. */
  signing: readonly Condition[] = [];
  readonly #parts: ReadinessMonitorParts;
  #memory = FIRST_MEMORY;
  #isSynced = false;
  #canProduce = false;
  #isEmergency = false;
  #refreshedMs = Number.NEGATIVE_INFINITY;
  /** The head and since when we have it, monotonic milliseconds. */
  #head: { readonly hash: Uint8Array; readonly sinceMs: number } | undefined;
  #isClockBarred = false;

  constructor(parts: ReadinessMonitorParts) {
    this.#parts = parts;
  }

  /** As it was judged last. */
  get isSynced(): boolean {
    return this.#isSynced;
  }
  get canProduce(): boolean {
    return this.#canProduce;
  }
  /** By ratio and lag. */
  get isNear(): boolean {
    return this.#memory.isNear;
  }

  /** Whether this node may produce now. */
  judge(moment: Moment): ProductionVerdict {
    const { chain, ownKey, config, targets, peers, signingBars } = this.#parts;
    const { head, isAvailable, unavailable } = chain.snapshot();
    const bars = signingBars?.() ?? [];
    const target = targets.proven(head, moment.monotonicMs);
    const verdict = judgeProduction(
      {
        headHeight: head.height,
        headHash: head.hash,
        headAgeMs: headAgeMs(head, moment),
        headForMs: this.#headForMs(head.hash, moment.monotonicMs),
        targetHeight: Math.max(head.height, target?.height ?? 0),
        peers: [...peers.all()],
        authorities: chain.authoritiesAt(head.height + 1).keys,
        ownKey,
        isChainAvailable: isAvailable,
        chainFailure: unavailable,
        signing: this.signing,
        override: this.override,
        nowMs: moment.monotonicMs,
        bars,
      },
      config.current,
      this.#memory,
    );
    this.#memory = verdict.memory;
    this.#isSynced = verdict.isSynced;
    this.#canProduce = verdict.canProduce;
    this.#isClockBarred = bars.some(({ condition }) => condition === ProductionCondition.CLOCK);
    return verdict;
  }

  /** How long the head has been this one. What was there at the start counts as having been there for ever. */
  #headForMs(hash: Uint8Array, nowMs: number): number {
    const sinceMs = this.#head === undefined ? Number.NEGATIVE_INFINITY : nowMs;
    if (this.#head === undefined || !equalBytes(this.#head.hash, hash)) this.#head = { hash, sinceMs };
    return nowMs - this.#head.sinceMs;
  }

  /** A node that needs nobody else (it alone is a quorum, or no peers are asked for) has a source in itself. */
  hasSource(moment: Moment): boolean {
    const { chain, config, ownKey, targets } = this.#parts;
    if (config.current.peersMin === 0) return true;
    const { keys } = chain.authoritiesAt(chain.snapshot().head.height + 1);
    const isMember = ownKey !== undefined && keys.some((key) => equalBytes(key, ownKey));
    if (isMember && quorumOf(keys.length) === 1) return true;
    return targets.hasSource(moment.monotonicMs);
  }

  /** Once a tick. `isUnconfirmed`: a reorganization waits for a second peer. */
  tick(isRunning: boolean, isUnconfirmed: boolean, moment: Moment): void {
    this.#watchEmergency(this.judge(moment), isRunning, moment);
    this.#refreshReports(isRunning, isUnconfirmed, moment);
  }

  /** Tells when no block has come for too long, and when it is over: once each. */
  #watchEmergency({ isEmergency }: ProductionVerdict, isRunning: boolean, moment: Moment): void {
    const { chain, metrics, effect } = this.#parts;
    // A node that nobody told of the chain yet knows nothing of its state.
    const isInformed = isRunning && this.hasSource(moment);
    if (!isInformed || isEmergency === this.#isEmergency) return;
    this.#isEmergency = isEmergency;
    if (isEmergency) metrics.add("emergencies");
    const { height, timestampMs } = chain.snapshot().head;
    const message = isEmergency ? "emergency: no block for too long" : "the emergency is over";
    effect({ type: "warning", message, fields: { height, headAgeMs: headAgeMs({ timestampMs }, moment) } });
  }

  /**
   * While only the head's age stands in the way, a reorganization waits for a second peer, or our clock for the word of other
   * members, what peers report decides: it must be fresh.
   */
  #refreshReports(isRunning: boolean, isUnconfirmed: boolean, moment: Moment): void {
    const { isNear, isFresh } = this.#memory;
    const isDue = moment.monotonicMs - this.#refreshedMs >= STATUS_REFRESH_MS;
    const areWanted = (isNear && !isFresh) || isUnconfirmed || this.#isClockBarred;
    if (!isRunning || !areWanted || !isDue || this.#parts.peers.size === 0) return;
    this.#refreshedMs = moment.monotonicMs;
    this.#parts.effect({ type: "refreshStatus" });
  }
}

/** How old the head is by our clock; not negative where that is behind. */
export function headAgeMs({ timestampMs }: { readonly timestampMs: number }, { unixMs }: Moment): number {
  return Math.max(0, unixMs - timestampMs);
}

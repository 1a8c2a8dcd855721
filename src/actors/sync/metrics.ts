/**
 * The SyncActor's counters, by the names under which they are exported. Plain numbers: the telemetry floor
 * reads them when it is asked to.
 */

const NAMES = {
  blocksSynced: "alys_sync_blocks_synced_total",
  blocksFollowed: "alys_sync_blocks_followed_total",
  bytesDownloaded: "alys_sync_bytes_downloaded_total",
  requestsSent: "alys_sync_requests_total",
  requestsFailed: "alys_sync_requests_failed_total",
  requestsHedged: "alys_sync_requests_hedged_total",
  requestsStolen: "alys_sync_requests_stolen_total",
  slowPeersLeft: "alys_sync_slow_peers_left_total",
  emptyAnswers: "alys_sync_empty_answers_total",
  shortAnswers: "alys_sync_short_answers_total",
  staleOutcomes: "alys_sync_stale_outcomes_total",
  segmentsValidated: "alys_sync_segments_validated_total",
  segmentsRejected: "alys_sync_segments_rejected_total",
  segmentsImported: "alys_sync_segments_imported_total",
  ownFailures: "alys_sync_own_failures_total",
  stepsBack: "alys_sync_steps_back_total",
  targetsAbandoned: "alys_sync_targets_abandoned_total",
  offencesReported: "alys_sync_offences_reported_total",
  gossipAccepted: "alys_sync_gossip_accepted_total",
  gossipIgnored: "alys_sync_gossip_ignored_total",
  gossipRejected: "alys_sync_gossip_rejected_total",
  gossipSkipped: "alys_sync_gossip_skipped_total",
  blocksHeld: "alys_sync_blocks_held_total",
  heldEvicted: "alys_sync_blocks_held_evicted_total",
  stuckFound: "alys_sync_stuck_found_total",
  lookups: "alys_sync_lookups_total",
  lookupsFailed: "alys_sync_lookups_failed_total",
  equivocations: "alys_sync_equivocations_total",
  emergencies: "alys_sync_emergencies_total",
  reorganizations: "alys_sync_reorganizations_total",
} as const;

export type CounterName = keyof typeof NAMES;

export class SyncMetrics {
  readonly #values = new Map<CounterName, number>();

  add(name: CounterName, amount = 1): void {
    this.#values.set(name, this.get(name) + amount);
  }

  get(name: CounterName): number {
    return this.#values.get(name) ?? 0;
  }

  /** All counters by exported name. */
  *entries(): Generator<readonly [name: string, value: number]> {
    for (const name of Object.keys(NAMES) as CounterName[]) yield [NAMES[name], this.get(name)];
  }
}

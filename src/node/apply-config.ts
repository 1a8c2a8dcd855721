/**
 * Puts changed settings into force in a running node: a line here for each setting that holds at once, and the compiler misses none.
 * The actors' settings are replaced whole, and each actor takes them in by a turn of its own.
 */

import type { NodeConfig } from "../../gen/alys/config/v1/config_pb.ts";
import type { PeerActorConfig } from "../actors/peer/config.ts";
import type { ProducerConfig } from "../actors/producer/config.ts";
import { type SyncConfig, syncConfig } from "../actors/sync/config.ts";
import { AT_ONCE, type AtOnceKey } from "../config/effects.ts";
import type { Settings } from "../config/layers.ts";
import type { RateLimit } from "../control/auth/buckets.ts";
import type { LiveSettings } from "../kernel/settings.ts";
import { peerConfig, producerConfig } from "./translate.ts";

/** What is told of a change. */
export interface LiveTargets {
  readonly config: {
    readonly peer: LiveSettings<PeerActorConfig>;
    readonly sync: LiveSettings<SyncConfig>;
    readonly producer: LiveSettings<ProducerConfig>;
  };
  readonly workers: number;
  setLogLevel(level: string): void;
  setRateLimit(limit: RateLimit): void;
}

type Apply = (to: LiveTargets, settings: Settings) => void;

function ofSync(member: keyof SyncConfig): Apply {
  return (to, settings) =>
    take(to.config.sync, syncConfig(settings.sync as NodeConfig["sync"], to.workers), member);
}

function ofPeer(member: keyof PeerActorConfig): Apply {
  return (to, settings) => take(to.config.peer, peerConfig(settings), member);
}

function ofProducer(member: keyof ProducerConfig): Apply {
  return (to, settings) => take(to.config.producer, producerConfig(settings), member);
}

/** One member of the settings that hold from now on; the others stay as they are until the next start. */
function take<T extends object>(live: LiveSettings<T>, changed: T, member: keyof T): void {
  live.replace({ ...live.current, [member]: changed[member] });
}

const rateLimit: Apply = (to, { control }) =>
  to.setRateLimit({ callsPerSecond: control.callsPerSecond, burst: control.callsBurst });

const APPLY: Readonly<Record<AtOnceKey, Apply>> = {
  "sync.sync_threshold": ofSync("syncThreshold"),
  "sync.lag_blocks_max": ofSync("lagBlocksMax"),
  "sync.head_age_ms_max": ofSync("headAgeMsMax"),
  "sync.max_parallel_downloads": ofSync("maxParallelDownloads"),
  "sync.batch_blocks": ofSync("batchBlocks"),
  "sync.buffer_bytes_max": ofSync("bufferBytesMax"),
  "sync.mode": ofSync("mode"),
  "sync.federation_constraints.consensus_timeout_ms": ofProducer("consensusTimeoutMs"),
  "sync.federation_constraints.grace_ms": ofProducer("graceMs"),
  "sync.federation_constraints.emergency_timeout_ms": ofSync("emergencyTimeoutMs"),
  "sync.federation_constraints.peers_min": ofSync("peersMin"),
  "peer.max_peers": ofPeer("peersMax"),
  "peer.federation_peer_limit": ofPeer("federationPeersMax"),
  "peer.target_peers": ofPeer("peersTarget"),
  "peer.connection_timeout_ms": ofPeer("connectionTimeoutMs"),
  "peer.ban_duration_ms": ofPeer("banDurationMs"),
  "control.calls_per_second": rateLimit,
  "control.calls_burst": rateLimit,
  "producer.filler_transaction_bytes": ofProducer("fillerBytes"),
  "telemetry.log_level": (to, { telemetry }) => to.setLogLevel(telemetry.logLevel),
};

/** Puts those of the keys that hold at once into force. */
export function applyAtOnce(to: LiveTargets, settings: Settings, keys: readonly string[]): void {
  for (const key of AT_ONCE) if (keys.includes(key)) APPLY[key](to, settings);
}

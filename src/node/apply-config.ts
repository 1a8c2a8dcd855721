/**
 * Puts changed settings into force in a running node. The actors' settings are shared objects that actors read each time
 * they need them; a line here for each setting that holds at once, and the compiler misses none.
 */

import type { NodeConfig } from "../../gen/alys/config/v1/config_pb.ts";
import type { NetworkActorConfig } from "../actors/network/config.ts";
import type { PeerActorConfig } from "../actors/peer/config.ts";
import type { ProducerConfig } from "../actors/producer/config.ts";
import { type SyncConfig, syncConfig } from "../actors/sync/config.ts";
import { AT_ONCE, type AtOnceKey } from "../config/effects.ts";
import type { Settings } from "../config/layers.ts";
import type { RateLimit } from "../control/auth/buckets.ts";
import { peerConfig, producerConfig } from "./translate.ts";

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** The shared objects, and what is told of a change. */
export interface LiveTargets {
  readonly config: {
    readonly peer: PeerActorConfig;
    readonly network: NetworkActorConfig;
    readonly sync: SyncConfig;
    readonly producer: ProducerConfig;
  };
  readonly workers: number;
  setLogLevel(level: string): void;
  setRateLimit(limit: RateLimit): void;
}

type Apply = (to: LiveTargets, settings: Settings) => void;

/** Copies one member of the SyncActor's settings. */
function ofSync(member: keyof SyncConfig): Apply {
  return (to, settings) => {
    copy(to.config.sync, syncConfig(settings.sync as NodeConfig["sync"], to.workers), member);
  };
}

function ofPeer(member: keyof PeerActorConfig): Apply {
  return (to, settings) => copy(to.config.peer, peerConfig(settings), member);
}

function ofProducer(member: keyof ProducerConfig): Apply {
  return (to, settings) => copy(to.config.producer, producerConfig(settings), member);
}

function copy<T, K extends keyof T>(to: T, from: T, member: K): void {
  (to as Mutable<T>)[member] = from[member];
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

/**
 * When a change of a setting takes effect: at once, at the next start, or only by way of the file. The composition root
 * has a line for each setting that holds at once (node/apply-config.ts); UpdateConfig goes by this table.
 */

/** Settings that actors and the control plane read each time they need them. */
export const AT_ONCE = [
  "sync.sync_threshold",
  "sync.lag_blocks_max",
  "sync.head_age_ms_max",
  "sync.max_parallel_downloads",
  "sync.batch_blocks",
  "sync.buffer_bytes_max",
  "sync.mode",
  "sync.federation_constraints.consensus_timeout_ms",
  "sync.federation_constraints.grace_ms",
  "sync.federation_constraints.emergency_timeout_ms",
  "sync.federation_constraints.peers_min",
  "peer.max_peers",
  "peer.federation_peer_limit",
  "peer.target_peers",
  "peer.connection_timeout_ms",
  "peer.ban_duration_ms",
  "control.calls_per_second",
  "control.calls_burst",
  "producer.filler_transaction_bytes",
  "telemetry.log_level",
] as const;

export type AtOnceKey = (typeof AT_ONCE)[number];

/**
 * Settings that only the file and the environment set: where files are (a caller must not make the node write
 * elsewhere), who may call and from where (a caller must not open the door, or lock itself out).
 */
export const FILE_ONLY: readonly string[] = [
  "storage.data_directory",
  "chain.specification_file",
  "chain.proofs_file",
  "chain.development",
  "network.federation.delegation_file",
  "control.listen_address",
  "control.unix_socket",
  "control.require_tokens",
  "control.loopback_reads",
  "control.tls.listen_address",
  "control.tls.mutual_listen_address",
  "control.tls.certificate_file",
  "control.tls.key_file",
  "control.tls.client_ca_file",
  "control.tls.trust_domain",
  "control.tls.revoked_file",
  "control.audit_file",
  "control.audit_head_file",
  "producer.authority_key_file",
  "telemetry.log_file",
  "supervision.allow_fault_injection",
];

export type Effect = "at_once" | "restart" | "file_only";

const KINDS: ReadonlyMap<string, Effect> = new Map<string, Effect>([
  ...AT_ONCE.map((key) => [key, "at_once"] as const),
  ...FILE_ONLY.map((key) => [key, "file_only"] as const),
]);

export function effectOf(key: string): Effect {
  return KINDS.get(key) ?? "restart";
}

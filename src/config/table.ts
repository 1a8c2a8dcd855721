/**
 * The table of settings: for every scalar of alys.config.v1 its default and what it may be. The proto's comments are
 * the manual, this is the law; a test holds the two together. Read by check.ts, which applies it.
 */

/** What one setting may be. A `required` one has no default. */
export type Rule =
  | { readonly kind: "number"; readonly fallback: number; readonly min: number; readonly max: number }
  | { readonly kind: "boolean"; readonly fallback: boolean }
  | { readonly kind: "text"; readonly fallback: string; readonly oneOf?: readonly string[] }
  | { readonly kind: "required" }
  | { readonly kind: "list"; readonly fallback: readonly string[]; readonly itemsMax: number };

const number = (fallback: number, min: number, max: number): Rule => ({ kind: "number", fallback, min, max });
const flag = (fallback: boolean): Rule => ({ kind: "boolean", fallback });
const text = (fallback: string): Rule => ({ kind: "text", fallback });
const choice = (fallback: string, ...oneOf: string[]): Rule => ({ kind: "text", fallback, oneOf });
const list = (itemsMax: number, ...fallback: string[]): Rule => ({ kind: "list", fallback, itemsMax });

/** Settings by dotted key, named as in the file. */
export const RULES: Readonly<Record<string, Rule>> = {
  "storage.data_directory": text("./data"),

  "chain.specification_file": { kind: "required" },
  "chain.proofs_file": text(""),
  "chain.finality_depth": number(64, 1, 100_000),
  "chain.development": flag(false),

  "network.listen_addresses": list(16, "/ip4/0.0.0.0/tcp/55444", "/ip4/0.0.0.0/udp/55444/quic-v1"),
  "network.bootstrap_peers": list(64),
  "network.announce_addresses": list(16),
  "network.max_connections": number(1000, 1, 10_000),
  "network.auto_start": flag(true),
  "network.private_network": flag(false),
  "network.gossip.heartbeat_interval_ms": number(700, 100, 10_000),
  "network.gossip.mesh_peers": number(8, 1, 64),
  "network.discovery.mdns": flag(false),
  "network.discovery.kademlia": flag(true),
  "network.discovery.interval_ms": number(10_000, 500, 600_000),
  "network.federation.member_peer_ids": list(64),
  "network.federation.delegation_lifetime_ms": number(2_592_000_000, 10_000, 31_536_000_000),
  "network.federation.delegation_file": text(""),
  "network.security.allow_noise": flag(false),

  "sync.sync_threshold": number(0.995, 0.9, 1),
  "sync.lag_blocks_max": number(10, 0, 1000),
  "sync.head_age_ms_max": number(30_000, 1000, 86_400_000),
  "sync.max_parallel_downloads": number(8, 1, 64),
  "sync.validation_workers": number(0, 0, 64),
  "sync.checkpoint_interval": number(1000, 64, 1_000_000),
  "sync.batch_blocks": number(512, 1, 1024),
  "sync.buffer_bytes_max": number(64 * 1024 * 1024, 4 * 1024 * 1024, 4 * 1024 * 1024 * 1024),
  "sync.request_deadline_ms": number(15_000, 1000, 120_000),
  "sync.mode": choice("fast", "fast", "full", "federation", "recovery", "checkpoint"),
  "sync.auto_start": flag(true),
  "sync.federation_constraints.consensus_timeout_ms": number(500, 50, 10_000),
  "sync.federation_constraints.validation_timeout_ms": number(200, 20, 10_000),
  "sync.federation_constraints.grace_ms": number(100, 0, 10_000),
  "sync.federation_constraints.emergency_timeout_ms": number(30_000, 1000, 3_600_000),
  "sync.federation_constraints.peers_min": number(1, 0, 1000),

  "peer.max_peers": number(1000, 1, 10_000),
  "peer.federation_peer_limit": number(64, 0, 1000),
  "peer.target_peers": number(25, 1, 10_000),
  "peer.connection_timeout_ms": number(10_000, 500, 60_000),
  "peer.status_interval_ms": number(5000, 500, 600_000),
  "peer.health_check_interval_ms": number(10_000, 500, 600_000),
  "peer.ban_duration_ms": number(43_200_000, 1000, 31_536_000_000),
  "peer.known_peers_max": number(10_000, 16, 1_000_000),
  "peer.outbound_per_subnet_max": number(2, 1, 10_000),
  "peer.allowed_ips": list(64),

  "control.listen_address": text("127.0.0.1:50051"),
  "control.unix_socket": text("control.sock"),
  "control.reflection": flag(true),
  "control.require_tokens": flag(false),
  "control.loopback_reads": choice("open", "open", "token"),
  "control.tls.listen_address": text(""),
  "control.tls.mutual_listen_address": text(""),
  "control.tls.certificate_file": text(""),
  "control.tls.key_file": text(""),
  "control.tls.client_ca_file": text(""),
  "control.tls.trust_domain": text("alys"),
  "control.tls.revoked_file": text(""),
  "control.audit_file": text("audit.jsonl"),
  "control.audit_head_file": text("audit.head"),
  "control.audit_bytes_max": number(67_108_864, 65_536, 4_294_967_296),
  "control.audit_files_max": number(9, 1, 1000),
  "control.calls_per_second": number(1000, 0, 1_000_000),
  "control.calls_burst": number(2000, 1, 1_000_000),
  "control.channelz": flag(false),

  "producer.authority_key_file": text(""),
  "producer.filler_transaction_bytes": number(0, 0, 1_048_576),
  "producer.mine_auxpow_every": number(0, 0, 1_000_000),
  "producer.listening_slots": number(0, 0, 10_000),

  "telemetry.log_level": choice("info", "trace", "debug", "info", "warn", "error", "fatal"),
  "telemetry.log_file": text(""),

  "supervision.allow_fault_injection": flag(false),

  "integrations.chain_required": flag(false),
};

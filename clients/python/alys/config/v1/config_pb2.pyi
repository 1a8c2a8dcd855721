from alys.actor.v1 import rules_pb2 as _rules_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class NodeConfig(_message.Message):
    __slots__ = ("storage", "chain", "network", "sync", "peer", "control", "producer", "telemetry", "supervision", "integrations")
    STORAGE_FIELD_NUMBER: _ClassVar[int]
    CHAIN_FIELD_NUMBER: _ClassVar[int]
    NETWORK_FIELD_NUMBER: _ClassVar[int]
    SYNC_FIELD_NUMBER: _ClassVar[int]
    PEER_FIELD_NUMBER: _ClassVar[int]
    CONTROL_FIELD_NUMBER: _ClassVar[int]
    PRODUCER_FIELD_NUMBER: _ClassVar[int]
    TELEMETRY_FIELD_NUMBER: _ClassVar[int]
    SUPERVISION_FIELD_NUMBER: _ClassVar[int]
    INTEGRATIONS_FIELD_NUMBER: _ClassVar[int]
    storage: StorageConfig
    chain: ChainConfig
    network: NetworkConfig
    sync: SyncConfig
    peer: PeerConfig
    control: ControlConfig
    producer: ProducerConfig
    telemetry: TelemetryConfig
    supervision: SupervisionConfig
    integrations: IntegrationsConfig
    def __init__(self, storage: _Optional[_Union[StorageConfig, _Mapping]] = ..., chain: _Optional[_Union[ChainConfig, _Mapping]] = ..., network: _Optional[_Union[NetworkConfig, _Mapping]] = ..., sync: _Optional[_Union[SyncConfig, _Mapping]] = ..., peer: _Optional[_Union[PeerConfig, _Mapping]] = ..., control: _Optional[_Union[ControlConfig, _Mapping]] = ..., producer: _Optional[_Union[ProducerConfig, _Mapping]] = ..., telemetry: _Optional[_Union[TelemetryConfig, _Mapping]] = ..., supervision: _Optional[_Union[SupervisionConfig, _Mapping]] = ..., integrations: _Optional[_Union[IntegrationsConfig, _Mapping]] = ...) -> None: ...

class StorageConfig(_message.Message):
    __slots__ = ("data_directory",)
    DATA_DIRECTORY_FIELD_NUMBER: _ClassVar[int]
    data_directory: str
    def __init__(self, data_directory: _Optional[str] = ...) -> None: ...

class ChainConfig(_message.Message):
    __slots__ = ("specification_file", "proofs_file", "finality_depth", "development")
    SPECIFICATION_FILE_FIELD_NUMBER: _ClassVar[int]
    PROOFS_FILE_FIELD_NUMBER: _ClassVar[int]
    FINALITY_DEPTH_FIELD_NUMBER: _ClassVar[int]
    DEVELOPMENT_FIELD_NUMBER: _ClassVar[int]
    specification_file: str
    proofs_file: str
    finality_depth: int
    development: bool
    def __init__(self, specification_file: _Optional[str] = ..., proofs_file: _Optional[str] = ..., finality_depth: _Optional[int] = ..., development: bool = ...) -> None: ...

class NetworkConfig(_message.Message):
    __slots__ = ("listen_addresses", "bootstrap_peers", "max_connections", "auto_start", "private_network", "gossip", "discovery", "federation", "security", "announce_addresses")
    LISTEN_ADDRESSES_FIELD_NUMBER: _ClassVar[int]
    BOOTSTRAP_PEERS_FIELD_NUMBER: _ClassVar[int]
    MAX_CONNECTIONS_FIELD_NUMBER: _ClassVar[int]
    AUTO_START_FIELD_NUMBER: _ClassVar[int]
    PRIVATE_NETWORK_FIELD_NUMBER: _ClassVar[int]
    GOSSIP_FIELD_NUMBER: _ClassVar[int]
    DISCOVERY_FIELD_NUMBER: _ClassVar[int]
    FEDERATION_FIELD_NUMBER: _ClassVar[int]
    SECURITY_FIELD_NUMBER: _ClassVar[int]
    ANNOUNCE_ADDRESSES_FIELD_NUMBER: _ClassVar[int]
    listen_addresses: _containers.RepeatedScalarFieldContainer[str]
    bootstrap_peers: _containers.RepeatedScalarFieldContainer[str]
    max_connections: int
    auto_start: bool
    private_network: bool
    gossip: GossipConfig
    discovery: DiscoveryConfig
    federation: FederationNetworkConfig
    security: SecurityConfig
    announce_addresses: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, listen_addresses: _Optional[_Iterable[str]] = ..., bootstrap_peers: _Optional[_Iterable[str]] = ..., max_connections: _Optional[int] = ..., auto_start: bool = ..., private_network: bool = ..., gossip: _Optional[_Union[GossipConfig, _Mapping]] = ..., discovery: _Optional[_Union[DiscoveryConfig, _Mapping]] = ..., federation: _Optional[_Union[FederationNetworkConfig, _Mapping]] = ..., security: _Optional[_Union[SecurityConfig, _Mapping]] = ..., announce_addresses: _Optional[_Iterable[str]] = ...) -> None: ...

class GossipConfig(_message.Message):
    __slots__ = ("heartbeat_interval_ms", "mesh_peers")
    HEARTBEAT_INTERVAL_MS_FIELD_NUMBER: _ClassVar[int]
    MESH_PEERS_FIELD_NUMBER: _ClassVar[int]
    heartbeat_interval_ms: int
    mesh_peers: int
    def __init__(self, heartbeat_interval_ms: _Optional[int] = ..., mesh_peers: _Optional[int] = ...) -> None: ...

class DiscoveryConfig(_message.Message):
    __slots__ = ("mdns", "kademlia", "interval_ms")
    MDNS_FIELD_NUMBER: _ClassVar[int]
    KADEMLIA_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_MS_FIELD_NUMBER: _ClassVar[int]
    mdns: bool
    kademlia: bool
    interval_ms: int
    def __init__(self, mdns: bool = ..., kademlia: bool = ..., interval_ms: _Optional[int] = ...) -> None: ...

class FederationNetworkConfig(_message.Message):
    __slots__ = ("member_peer_ids", "delegation_lifetime_ms", "delegation_file")
    MEMBER_PEER_IDS_FIELD_NUMBER: _ClassVar[int]
    DELEGATION_LIFETIME_MS_FIELD_NUMBER: _ClassVar[int]
    DELEGATION_FILE_FIELD_NUMBER: _ClassVar[int]
    member_peer_ids: _containers.RepeatedScalarFieldContainer[str]
    delegation_lifetime_ms: int
    delegation_file: str
    def __init__(self, member_peer_ids: _Optional[_Iterable[str]] = ..., delegation_lifetime_ms: _Optional[int] = ..., delegation_file: _Optional[str] = ...) -> None: ...

class SecurityConfig(_message.Message):
    __slots__ = ("allow_noise",)
    ALLOW_NOISE_FIELD_NUMBER: _ClassVar[int]
    allow_noise: bool
    def __init__(self, allow_noise: bool = ...) -> None: ...

class SyncConfig(_message.Message):
    __slots__ = ("sync_threshold", "lag_blocks_max", "head_age_ms_max", "max_parallel_downloads", "validation_workers", "checkpoint_interval", "batch_blocks", "buffer_bytes_max", "request_deadline_ms", "mode", "auto_start", "federation_constraints")
    SYNC_THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    LAG_BLOCKS_MAX_FIELD_NUMBER: _ClassVar[int]
    HEAD_AGE_MS_MAX_FIELD_NUMBER: _ClassVar[int]
    MAX_PARALLEL_DOWNLOADS_FIELD_NUMBER: _ClassVar[int]
    VALIDATION_WORKERS_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_INTERVAL_FIELD_NUMBER: _ClassVar[int]
    BATCH_BLOCKS_FIELD_NUMBER: _ClassVar[int]
    BUFFER_BYTES_MAX_FIELD_NUMBER: _ClassVar[int]
    REQUEST_DEADLINE_MS_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    AUTO_START_FIELD_NUMBER: _ClassVar[int]
    FEDERATION_CONSTRAINTS_FIELD_NUMBER: _ClassVar[int]
    sync_threshold: float
    lag_blocks_max: int
    head_age_ms_max: int
    max_parallel_downloads: int
    validation_workers: int
    checkpoint_interval: int
    batch_blocks: int
    buffer_bytes_max: int
    request_deadline_ms: int
    mode: str
    auto_start: bool
    federation_constraints: FederationTimingConfig
    def __init__(self, sync_threshold: _Optional[float] = ..., lag_blocks_max: _Optional[int] = ..., head_age_ms_max: _Optional[int] = ..., max_parallel_downloads: _Optional[int] = ..., validation_workers: _Optional[int] = ..., checkpoint_interval: _Optional[int] = ..., batch_blocks: _Optional[int] = ..., buffer_bytes_max: _Optional[int] = ..., request_deadline_ms: _Optional[int] = ..., mode: _Optional[str] = ..., auto_start: bool = ..., federation_constraints: _Optional[_Union[FederationTimingConfig, _Mapping]] = ...) -> None: ...

class FederationTimingConfig(_message.Message):
    __slots__ = ("consensus_timeout_ms", "validation_timeout_ms", "grace_ms", "emergency_timeout_ms", "peers_min")
    CONSENSUS_TIMEOUT_MS_FIELD_NUMBER: _ClassVar[int]
    VALIDATION_TIMEOUT_MS_FIELD_NUMBER: _ClassVar[int]
    GRACE_MS_FIELD_NUMBER: _ClassVar[int]
    EMERGENCY_TIMEOUT_MS_FIELD_NUMBER: _ClassVar[int]
    PEERS_MIN_FIELD_NUMBER: _ClassVar[int]
    consensus_timeout_ms: int
    validation_timeout_ms: int
    grace_ms: int
    emergency_timeout_ms: int
    peers_min: int
    def __init__(self, consensus_timeout_ms: _Optional[int] = ..., validation_timeout_ms: _Optional[int] = ..., grace_ms: _Optional[int] = ..., emergency_timeout_ms: _Optional[int] = ..., peers_min: _Optional[int] = ...) -> None: ...

class PeerConfig(_message.Message):
    __slots__ = ("max_peers", "federation_peer_limit", "target_peers", "connection_timeout_ms", "status_interval_ms", "health_check_interval_ms", "ban_duration_ms", "known_peers_max", "outbound_per_subnet_max", "allowed_ips")
    MAX_PEERS_FIELD_NUMBER: _ClassVar[int]
    FEDERATION_PEER_LIMIT_FIELD_NUMBER: _ClassVar[int]
    TARGET_PEERS_FIELD_NUMBER: _ClassVar[int]
    CONNECTION_TIMEOUT_MS_FIELD_NUMBER: _ClassVar[int]
    STATUS_INTERVAL_MS_FIELD_NUMBER: _ClassVar[int]
    HEALTH_CHECK_INTERVAL_MS_FIELD_NUMBER: _ClassVar[int]
    BAN_DURATION_MS_FIELD_NUMBER: _ClassVar[int]
    KNOWN_PEERS_MAX_FIELD_NUMBER: _ClassVar[int]
    OUTBOUND_PER_SUBNET_MAX_FIELD_NUMBER: _ClassVar[int]
    ALLOWED_IPS_FIELD_NUMBER: _ClassVar[int]
    max_peers: int
    federation_peer_limit: int
    target_peers: int
    connection_timeout_ms: int
    status_interval_ms: int
    health_check_interval_ms: int
    ban_duration_ms: int
    known_peers_max: int
    outbound_per_subnet_max: int
    allowed_ips: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, max_peers: _Optional[int] = ..., federation_peer_limit: _Optional[int] = ..., target_peers: _Optional[int] = ..., connection_timeout_ms: _Optional[int] = ..., status_interval_ms: _Optional[int] = ..., health_check_interval_ms: _Optional[int] = ..., ban_duration_ms: _Optional[int] = ..., known_peers_max: _Optional[int] = ..., outbound_per_subnet_max: _Optional[int] = ..., allowed_ips: _Optional[_Iterable[str]] = ...) -> None: ...

class ControlConfig(_message.Message):
    __slots__ = ("listen_address", "unix_socket", "reflection", "require_tokens", "loopback_reads", "tls", "audit_file", "audit_bytes_max", "audit_files_max", "calls_per_second", "calls_burst", "channelz", "audit_head_file")
    LISTEN_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    UNIX_SOCKET_FIELD_NUMBER: _ClassVar[int]
    REFLECTION_FIELD_NUMBER: _ClassVar[int]
    REQUIRE_TOKENS_FIELD_NUMBER: _ClassVar[int]
    LOOPBACK_READS_FIELD_NUMBER: _ClassVar[int]
    TLS_FIELD_NUMBER: _ClassVar[int]
    AUDIT_FILE_FIELD_NUMBER: _ClassVar[int]
    AUDIT_BYTES_MAX_FIELD_NUMBER: _ClassVar[int]
    AUDIT_FILES_MAX_FIELD_NUMBER: _ClassVar[int]
    CALLS_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    CALLS_BURST_FIELD_NUMBER: _ClassVar[int]
    CHANNELZ_FIELD_NUMBER: _ClassVar[int]
    AUDIT_HEAD_FILE_FIELD_NUMBER: _ClassVar[int]
    listen_address: str
    unix_socket: str
    reflection: bool
    require_tokens: bool
    loopback_reads: str
    tls: ControlTlsConfig
    audit_file: str
    audit_bytes_max: int
    audit_files_max: int
    calls_per_second: int
    calls_burst: int
    channelz: bool
    audit_head_file: str
    def __init__(self, listen_address: _Optional[str] = ..., unix_socket: _Optional[str] = ..., reflection: bool = ..., require_tokens: bool = ..., loopback_reads: _Optional[str] = ..., tls: _Optional[_Union[ControlTlsConfig, _Mapping]] = ..., audit_file: _Optional[str] = ..., audit_bytes_max: _Optional[int] = ..., audit_files_max: _Optional[int] = ..., calls_per_second: _Optional[int] = ..., calls_burst: _Optional[int] = ..., channelz: bool = ..., audit_head_file: _Optional[str] = ...) -> None: ...

class ControlTlsConfig(_message.Message):
    __slots__ = ("listen_address", "mutual_listen_address", "certificate_file", "key_file", "client_ca_file", "trust_domain", "revoked_file")
    LISTEN_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    MUTUAL_LISTEN_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    CERTIFICATE_FILE_FIELD_NUMBER: _ClassVar[int]
    KEY_FILE_FIELD_NUMBER: _ClassVar[int]
    CLIENT_CA_FILE_FIELD_NUMBER: _ClassVar[int]
    TRUST_DOMAIN_FIELD_NUMBER: _ClassVar[int]
    REVOKED_FILE_FIELD_NUMBER: _ClassVar[int]
    listen_address: str
    mutual_listen_address: str
    certificate_file: str
    key_file: str
    client_ca_file: str
    trust_domain: str
    revoked_file: str
    def __init__(self, listen_address: _Optional[str] = ..., mutual_listen_address: _Optional[str] = ..., certificate_file: _Optional[str] = ..., key_file: _Optional[str] = ..., client_ca_file: _Optional[str] = ..., trust_domain: _Optional[str] = ..., revoked_file: _Optional[str] = ...) -> None: ...

class ProducerConfig(_message.Message):
    __slots__ = ("authority_key_file", "filler_transaction_bytes", "mine_auxpow_every", "listening_slots")
    AUTHORITY_KEY_FILE_FIELD_NUMBER: _ClassVar[int]
    FILLER_TRANSACTION_BYTES_FIELD_NUMBER: _ClassVar[int]
    MINE_AUXPOW_EVERY_FIELD_NUMBER: _ClassVar[int]
    LISTENING_SLOTS_FIELD_NUMBER: _ClassVar[int]
    authority_key_file: str
    filler_transaction_bytes: int
    mine_auxpow_every: int
    listening_slots: int
    def __init__(self, authority_key_file: _Optional[str] = ..., filler_transaction_bytes: _Optional[int] = ..., mine_auxpow_every: _Optional[int] = ..., listening_slots: _Optional[int] = ...) -> None: ...

class TelemetryConfig(_message.Message):
    __slots__ = ("log_level", "log_file")
    LOG_LEVEL_FIELD_NUMBER: _ClassVar[int]
    LOG_FILE_FIELD_NUMBER: _ClassVar[int]
    log_level: str
    log_file: str
    def __init__(self, log_level: _Optional[str] = ..., log_file: _Optional[str] = ...) -> None: ...

class SupervisionConfig(_message.Message):
    __slots__ = ("allow_fault_injection",)
    ALLOW_FAULT_INJECTION_FIELD_NUMBER: _ClassVar[int]
    allow_fault_injection: bool
    def __init__(self, allow_fault_injection: bool = ...) -> None: ...

class IntegrationsConfig(_message.Message):
    __slots__ = ("chain_required",)
    CHAIN_REQUIRED_FIELD_NUMBER: _ClassVar[int]
    chain_required: bool
    def __init__(self, chain_required: bool = ...) -> None: ...

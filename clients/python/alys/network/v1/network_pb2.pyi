import datetime

from alys.actor.v1 import options_pb2 as _options_pb2
from alys.actor.v1 import rules_pb2 as _rules_pb2
from alys.actor.v1 import stream_pb2 as _stream_pb2
from alys.chain.v1 import chain_pb2 as _chain_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class NetworkState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    NETWORK_STATE_UNSPECIFIED: _ClassVar[NetworkState]
    NETWORK_STATE_STOPPED: _ClassVar[NetworkState]
    NETWORK_STATE_STARTING: _ClassVar[NetworkState]
    NETWORK_STATE_RUNNING: _ClassVar[NetworkState]
    NETWORK_STATE_STOPPING: _ClassVar[NetworkState]

class BroadcastPriority(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    BROADCAST_PRIORITY_UNSPECIFIED: _ClassVar[BroadcastPriority]
    BROADCAST_PRIORITY_LOW: _ClassVar[BroadcastPriority]
    BROADCAST_PRIORITY_NORMAL: _ClassVar[BroadcastPriority]
    BROADCAST_PRIORITY_HIGH: _ClassVar[BroadcastPriority]
    BROADCAST_PRIORITY_CRITICAL: _ClassVar[BroadcastPriority]

class Reachability(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REACHABILITY_UNSPECIFIED: _ClassVar[Reachability]
    REACHABILITY_UNKNOWN: _ClassVar[Reachability]
    REACHABILITY_REACHABLE: _ClassVar[Reachability]
    REACHABILITY_UNREACHABLE: _ClassVar[Reachability]

class ReachabilityBasis(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REACHABILITY_BASIS_UNSPECIFIED: _ClassVar[ReachabilityBasis]
    REACHABILITY_BASIS_NOTHING_SEEN: _ClassVar[ReachabilityBasis]
    REACHABILITY_BASIS_PEERS_DIALLED_US: _ClassVar[ReachabilityBasis]
    REACHABILITY_BASIS_NOT_LISTENING: _ClassVar[ReachabilityBasis]
    REACHABILITY_BASIS_BEHIND_NAT: _ClassVar[ReachabilityBasis]

class Verdict(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    VERDICT_UNSPECIFIED: _ClassVar[Verdict]
    VERDICT_ACCEPT: _ClassVar[Verdict]
    VERDICT_IGNORE: _ClassVar[Verdict]
    VERDICT_REJECT: _ClassVar[Verdict]
NETWORK_STATE_UNSPECIFIED: NetworkState
NETWORK_STATE_STOPPED: NetworkState
NETWORK_STATE_STARTING: NetworkState
NETWORK_STATE_RUNNING: NetworkState
NETWORK_STATE_STOPPING: NetworkState
BROADCAST_PRIORITY_UNSPECIFIED: BroadcastPriority
BROADCAST_PRIORITY_LOW: BroadcastPriority
BROADCAST_PRIORITY_NORMAL: BroadcastPriority
BROADCAST_PRIORITY_HIGH: BroadcastPriority
BROADCAST_PRIORITY_CRITICAL: BroadcastPriority
REACHABILITY_UNSPECIFIED: Reachability
REACHABILITY_UNKNOWN: Reachability
REACHABILITY_REACHABLE: Reachability
REACHABILITY_UNREACHABLE: Reachability
REACHABILITY_BASIS_UNSPECIFIED: ReachabilityBasis
REACHABILITY_BASIS_NOTHING_SEEN: ReachabilityBasis
REACHABILITY_BASIS_PEERS_DIALLED_US: ReachabilityBasis
REACHABILITY_BASIS_NOT_LISTENING: ReachabilityBasis
REACHABILITY_BASIS_BEHIND_NAT: ReachabilityBasis
VERDICT_UNSPECIFIED: Verdict
VERDICT_ACCEPT: Verdict
VERDICT_IGNORE: Verdict
VERDICT_REJECT: Verdict

class FederationConfig(_message.Message):
    __slots__ = ("member_peer_ids",)
    MEMBER_PEER_IDS_FIELD_NUMBER: _ClassVar[int]
    member_peer_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, member_peer_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class StartNetworkRequest(_message.Message):
    __slots__ = ("listen_addresses", "bootstrap_peers", "federation_config")
    LISTEN_ADDRESSES_FIELD_NUMBER: _ClassVar[int]
    BOOTSTRAP_PEERS_FIELD_NUMBER: _ClassVar[int]
    FEDERATION_CONFIG_FIELD_NUMBER: _ClassVar[int]
    listen_addresses: _containers.RepeatedScalarFieldContainer[str]
    bootstrap_peers: _containers.RepeatedScalarFieldContainer[str]
    federation_config: FederationConfig
    def __init__(self, listen_addresses: _Optional[_Iterable[str]] = ..., bootstrap_peers: _Optional[_Iterable[str]] = ..., federation_config: _Optional[_Union[FederationConfig, _Mapping]] = ...) -> None: ...

class StartNetworkResponse(_message.Message):
    __slots__ = ("peer_id", "listen_addresses")
    PEER_ID_FIELD_NUMBER: _ClassVar[int]
    LISTEN_ADDRESSES_FIELD_NUMBER: _ClassVar[int]
    peer_id: str
    listen_addresses: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, peer_id: _Optional[str] = ..., listen_addresses: _Optional[_Iterable[str]] = ...) -> None: ...

class StopNetworkRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class StopNetworkResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetNetworkStatusRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class TrafficCount(_message.Message):
    __slots__ = ("protocol", "bytes_received", "bytes_sent")
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    BYTES_RECEIVED_FIELD_NUMBER: _ClassVar[int]
    BYTES_SENT_FIELD_NUMBER: _ClassVar[int]
    protocol: str
    bytes_received: int
    bytes_sent: int
    def __init__(self, protocol: _Optional[str] = ..., bytes_received: _Optional[int] = ..., bytes_sent: _Optional[int] = ...) -> None: ...

class TopicStatus(_message.Message):
    __slots__ = ("name", "subscribed_peers", "mesh_peers", "accepted", "ignored", "rejected")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SUBSCRIBED_PEERS_FIELD_NUMBER: _ClassVar[int]
    MESH_PEERS_FIELD_NUMBER: _ClassVar[int]
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    IGNORED_FIELD_NUMBER: _ClassVar[int]
    REJECTED_FIELD_NUMBER: _ClassVar[int]
    name: str
    subscribed_peers: int
    mesh_peers: int
    accepted: int
    ignored: int
    rejected: int
    def __init__(self, name: _Optional[str] = ..., subscribed_peers: _Optional[int] = ..., mesh_peers: _Optional[int] = ..., accepted: _Optional[int] = ..., ignored: _Optional[int] = ..., rejected: _Optional[int] = ...) -> None: ...

class NetworkStatus(_message.Message):
    __slots__ = ("state", "peer_id", "listen_addresses", "connected_peers", "inbound_connections", "outbound_connections", "protocols", "topics", "traffic", "started", "genesis_hash", "deaf_peers", "gossip_renewals", "own_delegation", "reachability", "reachability_basis", "confirmed_addresses", "discovery_failures")
    STATE_FIELD_NUMBER: _ClassVar[int]
    PEER_ID_FIELD_NUMBER: _ClassVar[int]
    LISTEN_ADDRESSES_FIELD_NUMBER: _ClassVar[int]
    CONNECTED_PEERS_FIELD_NUMBER: _ClassVar[int]
    INBOUND_CONNECTIONS_FIELD_NUMBER: _ClassVar[int]
    OUTBOUND_CONNECTIONS_FIELD_NUMBER: _ClassVar[int]
    PROTOCOLS_FIELD_NUMBER: _ClassVar[int]
    TOPICS_FIELD_NUMBER: _ClassVar[int]
    TRAFFIC_FIELD_NUMBER: _ClassVar[int]
    STARTED_FIELD_NUMBER: _ClassVar[int]
    GENESIS_HASH_FIELD_NUMBER: _ClassVar[int]
    DEAF_PEERS_FIELD_NUMBER: _ClassVar[int]
    GOSSIP_RENEWALS_FIELD_NUMBER: _ClassVar[int]
    OWN_DELEGATION_FIELD_NUMBER: _ClassVar[int]
    REACHABILITY_FIELD_NUMBER: _ClassVar[int]
    REACHABILITY_BASIS_FIELD_NUMBER: _ClassVar[int]
    CONFIRMED_ADDRESSES_FIELD_NUMBER: _ClassVar[int]
    DISCOVERY_FAILURES_FIELD_NUMBER: _ClassVar[int]
    state: NetworkState
    peer_id: str
    listen_addresses: _containers.RepeatedScalarFieldContainer[str]
    connected_peers: int
    inbound_connections: int
    outbound_connections: int
    protocols: _containers.RepeatedScalarFieldContainer[str]
    topics: _containers.RepeatedCompositeFieldContainer[TopicStatus]
    traffic: _containers.RepeatedCompositeFieldContainer[TrafficCount]
    started: _timestamp_pb2.Timestamp
    genesis_hash: bytes
    deaf_peers: int
    gossip_renewals: int
    own_delegation: OwnDelegation
    reachability: Reachability
    reachability_basis: ReachabilityBasis
    confirmed_addresses: _containers.RepeatedScalarFieldContainer[str]
    discovery_failures: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, state: _Optional[_Union[NetworkState, str]] = ..., peer_id: _Optional[str] = ..., listen_addresses: _Optional[_Iterable[str]] = ..., connected_peers: _Optional[int] = ..., inbound_connections: _Optional[int] = ..., outbound_connections: _Optional[int] = ..., protocols: _Optional[_Iterable[str]] = ..., topics: _Optional[_Iterable[_Union[TopicStatus, _Mapping]]] = ..., traffic: _Optional[_Iterable[_Union[TrafficCount, _Mapping]]] = ..., started: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., genesis_hash: _Optional[bytes] = ..., deaf_peers: _Optional[int] = ..., gossip_renewals: _Optional[int] = ..., own_delegation: _Optional[_Union[OwnDelegation, _Mapping]] = ..., reachability: _Optional[_Union[Reachability, str]] = ..., reachability_basis: _Optional[_Union[ReachabilityBasis, str]] = ..., confirmed_addresses: _Optional[_Iterable[str]] = ..., discovery_failures: _Optional[_Iterable[str]] = ...) -> None: ...

class OwnDelegation(_message.Message):
    __slots__ = ("role", "member_key", "expires", "remaining_ms", "renewals", "next_renewal", "last_failure")
    ROLE_FIELD_NUMBER: _ClassVar[int]
    MEMBER_KEY_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_FIELD_NUMBER: _ClassVar[int]
    REMAINING_MS_FIELD_NUMBER: _ClassVar[int]
    RENEWALS_FIELD_NUMBER: _ClassVar[int]
    NEXT_RENEWAL_FIELD_NUMBER: _ClassVar[int]
    LAST_FAILURE_FIELD_NUMBER: _ClassVar[int]
    role: int
    member_key: bytes
    expires: _timestamp_pb2.Timestamp
    remaining_ms: int
    renewals: int
    next_renewal: _timestamp_pb2.Timestamp
    last_failure: str
    def __init__(self, role: _Optional[int] = ..., member_key: _Optional[bytes] = ..., expires: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., remaining_ms: _Optional[int] = ..., renewals: _Optional[int] = ..., next_renewal: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., last_failure: _Optional[str] = ...) -> None: ...

class GetNetworkStatusResponse(_message.Message):
    __slots__ = ("status",)
    STATUS_FIELD_NUMBER: _ClassVar[int]
    status: NetworkStatus
    def __init__(self, status: _Optional[_Union[NetworkStatus, _Mapping]] = ...) -> None: ...

class BroadcastBlockRequest(_message.Message):
    __slots__ = ("block", "priority")
    BLOCK_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    block: _chain_pb2.EncodedBlock
    priority: BroadcastPriority
    def __init__(self, block: _Optional[_Union[_chain_pb2.EncodedBlock, _Mapping]] = ..., priority: _Optional[_Union[BroadcastPriority, str]] = ...) -> None: ...

class BroadcastBlockResponse(_message.Message):
    __slots__ = ("block_hash", "peers_reached")
    BLOCK_HASH_FIELD_NUMBER: _ClassVar[int]
    PEERS_REACHED_FIELD_NUMBER: _ClassVar[int]
    block_hash: bytes
    peers_reached: int
    def __init__(self, block_hash: _Optional[bytes] = ..., peers_reached: _Optional[int] = ...) -> None: ...

class BroadcastTransactionRequest(_message.Message):
    __slots__ = ("transaction", "source_peer_id")
    TRANSACTION_FIELD_NUMBER: _ClassVar[int]
    SOURCE_PEER_ID_FIELD_NUMBER: _ClassVar[int]
    transaction: bytes
    source_peer_id: str
    def __init__(self, transaction: _Optional[bytes] = ..., source_peer_id: _Optional[str] = ...) -> None: ...

class BroadcastTransactionResponse(_message.Message):
    __slots__ = ("transaction_hash", "peers_reached")
    TRANSACTION_HASH_FIELD_NUMBER: _ClassVar[int]
    PEERS_REACHED_FIELD_NUMBER: _ClassVar[int]
    transaction_hash: bytes
    peers_reached: int
    def __init__(self, transaction_hash: _Optional[bytes] = ..., peers_reached: _Optional[int] = ...) -> None: ...

class WatchNetworkEventsRequest(_message.Message):
    __slots__ = ("resume_token",)
    RESUME_TOKEN_FIELD_NUMBER: _ClassVar[int]
    resume_token: str
    def __init__(self, resume_token: _Optional[str] = ...) -> None: ...

class NetworkConnection(_message.Message):
    __slots__ = ("peer_id", "remote_address", "transport", "is_outbound")
    PEER_ID_FIELD_NUMBER: _ClassVar[int]
    REMOTE_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    TRANSPORT_FIELD_NUMBER: _ClassVar[int]
    IS_OUTBOUND_FIELD_NUMBER: _ClassVar[int]
    peer_id: str
    remote_address: str
    transport: str
    is_outbound: bool
    def __init__(self, peer_id: _Optional[str] = ..., remote_address: _Optional[str] = ..., transport: _Optional[str] = ..., is_outbound: bool = ...) -> None: ...

class WatchNetworkEventsResponse(_message.Message):
    __slots__ = ("position", "snapshot", "state", "connection_opened", "connection_closed", "block_received", "transaction_received", "heartbeat", "skipped")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    CONNECTION_OPENED_FIELD_NUMBER: _ClassVar[int]
    CONNECTION_CLOSED_FIELD_NUMBER: _ClassVar[int]
    BLOCK_RECEIVED_FIELD_NUMBER: _ClassVar[int]
    TRANSACTION_RECEIVED_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_FIELD_NUMBER: _ClassVar[int]
    position: _stream_pb2.Position
    snapshot: NetworkStatus
    state: NetworkState
    connection_opened: NetworkConnection
    connection_closed: NetworkConnection
    block_received: _chain_pb2.BlockReference
    transaction_received: bytes
    heartbeat: _stream_pb2.Heartbeat
    skipped: _stream_pb2.Skipped
    def __init__(self, position: _Optional[_Union[_stream_pb2.Position, _Mapping]] = ..., snapshot: _Optional[_Union[NetworkStatus, _Mapping]] = ..., state: _Optional[_Union[NetworkState, str]] = ..., connection_opened: _Optional[_Union[NetworkConnection, _Mapping]] = ..., connection_closed: _Optional[_Union[NetworkConnection, _Mapping]] = ..., block_received: _Optional[_Union[_chain_pb2.BlockReference, _Mapping]] = ..., transaction_received: _Optional[bytes] = ..., heartbeat: _Optional[_Union[_stream_pb2.Heartbeat, _Mapping]] = ..., skipped: _Optional[_Union[_stream_pb2.Skipped, _Mapping]] = ...) -> None: ...

class RequestBlocksByHashRequest(_message.Message):
    __slots__ = ("peer_id", "hashes")
    PEER_ID_FIELD_NUMBER: _ClassVar[int]
    HASHES_FIELD_NUMBER: _ClassVar[int]
    peer_id: str
    hashes: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, peer_id: _Optional[str] = ..., hashes: _Optional[_Iterable[bytes]] = ...) -> None: ...

class RequestBlocksByHashResponse(_message.Message):
    __slots__ = ("blocks",)
    BLOCKS_FIELD_NUMBER: _ClassVar[int]
    blocks: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, blocks: _Optional[_Iterable[bytes]] = ...) -> None: ...

class RequestCheckpointRequest(_message.Message):
    __slots__ = ("peer_id", "height_max", "known_change_height")
    PEER_ID_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_MAX_FIELD_NUMBER: _ClassVar[int]
    KNOWN_CHANGE_HEIGHT_FIELD_NUMBER: _ClassVar[int]
    peer_id: str
    height_max: int
    known_change_height: int
    def __init__(self, peer_id: _Optional[str] = ..., height_max: _Optional[int] = ..., known_change_height: _Optional[int] = ...) -> None: ...

class RequestCheckpointResponse(_message.Message):
    __slots__ = ("evidence",)
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    evidence: bytes
    def __init__(self, evidence: _Optional[bytes] = ...) -> None: ...

class RequestBlocksRequest(_message.Message):
    __slots__ = ("peer_id", "start_height", "count")
    PEER_ID_FIELD_NUMBER: _ClassVar[int]
    START_HEIGHT_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    peer_id: str
    start_height: int
    count: int
    def __init__(self, peer_id: _Optional[str] = ..., start_height: _Optional[int] = ..., count: _Optional[int] = ...) -> None: ...

class RequestBlocksResponse(_message.Message):
    __slots__ = ("blocks", "latency_ms", "duration_ms", "bytes")
    BLOCKS_FIELD_NUMBER: _ClassVar[int]
    LATENCY_MS_FIELD_NUMBER: _ClassVar[int]
    DURATION_MS_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    blocks: _containers.RepeatedScalarFieldContainer[bytes]
    latency_ms: float
    duration_ms: float
    bytes: int
    def __init__(self, blocks: _Optional[_Iterable[bytes]] = ..., latency_ms: _Optional[float] = ..., duration_ms: _Optional[float] = ..., bytes: _Optional[int] = ...) -> None: ...

class GiveVerdictRequest(_message.Message):
    __slots__ = ("handle", "verdict")
    HANDLE_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    handle: str
    verdict: Verdict
    def __init__(self, handle: _Optional[str] = ..., verdict: _Optional[_Union[Verdict, str]] = ...) -> None: ...

class GiveVerdictResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class SendFederationRequest(_message.Message):
    __slots__ = ("peer_id", "payload", "lifetime_ms")
    PEER_ID_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    LIFETIME_MS_FIELD_NUMBER: _ClassVar[int]
    peer_id: str
    payload: bytes
    lifetime_ms: int
    def __init__(self, peer_id: _Optional[str] = ..., payload: _Optional[bytes] = ..., lifetime_ms: _Optional[int] = ...) -> None: ...

class SendFederationResponse(_message.Message):
    __slots__ = ("payload",)
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    payload: bytes
    def __init__(self, payload: _Optional[bytes] = ...) -> None: ...

class RespondFederationRequest(_message.Message):
    __slots__ = ("handle", "payload", "refusal")
    HANDLE_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    handle: str
    payload: bytes
    refusal: str
    def __init__(self, handle: _Optional[str] = ..., payload: _Optional[bytes] = ..., refusal: _Optional[str] = ...) -> None: ...

class RespondFederationResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class PublishBlockRequest(_message.Message):
    __slots__ = ("block",)
    BLOCK_FIELD_NUMBER: _ClassVar[int]
    block: bytes
    def __init__(self, block: _Optional[bytes] = ...) -> None: ...

class PublishBlockResponse(_message.Message):
    __slots__ = ("peers_reached",)
    PEERS_REACHED_FIELD_NUMBER: _ClassVar[int]
    peers_reached: int
    def __init__(self, peers_reached: _Optional[int] = ...) -> None: ...

class WatchGossipRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GossipMessage(_message.Message):
    __slots__ = ("handle", "peer_id", "payload", "is_transaction", "header")
    HANDLE_FIELD_NUMBER: _ClassVar[int]
    PEER_ID_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    IS_TRANSACTION_FIELD_NUMBER: _ClassVar[int]
    HEADER_FIELD_NUMBER: _ClassVar[int]
    handle: str
    peer_id: str
    payload: bytes
    is_transaction: bool
    header: _chain_pb2.BlockHeader
    def __init__(self, handle: _Optional[str] = ..., peer_id: _Optional[str] = ..., payload: _Optional[bytes] = ..., is_transaction: bool = ..., header: _Optional[_Union[_chain_pb2.BlockHeader, _Mapping]] = ...) -> None: ...

class WatchGossipResponse(_message.Message):
    __slots__ = ("position", "snapshot", "message", "heartbeat", "skipped")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_FIELD_NUMBER: _ClassVar[int]
    position: _stream_pb2.Position
    snapshot: GossipSnapshot
    message: GossipMessage
    heartbeat: _stream_pb2.Heartbeat
    skipped: _stream_pb2.Skipped
    def __init__(self, position: _Optional[_Union[_stream_pb2.Position, _Mapping]] = ..., snapshot: _Optional[_Union[GossipSnapshot, _Mapping]] = ..., message: _Optional[_Union[GossipMessage, _Mapping]] = ..., heartbeat: _Optional[_Union[_stream_pb2.Heartbeat, _Mapping]] = ..., skipped: _Optional[_Union[_stream_pb2.Skipped, _Mapping]] = ...) -> None: ...

class GossipSnapshot(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class WatchFederationRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class InboundFederation(_message.Message):
    __slots__ = ("handle", "peer_id", "member_key", "payload")
    HANDLE_FIELD_NUMBER: _ClassVar[int]
    PEER_ID_FIELD_NUMBER: _ClassVar[int]
    MEMBER_KEY_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    handle: str
    peer_id: str
    member_key: bytes
    payload: bytes
    def __init__(self, handle: _Optional[str] = ..., peer_id: _Optional[str] = ..., member_key: _Optional[bytes] = ..., payload: _Optional[bytes] = ...) -> None: ...

class WatchFederationResponse(_message.Message):
    __slots__ = ("position", "snapshot", "message", "heartbeat", "skipped")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_FIELD_NUMBER: _ClassVar[int]
    position: _stream_pb2.Position
    snapshot: GossipSnapshot
    message: InboundFederation
    heartbeat: _stream_pb2.Heartbeat
    skipped: _stream_pb2.Skipped
    def __init__(self, position: _Optional[_Union[_stream_pb2.Position, _Mapping]] = ..., snapshot: _Optional[_Union[GossipSnapshot, _Mapping]] = ..., message: _Optional[_Union[InboundFederation, _Mapping]] = ..., heartbeat: _Optional[_Union[_stream_pb2.Heartbeat, _Mapping]] = ..., skipped: _Optional[_Union[_stream_pb2.Skipped, _Mapping]] = ...) -> None: ...

import datetime

from alys.actor.v1 import options_pb2 as _options_pb2
from alys.actor.v1 import rules_pb2 as _rules_pb2
from alys.actor.v1 import stream_pb2 as _stream_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PeerType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PEER_TYPE_UNSPECIFIED: _ClassVar[PeerType]
    PEER_TYPE_FEDERATION: _ClassVar[PeerType]
    PEER_TYPE_MINER: _ClassVar[PeerType]
    PEER_TYPE_REGULAR: _ClassVar[PeerType]

class AddressSource(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ADDRESS_SOURCE_UNSPECIFIED: _ClassVar[AddressSource]
    ADDRESS_SOURCE_CONFIGURED: _ClassVar[AddressSource]
    ADDRESS_SOURCE_WORKED: _ClassVar[AddressSource]
    ADDRESS_SOURCE_MDNS: _ClassVar[AddressSource]
    ADDRESS_SOURCE_IDENTIFY: _ClassVar[AddressSource]
    ADDRESS_SOURCE_DHT: _ClassVar[AddressSource]
    ADDRESS_SOURCE_SEEN: _ClassVar[AddressSource]

class ConnectionState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CONNECTION_STATE_UNSPECIFIED: _ClassVar[ConnectionState]
    CONNECTION_STATE_DISCONNECTED: _ClassVar[ConnectionState]
    CONNECTION_STATE_CONNECTING: _ClassVar[ConnectionState]
    CONNECTION_STATE_HANDSHAKING: _ClassVar[ConnectionState]
    CONNECTION_STATE_CONNECTED: _ClassVar[ConnectionState]
    CONNECTION_STATE_BANNED: _ClassVar[ConnectionState]

class Direction(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DIRECTION_UNSPECIFIED: _ClassVar[Direction]
    DIRECTION_INBOUND: _ClassVar[Direction]
    DIRECTION_OUTBOUND: _ClassVar[Direction]

class Offence(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OFFENCE_UNSPECIFIED: _ClassVar[Offence]
    OFFENCE_INVALID_BLOCK: _ClassVar[Offence]
    OFFENCE_MALFORMED_MESSAGE: _ClassVar[Offence]
    OFFENCE_EQUIVOCATION: _ClassVar[Offence]
    OFFENCE_FALSE_HEAD: _ClassVar[Offence]
    OFFENCE_WRONG_ANSWER: _ClassVar[Offence]
    OFFENCE_FLOOD: _ClassVar[Offence]
    OFFENCE_WITHHOLDING: _ClassVar[Offence]

class DiscoveryMethod(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DISCOVERY_METHOD_UNSPECIFIED: _ClassVar[DiscoveryMethod]
    DISCOVERY_METHOD_BOOTSTRAP: _ClassVar[DiscoveryMethod]
    DISCOVERY_METHOD_KADEMLIA: _ClassVar[DiscoveryMethod]
    DISCOVERY_METHOD_MDNS: _ClassVar[DiscoveryMethod]
PEER_TYPE_UNSPECIFIED: PeerType
PEER_TYPE_FEDERATION: PeerType
PEER_TYPE_MINER: PeerType
PEER_TYPE_REGULAR: PeerType
ADDRESS_SOURCE_UNSPECIFIED: AddressSource
ADDRESS_SOURCE_CONFIGURED: AddressSource
ADDRESS_SOURCE_WORKED: AddressSource
ADDRESS_SOURCE_MDNS: AddressSource
ADDRESS_SOURCE_IDENTIFY: AddressSource
ADDRESS_SOURCE_DHT: AddressSource
ADDRESS_SOURCE_SEEN: AddressSource
CONNECTION_STATE_UNSPECIFIED: ConnectionState
CONNECTION_STATE_DISCONNECTED: ConnectionState
CONNECTION_STATE_CONNECTING: ConnectionState
CONNECTION_STATE_HANDSHAKING: ConnectionState
CONNECTION_STATE_CONNECTED: ConnectionState
CONNECTION_STATE_BANNED: ConnectionState
DIRECTION_UNSPECIFIED: Direction
DIRECTION_INBOUND: Direction
DIRECTION_OUTBOUND: Direction
OFFENCE_UNSPECIFIED: Offence
OFFENCE_INVALID_BLOCK: Offence
OFFENCE_MALFORMED_MESSAGE: Offence
OFFENCE_EQUIVOCATION: Offence
OFFENCE_FALSE_HEAD: Offence
OFFENCE_WRONG_ANSWER: Offence
OFFENCE_FLOOD: Offence
OFFENCE_WITHHOLDING: Offence
DISCOVERY_METHOD_UNSPECIFIED: DiscoveryMethod
DISCOVERY_METHOD_BOOTSTRAP: DiscoveryMethod
DISCOVERY_METHOD_KADEMLIA: DiscoveryMethod
DISCOVERY_METHOD_MDNS: DiscoveryMethod

class MassPenalty(_message.Message):
    __slots__ = ("offence", "detail", "digest", "peer_ids", "raised")
    OFFENCE_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    PEER_IDS_FIELD_NUMBER: _ClassVar[int]
    RAISED_FIELD_NUMBER: _ClassVar[int]
    offence: Offence
    detail: str
    digest: bytes
    peer_ids: _containers.RepeatedScalarFieldContainer[str]
    raised: _timestamp_pb2.Timestamp
    def __init__(self, offence: _Optional[_Union[Offence, str]] = ..., detail: _Optional[str] = ..., digest: _Optional[bytes] = ..., peer_ids: _Optional[_Iterable[str]] = ..., raised: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class PeerScore(_message.Message):
    __slots__ = ("overall", "latency", "throughput", "reliability", "federation_bonus", "reputation")
    OVERALL_FIELD_NUMBER: _ClassVar[int]
    LATENCY_FIELD_NUMBER: _ClassVar[int]
    THROUGHPUT_FIELD_NUMBER: _ClassVar[int]
    RELIABILITY_FIELD_NUMBER: _ClassVar[int]
    FEDERATION_BONUS_FIELD_NUMBER: _ClassVar[int]
    REPUTATION_FIELD_NUMBER: _ClassVar[int]
    overall: float
    latency: float
    throughput: float
    reliability: float
    federation_bonus: float
    reputation: float
    def __init__(self, overall: _Optional[float] = ..., latency: _Optional[float] = ..., throughput: _Optional[float] = ..., reliability: _Optional[float] = ..., federation_bonus: _Optional[float] = ..., reputation: _Optional[float] = ...) -> None: ...

class PeerMetrics(_message.Message):
    __slots__ = ("latency_ms", "throughput_bytes_per_second", "requests_answered", "requests_failed", "blocks_served", "bytes_received", "bytes_sent")
    LATENCY_MS_FIELD_NUMBER: _ClassVar[int]
    THROUGHPUT_BYTES_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    REQUESTS_ANSWERED_FIELD_NUMBER: _ClassVar[int]
    REQUESTS_FAILED_FIELD_NUMBER: _ClassVar[int]
    BLOCKS_SERVED_FIELD_NUMBER: _ClassVar[int]
    BYTES_RECEIVED_FIELD_NUMBER: _ClassVar[int]
    BYTES_SENT_FIELD_NUMBER: _ClassVar[int]
    latency_ms: float
    throughput_bytes_per_second: float
    requests_answered: int
    requests_failed: int
    blocks_served: int
    bytes_received: int
    bytes_sent: int
    def __init__(self, latency_ms: _Optional[float] = ..., throughput_bytes_per_second: _Optional[float] = ..., requests_answered: _Optional[int] = ..., requests_failed: _Optional[int] = ..., blocks_served: _Optional[int] = ..., bytes_received: _Optional[int] = ..., bytes_sent: _Optional[int] = ...) -> None: ...

class PeerHead(_message.Message):
    __slots__ = ("height", "hash", "slot", "received_ms", "age_ms")
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    HASH_FIELD_NUMBER: _ClassVar[int]
    SLOT_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_MS_FIELD_NUMBER: _ClassVar[int]
    AGE_MS_FIELD_NUMBER: _ClassVar[int]
    height: int
    hash: bytes
    slot: int
    received_ms: int
    age_ms: int
    def __init__(self, height: _Optional[int] = ..., hash: _Optional[bytes] = ..., slot: _Optional[int] = ..., received_ms: _Optional[int] = ..., age_ms: _Optional[int] = ...) -> None: ...

class PeerInfo(_message.Message):
    __slots__ = ("peer_id", "addresses", "peer_type", "score", "connection_state", "direction", "transport", "last_seen", "metrics", "head", "final_height", "earliest_height", "member_key", "member_role", "remote_address", "unproven_head", "member_expires", "address_records")
    PEER_ID_FIELD_NUMBER: _ClassVar[int]
    ADDRESSES_FIELD_NUMBER: _ClassVar[int]
    PEER_TYPE_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    CONNECTION_STATE_FIELD_NUMBER: _ClassVar[int]
    DIRECTION_FIELD_NUMBER: _ClassVar[int]
    TRANSPORT_FIELD_NUMBER: _ClassVar[int]
    LAST_SEEN_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    HEAD_FIELD_NUMBER: _ClassVar[int]
    FINAL_HEIGHT_FIELD_NUMBER: _ClassVar[int]
    EARLIEST_HEIGHT_FIELD_NUMBER: _ClassVar[int]
    MEMBER_KEY_FIELD_NUMBER: _ClassVar[int]
    MEMBER_ROLE_FIELD_NUMBER: _ClassVar[int]
    REMOTE_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    UNPROVEN_HEAD_FIELD_NUMBER: _ClassVar[int]
    MEMBER_EXPIRES_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_RECORDS_FIELD_NUMBER: _ClassVar[int]
    peer_id: str
    addresses: _containers.RepeatedScalarFieldContainer[str]
    peer_type: PeerType
    score: PeerScore
    connection_state: ConnectionState
    direction: Direction
    transport: str
    last_seen: _timestamp_pb2.Timestamp
    metrics: PeerMetrics
    head: PeerHead
    final_height: int
    earliest_height: int
    member_key: bytes
    member_role: int
    remote_address: str
    unproven_head: UnprovenHead
    member_expires: _timestamp_pb2.Timestamp
    address_records: _containers.RepeatedCompositeFieldContainer[PeerAddress]
    def __init__(self, peer_id: _Optional[str] = ..., addresses: _Optional[_Iterable[str]] = ..., peer_type: _Optional[_Union[PeerType, str]] = ..., score: _Optional[_Union[PeerScore, _Mapping]] = ..., connection_state: _Optional[_Union[ConnectionState, str]] = ..., direction: _Optional[_Union[Direction, str]] = ..., transport: _Optional[str] = ..., last_seen: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., metrics: _Optional[_Union[PeerMetrics, _Mapping]] = ..., head: _Optional[_Union[PeerHead, _Mapping]] = ..., final_height: _Optional[int] = ..., earliest_height: _Optional[int] = ..., member_key: _Optional[bytes] = ..., member_role: _Optional[int] = ..., remote_address: _Optional[str] = ..., unproven_head: _Optional[_Union[UnprovenHead, _Mapping]] = ..., member_expires: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., address_records: _Optional[_Iterable[_Union[PeerAddress, _Mapping]]] = ...) -> None: ...

class PeerAddress(_message.Message):
    __slots__ = ("address", "source", "last_reached", "failures", "last_named")
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    LAST_REACHED_FIELD_NUMBER: _ClassVar[int]
    FAILURES_FIELD_NUMBER: _ClassVar[int]
    LAST_NAMED_FIELD_NUMBER: _ClassVar[int]
    address: str
    source: AddressSource
    last_reached: _timestamp_pb2.Timestamp
    failures: int
    last_named: _timestamp_pb2.Timestamp
    def __init__(self, address: _Optional[str] = ..., source: _Optional[_Union[AddressSource, str]] = ..., last_reached: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., failures: _Optional[int] = ..., last_named: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class UnprovenHead(_message.Message):
    __slots__ = ("header", "approval")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    APPROVAL_FIELD_NUMBER: _ClassVar[int]
    header: bytes
    approval: bytes
    def __init__(self, header: _Optional[bytes] = ..., approval: _Optional[bytes] = ...) -> None: ...

class Ban(_message.Message):
    __slots__ = ("peer_id", "reason", "offence", "until", "evidence", "created", "remote_address")
    PEER_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    OFFENCE_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    REMOTE_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    peer_id: str
    reason: str
    offence: Offence
    until: _timestamp_pb2.Timestamp
    evidence: bytes
    created: _timestamp_pb2.Timestamp
    remote_address: str
    def __init__(self, peer_id: _Optional[str] = ..., reason: _Optional[str] = ..., offence: _Optional[_Union[Offence, str]] = ..., until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., evidence: _Optional[bytes] = ..., created: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., remote_address: _Optional[str] = ...) -> None: ...

class DistrustedMember(_message.Message):
    __slots__ = ("member_key", "slots", "is_cut_off")
    MEMBER_KEY_FIELD_NUMBER: _ClassVar[int]
    SLOTS_FIELD_NUMBER: _ClassVar[int]
    IS_CUT_OFF_FIELD_NUMBER: _ClassVar[int]
    member_key: bytes
    slots: _containers.RepeatedScalarFieldContainer[int]
    is_cut_off: bool
    def __init__(self, member_key: _Optional[bytes] = ..., slots: _Optional[_Iterable[int]] = ..., is_cut_off: bool = ...) -> None: ...

class RestoredTrust(_message.Message):
    __slots__ = ("member_key", "reason", "restored")
    MEMBER_KEY_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    RESTORED_FIELD_NUMBER: _ClassVar[int]
    member_key: bytes
    reason: str
    restored: _timestamp_pb2.Timestamp
    def __init__(self, member_key: _Optional[bytes] = ..., reason: _Optional[str] = ..., restored: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ConnectToPeerRequest(_message.Message):
    __slots__ = ("peer_id", "addresses", "peer_type")
    PEER_ID_FIELD_NUMBER: _ClassVar[int]
    ADDRESSES_FIELD_NUMBER: _ClassVar[int]
    PEER_TYPE_FIELD_NUMBER: _ClassVar[int]
    peer_id: str
    addresses: _containers.RepeatedScalarFieldContainer[str]
    peer_type: PeerType
    def __init__(self, peer_id: _Optional[str] = ..., addresses: _Optional[_Iterable[str]] = ..., peer_type: _Optional[_Union[PeerType, str]] = ...) -> None: ...

class ConnectToPeerResponse(_message.Message):
    __slots__ = ("peer",)
    PEER_FIELD_NUMBER: _ClassVar[int]
    peer: PeerInfo
    def __init__(self, peer: _Optional[_Union[PeerInfo, _Mapping]] = ...) -> None: ...

class DisconnectFromPeerRequest(_message.Message):
    __slots__ = ("peer_id", "reason")
    PEER_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    peer_id: str
    reason: str
    def __init__(self, peer_id: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class DisconnectFromPeerResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetPeerStatusRequest(_message.Message):
    __slots__ = ("peer_id",)
    PEER_ID_FIELD_NUMBER: _ClassVar[int]
    peer_id: str
    def __init__(self, peer_id: _Optional[str] = ...) -> None: ...

class GetPeerStatusResponse(_message.Message):
    __slots__ = ("peer", "ban")
    PEER_FIELD_NUMBER: _ClassVar[int]
    BAN_FIELD_NUMBER: _ClassVar[int]
    peer: PeerInfo
    ban: Ban
    def __init__(self, peer: _Optional[_Union[PeerInfo, _Mapping]] = ..., ban: _Optional[_Union[Ban, _Mapping]] = ...) -> None: ...

class GetConnectedPeersRequest(_message.Message):
    __slots__ = ("peer_type_filter", "page_size", "page_token")
    PEER_TYPE_FILTER_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    peer_type_filter: PeerType
    page_size: int
    page_token: str
    def __init__(self, peer_type_filter: _Optional[_Union[PeerType, str]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class GetConnectedPeersResponse(_message.Message):
    __slots__ = ("peers", "next_page_token", "total_size")
    PEERS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    TOTAL_SIZE_FIELD_NUMBER: _ClassVar[int]
    peers: _containers.RepeatedCompositeFieldContainer[PeerInfo]
    next_page_token: str
    total_size: int
    def __init__(self, peers: _Optional[_Iterable[_Union[PeerInfo, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., total_size: _Optional[int] = ...) -> None: ...

class ListKnownPeersRequest(_message.Message):
    __slots__ = ("peer_type_filter", "page_size", "page_token")
    PEER_TYPE_FILTER_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    peer_type_filter: PeerType
    page_size: int
    page_token: str
    def __init__(self, peer_type_filter: _Optional[_Union[PeerType, str]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListKnownPeersResponse(_message.Message):
    __slots__ = ("peers", "next_page_token", "total_size")
    PEERS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    TOTAL_SIZE_FIELD_NUMBER: _ClassVar[int]
    peers: _containers.RepeatedCompositeFieldContainer[PeerInfo]
    next_page_token: str
    total_size: int
    def __init__(self, peers: _Optional[_Iterable[_Union[PeerInfo, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., total_size: _Optional[int] = ...) -> None: ...

class GetBestPeersRequest(_message.Message):
    __slots__ = ("count", "height_min", "serves_height", "excluded_peer_ids")
    COUNT_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_MIN_FIELD_NUMBER: _ClassVar[int]
    SERVES_HEIGHT_FIELD_NUMBER: _ClassVar[int]
    EXCLUDED_PEER_IDS_FIELD_NUMBER: _ClassVar[int]
    count: int
    height_min: int
    serves_height: int
    excluded_peer_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, count: _Optional[int] = ..., height_min: _Optional[int] = ..., serves_height: _Optional[int] = ..., excluded_peer_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class GetBestPeersResponse(_message.Message):
    __slots__ = ("peers",)
    PEERS_FIELD_NUMBER: _ClassVar[int]
    peers: _containers.RepeatedCompositeFieldContainer[PeerInfo]
    def __init__(self, peers: _Optional[_Iterable[_Union[PeerInfo, _Mapping]]] = ...) -> None: ...

class ScoreUpdate(_message.Message):
    __slots__ = ("latency_ms", "throughput_bytes_per_second", "success", "penalty", "reason")
    LATENCY_MS_FIELD_NUMBER: _ClassVar[int]
    THROUGHPUT_BYTES_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    SUCCESS_FIELD_NUMBER: _ClassVar[int]
    PENALTY_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    latency_ms: float
    throughput_bytes_per_second: float
    success: bool
    penalty: float
    reason: str
    def __init__(self, latency_ms: _Optional[float] = ..., throughput_bytes_per_second: _Optional[float] = ..., success: bool = ..., penalty: _Optional[float] = ..., reason: _Optional[str] = ...) -> None: ...

class UpdatePeerScoreRequest(_message.Message):
    __slots__ = ("peer_id", "score_update")
    PEER_ID_FIELD_NUMBER: _ClassVar[int]
    SCORE_UPDATE_FIELD_NUMBER: _ClassVar[int]
    peer_id: str
    score_update: ScoreUpdate
    def __init__(self, peer_id: _Optional[str] = ..., score_update: _Optional[_Union[ScoreUpdate, _Mapping]] = ...) -> None: ...

class UpdatePeerScoreResponse(_message.Message):
    __slots__ = ("score",)
    SCORE_FIELD_NUMBER: _ClassVar[int]
    score: PeerScore
    def __init__(self, score: _Optional[_Union[PeerScore, _Mapping]] = ...) -> None: ...

class BanPeerRequest(_message.Message):
    __slots__ = ("peer_id", "duration_ms", "reason")
    PEER_ID_FIELD_NUMBER: _ClassVar[int]
    DURATION_MS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    peer_id: str
    duration_ms: int
    reason: str
    def __init__(self, peer_id: _Optional[str] = ..., duration_ms: _Optional[int] = ..., reason: _Optional[str] = ...) -> None: ...

class BanPeerResponse(_message.Message):
    __slots__ = ("ban",)
    BAN_FIELD_NUMBER: _ClassVar[int]
    ban: Ban
    def __init__(self, ban: _Optional[_Union[Ban, _Mapping]] = ...) -> None: ...

class UnbanPeerRequest(_message.Message):
    __slots__ = ("peer_id",)
    PEER_ID_FIELD_NUMBER: _ClassVar[int]
    peer_id: str
    def __init__(self, peer_id: _Optional[str] = ...) -> None: ...

class UnbanPeerResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListBansRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListBansResponse(_message.Message):
    __slots__ = ("bans", "next_page_token", "total_size", "mass_penalties")
    BANS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    TOTAL_SIZE_FIELD_NUMBER: _ClassVar[int]
    MASS_PENALTIES_FIELD_NUMBER: _ClassVar[int]
    bans: _containers.RepeatedCompositeFieldContainer[Ban]
    next_page_token: str
    total_size: int
    mass_penalties: _containers.RepeatedCompositeFieldContainer[MassPenalty]
    def __init__(self, bans: _Optional[_Iterable[_Union[Ban, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., total_size: _Optional[int] = ..., mass_penalties: _Optional[_Iterable[_Union[MassPenalty, _Mapping]]] = ...) -> None: ...

class ListDistrustedMembersRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListDistrustedMembersResponse(_message.Message):
    __slots__ = ("members", "restored")
    MEMBERS_FIELD_NUMBER: _ClassVar[int]
    RESTORED_FIELD_NUMBER: _ClassVar[int]
    members: _containers.RepeatedCompositeFieldContainer[DistrustedMember]
    restored: _containers.RepeatedCompositeFieldContainer[RestoredTrust]
    def __init__(self, members: _Optional[_Iterable[_Union[DistrustedMember, _Mapping]]] = ..., restored: _Optional[_Iterable[_Union[RestoredTrust, _Mapping]]] = ...) -> None: ...

class LiftDistrustRequest(_message.Message):
    __slots__ = ("member_key", "reason")
    MEMBER_KEY_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    member_key: bytes
    reason: str
    def __init__(self, member_key: _Optional[bytes] = ..., reason: _Optional[str] = ...) -> None: ...

class LiftDistrustResponse(_message.Message):
    __slots__ = ("trust",)
    TRUST_FIELD_NUMBER: _ClassVar[int]
    trust: RestoredTrust
    def __init__(self, trust: _Optional[_Union[RestoredTrust, _Mapping]] = ...) -> None: ...

class StartDiscoveryRequest(_message.Message):
    __slots__ = ("methods",)
    METHODS_FIELD_NUMBER: _ClassVar[int]
    methods: _containers.RepeatedScalarFieldContainer[DiscoveryMethod]
    def __init__(self, methods: _Optional[_Iterable[_Union[DiscoveryMethod, str]]] = ...) -> None: ...

class StartDiscoveryResponse(_message.Message):
    __slots__ = ("known_peers",)
    KNOWN_PEERS_FIELD_NUMBER: _ClassVar[int]
    known_peers: int
    def __init__(self, known_peers: _Optional[int] = ...) -> None: ...

class StopDiscoveryRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class StopDiscoveryResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class WatchPeersRequest(_message.Message):
    __slots__ = ("resume_token",)
    RESUME_TOKEN_FIELD_NUMBER: _ClassVar[int]
    resume_token: str
    def __init__(self, resume_token: _Optional[str] = ...) -> None: ...

class WatchPeersResponse(_message.Message):
    __slots__ = ("position", "snapshot", "connected", "disconnected", "updated", "banned", "unbanned", "heartbeat", "skipped", "mass_penalty")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    CONNECTED_FIELD_NUMBER: _ClassVar[int]
    DISCONNECTED_FIELD_NUMBER: _ClassVar[int]
    UPDATED_FIELD_NUMBER: _ClassVar[int]
    BANNED_FIELD_NUMBER: _ClassVar[int]
    UNBANNED_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_FIELD_NUMBER: _ClassVar[int]
    MASS_PENALTY_FIELD_NUMBER: _ClassVar[int]
    position: _stream_pb2.Position
    snapshot: PeersSnapshot
    connected: PeerInfo
    disconnected: PeerDisconnected
    updated: PeerInfo
    banned: Ban
    unbanned: str
    heartbeat: _stream_pb2.Heartbeat
    skipped: _stream_pb2.Skipped
    mass_penalty: MassPenalty
    def __init__(self, position: _Optional[_Union[_stream_pb2.Position, _Mapping]] = ..., snapshot: _Optional[_Union[PeersSnapshot, _Mapping]] = ..., connected: _Optional[_Union[PeerInfo, _Mapping]] = ..., disconnected: _Optional[_Union[PeerDisconnected, _Mapping]] = ..., updated: _Optional[_Union[PeerInfo, _Mapping]] = ..., banned: _Optional[_Union[Ban, _Mapping]] = ..., unbanned: _Optional[str] = ..., heartbeat: _Optional[_Union[_stream_pb2.Heartbeat, _Mapping]] = ..., skipped: _Optional[_Union[_stream_pb2.Skipped, _Mapping]] = ..., mass_penalty: _Optional[_Union[MassPenalty, _Mapping]] = ...) -> None: ...

class PeersSnapshot(_message.Message):
    __slots__ = ("peers",)
    PEERS_FIELD_NUMBER: _ClassVar[int]
    peers: _containers.RepeatedCompositeFieldContainer[PeerInfo]
    def __init__(self, peers: _Optional[_Iterable[_Union[PeerInfo, _Mapping]]] = ...) -> None: ...

class PeerDisconnected(_message.Message):
    __slots__ = ("peer_id", "reason")
    PEER_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    peer_id: str
    reason: str
    def __init__(self, peer_id: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class ReportOffenceRequest(_message.Message):
    __slots__ = ("peer_id", "offence", "detail", "evidence", "member_key")
    PEER_ID_FIELD_NUMBER: _ClassVar[int]
    OFFENCE_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    MEMBER_KEY_FIELD_NUMBER: _ClassVar[int]
    peer_id: str
    offence: Offence
    detail: str
    evidence: bytes
    member_key: bytes
    def __init__(self, peer_id: _Optional[str] = ..., offence: _Optional[_Union[Offence, str]] = ..., detail: _Optional[str] = ..., evidence: _Optional[bytes] = ..., member_key: _Optional[bytes] = ...) -> None: ...

class ReportOffenceResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class DropUnservingRequest(_message.Message):
    __slots__ = ("peer_id",)
    PEER_ID_FIELD_NUMBER: _ClassVar[int]
    peer_id: str
    def __init__(self, peer_id: _Optional[str] = ...) -> None: ...

class DropUnservingResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class RecordPerformanceRequest(_message.Message):
    __slots__ = ("peer_id", "succeeded", "latency_ms", "duration_ms", "bytes", "blocks")
    PEER_ID_FIELD_NUMBER: _ClassVar[int]
    SUCCEEDED_FIELD_NUMBER: _ClassVar[int]
    LATENCY_MS_FIELD_NUMBER: _ClassVar[int]
    DURATION_MS_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    BLOCKS_FIELD_NUMBER: _ClassVar[int]
    peer_id: str
    succeeded: bool
    latency_ms: float
    duration_ms: float
    bytes: int
    blocks: int
    def __init__(self, peer_id: _Optional[str] = ..., succeeded: bool = ..., latency_ms: _Optional[float] = ..., duration_ms: _Optional[float] = ..., bytes: _Optional[int] = ..., blocks: _Optional[int] = ...) -> None: ...

class RecordPerformanceResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class RefreshStatusRequest(_message.Message):
    __slots__ = ("peer_id",)
    PEER_ID_FIELD_NUMBER: _ClassVar[int]
    peer_id: str
    def __init__(self, peer_id: _Optional[str] = ...) -> None: ...

class RefreshStatusResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ReservePeersRequest(_message.Message):
    __slots__ = ("peer_ids",)
    PEER_IDS_FIELD_NUMBER: _ClassVar[int]
    peer_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, peer_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class ReservePeersResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

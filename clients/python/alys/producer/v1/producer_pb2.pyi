import datetime

from alys.actor.v1 import options_pb2 as _options_pb2
from alys.actor.v1 import rules_pb2 as _rules_pb2
from alys.actor.v1 import stream_pb2 as _stream_pb2
from alys.chain.v1 import chain_pb2 as _chain_pb2
from alys.integration.v1 import notice_pb2 as _notice_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SigningRefusal(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SIGNING_REFUSAL_UNSPECIFIED: _ClassVar[SigningRefusal]
    SIGNING_REFUSAL_LISTENING: _ClassVar[SigningRefusal]
    SIGNING_REFUSAL_OWN_KEY_ELSEWHERE: _ClassVar[SigningRefusal]
    SIGNING_REFUSAL_VOTE_RECORD_MISSING: _ClassVar[SigningRefusal]
    SIGNING_REFUSAL_VOTE_RECORD_OUTDATED: _ClassVar[SigningRefusal]
    SIGNING_REFUSAL_VOTE_RECORD_FOREIGN: _ClassVar[SigningRefusal]

class SightingKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SIGHTING_KIND_UNSPECIFIED: _ClassVar[SightingKind]
    SIGHTING_KIND_DELEGATION: _ClassVar[SightingKind]
    SIGHTING_KIND_PROPOSAL: _ClassVar[SightingKind]
    SIGHTING_KIND_APPROVAL: _ClassVar[SightingKind]
    SIGHTING_KIND_BLOCK: _ClassVar[SightingKind]
    SIGHTING_KIND_UNREADABLE: _ClassVar[SightingKind]
SIGNING_REFUSAL_UNSPECIFIED: SigningRefusal
SIGNING_REFUSAL_LISTENING: SigningRefusal
SIGNING_REFUSAL_OWN_KEY_ELSEWHERE: SigningRefusal
SIGNING_REFUSAL_VOTE_RECORD_MISSING: SigningRefusal
SIGNING_REFUSAL_VOTE_RECORD_OUTDATED: SigningRefusal
SIGNING_REFUSAL_VOTE_RECORD_FOREIGN: SigningRefusal
SIGHTING_KIND_UNSPECIFIED: SightingKind
SIGHTING_KIND_DELEGATION: SightingKind
SIGHTING_KIND_PROPOSAL: SightingKind
SIGHTING_KIND_APPROVAL: SightingKind
SIGHTING_KIND_BLOCK: SightingKind
SIGHTING_KIND_UNREADABLE: SightingKind

class KeySighting(_message.Message):
    __slots__ = ("kind", "slot", "hash", "peer_id", "seen")
    KIND_FIELD_NUMBER: _ClassVar[int]
    SLOT_FIELD_NUMBER: _ClassVar[int]
    HASH_FIELD_NUMBER: _ClassVar[int]
    PEER_ID_FIELD_NUMBER: _ClassVar[int]
    SEEN_FIELD_NUMBER: _ClassVar[int]
    kind: SightingKind
    slot: int
    hash: bytes
    peer_id: str
    seen: _timestamp_pb2.Timestamp
    def __init__(self, kind: _Optional[_Union[SightingKind, str]] = ..., slot: _Optional[int] = ..., hash: _Optional[bytes] = ..., peer_id: _Optional[str] = ..., seen: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class SigningStatus(_message.Message):
    __slots__ = ("refusal", "detail", "slots_listened", "slots_wanted", "unrecorded_slot", "sighting")
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    SLOTS_LISTENED_FIELD_NUMBER: _ClassVar[int]
    SLOTS_WANTED_FIELD_NUMBER: _ClassVar[int]
    UNRECORDED_SLOT_FIELD_NUMBER: _ClassVar[int]
    SIGHTING_FIELD_NUMBER: _ClassVar[int]
    refusal: SigningRefusal
    detail: str
    slots_listened: int
    slots_wanted: int
    unrecorded_slot: int
    sighting: KeySighting
    def __init__(self, refusal: _Optional[_Union[SigningRefusal, str]] = ..., detail: _Optional[str] = ..., slots_listened: _Optional[int] = ..., slots_wanted: _Optional[int] = ..., unrecorded_slot: _Optional[int] = ..., sighting: _Optional[_Union[KeySighting, _Mapping]] = ...) -> None: ...

class ProducerStatus(_message.Message):
    __slots__ = ("is_enabled", "authority_key", "authority_index", "blocks_proposed", "blocks_certified", "proposals_approved", "proposals_refused", "last_voted_slot", "last_refusal", "scheduled_authorities", "auxpows_mined", "signing", "clock_fault", "clock_ahead_ms", "barred_to_slot", "barred_until_ms")
    IS_ENABLED_FIELD_NUMBER: _ClassVar[int]
    AUTHORITY_KEY_FIELD_NUMBER: _ClassVar[int]
    AUTHORITY_INDEX_FIELD_NUMBER: _ClassVar[int]
    BLOCKS_PROPOSED_FIELD_NUMBER: _ClassVar[int]
    BLOCKS_CERTIFIED_FIELD_NUMBER: _ClassVar[int]
    PROPOSALS_APPROVED_FIELD_NUMBER: _ClassVar[int]
    PROPOSALS_REFUSED_FIELD_NUMBER: _ClassVar[int]
    LAST_VOTED_SLOT_FIELD_NUMBER: _ClassVar[int]
    LAST_REFUSAL_FIELD_NUMBER: _ClassVar[int]
    SCHEDULED_AUTHORITIES_FIELD_NUMBER: _ClassVar[int]
    AUXPOWS_MINED_FIELD_NUMBER: _ClassVar[int]
    SIGNING_FIELD_NUMBER: _ClassVar[int]
    CLOCK_FAULT_FIELD_NUMBER: _ClassVar[int]
    CLOCK_AHEAD_MS_FIELD_NUMBER: _ClassVar[int]
    BARRED_TO_SLOT_FIELD_NUMBER: _ClassVar[int]
    BARRED_UNTIL_MS_FIELD_NUMBER: _ClassVar[int]
    is_enabled: bool
    authority_key: bytes
    authority_index: int
    blocks_proposed: int
    blocks_certified: int
    proposals_approved: int
    proposals_refused: int
    last_voted_slot: int
    last_refusal: str
    scheduled_authorities: _containers.RepeatedScalarFieldContainer[bytes]
    auxpows_mined: int
    signing: SigningStatus
    clock_fault: str
    clock_ahead_ms: int
    barred_to_slot: int
    barred_until_ms: int
    def __init__(self, is_enabled: bool = ..., authority_key: _Optional[bytes] = ..., authority_index: _Optional[int] = ..., blocks_proposed: _Optional[int] = ..., blocks_certified: _Optional[int] = ..., proposals_approved: _Optional[int] = ..., proposals_refused: _Optional[int] = ..., last_voted_slot: _Optional[int] = ..., last_refusal: _Optional[str] = ..., scheduled_authorities: _Optional[_Iterable[bytes]] = ..., auxpows_mined: _Optional[int] = ..., signing: _Optional[_Union[SigningStatus, _Mapping]] = ..., clock_fault: _Optional[str] = ..., clock_ahead_ms: _Optional[int] = ..., barred_to_slot: _Optional[int] = ..., barred_until_ms: _Optional[int] = ...) -> None: ...

class GetProducerStatusRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetProducerStatusResponse(_message.Message):
    __slots__ = ("status",)
    STATUS_FIELD_NUMBER: _ClassVar[int]
    status: ProducerStatus
    def __init__(self, status: _Optional[_Union[ProducerStatus, _Mapping]] = ...) -> None: ...

class ScheduleAuthoritiesRequest(_message.Message):
    __slots__ = ("keys", "proofs")
    KEYS_FIELD_NUMBER: _ClassVar[int]
    PROOFS_FIELD_NUMBER: _ClassVar[int]
    keys: _containers.RepeatedScalarFieldContainer[bytes]
    proofs: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, keys: _Optional[_Iterable[bytes]] = ..., proofs: _Optional[_Iterable[bytes]] = ...) -> None: ...

class ScheduleAuthoritiesResponse(_message.Message):
    __slots__ = ("lowest_height",)
    LOWEST_HEIGHT_FIELD_NUMBER: _ClassVar[int]
    lowest_height: int
    def __init__(self, lowest_height: _Optional[int] = ...) -> None: ...

class ConfirmKeyRequest(_message.Message):
    __slots__ = ("reason",)
    REASON_FIELD_NUMBER: _ClassVar[int]
    reason: str
    def __init__(self, reason: _Optional[str] = ...) -> None: ...

class ConfirmKeyResponse(_message.Message):
    __slots__ = ("signing", "sighting")
    SIGNING_FIELD_NUMBER: _ClassVar[int]
    SIGHTING_FIELD_NUMBER: _ClassVar[int]
    signing: SigningStatus
    sighting: KeySighting
    def __init__(self, signing: _Optional[_Union[SigningStatus, _Mapping]] = ..., sighting: _Optional[_Union[KeySighting, _Mapping]] = ...) -> None: ...

class ReleaseVotesRequest(_message.Message):
    __slots__ = ("reason",)
    REASON_FIELD_NUMBER: _ClassVar[int]
    reason: str
    def __init__(self, reason: _Optional[str] = ...) -> None: ...

class ReleaseVotesResponse(_message.Message):
    __slots__ = ("voted_to_slot", "given_up_first_slot", "given_up_last_slot")
    VOTED_TO_SLOT_FIELD_NUMBER: _ClassVar[int]
    GIVEN_UP_FIRST_SLOT_FIELD_NUMBER: _ClassVar[int]
    GIVEN_UP_LAST_SLOT_FIELD_NUMBER: _ClassVar[int]
    voted_to_slot: int
    given_up_first_slot: int
    given_up_last_slot: int
    def __init__(self, voted_to_slot: _Optional[int] = ..., given_up_first_slot: _Optional[int] = ..., given_up_last_slot: _Optional[int] = ...) -> None: ...

class WatchVotesRequest(_message.Message):
    __slots__ = ("resume_token",)
    RESUME_TOKEN_FIELD_NUMBER: _ClassVar[int]
    resume_token: str
    def __init__(self, resume_token: _Optional[str] = ...) -> None: ...

class Vote(_message.Message):
    __slots__ = ("slot", "block", "authority_index", "is_proposal")
    SLOT_FIELD_NUMBER: _ClassVar[int]
    BLOCK_FIELD_NUMBER: _ClassVar[int]
    AUTHORITY_INDEX_FIELD_NUMBER: _ClassVar[int]
    IS_PROPOSAL_FIELD_NUMBER: _ClassVar[int]
    slot: int
    block: _chain_pb2.BlockReference
    authority_index: int
    is_proposal: bool
    def __init__(self, slot: _Optional[int] = ..., block: _Optional[_Union[_chain_pb2.BlockReference, _Mapping]] = ..., authority_index: _Optional[int] = ..., is_proposal: bool = ...) -> None: ...

class WatchVotesResponse(_message.Message):
    __slots__ = ("position", "snapshot", "vote", "heartbeat", "skipped", "production", "signing")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    VOTE_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_FIELD_NUMBER: _ClassVar[int]
    PRODUCTION_FIELD_NUMBER: _ClassVar[int]
    SIGNING_FIELD_NUMBER: _ClassVar[int]
    position: _stream_pb2.Position
    snapshot: ProducerStatus
    vote: Vote
    heartbeat: _stream_pb2.Heartbeat
    skipped: _stream_pb2.Skipped
    production: _notice_pb2.ProductionNotice
    signing: SigningStatus
    def __init__(self, position: _Optional[_Union[_stream_pb2.Position, _Mapping]] = ..., snapshot: _Optional[_Union[ProducerStatus, _Mapping]] = ..., vote: _Optional[_Union[Vote, _Mapping]] = ..., heartbeat: _Optional[_Union[_stream_pb2.Heartbeat, _Mapping]] = ..., skipped: _Optional[_Union[_stream_pb2.Skipped, _Mapping]] = ..., production: _Optional[_Union[_notice_pb2.ProductionNotice, _Mapping]] = ..., signing: _Optional[_Union[SigningStatus, _Mapping]] = ...) -> None: ...

class SubmitTransactionRequest(_message.Message):
    __slots__ = ("transaction",)
    TRANSACTION_FIELD_NUMBER: _ClassVar[int]
    transaction: bytes
    def __init__(self, transaction: _Optional[bytes] = ...) -> None: ...

class SubmitTransactionResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

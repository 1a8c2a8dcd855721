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

class SyncMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SYNC_MODE_UNSPECIFIED: _ClassVar[SyncMode]
    SYNC_MODE_FAST: _ClassVar[SyncMode]
    SYNC_MODE_FULL: _ClassVar[SyncMode]
    SYNC_MODE_CHECKPOINT: _ClassVar[SyncMode]
    SYNC_MODE_FEDERATION: _ClassVar[SyncMode]
    SYNC_MODE_RECOVERY: _ClassVar[SyncMode]

class SyncState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SYNC_STATE_UNSPECIFIED: _ClassVar[SyncState]
    SYNC_STATE_DISCOVERING: _ClassVar[SyncState]
    SYNC_STATE_HEADERS: _ClassVar[SyncState]
    SYNC_STATE_BLOCKS: _ClassVar[SyncState]
    SYNC_STATE_CATCH_UP: _ClassVar[SyncState]
    SYNC_STATE_SYNCED: _ClassVar[SyncState]
    SYNC_STATE_FAILED: _ClassVar[SyncState]

class RecoveryMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RECOVERY_MODE_UNSPECIFIED: _ClassVar[RecoveryMode]
    RECOVERY_MODE_FAST: _ClassVar[RecoveryMode]
    RECOVERY_MODE_SAFE: _ClassVar[RecoveryMode]
    RECOVERY_MODE_MINIMAL: _ClassVar[RecoveryMode]
    RECOVERY_MODE_FULL: _ClassVar[RecoveryMode]

class StallKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STALL_KIND_UNSPECIFIED: _ClassVar[StallKind]
    STALL_KIND_NOT_STARTED: _ClassVar[StallKind]
    STALL_KIND_STOPPED: _ClassVar[StallKind]
    STALL_KIND_HEIGHT_REACHED: _ClassVar[StallKind]
    STALL_KIND_RECOVERING: _ClassVar[StallKind]
    STALL_KIND_RECOVERY_CONTRADICTED: _ClassVar[StallKind]
    STALL_KIND_SEARCHING_CHECKPOINT: _ClassVar[StallKind]
    STALL_KIND_CHECKPOINT_UNCONFIRMED: _ClassVar[StallKind]
    STALL_KIND_ADOPTING_CHECKPOINT: _ClassVar[StallKind]
    STALL_KIND_CHECKPOINTS_CONFLICT: _ClassVar[StallKind]
    STALL_KIND_CHECKPOINT_FAILED: _ClassVar[StallKind]
    STALL_KIND_PAUSED: _ClassVar[StallKind]
    STALL_KIND_CHAIN_AWAY: _ClassVar[StallKind]
    STALL_KIND_CHECKING_STORE: _ClassVar[StallKind]
    STALL_KIND_STORE_DAMAGED: _ClassVar[StallKind]
    STALL_KIND_REORGANIZATION_UNCONFIRMED: _ClassVar[StallKind]
    STALL_KIND_VALIDATION_FAILED: _ClassVar[StallKind]
    STALL_KIND_IMPORT_REFUSED: _ClassVar[StallKind]
    STALL_KIND_BLOCK_NOT_YET_VALID: _ClassVar[StallKind]
    STALL_KIND_TARGET_BELOW_FINAL: _ClassVar[StallKind]
    STALL_KIND_TARGET_NOT_BETTER: _ClassVar[StallKind]
    STALL_KIND_TARGET_FOREIGN_AUTHORITIES: _ClassVar[StallKind]
    STALL_KIND_HEAD_UNSERVED: _ClassVar[StallKind]
    STALL_KIND_NO_VALID_BLOCKS: _ClassVar[StallKind]
    STALL_KIND_HEAD_STANDS_STILL: _ClassVar[StallKind]
    STALL_KIND_FOLLOWING_UNPROVEN_HEAD: _ClassVar[StallKind]
    STALL_KIND_NO_PROVEN_HEAD: _ClassVar[StallKind]
    STALL_KIND_HEAD_OLD: _ClassVar[StallKind]

class NextBlocks(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    NEXT_BLOCKS_UNSPECIFIED: _ClassVar[NextBlocks]
    NEXT_BLOCKS_NOT_ASKED_FOR: _ClassVar[NextBlocks]
    NEXT_BLOCKS_AWAITING_PEER: _ClassVar[NextBlocks]
    NEXT_BLOCKS_DOWNLOADING: _ClassVar[NextBlocks]
    NEXT_BLOCKS_AWAITING_VALIDATION: _ClassVar[NextBlocks]
    NEXT_BLOCKS_VALIDATING: _ClassVar[NextBlocks]
    NEXT_BLOCKS_IMPORTING: _ClassVar[NextBlocks]

class ProductionCondition(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PRODUCTION_CONDITION_UNSPECIFIED: _ClassVar[ProductionCondition]
    PRODUCTION_CONDITION_RATIO: _ClassVar[ProductionCondition]
    PRODUCTION_CONDITION_LAG: _ClassVar[ProductionCondition]
    PRODUCTION_CONDITION_AGE: _ClassVar[ProductionCondition]
    PRODUCTION_CONDITION_PEERS: _ClassVar[ProductionCondition]
    PRODUCTION_CONDITION_FEDERATION_QUORUM: _ClassVar[ProductionCondition]
    PRODUCTION_CONDITION_CHAIN: _ClassVar[ProductionCondition]
    PRODUCTION_CONDITION_EMERGENCY: _ClassVar[ProductionCondition]
    PRODUCTION_CONDITION_NO_AUTHORITY_KEY: _ClassVar[ProductionCondition]
    PRODUCTION_CONDITION_CLOCK: _ClassVar[ProductionCondition]
    PRODUCTION_CONDITION_VOTE_RECORD: _ClassVar[ProductionCondition]
    PRODUCTION_CONDITION_LISTENING: _ClassVar[ProductionCondition]
    PRODUCTION_CONDITION_OWN_KEY_ELSEWHERE: _ClassVar[ProductionCondition]
    PRODUCTION_CONDITION_VOTE_RECORD_UNTRUSTED: _ClassVar[ProductionCondition]

class ProductionOverride(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PRODUCTION_OVERRIDE_UNSPECIFIED: _ClassVar[ProductionOverride]
    PRODUCTION_OVERRIDE_NONE: _ClassVar[ProductionOverride]
    PRODUCTION_OVERRIDE_FORBID: _ClassVar[ProductionOverride]
    PRODUCTION_OVERRIDE_ALLOW: _ClassVar[ProductionOverride]
SYNC_MODE_UNSPECIFIED: SyncMode
SYNC_MODE_FAST: SyncMode
SYNC_MODE_FULL: SyncMode
SYNC_MODE_CHECKPOINT: SyncMode
SYNC_MODE_FEDERATION: SyncMode
SYNC_MODE_RECOVERY: SyncMode
SYNC_STATE_UNSPECIFIED: SyncState
SYNC_STATE_DISCOVERING: SyncState
SYNC_STATE_HEADERS: SyncState
SYNC_STATE_BLOCKS: SyncState
SYNC_STATE_CATCH_UP: SyncState
SYNC_STATE_SYNCED: SyncState
SYNC_STATE_FAILED: SyncState
RECOVERY_MODE_UNSPECIFIED: RecoveryMode
RECOVERY_MODE_FAST: RecoveryMode
RECOVERY_MODE_SAFE: RecoveryMode
RECOVERY_MODE_MINIMAL: RecoveryMode
RECOVERY_MODE_FULL: RecoveryMode
STALL_KIND_UNSPECIFIED: StallKind
STALL_KIND_NOT_STARTED: StallKind
STALL_KIND_STOPPED: StallKind
STALL_KIND_HEIGHT_REACHED: StallKind
STALL_KIND_RECOVERING: StallKind
STALL_KIND_RECOVERY_CONTRADICTED: StallKind
STALL_KIND_SEARCHING_CHECKPOINT: StallKind
STALL_KIND_CHECKPOINT_UNCONFIRMED: StallKind
STALL_KIND_ADOPTING_CHECKPOINT: StallKind
STALL_KIND_CHECKPOINTS_CONFLICT: StallKind
STALL_KIND_CHECKPOINT_FAILED: StallKind
STALL_KIND_PAUSED: StallKind
STALL_KIND_CHAIN_AWAY: StallKind
STALL_KIND_CHECKING_STORE: StallKind
STALL_KIND_STORE_DAMAGED: StallKind
STALL_KIND_REORGANIZATION_UNCONFIRMED: StallKind
STALL_KIND_VALIDATION_FAILED: StallKind
STALL_KIND_IMPORT_REFUSED: StallKind
STALL_KIND_BLOCK_NOT_YET_VALID: StallKind
STALL_KIND_TARGET_BELOW_FINAL: StallKind
STALL_KIND_TARGET_NOT_BETTER: StallKind
STALL_KIND_TARGET_FOREIGN_AUTHORITIES: StallKind
STALL_KIND_HEAD_UNSERVED: StallKind
STALL_KIND_NO_VALID_BLOCKS: StallKind
STALL_KIND_HEAD_STANDS_STILL: StallKind
STALL_KIND_FOLLOWING_UNPROVEN_HEAD: StallKind
STALL_KIND_NO_PROVEN_HEAD: StallKind
STALL_KIND_HEAD_OLD: StallKind
NEXT_BLOCKS_UNSPECIFIED: NextBlocks
NEXT_BLOCKS_NOT_ASKED_FOR: NextBlocks
NEXT_BLOCKS_AWAITING_PEER: NextBlocks
NEXT_BLOCKS_DOWNLOADING: NextBlocks
NEXT_BLOCKS_AWAITING_VALIDATION: NextBlocks
NEXT_BLOCKS_VALIDATING: NextBlocks
NEXT_BLOCKS_IMPORTING: NextBlocks
PRODUCTION_CONDITION_UNSPECIFIED: ProductionCondition
PRODUCTION_CONDITION_RATIO: ProductionCondition
PRODUCTION_CONDITION_LAG: ProductionCondition
PRODUCTION_CONDITION_AGE: ProductionCondition
PRODUCTION_CONDITION_PEERS: ProductionCondition
PRODUCTION_CONDITION_FEDERATION_QUORUM: ProductionCondition
PRODUCTION_CONDITION_CHAIN: ProductionCondition
PRODUCTION_CONDITION_EMERGENCY: ProductionCondition
PRODUCTION_CONDITION_NO_AUTHORITY_KEY: ProductionCondition
PRODUCTION_CONDITION_CLOCK: ProductionCondition
PRODUCTION_CONDITION_VOTE_RECORD: ProductionCondition
PRODUCTION_CONDITION_LISTENING: ProductionCondition
PRODUCTION_CONDITION_OWN_KEY_ELSEWHERE: ProductionCondition
PRODUCTION_CONDITION_VOTE_RECORD_UNTRUSTED: ProductionCondition
PRODUCTION_OVERRIDE_UNSPECIFIED: ProductionOverride
PRODUCTION_OVERRIDE_NONE: ProductionOverride
PRODUCTION_OVERRIDE_FORBID: ProductionOverride
PRODUCTION_OVERRIDE_ALLOW: ProductionOverride

class SyncStatus(_message.Message):
    __slots__ = ("state", "mode", "head", "target", "final", "progress_ppm", "blocks_per_second", "eta_ms", "connected_peers", "useful_peers", "requests_in_flight", "bytes_buffered", "bytes_buffered_max", "can_produce_blocks", "is_paused", "reason", "resumed_from_height", "lowest_requested_height", "blocks_synced", "blocks_followed", "head_age_ms", "pools", "unproven_target", "stall")
    STATE_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    HEAD_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    FINAL_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_PPM_FIELD_NUMBER: _ClassVar[int]
    BLOCKS_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    ETA_MS_FIELD_NUMBER: _ClassVar[int]
    CONNECTED_PEERS_FIELD_NUMBER: _ClassVar[int]
    USEFUL_PEERS_FIELD_NUMBER: _ClassVar[int]
    REQUESTS_IN_FLIGHT_FIELD_NUMBER: _ClassVar[int]
    BYTES_BUFFERED_FIELD_NUMBER: _ClassVar[int]
    BYTES_BUFFERED_MAX_FIELD_NUMBER: _ClassVar[int]
    CAN_PRODUCE_BLOCKS_FIELD_NUMBER: _ClassVar[int]
    IS_PAUSED_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    RESUMED_FROM_HEIGHT_FIELD_NUMBER: _ClassVar[int]
    LOWEST_REQUESTED_HEIGHT_FIELD_NUMBER: _ClassVar[int]
    BLOCKS_SYNCED_FIELD_NUMBER: _ClassVar[int]
    BLOCKS_FOLLOWED_FIELD_NUMBER: _ClassVar[int]
    HEAD_AGE_MS_FIELD_NUMBER: _ClassVar[int]
    POOLS_FIELD_NUMBER: _ClassVar[int]
    UNPROVEN_TARGET_FIELD_NUMBER: _ClassVar[int]
    STALL_FIELD_NUMBER: _ClassVar[int]
    state: SyncState
    mode: SyncMode
    head: _chain_pb2.BlockReference
    target: _chain_pb2.BlockReference
    final: _chain_pb2.BlockReference
    progress_ppm: int
    blocks_per_second: float
    eta_ms: int
    connected_peers: int
    useful_peers: int
    requests_in_flight: int
    bytes_buffered: int
    bytes_buffered_max: int
    can_produce_blocks: bool
    is_paused: bool
    reason: str
    resumed_from_height: int
    lowest_requested_height: int
    blocks_synced: int
    blocks_followed: int
    head_age_ms: int
    pools: _containers.RepeatedCompositeFieldContainer[PoolLevel]
    unproven_target: _chain_pb2.BlockReference
    stall: StallReason
    def __init__(self, state: _Optional[_Union[SyncState, str]] = ..., mode: _Optional[_Union[SyncMode, str]] = ..., head: _Optional[_Union[_chain_pb2.BlockReference, _Mapping]] = ..., target: _Optional[_Union[_chain_pb2.BlockReference, _Mapping]] = ..., final: _Optional[_Union[_chain_pb2.BlockReference, _Mapping]] = ..., progress_ppm: _Optional[int] = ..., blocks_per_second: _Optional[float] = ..., eta_ms: _Optional[int] = ..., connected_peers: _Optional[int] = ..., useful_peers: _Optional[int] = ..., requests_in_flight: _Optional[int] = ..., bytes_buffered: _Optional[int] = ..., bytes_buffered_max: _Optional[int] = ..., can_produce_blocks: bool = ..., is_paused: bool = ..., reason: _Optional[str] = ..., resumed_from_height: _Optional[int] = ..., lowest_requested_height: _Optional[int] = ..., blocks_synced: _Optional[int] = ..., blocks_followed: _Optional[int] = ..., head_age_ms: _Optional[int] = ..., pools: _Optional[_Iterable[_Union[PoolLevel, _Mapping]]] = ..., unproven_target: _Optional[_Union[_chain_pb2.BlockReference, _Mapping]] = ..., stall: _Optional[_Union[StallReason, _Mapping]] = ...) -> None: ...

class StallReason(_message.Message):
    __slots__ = ("kind", "height", "block_hash", "checkpoint_id", "peer_id", "code", "note", "next_blocks", "attempts", "lasting_ms", "retry_ms")
    KIND_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    BLOCK_HASH_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_ID_FIELD_NUMBER: _ClassVar[int]
    PEER_ID_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    NEXT_BLOCKS_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    LASTING_MS_FIELD_NUMBER: _ClassVar[int]
    RETRY_MS_FIELD_NUMBER: _ClassVar[int]
    kind: StallKind
    height: int
    block_hash: bytes
    checkpoint_id: str
    peer_id: str
    code: str
    note: str
    next_blocks: NextBlocks
    attempts: int
    lasting_ms: int
    retry_ms: int
    def __init__(self, kind: _Optional[_Union[StallKind, str]] = ..., height: _Optional[int] = ..., block_hash: _Optional[bytes] = ..., checkpoint_id: _Optional[str] = ..., peer_id: _Optional[str] = ..., code: _Optional[str] = ..., note: _Optional[str] = ..., next_blocks: _Optional[_Union[NextBlocks, str]] = ..., attempts: _Optional[int] = ..., lasting_ms: _Optional[int] = ..., retry_ms: _Optional[int] = ...) -> None: ...

class PoolLevel(_message.Message):
    __slots__ = ("name", "used", "bound", "unit")
    NAME_FIELD_NUMBER: _ClassVar[int]
    USED_FIELD_NUMBER: _ClassVar[int]
    BOUND_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    name: str
    used: int
    bound: int
    unit: str
    def __init__(self, name: _Optional[str] = ..., used: _Optional[int] = ..., bound: _Optional[int] = ..., unit: _Optional[str] = ...) -> None: ...

class UnmetCondition(_message.Message):
    __slots__ = ("condition", "detail")
    CONDITION_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    condition: ProductionCondition
    detail: str
    def __init__(self, condition: _Optional[_Union[ProductionCondition, str]] = ..., detail: _Optional[str] = ...) -> None: ...

class ProductionStatus(_message.Message):
    __slots__ = ("can_produce", "unmet", "waived")
    CAN_PRODUCE_FIELD_NUMBER: _ClassVar[int]
    UNMET_FIELD_NUMBER: _ClassVar[int]
    WAIVED_FIELD_NUMBER: _ClassVar[int]
    can_produce: bool
    unmet: _containers.RepeatedCompositeFieldContainer[UnmetCondition]
    waived: _containers.RepeatedCompositeFieldContainer[UnmetCondition]
    def __init__(self, can_produce: bool = ..., unmet: _Optional[_Iterable[_Union[UnmetCondition, _Mapping]]] = ..., waived: _Optional[_Iterable[_Union[UnmetCondition, _Mapping]]] = ...) -> None: ...

class Operation(_message.Message):
    __slots__ = ("id", "kind", "is_done", "error", "started", "ended", "progress_ppm", "detail")
    ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    IS_DONE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    STARTED_FIELD_NUMBER: _ClassVar[int]
    ENDED_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_PPM_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    id: str
    kind: str
    is_done: bool
    error: str
    started: _timestamp_pb2.Timestamp
    ended: _timestamp_pb2.Timestamp
    progress_ppm: int
    detail: str
    def __init__(self, id: _Optional[str] = ..., kind: _Optional[str] = ..., is_done: bool = ..., error: _Optional[str] = ..., started: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., ended: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., progress_ppm: _Optional[int] = ..., detail: _Optional[str] = ...) -> None: ...

class StartSyncRequest(_message.Message):
    __slots__ = ("from_height", "target_height", "checkpoint_id", "sync_mode")
    FROM_HEIGHT_FIELD_NUMBER: _ClassVar[int]
    TARGET_HEIGHT_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_ID_FIELD_NUMBER: _ClassVar[int]
    SYNC_MODE_FIELD_NUMBER: _ClassVar[int]
    from_height: int
    target_height: int
    checkpoint_id: str
    sync_mode: SyncMode
    def __init__(self, from_height: _Optional[int] = ..., target_height: _Optional[int] = ..., checkpoint_id: _Optional[str] = ..., sync_mode: _Optional[_Union[SyncMode, str]] = ...) -> None: ...

class StartSyncResponse(_message.Message):
    __slots__ = ("operation", "status")
    OPERATION_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    operation: Operation
    status: SyncStatus
    def __init__(self, operation: _Optional[_Union[Operation, _Mapping]] = ..., status: _Optional[_Union[SyncStatus, _Mapping]] = ...) -> None: ...

class StopSyncRequest(_message.Message):
    __slots__ = ("reason",)
    REASON_FIELD_NUMBER: _ClassVar[int]
    reason: str
    def __init__(self, reason: _Optional[str] = ...) -> None: ...

class StopSyncResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class PauseSyncRequest(_message.Message):
    __slots__ = ("reason",)
    REASON_FIELD_NUMBER: _ClassVar[int]
    reason: str
    def __init__(self, reason: _Optional[str] = ...) -> None: ...

class PauseSyncResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ResumeSyncRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ResumeSyncResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetSyncStatusRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetSyncStatusResponse(_message.Message):
    __slots__ = ("status",)
    STATUS_FIELD_NUMBER: _ClassVar[int]
    status: SyncStatus
    def __init__(self, status: _Optional[_Union[SyncStatus, _Mapping]] = ...) -> None: ...

class CanProduceBlocksRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class CanProduceBlocksResponse(_message.Message):
    __slots__ = ("status",)
    STATUS_FIELD_NUMBER: _ClassVar[int]
    status: ProductionStatus
    def __init__(self, status: _Optional[_Union[ProductionStatus, _Mapping]] = ...) -> None: ...

class GetBlockRequest(_message.Message):
    __slots__ = ("height", "hash")
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    HASH_FIELD_NUMBER: _ClassVar[int]
    height: int
    hash: bytes
    def __init__(self, height: _Optional[int] = ..., hash: _Optional[bytes] = ...) -> None: ...

class GetBlockResponse(_message.Message):
    __slots__ = ("block", "view")
    BLOCK_FIELD_NUMBER: _ClassVar[int]
    VIEW_FIELD_NUMBER: _ClassVar[int]
    block: _chain_pb2.EncodedBlock
    view: _chain_pb2.BlockView
    def __init__(self, block: _Optional[_Union[_chain_pb2.EncodedBlock, _Mapping]] = ..., view: _Optional[_Union[_chain_pb2.BlockView, _Mapping]] = ...) -> None: ...

class SetProductionOverrideRequest(_message.Message):
    __slots__ = ("override", "reason")
    OVERRIDE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    override: ProductionOverride
    reason: str
    def __init__(self, override: _Optional[_Union[ProductionOverride, str]] = ..., reason: _Optional[str] = ...) -> None: ...

class SetProductionOverrideResponse(_message.Message):
    __slots__ = ("status",)
    STATUS_FIELD_NUMBER: _ClassVar[int]
    status: ProductionStatus
    def __init__(self, status: _Optional[_Union[ProductionStatus, _Mapping]] = ...) -> None: ...

class Checkpoint(_message.Message):
    __slots__ = ("id", "block", "created", "size_bytes")
    ID_FIELD_NUMBER: _ClassVar[int]
    BLOCK_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    id: str
    block: _chain_pb2.BlockReference
    created: _timestamp_pb2.Timestamp
    size_bytes: int
    def __init__(self, id: _Optional[str] = ..., block: _Optional[_Union[_chain_pb2.BlockReference, _Mapping]] = ..., created: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., size_bytes: _Optional[int] = ...) -> None: ...

class CreateCheckpointRequest(_message.Message):
    __slots__ = ("height",)
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    height: int
    def __init__(self, height: _Optional[int] = ...) -> None: ...

class CreateCheckpointResponse(_message.Message):
    __slots__ = ("checkpoint",)
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    checkpoint: Checkpoint
    def __init__(self, checkpoint: _Optional[_Union[Checkpoint, _Mapping]] = ...) -> None: ...

class ListCheckpointsRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListCheckpointsResponse(_message.Message):
    __slots__ = ("checkpoints", "next_page_token")
    CHECKPOINTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    checkpoints: _containers.RepeatedCompositeFieldContainer[Checkpoint]
    next_page_token: str
    def __init__(self, checkpoints: _Optional[_Iterable[_Union[Checkpoint, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ProveBlockRequest(_message.Message):
    __slots__ = ("height", "hash", "checkpoint_id")
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    HASH_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_ID_FIELD_NUMBER: _ClassVar[int]
    height: int
    hash: bytes
    checkpoint_id: str
    def __init__(self, height: _Optional[int] = ..., hash: _Optional[bytes] = ..., checkpoint_id: _Optional[str] = ...) -> None: ...

class ProveBlockResponse(_message.Message):
    __slots__ = ("block", "checkpoint", "history_root", "proof")
    BLOCK_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    HISTORY_ROOT_FIELD_NUMBER: _ClassVar[int]
    PROOF_FIELD_NUMBER: _ClassVar[int]
    block: _chain_pb2.BlockReference
    checkpoint: _chain_pb2.BlockReference
    history_root: bytes
    proof: bytes
    def __init__(self, block: _Optional[_Union[_chain_pb2.BlockReference, _Mapping]] = ..., checkpoint: _Optional[_Union[_chain_pb2.BlockReference, _Mapping]] = ..., history_root: _Optional[bytes] = ..., proof: _Optional[bytes] = ...) -> None: ...

class RecoverFromCheckpointRequest(_message.Message):
    __slots__ = ("checkpoint_id", "verify_integrity", "recovery_mode", "validate_only", "force")
    CHECKPOINT_ID_FIELD_NUMBER: _ClassVar[int]
    VERIFY_INTEGRITY_FIELD_NUMBER: _ClassVar[int]
    RECOVERY_MODE_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    FORCE_FIELD_NUMBER: _ClassVar[int]
    checkpoint_id: str
    verify_integrity: bool
    recovery_mode: RecoveryMode
    validate_only: bool
    force: bool
    def __init__(self, checkpoint_id: _Optional[str] = ..., verify_integrity: bool = ..., recovery_mode: _Optional[_Union[RecoveryMode, str]] = ..., validate_only: bool = ..., force: bool = ...) -> None: ...

class RecoverFromCheckpointResponse(_message.Message):
    __slots__ = ("operation", "checkpoint", "plan", "blocks_deleted", "needs_force")
    OPERATION_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    PLAN_FIELD_NUMBER: _ClassVar[int]
    BLOCKS_DELETED_FIELD_NUMBER: _ClassVar[int]
    NEEDS_FORCE_FIELD_NUMBER: _ClassVar[int]
    operation: Operation
    checkpoint: Checkpoint
    plan: str
    blocks_deleted: int
    needs_force: bool
    def __init__(self, operation: _Optional[_Union[Operation, _Mapping]] = ..., checkpoint: _Optional[_Union[Checkpoint, _Mapping]] = ..., plan: _Optional[str] = ..., blocks_deleted: _Optional[int] = ..., needs_force: bool = ...) -> None: ...

class GetOperationRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class GetOperationResponse(_message.Message):
    __slots__ = ("operation",)
    OPERATION_FIELD_NUMBER: _ClassVar[int]
    operation: Operation
    def __init__(self, operation: _Optional[_Union[Operation, _Mapping]] = ...) -> None: ...

class CancelOperationRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class CancelOperationResponse(_message.Message):
    __slots__ = ("operation",)
    OPERATION_FIELD_NUMBER: _ClassVar[int]
    operation: Operation
    def __init__(self, operation: _Optional[_Union[Operation, _Mapping]] = ...) -> None: ...

class WatchOperationRequest(_message.Message):
    __slots__ = ("id", "resume_token")
    ID_FIELD_NUMBER: _ClassVar[int]
    RESUME_TOKEN_FIELD_NUMBER: _ClassVar[int]
    id: str
    resume_token: str
    def __init__(self, id: _Optional[str] = ..., resume_token: _Optional[str] = ...) -> None: ...

class WatchOperationResponse(_message.Message):
    __slots__ = ("position", "snapshot", "operation", "heartbeat", "skipped")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    OPERATION_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_FIELD_NUMBER: _ClassVar[int]
    position: _stream_pb2.Position
    snapshot: Operation
    operation: Operation
    heartbeat: _stream_pb2.Heartbeat
    skipped: _stream_pb2.Skipped
    def __init__(self, position: _Optional[_Union[_stream_pb2.Position, _Mapping]] = ..., snapshot: _Optional[_Union[Operation, _Mapping]] = ..., operation: _Optional[_Union[Operation, _Mapping]] = ..., heartbeat: _Optional[_Union[_stream_pb2.Heartbeat, _Mapping]] = ..., skipped: _Optional[_Union[_stream_pb2.Skipped, _Mapping]] = ...) -> None: ...

class WatchSyncStatusRequest(_message.Message):
    __slots__ = ("resume_token",)
    RESUME_TOKEN_FIELD_NUMBER: _ClassVar[int]
    resume_token: str
    def __init__(self, resume_token: _Optional[str] = ...) -> None: ...

class WatchSyncStatusResponse(_message.Message):
    __slots__ = ("position", "snapshot", "status", "heartbeat", "skipped")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_FIELD_NUMBER: _ClassVar[int]
    position: _stream_pb2.Position
    snapshot: SyncStatus
    status: SyncStatus
    heartbeat: _stream_pb2.Heartbeat
    skipped: _stream_pb2.Skipped
    def __init__(self, position: _Optional[_Union[_stream_pb2.Position, _Mapping]] = ..., snapshot: _Optional[_Union[SyncStatus, _Mapping]] = ..., status: _Optional[_Union[SyncStatus, _Mapping]] = ..., heartbeat: _Optional[_Union[_stream_pb2.Heartbeat, _Mapping]] = ..., skipped: _Optional[_Union[_stream_pb2.Skipped, _Mapping]] = ...) -> None: ...

class WatchProductionRequest(_message.Message):
    __slots__ = ("resume_token",)
    RESUME_TOKEN_FIELD_NUMBER: _ClassVar[int]
    resume_token: str
    def __init__(self, resume_token: _Optional[str] = ...) -> None: ...

class WatchProductionResponse(_message.Message):
    __slots__ = ("position", "snapshot", "status", "heartbeat", "skipped")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_FIELD_NUMBER: _ClassVar[int]
    position: _stream_pb2.Position
    snapshot: ProductionStatus
    status: ProductionStatus
    heartbeat: _stream_pb2.Heartbeat
    skipped: _stream_pb2.Skipped
    def __init__(self, position: _Optional[_Union[_stream_pb2.Position, _Mapping]] = ..., snapshot: _Optional[_Union[ProductionStatus, _Mapping]] = ..., status: _Optional[_Union[ProductionStatus, _Mapping]] = ..., heartbeat: _Optional[_Union[_stream_pb2.Heartbeat, _Mapping]] = ..., skipped: _Optional[_Union[_stream_pb2.Skipped, _Mapping]] = ...) -> None: ...

class WatchBlocksRequest(_message.Message):
    __slots__ = ("resume_token",)
    RESUME_TOKEN_FIELD_NUMBER: _ClassVar[int]
    resume_token: str
    def __init__(self, resume_token: _Optional[str] = ...) -> None: ...

class BlocksSnapshot(_message.Message):
    __slots__ = ("head", "final")
    HEAD_FIELD_NUMBER: _ClassVar[int]
    FINAL_FIELD_NUMBER: _ClassVar[int]
    head: _chain_pb2.BlockReference
    final: _chain_pb2.BlockReference
    def __init__(self, head: _Optional[_Union[_chain_pb2.BlockReference, _Mapping]] = ..., final: _Optional[_Union[_chain_pb2.BlockReference, _Mapping]] = ...) -> None: ...

class Reorganization(_message.Message):
    __slots__ = ("common_height", "blocks_reverted", "head")
    COMMON_HEIGHT_FIELD_NUMBER: _ClassVar[int]
    BLOCKS_REVERTED_FIELD_NUMBER: _ClassVar[int]
    HEAD_FIELD_NUMBER: _ClassVar[int]
    common_height: int
    blocks_reverted: int
    head: _chain_pb2.BlockReference
    def __init__(self, common_height: _Optional[int] = ..., blocks_reverted: _Optional[int] = ..., head: _Optional[_Union[_chain_pb2.BlockReference, _Mapping]] = ...) -> None: ...

class WatchBlocksResponse(_message.Message):
    __slots__ = ("position", "snapshot", "imported", "finalized", "reorganized", "heartbeat", "skipped", "equivocation")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    IMPORTED_FIELD_NUMBER: _ClassVar[int]
    FINALIZED_FIELD_NUMBER: _ClassVar[int]
    REORGANIZED_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_FIELD_NUMBER: _ClassVar[int]
    EQUIVOCATION_FIELD_NUMBER: _ClassVar[int]
    position: _stream_pb2.Position
    snapshot: BlocksSnapshot
    imported: _chain_pb2.BlockView
    finalized: _chain_pb2.BlockReference
    reorganized: Reorganization
    heartbeat: _stream_pb2.Heartbeat
    skipped: _stream_pb2.Skipped
    equivocation: Equivocation
    def __init__(self, position: _Optional[_Union[_stream_pb2.Position, _Mapping]] = ..., snapshot: _Optional[_Union[BlocksSnapshot, _Mapping]] = ..., imported: _Optional[_Union[_chain_pb2.BlockView, _Mapping]] = ..., finalized: _Optional[_Union[_chain_pb2.BlockReference, _Mapping]] = ..., reorganized: _Optional[_Union[Reorganization, _Mapping]] = ..., heartbeat: _Optional[_Union[_stream_pb2.Heartbeat, _Mapping]] = ..., skipped: _Optional[_Union[_stream_pb2.Skipped, _Mapping]] = ..., equivocation: _Optional[_Union[Equivocation, _Mapping]] = ...) -> None: ...

class Equivocation(_message.Message):
    __slots__ = ("slot", "member_keys", "first_header", "first_approval", "second_header", "second_approval")
    SLOT_FIELD_NUMBER: _ClassVar[int]
    MEMBER_KEYS_FIELD_NUMBER: _ClassVar[int]
    FIRST_HEADER_FIELD_NUMBER: _ClassVar[int]
    FIRST_APPROVAL_FIELD_NUMBER: _ClassVar[int]
    SECOND_HEADER_FIELD_NUMBER: _ClassVar[int]
    SECOND_APPROVAL_FIELD_NUMBER: _ClassVar[int]
    slot: int
    member_keys: _containers.RepeatedScalarFieldContainer[bytes]
    first_header: bytes
    first_approval: bytes
    second_header: bytes
    second_approval: bytes
    def __init__(self, slot: _Optional[int] = ..., member_keys: _Optional[_Iterable[bytes]] = ..., first_header: _Optional[bytes] = ..., first_approval: _Optional[bytes] = ..., second_header: _Optional[bytes] = ..., second_approval: _Optional[bytes] = ...) -> None: ...

class StreamBlocksRequest(_message.Message):
    __slots__ = ("start_height", "count", "include_views")
    START_HEIGHT_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_VIEWS_FIELD_NUMBER: _ClassVar[int]
    start_height: int
    count: int
    include_views: bool
    def __init__(self, start_height: _Optional[int] = ..., count: _Optional[int] = ..., include_views: bool = ...) -> None: ...

class StreamBlocksResponse(_message.Message):
    __slots__ = ("blocks", "start_height", "views")
    BLOCKS_FIELD_NUMBER: _ClassVar[int]
    START_HEIGHT_FIELD_NUMBER: _ClassVar[int]
    VIEWS_FIELD_NUMBER: _ClassVar[int]
    blocks: _containers.RepeatedScalarFieldContainer[bytes]
    start_height: int
    views: _containers.RepeatedCompositeFieldContainer[_chain_pb2.BlockView]
    def __init__(self, blocks: _Optional[_Iterable[bytes]] = ..., start_height: _Optional[int] = ..., views: _Optional[_Iterable[_Union[_chain_pb2.BlockView, _Mapping]]] = ...) -> None: ...

class ImportBlockRequest(_message.Message):
    __slots__ = ("block",)
    BLOCK_FIELD_NUMBER: _ClassVar[int]
    block: bytes
    def __init__(self, block: _Optional[bytes] = ...) -> None: ...

class ImportBlockResponse(_message.Message):
    __slots__ = ("block_hash",)
    BLOCK_HASH_FIELD_NUMBER: _ClassVar[int]
    block_hash: bytes
    def __init__(self, block_hash: _Optional[bytes] = ...) -> None: ...

class ReportApprovalRequest(_message.Message):
    __slots__ = ("header", "approval")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    APPROVAL_FIELD_NUMBER: _ClassVar[int]
    header: bytes
    approval: bytes
    def __init__(self, header: _Optional[bytes] = ..., approval: _Optional[bytes] = ...) -> None: ...

class ReportApprovalResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ReportSigningRequest(_message.Message):
    __slots__ = ("unmet",)
    UNMET_FIELD_NUMBER: _ClassVar[int]
    unmet: _containers.RepeatedCompositeFieldContainer[UnmetCondition]
    def __init__(self, unmet: _Optional[_Iterable[_Union[UnmetCondition, _Mapping]]] = ...) -> None: ...

class ReportSigningResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class WatchOwnApprovalsRequest(_message.Message):
    __slots__ = ("resume_token",)
    RESUME_TOKEN_FIELD_NUMBER: _ClassVar[int]
    resume_token: str
    def __init__(self, resume_token: _Optional[str] = ...) -> None: ...

class OwnApproval(_message.Message):
    __slots__ = ("slot", "hash", "is_author")
    SLOT_FIELD_NUMBER: _ClassVar[int]
    HASH_FIELD_NUMBER: _ClassVar[int]
    IS_AUTHOR_FIELD_NUMBER: _ClassVar[int]
    slot: int
    hash: bytes
    is_author: bool
    def __init__(self, slot: _Optional[int] = ..., hash: _Optional[bytes] = ..., is_author: bool = ...) -> None: ...

class OwnApprovalSnapshot(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class WatchOwnApprovalsResponse(_message.Message):
    __slots__ = ("position", "snapshot", "approval", "heartbeat", "skipped")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    APPROVAL_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_FIELD_NUMBER: _ClassVar[int]
    position: _stream_pb2.Position
    snapshot: OwnApprovalSnapshot
    approval: OwnApproval
    heartbeat: _stream_pb2.Heartbeat
    skipped: _stream_pb2.Skipped
    def __init__(self, position: _Optional[_Union[_stream_pb2.Position, _Mapping]] = ..., snapshot: _Optional[_Union[OwnApprovalSnapshot, _Mapping]] = ..., approval: _Optional[_Union[OwnApproval, _Mapping]] = ..., heartbeat: _Optional[_Union[_stream_pb2.Heartbeat, _Mapping]] = ..., skipped: _Optional[_Union[_stream_pb2.Skipped, _Mapping]] = ...) -> None: ...

from alys.chain.v1 import chain_pb2 as _chain_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ProductionStage(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PRODUCTION_STAGE_UNSPECIFIED: _ClassVar[ProductionStage]
    PRODUCTION_STAGE_SLOT_BEGUN: _ClassVar[ProductionStage]
    PRODUCTION_STAGE_PROPOSED: _ClassVar[ProductionStage]
    PRODUCTION_STAGE_CERTIFIED: _ClassVar[ProductionStage]
    PRODUCTION_STAGE_PUBLISHED: _ClassVar[ProductionStage]
    PRODUCTION_STAGE_GIVEN_UP: _ClassVar[ProductionStage]
    PRODUCTION_STAGE_APPROVED: _ClassVar[ProductionStage]

class SyncChange(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SYNC_CHANGE_UNSPECIFIED: _ClassVar[SyncChange]
    SYNC_CHANGE_COMPLETED: _ClassVar[SyncChange]
    SYNC_CHANGE_REQUIRED: _ClassVar[SyncChange]
    SYNC_CHANGE_FAILED: _ClassVar[SyncChange]
PRODUCTION_STAGE_UNSPECIFIED: ProductionStage
PRODUCTION_STAGE_SLOT_BEGUN: ProductionStage
PRODUCTION_STAGE_PROPOSED: ProductionStage
PRODUCTION_STAGE_CERTIFIED: ProductionStage
PRODUCTION_STAGE_PUBLISHED: ProductionStage
PRODUCTION_STAGE_GIVEN_UP: ProductionStage
PRODUCTION_STAGE_APPROVED: ProductionStage
SYNC_CHANGE_UNSPECIFIED: SyncChange
SYNC_CHANGE_COMPLETED: SyncChange
SYNC_CHANGE_REQUIRED: SyncChange
SYNC_CHANGE_FAILED: SyncChange

class HeadNotice(_message.Message):
    __slots__ = ("head", "final", "blocks_reverted", "common_height")
    HEAD_FIELD_NUMBER: _ClassVar[int]
    FINAL_FIELD_NUMBER: _ClassVar[int]
    BLOCKS_REVERTED_FIELD_NUMBER: _ClassVar[int]
    COMMON_HEIGHT_FIELD_NUMBER: _ClassVar[int]
    head: _chain_pb2.BlockReference
    final: _chain_pb2.BlockReference
    blocks_reverted: int
    common_height: int
    def __init__(self, head: _Optional[_Union[_chain_pb2.BlockReference, _Mapping]] = ..., final: _Optional[_Union[_chain_pb2.BlockReference, _Mapping]] = ..., blocks_reverted: _Optional[int] = ..., common_height: _Optional[int] = ...) -> None: ...

class ProductionNotice(_message.Message):
    __slots__ = ("slot", "stage", "block", "reason")
    SLOT_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    BLOCK_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    slot: int
    stage: ProductionStage
    block: _chain_pb2.BlockReference
    reason: str
    def __init__(self, slot: _Optional[int] = ..., stage: _Optional[_Union[ProductionStage, str]] = ..., block: _Optional[_Union[_chain_pb2.BlockReference, _Mapping]] = ..., reason: _Optional[str] = ...) -> None: ...

class CertifiedHeader(_message.Message):
    __slots__ = ("header", "approval")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    APPROVAL_FIELD_NUMBER: _ClassVar[int]
    header: bytes
    approval: bytes
    def __init__(self, header: _Optional[bytes] = ..., approval: _Optional[bytes] = ...) -> None: ...

class EquivocationNotice(_message.Message):
    __slots__ = ("slot", "guilty_keys", "first", "second")
    SLOT_FIELD_NUMBER: _ClassVar[int]
    GUILTY_KEYS_FIELD_NUMBER: _ClassVar[int]
    FIRST_FIELD_NUMBER: _ClassVar[int]
    SECOND_FIELD_NUMBER: _ClassVar[int]
    slot: int
    guilty_keys: _containers.RepeatedScalarFieldContainer[bytes]
    first: CertifiedHeader
    second: CertifiedHeader
    def __init__(self, slot: _Optional[int] = ..., guilty_keys: _Optional[_Iterable[bytes]] = ..., first: _Optional[_Union[CertifiedHeader, _Mapping]] = ..., second: _Optional[_Union[CertifiedHeader, _Mapping]] = ...) -> None: ...

class SyncNotice(_message.Message):
    __slots__ = ("change", "head", "target", "reason")
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    HEAD_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    change: SyncChange
    head: _chain_pb2.BlockReference
    target: _chain_pb2.BlockReference
    reason: str
    def __init__(self, change: _Optional[_Union[SyncChange, str]] = ..., head: _Optional[_Union[_chain_pb2.BlockReference, _Mapping]] = ..., target: _Optional[_Union[_chain_pb2.BlockReference, _Mapping]] = ..., reason: _Optional[str] = ...) -> None: ...

class AuthoritiesNotice(_message.Message):
    __slots__ = ("first_height", "keys", "root")
    FIRST_HEIGHT_FIELD_NUMBER: _ClassVar[int]
    KEYS_FIELD_NUMBER: _ClassVar[int]
    ROOT_FIELD_NUMBER: _ClassVar[int]
    first_height: int
    keys: _containers.RepeatedScalarFieldContainer[bytes]
    root: bytes
    def __init__(self, first_height: _Optional[int] = ..., keys: _Optional[_Iterable[bytes]] = ..., root: _Optional[bytes] = ...) -> None: ...

class EngineHeadNotice(_message.Message):
    __slots__ = ("member_key", "block", "parent_hash", "is_syncing", "target_height")
    MEMBER_KEY_FIELD_NUMBER: _ClassVar[int]
    BLOCK_FIELD_NUMBER: _ClassVar[int]
    PARENT_HASH_FIELD_NUMBER: _ClassVar[int]
    IS_SYNCING_FIELD_NUMBER: _ClassVar[int]
    TARGET_HEIGHT_FIELD_NUMBER: _ClassVar[int]
    member_key: bytes
    block: _chain_pb2.BlockReference
    parent_hash: bytes
    is_syncing: bool
    target_height: int
    def __init__(self, member_key: _Optional[bytes] = ..., block: _Optional[_Union[_chain_pb2.BlockReference, _Mapping]] = ..., parent_hash: _Optional[bytes] = ..., is_syncing: bool = ..., target_height: _Optional[int] = ...) -> None: ...

class PegIn(_message.Message):
    __slots__ = ("txid", "bitcoin_block_hash")
    TXID_FIELD_NUMBER: _ClassVar[int]
    BITCOIN_BLOCK_HASH_FIELD_NUMBER: _ClassVar[int]
    txid: bytes
    bitcoin_block_hash: bytes
    def __init__(self, txid: _Optional[bytes] = ..., bitcoin_block_hash: _Optional[bytes] = ...) -> None: ...

class PegOut(_message.Message):
    __slots__ = ("digest", "size_bytes")
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    digest: bytes
    size_bytes: int
    def __init__(self, digest: _Optional[bytes] = ..., size_bytes: _Optional[int] = ...) -> None: ...

class PegNotice(_message.Message):
    __slots__ = ("block", "peg_ins", "peg_in_count", "peg_out_proposal", "finalized_peg_outs")
    BLOCK_FIELD_NUMBER: _ClassVar[int]
    PEG_INS_FIELD_NUMBER: _ClassVar[int]
    PEG_IN_COUNT_FIELD_NUMBER: _ClassVar[int]
    PEG_OUT_PROPOSAL_FIELD_NUMBER: _ClassVar[int]
    FINALIZED_PEG_OUTS_FIELD_NUMBER: _ClassVar[int]
    block: _chain_pb2.BlockReference
    peg_ins: _containers.RepeatedCompositeFieldContainer[PegIn]
    peg_in_count: int
    peg_out_proposal: PegOut
    finalized_peg_outs: _containers.RepeatedCompositeFieldContainer[PegOut]
    def __init__(self, block: _Optional[_Union[_chain_pb2.BlockReference, _Mapping]] = ..., peg_ins: _Optional[_Iterable[_Union[PegIn, _Mapping]]] = ..., peg_in_count: _Optional[int] = ..., peg_out_proposal: _Optional[_Union[PegOut, _Mapping]] = ..., finalized_peg_outs: _Optional[_Iterable[_Union[PegOut, _Mapping]]] = ...) -> None: ...

class FederationMember(_message.Message):
    __slots__ = ("member_key", "is_self", "is_connected", "head_height")
    MEMBER_KEY_FIELD_NUMBER: _ClassVar[int]
    IS_SELF_FIELD_NUMBER: _ClassVar[int]
    IS_CONNECTED_FIELD_NUMBER: _ClassVar[int]
    HEAD_HEIGHT_FIELD_NUMBER: _ClassVar[int]
    member_key: bytes
    is_self: bool
    is_connected: bool
    head_height: int
    def __init__(self, member_key: _Optional[bytes] = ..., is_self: bool = ..., is_connected: bool = ..., head_height: _Optional[int] = ...) -> None: ...

class FederationStatus(_message.Message):
    __slots__ = ("members", "quorum", "has_quorum", "is_synced", "head", "target")
    MEMBERS_FIELD_NUMBER: _ClassVar[int]
    QUORUM_FIELD_NUMBER: _ClassVar[int]
    HAS_QUORUM_FIELD_NUMBER: _ClassVar[int]
    IS_SYNCED_FIELD_NUMBER: _ClassVar[int]
    HEAD_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    members: _containers.RepeatedCompositeFieldContainer[FederationMember]
    quorum: int
    has_quorum: bool
    is_synced: bool
    head: _chain_pb2.BlockReference
    target: _chain_pb2.BlockReference
    def __init__(self, members: _Optional[_Iterable[_Union[FederationMember, _Mapping]]] = ..., quorum: _Optional[int] = ..., has_quorum: bool = ..., is_synced: bool = ..., head: _Optional[_Union[_chain_pb2.BlockReference, _Mapping]] = ..., target: _Optional[_Union[_chain_pb2.BlockReference, _Mapping]] = ...) -> None: ...

class FederationNotice(_message.Message):
    __slots__ = ("status",)
    STATUS_FIELD_NUMBER: _ClassVar[int]
    status: FederationStatus
    def __init__(self, status: _Optional[_Union[FederationStatus, _Mapping]] = ...) -> None: ...

from alys.actor.v1 import rules_pb2 as _rules_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class BlockReference(_message.Message):
    __slots__ = ("height", "hash")
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    HASH_FIELD_NUMBER: _ClassVar[int]
    height: int
    hash: bytes
    def __init__(self, height: _Optional[int] = ..., hash: _Optional[bytes] = ...) -> None: ...

class EncodedBlock(_message.Message):
    __slots__ = ("ssz",)
    SSZ_FIELD_NUMBER: _ClassVar[int]
    ssz: bytes
    def __init__(self, ssz: _Optional[bytes] = ...) -> None: ...

class BlockHeader(_message.Message):
    __slots__ = ("hash", "parent_hash", "height", "slot", "timestamp_ms", "state_root", "body_root", "authorities_root", "history_root")
    HASH_FIELD_NUMBER: _ClassVar[int]
    PARENT_HASH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    SLOT_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_MS_FIELD_NUMBER: _ClassVar[int]
    STATE_ROOT_FIELD_NUMBER: _ClassVar[int]
    BODY_ROOT_FIELD_NUMBER: _ClassVar[int]
    AUTHORITIES_ROOT_FIELD_NUMBER: _ClassVar[int]
    HISTORY_ROOT_FIELD_NUMBER: _ClassVar[int]
    hash: bytes
    parent_hash: bytes
    height: int
    slot: int
    timestamp_ms: int
    state_root: bytes
    body_root: bytes
    authorities_root: bytes
    history_root: bytes
    def __init__(self, hash: _Optional[bytes] = ..., parent_hash: _Optional[bytes] = ..., height: _Optional[int] = ..., slot: _Optional[int] = ..., timestamp_ms: _Optional[int] = ..., state_root: _Optional[bytes] = ..., body_root: _Optional[bytes] = ..., authorities_root: _Optional[bytes] = ..., history_root: _Optional[bytes] = ...) -> None: ...

class BlockView(_message.Message):
    __slots__ = ("hash", "parent_hash", "height", "slot", "timestamp_ms", "state_root", "body_root", "authorities_root", "history_root", "approved_by", "transaction_count", "serialized_bytes", "is_final", "peg_in_count", "peg_out_count", "has_auxpow", "changes_authorities")
    HASH_FIELD_NUMBER: _ClassVar[int]
    PARENT_HASH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    SLOT_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_MS_FIELD_NUMBER: _ClassVar[int]
    STATE_ROOT_FIELD_NUMBER: _ClassVar[int]
    BODY_ROOT_FIELD_NUMBER: _ClassVar[int]
    AUTHORITIES_ROOT_FIELD_NUMBER: _ClassVar[int]
    HISTORY_ROOT_FIELD_NUMBER: _ClassVar[int]
    APPROVED_BY_FIELD_NUMBER: _ClassVar[int]
    TRANSACTION_COUNT_FIELD_NUMBER: _ClassVar[int]
    SERIALIZED_BYTES_FIELD_NUMBER: _ClassVar[int]
    IS_FINAL_FIELD_NUMBER: _ClassVar[int]
    PEG_IN_COUNT_FIELD_NUMBER: _ClassVar[int]
    PEG_OUT_COUNT_FIELD_NUMBER: _ClassVar[int]
    HAS_AUXPOW_FIELD_NUMBER: _ClassVar[int]
    CHANGES_AUTHORITIES_FIELD_NUMBER: _ClassVar[int]
    hash: bytes
    parent_hash: bytes
    height: int
    slot: int
    timestamp_ms: int
    state_root: bytes
    body_root: bytes
    authorities_root: bytes
    history_root: bytes
    approved_by: _containers.RepeatedScalarFieldContainer[int]
    transaction_count: int
    serialized_bytes: int
    is_final: bool
    peg_in_count: int
    peg_out_count: int
    has_auxpow: bool
    changes_authorities: bool
    def __init__(self, hash: _Optional[bytes] = ..., parent_hash: _Optional[bytes] = ..., height: _Optional[int] = ..., slot: _Optional[int] = ..., timestamp_ms: _Optional[int] = ..., state_root: _Optional[bytes] = ..., body_root: _Optional[bytes] = ..., authorities_root: _Optional[bytes] = ..., history_root: _Optional[bytes] = ..., approved_by: _Optional[_Iterable[int]] = ..., transaction_count: _Optional[int] = ..., serialized_bytes: _Optional[int] = ..., is_final: bool = ..., peg_in_count: _Optional[int] = ..., peg_out_count: _Optional[int] = ..., has_auxpow: bool = ..., changes_authorities: bool = ...) -> None: ...

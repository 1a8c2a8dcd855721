from alys.actor.v1 import rules_pb2 as _rules_pb2
from alys.chain.v1 import chain_pb2 as _chain_pb2
from alys.integration.v1 import notice_pb2 as _notice_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class MemberReceipt(_message.Message):
    __slots__ = ("member_key", "is_delivered", "reply", "reason")
    MEMBER_KEY_FIELD_NUMBER: _ClassVar[int]
    IS_DELIVERED_FIELD_NUMBER: _ClassVar[int]
    REPLY_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    member_key: bytes
    is_delivered: bool
    reply: bytes
    reason: str
    def __init__(self, member_key: _Optional[bytes] = ..., is_delivered: bool = ..., reply: _Optional[bytes] = ..., reason: _Optional[str] = ...) -> None: ...

class ReportBlockProducedRequest(_message.Message):
    __slots__ = ("block",)
    BLOCK_FIELD_NUMBER: _ClassVar[int]
    block: _chain_pb2.EncodedBlock
    def __init__(self, block: _Optional[_Union[_chain_pb2.EncodedBlock, _Mapping]] = ...) -> None: ...

class ReportBlockProducedResponse(_message.Message):
    __slots__ = ("block_hash", "peers_reached")
    BLOCK_HASH_FIELD_NUMBER: _ClassVar[int]
    PEERS_REACHED_FIELD_NUMBER: _ClassVar[int]
    block_hash: bytes
    peers_reached: int
    def __init__(self, block_hash: _Optional[bytes] = ..., peers_reached: _Optional[int] = ...) -> None: ...

class BroadcastPayloadRequest(_message.Message):
    __slots__ = ("payload_hash", "payload")
    PAYLOAD_HASH_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    payload_hash: bytes
    payload: bytes
    def __init__(self, payload_hash: _Optional[bytes] = ..., payload: _Optional[bytes] = ...) -> None: ...

class BroadcastPayloadResponse(_message.Message):
    __slots__ = ("receipts",)
    RECEIPTS_FIELD_NUMBER: _ClassVar[int]
    receipts: _containers.RepeatedCompositeFieldContainer[MemberReceipt]
    def __init__(self, receipts: _Optional[_Iterable[_Union[MemberReceipt, _Mapping]]] = ...) -> None: ...

class RequestPayloadRequest(_message.Message):
    __slots__ = ("payload_hash",)
    PAYLOAD_HASH_FIELD_NUMBER: _ClassVar[int]
    payload_hash: bytes
    def __init__(self, payload_hash: _Optional[bytes] = ...) -> None: ...

class RequestPayloadResponse(_message.Message):
    __slots__ = ("payload", "member_key")
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    MEMBER_KEY_FIELD_NUMBER: _ClassVar[int]
    payload: bytes
    member_key: bytes
    def __init__(self, payload: _Optional[bytes] = ..., member_key: _Optional[bytes] = ...) -> None: ...

class AnnounceHeadRequest(_message.Message):
    __slots__ = ("block", "parent_hash", "is_syncing", "target_height")
    BLOCK_FIELD_NUMBER: _ClassVar[int]
    PARENT_HASH_FIELD_NUMBER: _ClassVar[int]
    IS_SYNCING_FIELD_NUMBER: _ClassVar[int]
    TARGET_HEIGHT_FIELD_NUMBER: _ClassVar[int]
    block: _chain_pb2.BlockReference
    parent_hash: bytes
    is_syncing: bool
    target_height: int
    def __init__(self, block: _Optional[_Union[_chain_pb2.BlockReference, _Mapping]] = ..., parent_hash: _Optional[bytes] = ..., is_syncing: bool = ..., target_height: _Optional[int] = ...) -> None: ...

class AnnounceHeadResponse(_message.Message):
    __slots__ = ("receipts",)
    RECEIPTS_FIELD_NUMBER: _ClassVar[int]
    receipts: _containers.RepeatedCompositeFieldContainer[MemberReceipt]
    def __init__(self, receipts: _Optional[_Iterable[_Union[MemberReceipt, _Mapping]]] = ...) -> None: ...

class SendFederationMessageRequest(_message.Message):
    __slots__ = ("member_key", "label", "content", "lifetime_ms")
    MEMBER_KEY_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    LIFETIME_MS_FIELD_NUMBER: _ClassVar[int]
    member_key: bytes
    label: str
    content: bytes
    lifetime_ms: int
    def __init__(self, member_key: _Optional[bytes] = ..., label: _Optional[str] = ..., content: _Optional[bytes] = ..., lifetime_ms: _Optional[int] = ...) -> None: ...

class SendFederationMessageResponse(_message.Message):
    __slots__ = ("receipts",)
    RECEIPTS_FIELD_NUMBER: _ClassVar[int]
    receipts: _containers.RepeatedCompositeFieldContainer[MemberReceipt]
    def __init__(self, receipts: _Optional[_Iterable[_Union[MemberReceipt, _Mapping]]] = ...) -> None: ...

class GetFederationStatusRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetFederationStatusResponse(_message.Message):
    __slots__ = ("status",)
    STATUS_FIELD_NUMBER: _ClassVar[int]
    status: _notice_pb2.FederationStatus
    def __init__(self, status: _Optional[_Union[_notice_pb2.FederationStatus, _Mapping]] = ...) -> None: ...

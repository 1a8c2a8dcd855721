from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Role(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ROLE_UNSPECIFIED: _ClassVar[Role]
    ROLE_MEMBER: _ClassVar[Role]
    ROLE_SENTRY: _ClassVar[Role]
    ROLE_MINER: _ClassVar[Role]

class GoodbyeReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    GOODBYE_REASON_UNSPECIFIED: _ClassVar[GoodbyeReason]
    GOODBYE_REASON_SHUTDOWN: _ClassVar[GoodbyeReason]
    GOODBYE_REASON_OTHER_CHAIN: _ClassVar[GoodbyeReason]
    GOODBYE_REASON_NO_COMMON_VERSION: _ClassVar[GoodbyeReason]
    GOODBYE_REASON_TOO_MANY_PEERS: _ClassVar[GoodbyeReason]
    GOODBYE_REASON_LOW_SCORE: _ClassVar[GoodbyeReason]
    GOODBYE_REASON_BANNED: _ClassVar[GoodbyeReason]
    GOODBYE_REASON_HANDSHAKE_FAILED: _ClassVar[GoodbyeReason]
    GOODBYE_REASON_DUPLICATE_CONNECTION: _ClassVar[GoodbyeReason]
    GOODBYE_REASON_LIMIT_EXCEEDED: _ClassVar[GoodbyeReason]
ROLE_UNSPECIFIED: Role
ROLE_MEMBER: Role
ROLE_SENTRY: Role
ROLE_MINER: Role
GOODBYE_REASON_UNSPECIFIED: GoodbyeReason
GOODBYE_REASON_SHUTDOWN: GoodbyeReason
GOODBYE_REASON_OTHER_CHAIN: GoodbyeReason
GOODBYE_REASON_NO_COMMON_VERSION: GoodbyeReason
GOODBYE_REASON_TOO_MANY_PEERS: GoodbyeReason
GOODBYE_REASON_LOW_SCORE: GoodbyeReason
GOODBYE_REASON_BANNED: GoodbyeReason
GOODBYE_REASON_HANDSHAKE_FAILED: GoodbyeReason
GOODBYE_REASON_DUPLICATE_CONNECTION: GoodbyeReason
GOODBYE_REASON_LIMIT_EXCEEDED: GoodbyeReason

class Status(_message.Message):
    __slots__ = ("versions", "genesis_hash", "head_header", "head_approval", "final_height", "final_hash", "earliest_height", "role", "delegation", "delegation_signature", "sent_ms")
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    GENESIS_HASH_FIELD_NUMBER: _ClassVar[int]
    HEAD_HEADER_FIELD_NUMBER: _ClassVar[int]
    HEAD_APPROVAL_FIELD_NUMBER: _ClassVar[int]
    FINAL_HEIGHT_FIELD_NUMBER: _ClassVar[int]
    FINAL_HASH_FIELD_NUMBER: _ClassVar[int]
    EARLIEST_HEIGHT_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    DELEGATION_FIELD_NUMBER: _ClassVar[int]
    DELEGATION_SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    SENT_MS_FIELD_NUMBER: _ClassVar[int]
    versions: _containers.RepeatedScalarFieldContainer[int]
    genesis_hash: bytes
    head_header: bytes
    head_approval: bytes
    final_height: int
    final_hash: bytes
    earliest_height: int
    role: Role
    delegation: bytes
    delegation_signature: bytes
    sent_ms: int
    def __init__(self, versions: _Optional[_Iterable[int]] = ..., genesis_hash: _Optional[bytes] = ..., head_header: _Optional[bytes] = ..., head_approval: _Optional[bytes] = ..., final_height: _Optional[int] = ..., final_hash: _Optional[bytes] = ..., earliest_height: _Optional[int] = ..., role: _Optional[_Union[Role, str]] = ..., delegation: _Optional[bytes] = ..., delegation_signature: _Optional[bytes] = ..., sent_ms: _Optional[int] = ...) -> None: ...

class BlocksByRangeRequest(_message.Message):
    __slots__ = ("start_height", "count")
    START_HEIGHT_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    start_height: int
    count: int
    def __init__(self, start_height: _Optional[int] = ..., count: _Optional[int] = ...) -> None: ...

class BlocksByRangeResponse(_message.Message):
    __slots__ = ("blocks",)
    BLOCKS_FIELD_NUMBER: _ClassVar[int]
    blocks: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, blocks: _Optional[_Iterable[bytes]] = ...) -> None: ...

class BlocksByHashRequest(_message.Message):
    __slots__ = ("hashes",)
    HASHES_FIELD_NUMBER: _ClassVar[int]
    hashes: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, hashes: _Optional[_Iterable[bytes]] = ...) -> None: ...

class BlocksByHashResponse(_message.Message):
    __slots__ = ("blocks",)
    BLOCKS_FIELD_NUMBER: _ClassVar[int]
    blocks: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, blocks: _Optional[_Iterable[bytes]] = ...) -> None: ...

class CheckpointRequest(_message.Message):
    __slots__ = ("height_max", "known_change_height")
    HEIGHT_MAX_FIELD_NUMBER: _ClassVar[int]
    KNOWN_CHANGE_HEIGHT_FIELD_NUMBER: _ClassVar[int]
    height_max: int
    known_change_height: int
    def __init__(self, height_max: _Optional[int] = ..., known_change_height: _Optional[int] = ...) -> None: ...

class AuthorityChangeEvidence(_message.Message):
    __slots__ = ("header", "approval", "change", "body_proof", "inclusion")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    APPROVAL_FIELD_NUMBER: _ClassVar[int]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    BODY_PROOF_FIELD_NUMBER: _ClassVar[int]
    INCLUSION_FIELD_NUMBER: _ClassVar[int]
    header: bytes
    approval: bytes
    change: bytes
    body_proof: bytes
    inclusion: bytes
    def __init__(self, header: _Optional[bytes] = ..., approval: _Optional[bytes] = ..., change: _Optional[bytes] = ..., body_proof: _Optional[bytes] = ..., inclusion: _Optional[bytes] = ...) -> None: ...

class AuxPowEvidence(_message.Message):
    __slots__ = ("header", "body_proof", "range_end_inclusion")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    BODY_PROOF_FIELD_NUMBER: _ClassVar[int]
    RANGE_END_INCLUSION_FIELD_NUMBER: _ClassVar[int]
    header: bytes
    body_proof: bytes
    range_end_inclusion: bytes
    def __init__(self, header: _Optional[bytes] = ..., body_proof: _Optional[bytes] = ..., range_end_inclusion: _Optional[bytes] = ...) -> None: ...

class CheckpointEvidence(_message.Message):
    __slots__ = ("checkpoint", "later_header", "later_approval", "inclusion", "changes", "auxpow")
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    LATER_HEADER_FIELD_NUMBER: _ClassVar[int]
    LATER_APPROVAL_FIELD_NUMBER: _ClassVar[int]
    INCLUSION_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    AUXPOW_FIELD_NUMBER: _ClassVar[int]
    checkpoint: bytes
    later_header: bytes
    later_approval: bytes
    inclusion: bytes
    changes: _containers.RepeatedCompositeFieldContainer[AuthorityChangeEvidence]
    auxpow: AuxPowEvidence
    def __init__(self, checkpoint: _Optional[bytes] = ..., later_header: _Optional[bytes] = ..., later_approval: _Optional[bytes] = ..., inclusion: _Optional[bytes] = ..., changes: _Optional[_Iterable[_Union[AuthorityChangeEvidence, _Mapping]]] = ..., auxpow: _Optional[_Union[AuxPowEvidence, _Mapping]] = ...) -> None: ...

class CheckpointFile(_message.Message):
    __slots__ = ("genesis_hash", "created_ms", "evidence", "block")
    GENESIS_HASH_FIELD_NUMBER: _ClassVar[int]
    CREATED_MS_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    BLOCK_FIELD_NUMBER: _ClassVar[int]
    genesis_hash: bytes
    created_ms: int
    evidence: CheckpointEvidence
    block: bytes
    def __init__(self, genesis_hash: _Optional[bytes] = ..., created_ms: _Optional[int] = ..., evidence: _Optional[_Union[CheckpointEvidence, _Mapping]] = ..., block: _Optional[bytes] = ...) -> None: ...

class Goodbye(_message.Message):
    __slots__ = ("reason",)
    REASON_FIELD_NUMBER: _ClassVar[int]
    reason: GoodbyeReason
    def __init__(self, reason: _Optional[_Union[GoodbyeReason, str]] = ...) -> None: ...

class GossipBlock(_message.Message):
    __slots__ = ("block",)
    BLOCK_FIELD_NUMBER: _ClassVar[int]
    block: bytes
    def __init__(self, block: _Optional[bytes] = ...) -> None: ...

class GossipTransaction(_message.Message):
    __slots__ = ("transaction",)
    TRANSACTION_FIELD_NUMBER: _ClassVar[int]
    transaction: bytes
    def __init__(self, transaction: _Optional[bytes] = ...) -> None: ...

class Proposal(_message.Message):
    __slots__ = ("block",)
    BLOCK_FIELD_NUMBER: _ClassVar[int]
    block: bytes
    def __init__(self, block: _Optional[bytes] = ...) -> None: ...

class ApprovalReply(_message.Message):
    __slots__ = ("block_hash", "height", "slot", "authority_index", "signature")
    BLOCK_HASH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    SLOT_FIELD_NUMBER: _ClassVar[int]
    AUTHORITY_INDEX_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    block_hash: bytes
    height: int
    slot: int
    authority_index: int
    signature: bytes
    def __init__(self, block_hash: _Optional[bytes] = ..., height: _Optional[int] = ..., slot: _Optional[int] = ..., authority_index: _Optional[int] = ..., signature: _Optional[bytes] = ...) -> None: ...

class Opaque(_message.Message):
    __slots__ = ("label", "content")
    LABEL_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    label: str
    content: bytes
    def __init__(self, label: _Optional[str] = ..., content: _Optional[bytes] = ...) -> None: ...

class EngineHead(_message.Message):
    __slots__ = ("height", "hash", "parent_hash", "is_syncing", "target_height")
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    HASH_FIELD_NUMBER: _ClassVar[int]
    PARENT_HASH_FIELD_NUMBER: _ClassVar[int]
    IS_SYNCING_FIELD_NUMBER: _ClassVar[int]
    TARGET_HEIGHT_FIELD_NUMBER: _ClassVar[int]
    height: int
    hash: bytes
    parent_hash: bytes
    is_syncing: bool
    target_height: int
    def __init__(self, height: _Optional[int] = ..., hash: _Optional[bytes] = ..., parent_hash: _Optional[bytes] = ..., is_syncing: bool = ..., target_height: _Optional[int] = ...) -> None: ...

class FederationMessage(_message.Message):
    __slots__ = ("start_ms", "counter", "expiry_ms", "proposal", "approval_reply", "opaque")
    START_MS_FIELD_NUMBER: _ClassVar[int]
    COUNTER_FIELD_NUMBER: _ClassVar[int]
    EXPIRY_MS_FIELD_NUMBER: _ClassVar[int]
    PROPOSAL_FIELD_NUMBER: _ClassVar[int]
    APPROVAL_REPLY_FIELD_NUMBER: _ClassVar[int]
    OPAQUE_FIELD_NUMBER: _ClassVar[int]
    start_ms: int
    counter: int
    expiry_ms: int
    proposal: Proposal
    approval_reply: ApprovalReply
    opaque: Opaque
    def __init__(self, start_ms: _Optional[int] = ..., counter: _Optional[int] = ..., expiry_ms: _Optional[int] = ..., proposal: _Optional[_Union[Proposal, _Mapping]] = ..., approval_reply: _Optional[_Union[ApprovalReply, _Mapping]] = ..., opaque: _Optional[_Union[Opaque, _Mapping]] = ...) -> None: ...

class SignedFederationMessage(_message.Message):
    __slots__ = ("message", "signature")
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    message: bytes
    signature: bytes
    def __init__(self, message: _Optional[bytes] = ..., signature: _Optional[bytes] = ...) -> None: ...

from alys.actor.v1 import options_pb2 as _options_pb2
from alys.actor.v1 import rules_pb2 as _rules_pb2
from alys.actor.v1 import stream_pb2 as _stream_pb2
from alys.chain.v1 import chain_pb2 as _chain_pb2
from alys.integration.v1 import notice_pb2 as _notice_pb2
from alys.integration.v1 import request_pb2 as _request_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class WorkOutcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    WORK_OUTCOME_UNSPECIFIED: _ClassVar[WorkOutcome]
    WORK_OUTCOME_ACCEPTED: _ClassVar[WorkOutcome]
    WORK_OUTCOME_NOT_RUNNING: _ClassVar[WorkOutcome]
    WORK_OUTCOME_OTHER_EPOCH: _ClassVar[WorkOutcome]

class ImportVerdict(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    IMPORT_VERDICT_UNSPECIFIED: _ClassVar[ImportVerdict]
    IMPORT_VERDICT_IMPORTED: _ClassVar[ImportVerdict]
    IMPORT_VERDICT_ALREADY_KNOWN: _ClassVar[ImportVerdict]
    IMPORT_VERDICT_INVALID: _ClassVar[ImportVerdict]
    IMPORT_VERDICT_NOT_NOW: _ClassVar[ImportVerdict]

class TransactionVerdict(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TRANSACTION_VERDICT_UNSPECIFIED: _ClassVar[TransactionVerdict]
    TRANSACTION_VERDICT_ACCEPT: _ClassVar[TransactionVerdict]
    TRANSACTION_VERDICT_IGNORE: _ClassVar[TransactionVerdict]
    TRANSACTION_VERDICT_REJECT: _ClassVar[TransactionVerdict]
WORK_OUTCOME_UNSPECIFIED: WorkOutcome
WORK_OUTCOME_ACCEPTED: WorkOutcome
WORK_OUTCOME_NOT_RUNNING: WorkOutcome
WORK_OUTCOME_OTHER_EPOCH: WorkOutcome
IMPORT_VERDICT_UNSPECIFIED: ImportVerdict
IMPORT_VERDICT_IMPORTED: ImportVerdict
IMPORT_VERDICT_ALREADY_KNOWN: ImportVerdict
IMPORT_VERDICT_INVALID: ImportVerdict
IMPORT_VERDICT_NOT_NOW: ImportVerdict
TRANSACTION_VERDICT_UNSPECIFIED: TransactionVerdict
TRANSACTION_VERDICT_ACCEPT: TransactionVerdict
TRANSACTION_VERDICT_IGNORE: TransactionVerdict
TRANSACTION_VERDICT_REJECT: TransactionVerdict

class AttachHello(_message.Message):
    __slots__ = ("protocol_version", "instance_id", "last_applied", "credit_calls", "credit_bytes", "take_over", "genesis_hash", "with_block_views")
    PROTOCOL_VERSION_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_ID_FIELD_NUMBER: _ClassVar[int]
    LAST_APPLIED_FIELD_NUMBER: _ClassVar[int]
    CREDIT_CALLS_FIELD_NUMBER: _ClassVar[int]
    CREDIT_BYTES_FIELD_NUMBER: _ClassVar[int]
    TAKE_OVER_FIELD_NUMBER: _ClassVar[int]
    GENESIS_HASH_FIELD_NUMBER: _ClassVar[int]
    WITH_BLOCK_VIEWS_FIELD_NUMBER: _ClassVar[int]
    protocol_version: int
    instance_id: str
    last_applied: _chain_pb2.BlockReference
    credit_calls: int
    credit_bytes: int
    take_over: bool
    genesis_hash: bytes
    with_block_views: bool
    def __init__(self, protocol_version: _Optional[int] = ..., instance_id: _Optional[str] = ..., last_applied: _Optional[_Union[_chain_pb2.BlockReference, _Mapping]] = ..., credit_calls: _Optional[int] = ..., credit_bytes: _Optional[int] = ..., take_over: bool = ..., genesis_hash: _Optional[bytes] = ..., with_block_views: bool = ...) -> None: ...

class AttachWelcome(_message.Message):
    __slots__ = ("epoch", "resume_from", "heartbeat_interval_ms", "genesis_hash")
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    RESUME_FROM_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_INTERVAL_MS_FIELD_NUMBER: _ClassVar[int]
    GENESIS_HASH_FIELD_NUMBER: _ClassVar[int]
    epoch: int
    resume_from: _chain_pb2.BlockReference
    heartbeat_interval_ms: int
    genesis_hash: bytes
    def __init__(self, epoch: _Optional[int] = ..., resume_from: _Optional[_Union[_chain_pb2.BlockReference, _Mapping]] = ..., heartbeat_interval_ms: _Optional[int] = ..., genesis_hash: _Optional[bytes] = ...) -> None: ...

class AttachHeartbeat(_message.Message):
    __slots__ = ("head", "final")
    HEAD_FIELD_NUMBER: _ClassVar[int]
    FINAL_FIELD_NUMBER: _ClassVar[int]
    head: _chain_pb2.BlockReference
    final: _chain_pb2.BlockReference
    def __init__(self, head: _Optional[_Union[_chain_pb2.BlockReference, _Mapping]] = ..., final: _Optional[_Union[_chain_pb2.BlockReference, _Mapping]] = ...) -> None: ...

class AttachCredit(_message.Message):
    __slots__ = ("calls", "bytes")
    CALLS_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    calls: int
    bytes: int
    def __init__(self, calls: _Optional[int] = ..., bytes: _Optional[int] = ...) -> None: ...

class AttachError(_message.Message):
    __slots__ = ("code", "message")
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    code: int
    message: str
    def __init__(self, code: _Optional[int] = ..., message: _Optional[str] = ...) -> None: ...

class WorkReceipt(_message.Message):
    __slots__ = ("call_id", "outcome")
    CALL_ID_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    call_id: int
    outcome: WorkOutcome
    def __init__(self, call_id: _Optional[int] = ..., outcome: _Optional[_Union[WorkOutcome, str]] = ...) -> None: ...

class ImportBlocksCall(_message.Message):
    __slots__ = ("blocks", "first_height", "views")
    BLOCKS_FIELD_NUMBER: _ClassVar[int]
    FIRST_HEIGHT_FIELD_NUMBER: _ClassVar[int]
    VIEWS_FIELD_NUMBER: _ClassVar[int]
    blocks: _containers.RepeatedScalarFieldContainer[bytes]
    first_height: int
    views: _containers.RepeatedCompositeFieldContainer[_chain_pb2.BlockView]
    def __init__(self, blocks: _Optional[_Iterable[bytes]] = ..., first_height: _Optional[int] = ..., views: _Optional[_Iterable[_Union[_chain_pb2.BlockView, _Mapping]]] = ...) -> None: ...

class ImportBlocksResult(_message.Message):
    __slots__ = ("verdicts", "reason")
    VERDICTS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    verdicts: _containers.RepeatedScalarFieldContainer[ImportVerdict]
    reason: str
    def __init__(self, verdicts: _Optional[_Iterable[_Union[ImportVerdict, str]]] = ..., reason: _Optional[str] = ...) -> None: ...

class ChainServiceAttachRequest(_message.Message):
    __slots__ = ("call_id", "hello", "heartbeat", "credit", "error", "import_blocks")
    CALL_ID_FIELD_NUMBER: _ClassVar[int]
    HELLO_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    CREDIT_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    IMPORT_BLOCKS_FIELD_NUMBER: _ClassVar[int]
    call_id: int
    hello: AttachHello
    heartbeat: AttachHeartbeat
    credit: AttachCredit
    error: AttachError
    import_blocks: ImportBlocksResult
    def __init__(self, call_id: _Optional[int] = ..., hello: _Optional[_Union[AttachHello, _Mapping]] = ..., heartbeat: _Optional[_Union[AttachHeartbeat, _Mapping]] = ..., credit: _Optional[_Union[AttachCredit, _Mapping]] = ..., error: _Optional[_Union[AttachError, _Mapping]] = ..., import_blocks: _Optional[_Union[ImportBlocksResult, _Mapping]] = ...) -> None: ...

class ChainServiceAttachResponse(_message.Message):
    __slots__ = ("call_id", "deadline_ms", "welcome", "heartbeat", "import_blocks", "head", "production", "equivocation", "sync", "authorities", "skipped")
    CALL_ID_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_MS_FIELD_NUMBER: _ClassVar[int]
    WELCOME_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    IMPORT_BLOCKS_FIELD_NUMBER: _ClassVar[int]
    HEAD_FIELD_NUMBER: _ClassVar[int]
    PRODUCTION_FIELD_NUMBER: _ClassVar[int]
    EQUIVOCATION_FIELD_NUMBER: _ClassVar[int]
    SYNC_FIELD_NUMBER: _ClassVar[int]
    AUTHORITIES_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_FIELD_NUMBER: _ClassVar[int]
    call_id: int
    deadline_ms: int
    welcome: AttachWelcome
    heartbeat: AttachHeartbeat
    import_blocks: ImportBlocksCall
    head: _notice_pb2.HeadNotice
    production: _notice_pb2.ProductionNotice
    equivocation: _notice_pb2.EquivocationNotice
    sync: _notice_pb2.SyncNotice
    authorities: _notice_pb2.AuthoritiesNotice
    skipped: _stream_pb2.Skipped
    def __init__(self, call_id: _Optional[int] = ..., deadline_ms: _Optional[int] = ..., welcome: _Optional[_Union[AttachWelcome, _Mapping]] = ..., heartbeat: _Optional[_Union[AttachHeartbeat, _Mapping]] = ..., import_blocks: _Optional[_Union[ImportBlocksCall, _Mapping]] = ..., head: _Optional[_Union[_notice_pb2.HeadNotice, _Mapping]] = ..., production: _Optional[_Union[_notice_pb2.ProductionNotice, _Mapping]] = ..., equivocation: _Optional[_Union[_notice_pb2.EquivocationNotice, _Mapping]] = ..., sync: _Optional[_Union[_notice_pb2.SyncNotice, _Mapping]] = ..., authorities: _Optional[_Union[_notice_pb2.AuthoritiesNotice, _Mapping]] = ..., skipped: _Optional[_Union[_stream_pb2.Skipped, _Mapping]] = ...) -> None: ...

class ChainServicePullWorkRequest(_message.Message):
    __slots__ = ("hello", "epoch", "wait_ms")
    HELLO_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    WAIT_MS_FIELD_NUMBER: _ClassVar[int]
    hello: AttachHello
    epoch: int
    wait_ms: int
    def __init__(self, hello: _Optional[_Union[AttachHello, _Mapping]] = ..., epoch: _Optional[int] = ..., wait_ms: _Optional[int] = ...) -> None: ...

class ChainServicePullWorkResponse(_message.Message):
    __slots__ = ("welcome", "frames", "heartbeat")
    WELCOME_FIELD_NUMBER: _ClassVar[int]
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    welcome: AttachWelcome
    frames: _containers.RepeatedCompositeFieldContainer[ChainServiceAttachResponse]
    heartbeat: AttachHeartbeat
    def __init__(self, welcome: _Optional[_Union[AttachWelcome, _Mapping]] = ..., frames: _Optional[_Iterable[_Union[ChainServiceAttachResponse, _Mapping]]] = ..., heartbeat: _Optional[_Union[AttachHeartbeat, _Mapping]] = ...) -> None: ...

class ChainServiceCompleteWorkRequest(_message.Message):
    __slots__ = ("instance_id", "epoch", "frames")
    INSTANCE_ID_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    instance_id: str
    epoch: int
    frames: _containers.RepeatedCompositeFieldContainer[ChainServiceAttachRequest]
    def __init__(self, instance_id: _Optional[str] = ..., epoch: _Optional[int] = ..., frames: _Optional[_Iterable[_Union[ChainServiceAttachRequest, _Mapping]]] = ...) -> None: ...

class ChainServiceCompleteWorkResponse(_message.Message):
    __slots__ = ("receipts",)
    RECEIPTS_FIELD_NUMBER: _ClassVar[int]
    receipts: _containers.RepeatedCompositeFieldContainer[WorkReceipt]
    def __init__(self, receipts: _Optional[_Iterable[_Union[WorkReceipt, _Mapping]]] = ...) -> None: ...

class ValidateTransactionCall(_message.Message):
    __slots__ = ("transaction", "source")
    TRANSACTION_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    transaction: bytes
    source: TransactionSource
    def __init__(self, transaction: _Optional[bytes] = ..., source: _Optional[_Union[TransactionSource, _Mapping]] = ...) -> None: ...

class TransactionSource(_message.Message):
    __slots__ = ("peer_id", "address", "reputation")
    PEER_ID_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    REPUTATION_FIELD_NUMBER: _ClassVar[int]
    peer_id: str
    address: str
    reputation: float
    def __init__(self, peer_id: _Optional[str] = ..., address: _Optional[str] = ..., reputation: _Optional[float] = ...) -> None: ...

class ValidateTransactionResult(_message.Message):
    __slots__ = ("verdict", "reason")
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    verdict: TransactionVerdict
    reason: str
    def __init__(self, verdict: _Optional[_Union[TransactionVerdict, str]] = ..., reason: _Optional[str] = ...) -> None: ...

class ReceivePayloadCall(_message.Message):
    __slots__ = ("member_key", "payload_hash", "payload")
    MEMBER_KEY_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_HASH_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    member_key: bytes
    payload_hash: bytes
    payload: bytes
    def __init__(self, member_key: _Optional[bytes] = ..., payload_hash: _Optional[bytes] = ..., payload: _Optional[bytes] = ...) -> None: ...

class ReceivePayloadResult(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ProvidePayloadCall(_message.Message):
    __slots__ = ("member_key", "payload_hash")
    MEMBER_KEY_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_HASH_FIELD_NUMBER: _ClassVar[int]
    member_key: bytes
    payload_hash: bytes
    def __init__(self, member_key: _Optional[bytes] = ..., payload_hash: _Optional[bytes] = ...) -> None: ...

class ProvidePayloadResult(_message.Message):
    __slots__ = ("payload",)
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    payload: bytes
    def __init__(self, payload: _Optional[bytes] = ...) -> None: ...

class EngineServiceAttachRequest(_message.Message):
    __slots__ = ("call_id", "hello", "heartbeat", "credit", "error", "validate_transaction", "receive_payload", "provide_payload")
    CALL_ID_FIELD_NUMBER: _ClassVar[int]
    HELLO_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    CREDIT_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_TRANSACTION_FIELD_NUMBER: _ClassVar[int]
    RECEIVE_PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    PROVIDE_PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    call_id: int
    hello: AttachHello
    heartbeat: AttachHeartbeat
    credit: AttachCredit
    error: AttachError
    validate_transaction: ValidateTransactionResult
    receive_payload: ReceivePayloadResult
    provide_payload: ProvidePayloadResult
    def __init__(self, call_id: _Optional[int] = ..., hello: _Optional[_Union[AttachHello, _Mapping]] = ..., heartbeat: _Optional[_Union[AttachHeartbeat, _Mapping]] = ..., credit: _Optional[_Union[AttachCredit, _Mapping]] = ..., error: _Optional[_Union[AttachError, _Mapping]] = ..., validate_transaction: _Optional[_Union[ValidateTransactionResult, _Mapping]] = ..., receive_payload: _Optional[_Union[ReceivePayloadResult, _Mapping]] = ..., provide_payload: _Optional[_Union[ProvidePayloadResult, _Mapping]] = ...) -> None: ...

class EngineServiceAttachResponse(_message.Message):
    __slots__ = ("call_id", "deadline_ms", "welcome", "heartbeat", "validate_transaction", "receive_payload", "provide_payload", "head", "sync", "engine_head", "skipped")
    CALL_ID_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_MS_FIELD_NUMBER: _ClassVar[int]
    WELCOME_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_TRANSACTION_FIELD_NUMBER: _ClassVar[int]
    RECEIVE_PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    PROVIDE_PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    HEAD_FIELD_NUMBER: _ClassVar[int]
    SYNC_FIELD_NUMBER: _ClassVar[int]
    ENGINE_HEAD_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_FIELD_NUMBER: _ClassVar[int]
    call_id: int
    deadline_ms: int
    welcome: AttachWelcome
    heartbeat: AttachHeartbeat
    validate_transaction: ValidateTransactionCall
    receive_payload: ReceivePayloadCall
    provide_payload: ProvidePayloadCall
    head: _notice_pb2.HeadNotice
    sync: _notice_pb2.SyncNotice
    engine_head: _notice_pb2.EngineHeadNotice
    skipped: _stream_pb2.Skipped
    def __init__(self, call_id: _Optional[int] = ..., deadline_ms: _Optional[int] = ..., welcome: _Optional[_Union[AttachWelcome, _Mapping]] = ..., heartbeat: _Optional[_Union[AttachHeartbeat, _Mapping]] = ..., validate_transaction: _Optional[_Union[ValidateTransactionCall, _Mapping]] = ..., receive_payload: _Optional[_Union[ReceivePayloadCall, _Mapping]] = ..., provide_payload: _Optional[_Union[ProvidePayloadCall, _Mapping]] = ..., head: _Optional[_Union[_notice_pb2.HeadNotice, _Mapping]] = ..., sync: _Optional[_Union[_notice_pb2.SyncNotice, _Mapping]] = ..., engine_head: _Optional[_Union[_notice_pb2.EngineHeadNotice, _Mapping]] = ..., skipped: _Optional[_Union[_stream_pb2.Skipped, _Mapping]] = ...) -> None: ...

class EngineServicePullWorkRequest(_message.Message):
    __slots__ = ("hello", "epoch", "wait_ms")
    HELLO_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    WAIT_MS_FIELD_NUMBER: _ClassVar[int]
    hello: AttachHello
    epoch: int
    wait_ms: int
    def __init__(self, hello: _Optional[_Union[AttachHello, _Mapping]] = ..., epoch: _Optional[int] = ..., wait_ms: _Optional[int] = ...) -> None: ...

class EngineServicePullWorkResponse(_message.Message):
    __slots__ = ("welcome", "frames", "heartbeat")
    WELCOME_FIELD_NUMBER: _ClassVar[int]
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    welcome: AttachWelcome
    frames: _containers.RepeatedCompositeFieldContainer[EngineServiceAttachResponse]
    heartbeat: AttachHeartbeat
    def __init__(self, welcome: _Optional[_Union[AttachWelcome, _Mapping]] = ..., frames: _Optional[_Iterable[_Union[EngineServiceAttachResponse, _Mapping]]] = ..., heartbeat: _Optional[_Union[AttachHeartbeat, _Mapping]] = ...) -> None: ...

class EngineServiceCompleteWorkRequest(_message.Message):
    __slots__ = ("instance_id", "epoch", "frames")
    INSTANCE_ID_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    instance_id: str
    epoch: int
    frames: _containers.RepeatedCompositeFieldContainer[EngineServiceAttachRequest]
    def __init__(self, instance_id: _Optional[str] = ..., epoch: _Optional[int] = ..., frames: _Optional[_Iterable[_Union[EngineServiceAttachRequest, _Mapping]]] = ...) -> None: ...

class EngineServiceCompleteWorkResponse(_message.Message):
    __slots__ = ("receipts",)
    RECEIPTS_FIELD_NUMBER: _ClassVar[int]
    receipts: _containers.RepeatedCompositeFieldContainer[WorkReceipt]
    def __init__(self, receipts: _Optional[_Iterable[_Union[WorkReceipt, _Mapping]]] = ...) -> None: ...

class FederationMessageCall(_message.Message):
    __slots__ = ("member_key", "message", "label")
    MEMBER_KEY_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    member_key: bytes
    message: bytes
    label: str
    def __init__(self, member_key: _Optional[bytes] = ..., message: _Optional[bytes] = ..., label: _Optional[str] = ...) -> None: ...

class FederationMessageResult(_message.Message):
    __slots__ = ("reply",)
    REPLY_FIELD_NUMBER: _ClassVar[int]
    reply: bytes
    def __init__(self, reply: _Optional[bytes] = ...) -> None: ...

class BridgeServiceAttachRequest(_message.Message):
    __slots__ = ("call_id", "hello", "heartbeat", "credit", "error", "federation_message")
    CALL_ID_FIELD_NUMBER: _ClassVar[int]
    HELLO_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    CREDIT_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    FEDERATION_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    call_id: int
    hello: AttachHello
    heartbeat: AttachHeartbeat
    credit: AttachCredit
    error: AttachError
    federation_message: FederationMessageResult
    def __init__(self, call_id: _Optional[int] = ..., hello: _Optional[_Union[AttachHello, _Mapping]] = ..., heartbeat: _Optional[_Union[AttachHeartbeat, _Mapping]] = ..., credit: _Optional[_Union[AttachCredit, _Mapping]] = ..., error: _Optional[_Union[AttachError, _Mapping]] = ..., federation_message: _Optional[_Union[FederationMessageResult, _Mapping]] = ...) -> None: ...

class BridgeServiceAttachResponse(_message.Message):
    __slots__ = ("call_id", "deadline_ms", "welcome", "heartbeat", "federation_message", "peg", "authorities", "federation", "equivocation", "skipped")
    CALL_ID_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_MS_FIELD_NUMBER: _ClassVar[int]
    WELCOME_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    FEDERATION_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    PEG_FIELD_NUMBER: _ClassVar[int]
    AUTHORITIES_FIELD_NUMBER: _ClassVar[int]
    FEDERATION_FIELD_NUMBER: _ClassVar[int]
    EQUIVOCATION_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_FIELD_NUMBER: _ClassVar[int]
    call_id: int
    deadline_ms: int
    welcome: AttachWelcome
    heartbeat: AttachHeartbeat
    federation_message: FederationMessageCall
    peg: _notice_pb2.PegNotice
    authorities: _notice_pb2.AuthoritiesNotice
    federation: _notice_pb2.FederationNotice
    equivocation: _notice_pb2.EquivocationNotice
    skipped: _stream_pb2.Skipped
    def __init__(self, call_id: _Optional[int] = ..., deadline_ms: _Optional[int] = ..., welcome: _Optional[_Union[AttachWelcome, _Mapping]] = ..., heartbeat: _Optional[_Union[AttachHeartbeat, _Mapping]] = ..., federation_message: _Optional[_Union[FederationMessageCall, _Mapping]] = ..., peg: _Optional[_Union[_notice_pb2.PegNotice, _Mapping]] = ..., authorities: _Optional[_Union[_notice_pb2.AuthoritiesNotice, _Mapping]] = ..., federation: _Optional[_Union[_notice_pb2.FederationNotice, _Mapping]] = ..., equivocation: _Optional[_Union[_notice_pb2.EquivocationNotice, _Mapping]] = ..., skipped: _Optional[_Union[_stream_pb2.Skipped, _Mapping]] = ...) -> None: ...

class BridgeServicePullWorkRequest(_message.Message):
    __slots__ = ("hello", "epoch", "wait_ms")
    HELLO_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    WAIT_MS_FIELD_NUMBER: _ClassVar[int]
    hello: AttachHello
    epoch: int
    wait_ms: int
    def __init__(self, hello: _Optional[_Union[AttachHello, _Mapping]] = ..., epoch: _Optional[int] = ..., wait_ms: _Optional[int] = ...) -> None: ...

class BridgeServicePullWorkResponse(_message.Message):
    __slots__ = ("welcome", "frames", "heartbeat")
    WELCOME_FIELD_NUMBER: _ClassVar[int]
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    welcome: AttachWelcome
    frames: _containers.RepeatedCompositeFieldContainer[BridgeServiceAttachResponse]
    heartbeat: AttachHeartbeat
    def __init__(self, welcome: _Optional[_Union[AttachWelcome, _Mapping]] = ..., frames: _Optional[_Iterable[_Union[BridgeServiceAttachResponse, _Mapping]]] = ..., heartbeat: _Optional[_Union[AttachHeartbeat, _Mapping]] = ...) -> None: ...

class BridgeServiceCompleteWorkRequest(_message.Message):
    __slots__ = ("instance_id", "epoch", "frames")
    INSTANCE_ID_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    instance_id: str
    epoch: int
    frames: _containers.RepeatedCompositeFieldContainer[BridgeServiceAttachRequest]
    def __init__(self, instance_id: _Optional[str] = ..., epoch: _Optional[int] = ..., frames: _Optional[_Iterable[_Union[BridgeServiceAttachRequest, _Mapping]]] = ...) -> None: ...

class BridgeServiceCompleteWorkResponse(_message.Message):
    __slots__ = ("receipts",)
    RECEIPTS_FIELD_NUMBER: _ClassVar[int]
    receipts: _containers.RepeatedCompositeFieldContainer[WorkReceipt]
    def __init__(self, receipts: _Optional[_Iterable[_Union[WorkReceipt, _Mapping]]] = ...) -> None: ...

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

class ChildState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CHILD_STATE_UNSPECIFIED: _ClassVar[ChildState]
    CHILD_STATE_STARTING: _ClassVar[ChildState]
    CHILD_STATE_RUNNING: _ClassVar[ChildState]
    CHILD_STATE_BACKING_OFF: _ClassVar[ChildState]
    CHILD_STATE_STOPPING: _ClassVar[ChildState]
    CHILD_STATE_STOPPED: _ClassVar[ChildState]
    CHILD_STATE_SUSPENDED: _ClassVar[ChildState]

class Fault(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FAULT_UNSPECIFIED: _ClassVar[Fault]
    FAULT_CRASH: _ClassVar[Fault]
    FAULT_SUSPEND: _ClassVar[Fault]
    FAULT_RESUME: _ClassVar[Fault]
    FAULT_HANG: _ClassVar[Fault]
CHILD_STATE_UNSPECIFIED: ChildState
CHILD_STATE_STARTING: ChildState
CHILD_STATE_RUNNING: ChildState
CHILD_STATE_BACKING_OFF: ChildState
CHILD_STATE_STOPPING: ChildState
CHILD_STATE_STOPPED: ChildState
CHILD_STATE_SUSPENDED: ChildState
FAULT_UNSPECIFIED: Fault
FAULT_CRASH: Fault
FAULT_SUSPEND: Fault
FAULT_RESUME: Fault
FAULT_HANG: Fault

class ChildStatus(_message.Message):
    __slots__ = ("id", "state", "epoch", "restarts", "started", "mailbox_messages", "mailbox_bytes", "last_failure", "strategy", "children", "ping_ms", "is_responsive", "counts", "event_loop_lag", "attachment")
    ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    RESTARTS_FIELD_NUMBER: _ClassVar[int]
    STARTED_FIELD_NUMBER: _ClassVar[int]
    MAILBOX_MESSAGES_FIELD_NUMBER: _ClassVar[int]
    MAILBOX_BYTES_FIELD_NUMBER: _ClassVar[int]
    LAST_FAILURE_FIELD_NUMBER: _ClassVar[int]
    STRATEGY_FIELD_NUMBER: _ClassVar[int]
    CHILDREN_FIELD_NUMBER: _ClassVar[int]
    PING_MS_FIELD_NUMBER: _ClassVar[int]
    IS_RESPONSIVE_FIELD_NUMBER: _ClassVar[int]
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    EVENT_LOOP_LAG_FIELD_NUMBER: _ClassVar[int]
    ATTACHMENT_FIELD_NUMBER: _ClassVar[int]
    id: str
    state: ChildState
    epoch: int
    restarts: int
    started: _timestamp_pb2.Timestamp
    mailbox_messages: int
    mailbox_bytes: int
    last_failure: str
    strategy: str
    children: _containers.RepeatedCompositeFieldContainer[ChildStatus]
    ping_ms: float
    is_responsive: bool
    counts: MailboxCounts
    event_loop_lag: EventLoopLag
    attachment: AttachmentStatus
    def __init__(self, id: _Optional[str] = ..., state: _Optional[_Union[ChildState, str]] = ..., epoch: _Optional[int] = ..., restarts: _Optional[int] = ..., started: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., mailbox_messages: _Optional[int] = ..., mailbox_bytes: _Optional[int] = ..., last_failure: _Optional[str] = ..., strategy: _Optional[str] = ..., children: _Optional[_Iterable[_Union[ChildStatus, _Mapping]]] = ..., ping_ms: _Optional[float] = ..., is_responsive: bool = ..., counts: _Optional[_Union[MailboxCounts, _Mapping]] = ..., event_loop_lag: _Optional[_Union[EventLoopLag, _Mapping]] = ..., attachment: _Optional[_Union[AttachmentStatus, _Mapping]] = ...) -> None: ...

class AttachmentStatus(_message.Message):
    __slots__ = ("is_attached", "instance_id", "principal", "epoch", "since", "is_pulled", "calls_in_flight", "bytes_in_flight", "calls_waiting", "notices_skipped", "stale_answers", "head", "final", "contradiction")
    IS_ATTACHED_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_ID_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    IS_PULLED_FIELD_NUMBER: _ClassVar[int]
    CALLS_IN_FLIGHT_FIELD_NUMBER: _ClassVar[int]
    BYTES_IN_FLIGHT_FIELD_NUMBER: _ClassVar[int]
    CALLS_WAITING_FIELD_NUMBER: _ClassVar[int]
    NOTICES_SKIPPED_FIELD_NUMBER: _ClassVar[int]
    STALE_ANSWERS_FIELD_NUMBER: _ClassVar[int]
    HEAD_FIELD_NUMBER: _ClassVar[int]
    FINAL_FIELD_NUMBER: _ClassVar[int]
    CONTRADICTION_FIELD_NUMBER: _ClassVar[int]
    is_attached: bool
    instance_id: str
    principal: str
    epoch: int
    since: _timestamp_pb2.Timestamp
    is_pulled: bool
    calls_in_flight: int
    bytes_in_flight: int
    calls_waiting: int
    notices_skipped: int
    stale_answers: int
    head: _chain_pb2.BlockReference
    final: _chain_pb2.BlockReference
    contradiction: AttachmentContradiction
    def __init__(self, is_attached: bool = ..., instance_id: _Optional[str] = ..., principal: _Optional[str] = ..., epoch: _Optional[int] = ..., since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., is_pulled: bool = ..., calls_in_flight: _Optional[int] = ..., bytes_in_flight: _Optional[int] = ..., calls_waiting: _Optional[int] = ..., notices_skipped: _Optional[int] = ..., stale_answers: _Optional[int] = ..., head: _Optional[_Union[_chain_pb2.BlockReference, _Mapping]] = ..., final: _Optional[_Union[_chain_pb2.BlockReference, _Mapping]] = ..., contradiction: _Optional[_Union[AttachmentContradiction, _Mapping]] = ...) -> None: ...

class AttachmentContradiction(_message.Message):
    __slots__ = ("of", "height", "their_hash", "our_hash", "since")
    OF_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    THEIR_HASH_FIELD_NUMBER: _ClassVar[int]
    OUR_HASH_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    of: str
    height: int
    their_hash: bytes
    our_hash: bytes
    since: _timestamp_pb2.Timestamp
    def __init__(self, of: _Optional[str] = ..., height: _Optional[int] = ..., their_hash: _Optional[bytes] = ..., our_hash: _Optional[bytes] = ..., since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class MailboxCounts(_message.Message):
    __slots__ = ("handled", "refused", "dropped", "expired", "crashes", "slow")
    HANDLED_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    DROPPED_FIELD_NUMBER: _ClassVar[int]
    EXPIRED_FIELD_NUMBER: _ClassVar[int]
    CRASHES_FIELD_NUMBER: _ClassVar[int]
    SLOW_FIELD_NUMBER: _ClassVar[int]
    handled: int
    refused: int
    dropped: int
    expired: int
    crashes: int
    slow: int
    def __init__(self, handled: _Optional[int] = ..., refused: _Optional[int] = ..., dropped: _Optional[int] = ..., expired: _Optional[int] = ..., crashes: _Optional[int] = ..., slow: _Optional[int] = ...) -> None: ...

class EventLoopLag(_message.Message):
    __slots__ = ("p50_ms", "p99_ms", "max_ms")
    P50_MS_FIELD_NUMBER: _ClassVar[int]
    P99_MS_FIELD_NUMBER: _ClassVar[int]
    MAX_MS_FIELD_NUMBER: _ClassVar[int]
    p50_ms: float
    p99_ms: float
    max_ms: float
    def __init__(self, p50_ms: _Optional[float] = ..., p99_ms: _Optional[float] = ..., max_ms: _Optional[float] = ...) -> None: ...

class GetTreeRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetTreeResponse(_message.Message):
    __slots__ = ("root",)
    ROOT_FIELD_NUMBER: _ClassVar[int]
    root: ChildStatus
    def __init__(self, root: _Optional[_Union[ChildStatus, _Mapping]] = ...) -> None: ...

class RestartActorRequest(_message.Message):
    __slots__ = ("id", "reason")
    ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    id: str
    reason: str
    def __init__(self, id: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class RestartActorResponse(_message.Message):
    __slots__ = ("epoch",)
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    epoch: int
    def __init__(self, epoch: _Optional[int] = ...) -> None: ...

class StopActorRequest(_message.Message):
    __slots__ = ("id", "reason")
    ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    id: str
    reason: str
    def __init__(self, id: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class StopActorResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListDeadLettersRequest(_message.Message):
    __slots__ = ("page_size",)
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    def __init__(self, page_size: _Optional[int] = ...) -> None: ...

class DeadLetter(_message.Message):
    __slots__ = ("actor", "method", "reason", "time", "correlation_id")
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    actor: str
    method: str
    reason: str
    time: _timestamp_pb2.Timestamp
    correlation_id: str
    def __init__(self, actor: _Optional[str] = ..., method: _Optional[str] = ..., reason: _Optional[str] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., correlation_id: _Optional[str] = ...) -> None: ...

class ListDeadLettersResponse(_message.Message):
    __slots__ = ("dead_letters", "total")
    DEAD_LETTERS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    dead_letters: _containers.RepeatedCompositeFieldContainer[DeadLetter]
    total: int
    def __init__(self, dead_letters: _Optional[_Iterable[_Union[DeadLetter, _Mapping]]] = ..., total: _Optional[int] = ...) -> None: ...

class WatchDeadLettersRequest(_message.Message):
    __slots__ = ("resume_token",)
    RESUME_TOKEN_FIELD_NUMBER: _ClassVar[int]
    resume_token: str
    def __init__(self, resume_token: _Optional[str] = ...) -> None: ...

class WatchDeadLettersResponse(_message.Message):
    __slots__ = ("position", "snapshot", "dead_letter", "heartbeat", "skipped")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    DEAD_LETTER_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_FIELD_NUMBER: _ClassVar[int]
    position: _stream_pb2.Position
    snapshot: ListDeadLettersResponse
    dead_letter: DeadLetter
    heartbeat: _stream_pb2.Heartbeat
    skipped: _stream_pb2.Skipped
    def __init__(self, position: _Optional[_Union[_stream_pb2.Position, _Mapping]] = ..., snapshot: _Optional[_Union[ListDeadLettersResponse, _Mapping]] = ..., dead_letter: _Optional[_Union[DeadLetter, _Mapping]] = ..., heartbeat: _Optional[_Union[_stream_pb2.Heartbeat, _Mapping]] = ..., skipped: _Optional[_Union[_stream_pb2.Skipped, _Mapping]] = ...) -> None: ...

class InjectFaultRequest(_message.Message):
    __slots__ = ("id", "fault")
    ID_FIELD_NUMBER: _ClassVar[int]
    FAULT_FIELD_NUMBER: _ClassVar[int]
    id: str
    fault: Fault
    def __init__(self, id: _Optional[str] = ..., fault: _Optional[_Union[Fault, str]] = ...) -> None: ...

class InjectFaultResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class WatchSupervisionRequest(_message.Message):
    __slots__ = ("resume_token",)
    RESUME_TOKEN_FIELD_NUMBER: _ClassVar[int]
    resume_token: str
    def __init__(self, resume_token: _Optional[str] = ...) -> None: ...

class SupervisionEvent(_message.Message):
    __slots__ = ("id", "state", "epoch", "reason")
    ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    id: str
    state: ChildState
    epoch: int
    reason: str
    def __init__(self, id: _Optional[str] = ..., state: _Optional[_Union[ChildState, str]] = ..., epoch: _Optional[int] = ..., reason: _Optional[str] = ...) -> None: ...

class WatchSupervisionResponse(_message.Message):
    __slots__ = ("position", "snapshot", "change", "heartbeat", "skipped")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_FIELD_NUMBER: _ClassVar[int]
    position: _stream_pb2.Position
    snapshot: ChildStatus
    change: SupervisionEvent
    heartbeat: _stream_pb2.Heartbeat
    skipped: _stream_pb2.Skipped
    def __init__(self, position: _Optional[_Union[_stream_pb2.Position, _Mapping]] = ..., snapshot: _Optional[_Union[ChildStatus, _Mapping]] = ..., change: _Optional[_Union[SupervisionEvent, _Mapping]] = ..., heartbeat: _Optional[_Union[_stream_pb2.Heartbeat, _Mapping]] = ..., skipped: _Optional[_Union[_stream_pb2.Skipped, _Mapping]] = ...) -> None: ...

class ReportSupervisionRequest(_message.Message):
    __slots__ = ("change",)
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    change: SupervisionEvent
    def __init__(self, change: _Optional[_Union[SupervisionEvent, _Mapping]] = ...) -> None: ...

class ReportSupervisionResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

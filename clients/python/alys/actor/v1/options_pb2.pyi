from google.protobuf import descriptor_pb2 as _descriptor_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Lane(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LANE_UNSPECIFIED: _ClassVar[Lane]
    LANE_CONTROL: _ClassVar[Lane]
    LANE_CONSENSUS: _ClassVar[Lane]
    LANE_NORMAL: _ClassVar[Lane]
    LANE_BULK: _ClassVar[Lane]

class Scope(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SCOPE_UNSPECIFIED: _ClassVar[Scope]
    SCOPE_PUBLIC: _ClassVar[Scope]
    SCOPE_READ: _ClassVar[Scope]
    SCOPE_OPERATE: _ClassVar[Scope]
    SCOPE_ADMIN: _ClassVar[Scope]
    SCOPE_INTERNAL: _ClassVar[Scope]

class Overflow(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OVERFLOW_UNSPECIFIED: _ClassVar[Overflow]
    OVERFLOW_DROP_OLDEST: _ClassVar[Overflow]

class StreamKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STREAM_KIND_UNSPECIFIED: _ClassVar[StreamKind]
    STREAM_KIND_TRANSFER: _ClassVar[StreamKind]
LANE_UNSPECIFIED: Lane
LANE_CONTROL: Lane
LANE_CONSENSUS: Lane
LANE_NORMAL: Lane
LANE_BULK: Lane
SCOPE_UNSPECIFIED: Scope
SCOPE_PUBLIC: Scope
SCOPE_READ: Scope
SCOPE_OPERATE: Scope
SCOPE_ADMIN: Scope
SCOPE_INTERNAL: Scope
OVERFLOW_UNSPECIFIED: Overflow
OVERFLOW_DROP_OLDEST: Overflow
STREAM_KIND_UNSPECIFIED: StreamKind
STREAM_KIND_TRANSFER: StreamKind
POLICY_FIELD_NUMBER: _ClassVar[int]
policy: _descriptor.FieldDescriptor

class MethodPolicy(_message.Message):
    __slots__ = ("lane", "deadline_ms", "scope", "overflow", "stream")
    LANE_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_MS_FIELD_NUMBER: _ClassVar[int]
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    OVERFLOW_FIELD_NUMBER: _ClassVar[int]
    STREAM_FIELD_NUMBER: _ClassVar[int]
    lane: Lane
    deadline_ms: int
    scope: Scope
    overflow: Overflow
    stream: StreamKind
    def __init__(self, lane: _Optional[_Union[Lane, str]] = ..., deadline_ms: _Optional[int] = ..., scope: _Optional[_Union[Scope, str]] = ..., overflow: _Optional[_Union[Overflow, str]] = ..., stream: _Optional[_Union[StreamKind, str]] = ...) -> None: ...

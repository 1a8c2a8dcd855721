from google.protobuf import descriptor_pb2 as _descriptor_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor
RULES_FIELD_NUMBER: _ClassVar[int]
rules: _descriptor.FieldDescriptor
SENSITIVE_FIELD_NUMBER: _ClassVar[int]
sensitive: _descriptor.FieldDescriptor

class FieldRules(_message.Message):
    __slots__ = ("length", "length_min", "length_max", "or_empty", "min", "max", "items_max", "required")
    LENGTH_FIELD_NUMBER: _ClassVar[int]
    LENGTH_MIN_FIELD_NUMBER: _ClassVar[int]
    LENGTH_MAX_FIELD_NUMBER: _ClassVar[int]
    OR_EMPTY_FIELD_NUMBER: _ClassVar[int]
    MIN_FIELD_NUMBER: _ClassVar[int]
    MAX_FIELD_NUMBER: _ClassVar[int]
    ITEMS_MAX_FIELD_NUMBER: _ClassVar[int]
    REQUIRED_FIELD_NUMBER: _ClassVar[int]
    length: int
    length_min: int
    length_max: int
    or_empty: bool
    min: float
    max: float
    items_max: int
    required: bool
    def __init__(self, length: _Optional[int] = ..., length_min: _Optional[int] = ..., length_max: _Optional[int] = ..., or_empty: bool = ..., min: _Optional[float] = ..., max: _Optional[float] = ..., items_max: _Optional[int] = ..., required: bool = ...) -> None: ...

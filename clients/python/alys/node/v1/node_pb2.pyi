import datetime

from alys.actor.v1 import options_pb2 as _options_pb2
from alys.actor.v1 import rules_pb2 as _rules_pb2
from alys.actor.v1 import stream_pb2 as _stream_pb2
from alys.config.v1 import config_pb2 as _config_pb2
from google.protobuf import field_mask_pb2 as _field_mask_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class NodeState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    NODE_STATE_UNSPECIFIED: _ClassVar[NodeState]
    NODE_STATE_STARTING: _ClassVar[NodeState]
    NODE_STATE_RECOVERING: _ClassVar[NodeState]
    NODE_STATE_SYNCING: _ClassVar[NodeState]
    NODE_STATE_READY: _ClassVar[NodeState]
    NODE_STATE_DRAINING: _ClassVar[NodeState]

class ConfigOrigin(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CONFIG_ORIGIN_UNSPECIFIED: _ClassVar[ConfigOrigin]
    CONFIG_ORIGIN_DEFAULT: _ClassVar[ConfigOrigin]
    CONFIG_ORIGIN_FILE: _ClassVar[ConfigOrigin]
    CONFIG_ORIGIN_ENVIRONMENT: _ClassVar[ConfigOrigin]
    CONFIG_ORIGIN_OVERRIDE: _ClassVar[ConfigOrigin]

class ConfigEffect(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CONFIG_EFFECT_UNSPECIFIED: _ClassVar[ConfigEffect]
    CONFIG_EFFECT_AT_ONCE: _ClassVar[ConfigEffect]
    CONFIG_EFFECT_RESTART: _ClassVar[ConfigEffect]
    CONFIG_EFFECT_FILE_ONLY: _ClassVar[ConfigEffect]
NODE_STATE_UNSPECIFIED: NodeState
NODE_STATE_STARTING: NodeState
NODE_STATE_RECOVERING: NodeState
NODE_STATE_SYNCING: NodeState
NODE_STATE_READY: NodeState
NODE_STATE_DRAINING: NodeState
CONFIG_ORIGIN_UNSPECIFIED: ConfigOrigin
CONFIG_ORIGIN_DEFAULT: ConfigOrigin
CONFIG_ORIGIN_FILE: ConfigOrigin
CONFIG_ORIGIN_ENVIRONMENT: ConfigOrigin
CONFIG_ORIGIN_OVERRIDE: ConfigOrigin
CONFIG_EFFECT_UNSPECIFIED: ConfigEffect
CONFIG_EFFECT_AT_ONCE: ConfigEffect
CONFIG_EFFECT_RESTART: ConfigEffect
CONFIG_EFFECT_FILE_ONLY: ConfigEffect

class GetInfoRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetInfoResponse(_message.Message):
    __slots__ = ("version", "runtime_version", "peer_id", "genesis_hash", "authority_key", "started", "state", "process_id", "services", "certificates")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    RUNTIME_VERSION_FIELD_NUMBER: _ClassVar[int]
    PEER_ID_FIELD_NUMBER: _ClassVar[int]
    GENESIS_HASH_FIELD_NUMBER: _ClassVar[int]
    AUTHORITY_KEY_FIELD_NUMBER: _ClassVar[int]
    STARTED_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    PROCESS_ID_FIELD_NUMBER: _ClassVar[int]
    SERVICES_FIELD_NUMBER: _ClassVar[int]
    CERTIFICATES_FIELD_NUMBER: _ClassVar[int]
    version: str
    runtime_version: str
    peer_id: str
    genesis_hash: bytes
    authority_key: bytes
    started: _timestamp_pb2.Timestamp
    state: NodeState
    process_id: int
    services: _containers.RepeatedScalarFieldContainer[str]
    certificates: _containers.RepeatedCompositeFieldContainer[TlsCertificate]
    def __init__(self, version: _Optional[str] = ..., runtime_version: _Optional[str] = ..., peer_id: _Optional[str] = ..., genesis_hash: _Optional[bytes] = ..., authority_key: _Optional[bytes] = ..., started: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., state: _Optional[_Union[NodeState, str]] = ..., process_id: _Optional[int] = ..., services: _Optional[_Iterable[str]] = ..., certificates: _Optional[_Iterable[_Union[TlsCertificate, _Mapping]]] = ...) -> None: ...

class TlsCertificate(_message.Message):
    __slots__ = ("use", "fingerprint", "expires")
    USE_FIELD_NUMBER: _ClassVar[int]
    FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_FIELD_NUMBER: _ClassVar[int]
    use: str
    fingerprint: str
    expires: _timestamp_pb2.Timestamp
    def __init__(self, use: _Optional[str] = ..., fingerprint: _Optional[str] = ..., expires: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class GetConfigRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetConfigResponse(_message.Message):
    __slots__ = ("config", "settings")
    CONFIG_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    config: _config_pb2.NodeConfig
    settings: _containers.RepeatedCompositeFieldContainer[ConfigSetting]
    def __init__(self, config: _Optional[_Union[_config_pb2.NodeConfig, _Mapping]] = ..., settings: _Optional[_Iterable[_Union[ConfigSetting, _Mapping]]] = ...) -> None: ...

class ConfigSetting(_message.Message):
    __slots__ = ("key", "value", "origin", "effect", "awaits_restart", "next_value", "next_origin")
    KEY_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    EFFECT_FIELD_NUMBER: _ClassVar[int]
    AWAITS_RESTART_FIELD_NUMBER: _ClassVar[int]
    NEXT_VALUE_FIELD_NUMBER: _ClassVar[int]
    NEXT_ORIGIN_FIELD_NUMBER: _ClassVar[int]
    key: str
    value: str
    origin: ConfigOrigin
    effect: ConfigEffect
    awaits_restart: bool
    next_value: str
    next_origin: ConfigOrigin
    def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ..., origin: _Optional[_Union[ConfigOrigin, str]] = ..., effect: _Optional[_Union[ConfigEffect, str]] = ..., awaits_restart: bool = ..., next_value: _Optional[str] = ..., next_origin: _Optional[_Union[ConfigOrigin, str]] = ...) -> None: ...

class UpdateConfigRequest(_message.Message):
    __slots__ = ("config", "update_mask", "validate_only", "reset_mask")
    CONFIG_FIELD_NUMBER: _ClassVar[int]
    UPDATE_MASK_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    RESET_MASK_FIELD_NUMBER: _ClassVar[int]
    config: _config_pb2.NodeConfig
    update_mask: _field_mask_pb2.FieldMask
    validate_only: bool
    reset_mask: _field_mask_pb2.FieldMask
    def __init__(self, config: _Optional[_Union[_config_pb2.NodeConfig, _Mapping]] = ..., update_mask: _Optional[_Union[_field_mask_pb2.FieldMask, _Mapping]] = ..., validate_only: bool = ..., reset_mask: _Optional[_Union[_field_mask_pb2.FieldMask, _Mapping]] = ...) -> None: ...

class UpdateConfigResponse(_message.Message):
    __slots__ = ("applied", "needs_restart")
    APPLIED_FIELD_NUMBER: _ClassVar[int]
    NEEDS_RESTART_FIELD_NUMBER: _ClassVar[int]
    applied: _field_mask_pb2.FieldMask
    needs_restart: _field_mask_pb2.FieldMask
    def __init__(self, applied: _Optional[_Union[_field_mask_pb2.FieldMask, _Mapping]] = ..., needs_restart: _Optional[_Union[_field_mask_pb2.FieldMask, _Mapping]] = ...) -> None: ...

class RecordCpuProfileRequest(_message.Message):
    __slots__ = ("duration_ms", "interval_us")
    DURATION_MS_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_US_FIELD_NUMBER: _ClassVar[int]
    duration_ms: int
    interval_us: int
    def __init__(self, duration_ms: _Optional[int] = ..., interval_us: _Optional[int] = ...) -> None: ...

class RecordCpuProfileResponse(_message.Message):
    __slots__ = ("chunk", "total_bytes")
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    TOTAL_BYTES_FIELD_NUMBER: _ClassVar[int]
    chunk: bytes
    total_bytes: int
    def __init__(self, chunk: _Optional[bytes] = ..., total_bytes: _Optional[int] = ...) -> None: ...

class TakeHeapSnapshotRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class TakeHeapSnapshotResponse(_message.Message):
    __slots__ = ("chunk", "total_bytes")
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    TOTAL_BYTES_FIELD_NUMBER: _ClassVar[int]
    chunk: bytes
    total_bytes: int
    def __init__(self, chunk: _Optional[bytes] = ..., total_bytes: _Optional[int] = ...) -> None: ...

class SetLogLevelRequest(_message.Message):
    __slots__ = ("actor", "level", "lifetime_ms")
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    LIFETIME_MS_FIELD_NUMBER: _ClassVar[int]
    actor: str
    level: str
    lifetime_ms: int
    def __init__(self, actor: _Optional[str] = ..., level: _Optional[str] = ..., lifetime_ms: _Optional[int] = ...) -> None: ...

class SetLogLevelResponse(_message.Message):
    __slots__ = ("previous_level",)
    PREVIOUS_LEVEL_FIELD_NUMBER: _ClassVar[int]
    previous_level: str
    def __init__(self, previous_level: _Optional[str] = ...) -> None: ...

class DrainRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class DrainResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ShutdownRequest(_message.Message):
    __slots__ = ("reason",)
    REASON_FIELD_NUMBER: _ClassVar[int]
    reason: str
    def __init__(self, reason: _Optional[str] = ...) -> None: ...

class ShutdownResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class CreateTokenRequest(_message.Message):
    __slots__ = ("principal", "scope", "methods", "lifetime_ms")
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    METHODS_FIELD_NUMBER: _ClassVar[int]
    LIFETIME_MS_FIELD_NUMBER: _ClassVar[int]
    principal: str
    scope: _options_pb2.Scope
    methods: _containers.RepeatedScalarFieldContainer[str]
    lifetime_ms: int
    def __init__(self, principal: _Optional[str] = ..., scope: _Optional[_Union[_options_pb2.Scope, str]] = ..., methods: _Optional[_Iterable[str]] = ..., lifetime_ms: _Optional[int] = ...) -> None: ...

class CreateTokenResponse(_message.Message):
    __slots__ = ("token", "info")
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    INFO_FIELD_NUMBER: _ClassVar[int]
    token: str
    info: TokenInfo
    def __init__(self, token: _Optional[str] = ..., info: _Optional[_Union[TokenInfo, _Mapping]] = ...) -> None: ...

class TokenInfo(_message.Message):
    __slots__ = ("id", "principal", "scope", "methods", "created", "expires", "revoked")
    ID_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    METHODS_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_FIELD_NUMBER: _ClassVar[int]
    REVOKED_FIELD_NUMBER: _ClassVar[int]
    id: str
    principal: str
    scope: _options_pb2.Scope
    methods: _containers.RepeatedScalarFieldContainer[str]
    created: _timestamp_pb2.Timestamp
    expires: _timestamp_pb2.Timestamp
    revoked: _timestamp_pb2.Timestamp
    def __init__(self, id: _Optional[str] = ..., principal: _Optional[str] = ..., scope: _Optional[_Union[_options_pb2.Scope, str]] = ..., methods: _Optional[_Iterable[str]] = ..., created: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., expires: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., revoked: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListTokensRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListTokensResponse(_message.Message):
    __slots__ = ("tokens", "next_page_token")
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    tokens: _containers.RepeatedCompositeFieldContainer[TokenInfo]
    next_page_token: str
    def __init__(self, tokens: _Optional[_Iterable[_Union[TokenInfo, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class RevokeTokenRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class RevokeTokenResponse(_message.Message):
    __slots__ = ("token",)
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    token: TokenInfo
    def __init__(self, token: _Optional[_Union[TokenInfo, _Mapping]] = ...) -> None: ...

class WatchStateRequest(_message.Message):
    __slots__ = ("resume_token",)
    RESUME_TOKEN_FIELD_NUMBER: _ClassVar[int]
    resume_token: str
    def __init__(self, resume_token: _Optional[str] = ...) -> None: ...

class WatchStateResponse(_message.Message):
    __slots__ = ("position", "snapshot", "state", "heartbeat", "skipped")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_FIELD_NUMBER: _ClassVar[int]
    position: _stream_pb2.Position
    snapshot: NodeState
    state: NodeState
    heartbeat: _stream_pb2.Heartbeat
    skipped: _stream_pb2.Skipped
    def __init__(self, position: _Optional[_Union[_stream_pb2.Position, _Mapping]] = ..., snapshot: _Optional[_Union[NodeState, str]] = ..., state: _Optional[_Union[NodeState, str]] = ..., heartbeat: _Optional[_Union[_stream_pb2.Heartbeat, _Mapping]] = ..., skipped: _Optional[_Union[_stream_pb2.Skipped, _Mapping]] = ...) -> None: ...

class ReportStateRequest(_message.Message):
    __slots__ = ("state",)
    STATE_FIELD_NUMBER: _ClassVar[int]
    state: NodeState
    def __init__(self, state: _Optional[_Union[NodeState, str]] = ...) -> None: ...

class ReportStateResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

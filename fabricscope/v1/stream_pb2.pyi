from fabricscope.v1 import events_pb2 as _events_pb2
from fabricscope.v1 import flows_pb2 as _flows_pb2
from fabricscope.v1 import hints_pb2 as _hints_pb2
from fabricscope.v1 import samples_pb2 as _samples_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RefusalReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REFUSAL_REASON_UNSPECIFIED: _ClassVar[RefusalReason]
    REFUSAL_REASON_UNKNOWN_SERIES_SET: _ClassVar[RefusalReason]
    REFUSAL_REASON_COLUMN_LENGTH: _ClassVar[RefusalReason]
    REFUSAL_REASON_INVALID: _ClassVar[RefusalReason]
    REFUSAL_REASON_UNSUPPORTED: _ClassVar[RefusalReason]
REFUSAL_REASON_UNSPECIFIED: RefusalReason
REFUSAL_REASON_UNKNOWN_SERIES_SET: RefusalReason
REFUSAL_REASON_COLUMN_LENGTH: RefusalReason
REFUSAL_REASON_INVALID: RefusalReason
REFUSAL_REASON_UNSUPPORTED: RefusalReason

class StreamRequest(_message.Message):
    __slots__ = ("sequence", "sent_unix_nano", "hello", "series_set", "samples", "events", "flows")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    SENT_UNIX_NANO_FIELD_NUMBER: _ClassVar[int]
    HELLO_FIELD_NUMBER: _ClassVar[int]
    SERIES_SET_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    FLOWS_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    sent_unix_nano: int
    hello: Hello
    series_set: _samples_pb2.SeriesSet
    samples: _samples_pb2.Samples
    events: _events_pb2.Events
    flows: _flows_pb2.Flows
    def __init__(self, sequence: _Optional[int] = ..., sent_unix_nano: _Optional[int] = ..., hello: _Optional[_Union[Hello, _Mapping]] = ..., series_set: _Optional[_Union[_samples_pb2.SeriesSet, _Mapping]] = ..., samples: _Optional[_Union[_samples_pb2.Samples, _Mapping]] = ..., events: _Optional[_Union[_events_pb2.Events, _Mapping]] = ..., flows: _Optional[_Union[_flows_pb2.Flows, _Mapping]] = ...) -> None: ...

class Hello(_message.Message):
    __slots__ = ("protocol", "host", "boot_id", "epoch", "labels", "software_version")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    BOOT_ID_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    SOFTWARE_VERSION_FIELD_NUMBER: _ClassVar[int]
    protocol: int
    host: str
    boot_id: str
    epoch: str
    labels: _containers.ScalarMap[str, str]
    software_version: str
    def __init__(self, protocol: _Optional[int] = ..., host: _Optional[str] = ..., boot_id: _Optional[str] = ..., epoch: _Optional[str] = ..., labels: _Optional[_Mapping[str, str]] = ..., software_version: _Optional[str] = ...) -> None: ...

class StreamResponse(_message.Message):
    __slots__ = ("welcome", "ack", "hint")
    WELCOME_FIELD_NUMBER: _ClassVar[int]
    ACK_FIELD_NUMBER: _ClassVar[int]
    HINT_FIELD_NUMBER: _ClassVar[int]
    welcome: Welcome
    ack: Ack
    hint: _hints_pb2.Hint
    def __init__(self, welcome: _Optional[_Union[Welcome, _Mapping]] = ..., ack: _Optional[_Union[Ack, _Mapping]] = ..., hint: _Optional[_Union[_hints_pb2.Hint, _Mapping]] = ...) -> None: ...

class Welcome(_message.Message):
    __slots__ = ("protocol", "software_version")
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    SOFTWARE_VERSION_FIELD_NUMBER: _ClassVar[int]
    protocol: int
    software_version: str
    def __init__(self, protocol: _Optional[int] = ..., software_version: _Optional[str] = ...) -> None: ...

class Ack(_message.Message):
    __slots__ = ("sequence", "refusals", "durable_sequence")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    REFUSALS_FIELD_NUMBER: _ClassVar[int]
    DURABLE_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    refusals: _containers.RepeatedCompositeFieldContainer[Refusal]
    durable_sequence: int
    def __init__(self, sequence: _Optional[int] = ..., refusals: _Optional[_Iterable[_Union[Refusal, _Mapping]]] = ..., durable_sequence: _Optional[int] = ...) -> None: ...

class Refusal(_message.Message):
    __slots__ = ("sequence", "reason", "detail")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    reason: RefusalReason
    detail: str
    def __init__(self, sequence: _Optional[int] = ..., reason: _Optional[_Union[RefusalReason, str]] = ..., detail: _Optional[str] = ...) -> None: ...

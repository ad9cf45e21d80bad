from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class EndReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    END_REASON_UNSPECIFIED: _ClassVar[EndReason]
    END_REASON_IDLE_TIMEOUT: _ClassVar[EndReason]
    END_REASON_ACTIVE_TIMEOUT: _ClassVar[EndReason]
    END_REASON_END_OF_FLOW: _ClassVar[EndReason]
    END_REASON_FORCED: _ClassVar[EndReason]
    END_REASON_LACK_OF_RESOURCES: _ClassVar[EndReason]
END_REASON_UNSPECIFIED: EndReason
END_REASON_IDLE_TIMEOUT: EndReason
END_REASON_ACTIVE_TIMEOUT: EndReason
END_REASON_END_OF_FLOW: EndReason
END_REASON_FORCED: EndReason
END_REASON_LACK_OF_RESOURCES: EndReason

class Flows(_message.Message):
    __slots__ = ("flows",)
    FLOWS_FIELD_NUMBER: _ClassVar[int]
    flows: _containers.RepeatedCompositeFieldContainer[FlowRecord]
    def __init__(self, flows: _Optional[_Iterable[_Union[FlowRecord, _Mapping]]] = ...) -> None: ...

class FlowRecord(_message.Message):
    __slots__ = ("key", "start_unix_nano", "end_unix_nano", "end_reason", "forward", "reverse", "sampling_rate", "verdicts")
    KEY_FIELD_NUMBER: _ClassVar[int]
    START_UNIX_NANO_FIELD_NUMBER: _ClassVar[int]
    END_UNIX_NANO_FIELD_NUMBER: _ClassVar[int]
    END_REASON_FIELD_NUMBER: _ClassVar[int]
    FORWARD_FIELD_NUMBER: _ClassVar[int]
    REVERSE_FIELD_NUMBER: _ClassVar[int]
    SAMPLING_RATE_FIELD_NUMBER: _ClassVar[int]
    VERDICTS_FIELD_NUMBER: _ClassVar[int]
    key: FlowKey
    start_unix_nano: int
    end_unix_nano: int
    end_reason: EndReason
    forward: Direction
    reverse: Direction
    sampling_rate: int
    verdicts: _containers.RepeatedCompositeFieldContainer[Verdict]
    def __init__(self, key: _Optional[_Union[FlowKey, _Mapping]] = ..., start_unix_nano: _Optional[int] = ..., end_unix_nano: _Optional[int] = ..., end_reason: _Optional[_Union[EndReason, str]] = ..., forward: _Optional[_Union[Direction, _Mapping]] = ..., reverse: _Optional[_Union[Direction, _Mapping]] = ..., sampling_rate: _Optional[int] = ..., verdicts: _Optional[_Iterable[_Union[Verdict, _Mapping]]] = ...) -> None: ...

class FlowKey(_message.Message):
    __slots__ = ("source_address", "destination_address", "protocol", "source_port", "destination_port", "source_queue_pair", "destination_queue_pair", "vlan")
    SOURCE_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    SOURCE_PORT_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_PORT_FIELD_NUMBER: _ClassVar[int]
    SOURCE_QUEUE_PAIR_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_QUEUE_PAIR_FIELD_NUMBER: _ClassVar[int]
    VLAN_FIELD_NUMBER: _ClassVar[int]
    source_address: bytes
    destination_address: bytes
    protocol: int
    source_port: int
    destination_port: int
    source_queue_pair: int
    destination_queue_pair: int
    vlan: int
    def __init__(self, source_address: _Optional[bytes] = ..., destination_address: _Optional[bytes] = ..., protocol: _Optional[int] = ..., source_port: _Optional[int] = ..., destination_port: _Optional[int] = ..., source_queue_pair: _Optional[int] = ..., destination_queue_pair: _Optional[int] = ..., vlan: _Optional[int] = ...) -> None: ...

class Direction(_message.Message):
    __slots__ = ("packets", "bytes")
    PACKETS_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    packets: int
    bytes: int
    def __init__(self, packets: _Optional[int] = ..., bytes: _Optional[int] = ...) -> None: ...

class Verdict(_message.Message):
    __slots__ = ("rule", "label", "confidence", "evidence")
    class EvidenceEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    RULE_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    rule: str
    label: str
    confidence: float
    evidence: _containers.ScalarMap[str, str]
    def __init__(self, rule: _Optional[str] = ..., label: _Optional[str] = ..., confidence: _Optional[float] = ..., evidence: _Optional[_Mapping[str, str]] = ...) -> None: ...

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
    END_REASON_IDLE: _ClassVar[EndReason]
    END_REASON_ACTIVE: _ClassVar[EndReason]
    END_REASON_END_OF_FLOW: _ClassVar[EndReason]
    END_REASON_FORCED: _ClassVar[EndReason]
    END_REASON_LACK_OF_RESOURCES: _ClassVar[EndReason]
END_REASON_UNSPECIFIED: EndReason
END_REASON_IDLE: EndReason
END_REASON_ACTIVE: EndReason
END_REASON_END_OF_FLOW: EndReason
END_REASON_FORCED: EndReason
END_REASON_LACK_OF_RESOURCES: EndReason

class Flows(_message.Message):
    __slots__ = ("flows",)
    FLOWS_FIELD_NUMBER: _ClassVar[int]
    flows: _containers.RepeatedCompositeFieldContainer[Flow]
    def __init__(self, flows: _Optional[_Iterable[_Union[Flow, _Mapping]]] = ...) -> None: ...

class Flow(_message.Message):
    __slots__ = ("key", "start_ns", "end_ns", "end_reason", "forward", "reverse", "sampling", "tcp", "rdma", "features", "payload", "behaviour", "observer", "visibility", "labels", "priority")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    KEY_FIELD_NUMBER: _ClassVar[int]
    START_NS_FIELD_NUMBER: _ClassVar[int]
    END_NS_FIELD_NUMBER: _ClassVar[int]
    END_REASON_FIELD_NUMBER: _ClassVar[int]
    FORWARD_FIELD_NUMBER: _ClassVar[int]
    REVERSE_FIELD_NUMBER: _ClassVar[int]
    SAMPLING_FIELD_NUMBER: _ClassVar[int]
    TCP_FIELD_NUMBER: _ClassVar[int]
    RDMA_FIELD_NUMBER: _ClassVar[int]
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    BEHAVIOUR_FIELD_NUMBER: _ClassVar[int]
    OBSERVER_FIELD_NUMBER: _ClassVar[int]
    VISIBILITY_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    key: FlowKey
    start_ns: int
    end_ns: int
    end_reason: EndReason
    forward: Way
    reverse: Way
    sampling: int
    tcp: Tcp
    rdma: Rdma
    features: Features
    payload: Classification
    behaviour: Classification
    observer: str
    visibility: float
    labels: _containers.ScalarMap[str, str]
    priority: int
    def __init__(self, key: _Optional[_Union[FlowKey, _Mapping]] = ..., start_ns: _Optional[int] = ..., end_ns: _Optional[int] = ..., end_reason: _Optional[_Union[EndReason, str]] = ..., forward: _Optional[_Union[Way, _Mapping]] = ..., reverse: _Optional[_Union[Way, _Mapping]] = ..., sampling: _Optional[int] = ..., tcp: _Optional[_Union[Tcp, _Mapping]] = ..., rdma: _Optional[_Union[Rdma, _Mapping]] = ..., features: _Optional[_Union[Features, _Mapping]] = ..., payload: _Optional[_Union[Classification, _Mapping]] = ..., behaviour: _Optional[_Union[Classification, _Mapping]] = ..., observer: _Optional[str] = ..., visibility: _Optional[float] = ..., labels: _Optional[_Mapping[str, str]] = ..., priority: _Optional[int] = ...) -> None: ...

class FlowKey(_message.Message):
    __slots__ = ("source", "destination", "protocol", "ether_type", "source_port", "destination_port", "source_queue_pair", "destination_queue_pair", "vlan", "tunnel", "tunnel_id")
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_FIELD_NUMBER: _ClassVar[int]
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    ETHER_TYPE_FIELD_NUMBER: _ClassVar[int]
    SOURCE_PORT_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_PORT_FIELD_NUMBER: _ClassVar[int]
    SOURCE_QUEUE_PAIR_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_QUEUE_PAIR_FIELD_NUMBER: _ClassVar[int]
    VLAN_FIELD_NUMBER: _ClassVar[int]
    TUNNEL_FIELD_NUMBER: _ClassVar[int]
    TUNNEL_ID_FIELD_NUMBER: _ClassVar[int]
    source: bytes
    destination: bytes
    protocol: int
    ether_type: int
    source_port: int
    destination_port: int
    source_queue_pair: int
    destination_queue_pair: int
    vlan: int
    tunnel: int
    tunnel_id: int
    def __init__(self, source: _Optional[bytes] = ..., destination: _Optional[bytes] = ..., protocol: _Optional[int] = ..., ether_type: _Optional[int] = ..., source_port: _Optional[int] = ..., destination_port: _Optional[int] = ..., source_queue_pair: _Optional[int] = ..., destination_queue_pair: _Optional[int] = ..., vlan: _Optional[int] = ..., tunnel: _Optional[int] = ..., tunnel_id: _Optional[int] = ...) -> None: ...

class Way(_message.Message):
    __slots__ = ("packets", "octets", "payload_octets", "first_ns", "last_ns", "ecn_capable", "ecn_marked", "fragments", "dscp", "tcp_flags")
    PACKETS_FIELD_NUMBER: _ClassVar[int]
    OCTETS_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_OCTETS_FIELD_NUMBER: _ClassVar[int]
    FIRST_NS_FIELD_NUMBER: _ClassVar[int]
    LAST_NS_FIELD_NUMBER: _ClassVar[int]
    ECN_CAPABLE_FIELD_NUMBER: _ClassVar[int]
    ECN_MARKED_FIELD_NUMBER: _ClassVar[int]
    FRAGMENTS_FIELD_NUMBER: _ClassVar[int]
    DSCP_FIELD_NUMBER: _ClassVar[int]
    TCP_FLAGS_FIELD_NUMBER: _ClassVar[int]
    packets: int
    octets: int
    payload_octets: int
    first_ns: int
    last_ns: int
    ecn_capable: int
    ecn_marked: int
    fragments: int
    dscp: int
    tcp_flags: int
    def __init__(self, packets: _Optional[int] = ..., octets: _Optional[int] = ..., payload_octets: _Optional[int] = ..., first_ns: _Optional[int] = ..., last_ns: _Optional[int] = ..., ecn_capable: _Optional[int] = ..., ecn_marked: _Optional[int] = ..., fragments: _Optional[int] = ..., dscp: _Optional[int] = ..., tcp_flags: _Optional[int] = ...) -> None: ...

class Times(_message.Message):
    __slots__ = ("count", "min_ns", "sum_ns", "max_ns")
    COUNT_FIELD_NUMBER: _ClassVar[int]
    MIN_NS_FIELD_NUMBER: _ClassVar[int]
    SUM_NS_FIELD_NUMBER: _ClassVar[int]
    MAX_NS_FIELD_NUMBER: _ClassVar[int]
    count: int
    min_ns: int
    sum_ns: int
    max_ns: int
    def __init__(self, count: _Optional[int] = ..., min_ns: _Optional[int] = ..., sum_ns: _Optional[int] = ..., max_ns: _Optional[int] = ...) -> None: ...

class Tcp(_message.Message):
    __slots__ = ("handshake_ns", "forward", "reverse")
    HANDSHAKE_NS_FIELD_NUMBER: _ClassVar[int]
    FORWARD_FIELD_NUMBER: _ClassVar[int]
    REVERSE_FIELD_NUMBER: _ClassVar[int]
    handshake_ns: int
    forward: TcpWay
    reverse: TcpWay
    def __init__(self, handshake_ns: _Optional[int] = ..., forward: _Optional[_Union[TcpWay, _Mapping]] = ..., reverse: _Optional[_Union[TcpWay, _Mapping]] = ...) -> None: ...

class TcpWay(_message.Message):
    __slots__ = ("retransmissions", "retransmitted_octets", "out_of_order", "zero_windows", "duplicate_acknowledgements", "resets", "round_trips")
    RETRANSMISSIONS_FIELD_NUMBER: _ClassVar[int]
    RETRANSMITTED_OCTETS_FIELD_NUMBER: _ClassVar[int]
    OUT_OF_ORDER_FIELD_NUMBER: _ClassVar[int]
    ZERO_WINDOWS_FIELD_NUMBER: _ClassVar[int]
    DUPLICATE_ACKNOWLEDGEMENTS_FIELD_NUMBER: _ClassVar[int]
    RESETS_FIELD_NUMBER: _ClassVar[int]
    ROUND_TRIPS_FIELD_NUMBER: _ClassVar[int]
    retransmissions: int
    retransmitted_octets: int
    out_of_order: int
    zero_windows: int
    duplicate_acknowledgements: int
    resets: int
    round_trips: Times
    def __init__(self, retransmissions: _Optional[int] = ..., retransmitted_octets: _Optional[int] = ..., out_of_order: _Optional[int] = ..., zero_windows: _Optional[int] = ..., duplicate_acknowledgements: _Optional[int] = ..., resets: _Optional[int] = ..., round_trips: _Optional[_Union[Times, _Mapping]] = ...) -> None: ...

class Rdma(_message.Message):
    __slots__ = ("link", "service", "joined_by", "forward", "reverse")
    LINK_FIELD_NUMBER: _ClassVar[int]
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    JOINED_BY_FIELD_NUMBER: _ClassVar[int]
    FORWARD_FIELD_NUMBER: _ClassVar[int]
    REVERSE_FIELD_NUMBER: _ClassVar[int]
    link: int
    service: int
    joined_by: int
    forward: RdmaWay
    reverse: RdmaWay
    def __init__(self, link: _Optional[int] = ..., service: _Optional[int] = ..., joined_by: _Optional[int] = ..., forward: _Optional[_Union[RdmaWay, _Mapping]] = ..., reverse: _Optional[_Union[RdmaWay, _Mapping]] = ...) -> None: ...

class RdmaWay(_message.Message):
    __slots__ = ("opcodes", "messages", "message_octets", "message_min", "message_max", "message_sizes", "lost", "unseen", "duplicates", "repeated_octets", "fresh_octets", "naks", "rnr_naks", "cnps", "icrc_checked", "icrc_wrong")
    OPCODES_FIELD_NUMBER: _ClassVar[int]
    MESSAGES_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_OCTETS_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_MIN_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_MAX_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_SIZES_FIELD_NUMBER: _ClassVar[int]
    LOST_FIELD_NUMBER: _ClassVar[int]
    UNSEEN_FIELD_NUMBER: _ClassVar[int]
    DUPLICATES_FIELD_NUMBER: _ClassVar[int]
    REPEATED_OCTETS_FIELD_NUMBER: _ClassVar[int]
    FRESH_OCTETS_FIELD_NUMBER: _ClassVar[int]
    NAKS_FIELD_NUMBER: _ClassVar[int]
    RNR_NAKS_FIELD_NUMBER: _ClassVar[int]
    CNPS_FIELD_NUMBER: _ClassVar[int]
    ICRC_CHECKED_FIELD_NUMBER: _ClassVar[int]
    ICRC_WRONG_FIELD_NUMBER: _ClassVar[int]
    opcodes: _containers.RepeatedCompositeFieldContainer[Count]
    messages: int
    message_octets: int
    message_min: int
    message_max: int
    message_sizes: _containers.RepeatedScalarFieldContainer[int]
    lost: int
    unseen: int
    duplicates: int
    repeated_octets: int
    fresh_octets: int
    naks: _containers.RepeatedCompositeFieldContainer[Count]
    rnr_naks: int
    cnps: int
    icrc_checked: int
    icrc_wrong: int
    def __init__(self, opcodes: _Optional[_Iterable[_Union[Count, _Mapping]]] = ..., messages: _Optional[int] = ..., message_octets: _Optional[int] = ..., message_min: _Optional[int] = ..., message_max: _Optional[int] = ..., message_sizes: _Optional[_Iterable[int]] = ..., lost: _Optional[int] = ..., unseen: _Optional[int] = ..., duplicates: _Optional[int] = ..., repeated_octets: _Optional[int] = ..., fresh_octets: _Optional[int] = ..., naks: _Optional[_Iterable[_Union[Count, _Mapping]]] = ..., rnr_naks: _Optional[int] = ..., cnps: _Optional[int] = ..., icrc_checked: _Optional[int] = ..., icrc_wrong: _Optional[int] = ...) -> None: ...

class Count(_message.Message):
    __slots__ = ("code", "count")
    CODE_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    code: int
    count: int
    def __init__(self, code: _Optional[int] = ..., count: _Optional[int] = ...) -> None: ...

class Features(_message.Message):
    __slots__ = ("sizes_forward", "sizes_reverse", "gaps_forward", "gaps_reverse", "bursts", "burst_octets", "busy_ns", "bin_ns", "bins", "period_ns", "period_strength")
    SIZES_FORWARD_FIELD_NUMBER: _ClassVar[int]
    SIZES_REVERSE_FIELD_NUMBER: _ClassVar[int]
    GAPS_FORWARD_FIELD_NUMBER: _ClassVar[int]
    GAPS_REVERSE_FIELD_NUMBER: _ClassVar[int]
    BURSTS_FIELD_NUMBER: _ClassVar[int]
    BURST_OCTETS_FIELD_NUMBER: _ClassVar[int]
    BUSY_NS_FIELD_NUMBER: _ClassVar[int]
    BIN_NS_FIELD_NUMBER: _ClassVar[int]
    BINS_FIELD_NUMBER: _ClassVar[int]
    PERIOD_NS_FIELD_NUMBER: _ClassVar[int]
    PERIOD_STRENGTH_FIELD_NUMBER: _ClassVar[int]
    sizes_forward: _containers.RepeatedScalarFieldContainer[int]
    sizes_reverse: _containers.RepeatedScalarFieldContainer[int]
    gaps_forward: _containers.RepeatedScalarFieldContainer[int]
    gaps_reverse: _containers.RepeatedScalarFieldContainer[int]
    bursts: int
    burst_octets: int
    busy_ns: int
    bin_ns: int
    bins: _containers.RepeatedScalarFieldContainer[int]
    period_ns: int
    period_strength: float
    def __init__(self, sizes_forward: _Optional[_Iterable[int]] = ..., sizes_reverse: _Optional[_Iterable[int]] = ..., gaps_forward: _Optional[_Iterable[int]] = ..., gaps_reverse: _Optional[_Iterable[int]] = ..., bursts: _Optional[int] = ..., burst_octets: _Optional[int] = ..., busy_ns: _Optional[int] = ..., bin_ns: _Optional[int] = ..., bins: _Optional[_Iterable[int]] = ..., period_ns: _Optional[int] = ..., period_strength: _Optional[float] = ...) -> None: ...

class Classification(_message.Message):
    __slots__ = ("label", "rule", "confidence", "evidence", "packets", "alternatives", "fields")
    LABEL_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    PACKETS_FIELD_NUMBER: _ClassVar[int]
    ALTERNATIVES_FIELD_NUMBER: _ClassVar[int]
    FIELDS_FIELD_NUMBER: _ClassVar[int]
    label: str
    rule: str
    confidence: float
    evidence: _containers.RepeatedScalarFieldContainer[str]
    packets: int
    alternatives: _containers.RepeatedCompositeFieldContainer[Alternative]
    fields: _containers.RepeatedCompositeFieldContainer[Field]
    def __init__(self, label: _Optional[str] = ..., rule: _Optional[str] = ..., confidence: _Optional[float] = ..., evidence: _Optional[_Iterable[str]] = ..., packets: _Optional[int] = ..., alternatives: _Optional[_Iterable[_Union[Alternative, _Mapping]]] = ..., fields: _Optional[_Iterable[_Union[Field, _Mapping]]] = ...) -> None: ...

class Alternative(_message.Message):
    __slots__ = ("label", "confidence")
    LABEL_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    label: str
    confidence: float
    def __init__(self, label: _Optional[str] = ..., confidence: _Optional[float] = ...) -> None: ...

class Field(_message.Message):
    __slots__ = ("name", "value")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    name: str
    value: str
    def __init__(self, name: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...

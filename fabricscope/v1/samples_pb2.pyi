from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class MetricKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    METRIC_KIND_UNSPECIFIED: _ClassVar[MetricKind]
    METRIC_KIND_COUNTER: _ClassVar[MetricKind]
    METRIC_KIND_GAUGE: _ClassVar[MetricKind]

class Quality(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    QUALITY_UNSPECIFIED: _ClassVar[Quality]
    QUALITY_OK: _ClassVar[Quality]
    QUALITY_SATURATED: _ClassVar[Quality]
    QUALITY_RESET: _ClassVar[Quality]
    QUALITY_STALE: _ClassVar[Quality]
    QUALITY_UNREADABLE: _ClassVar[Quality]
METRIC_KIND_UNSPECIFIED: MetricKind
METRIC_KIND_COUNTER: MetricKind
METRIC_KIND_GAUGE: MetricKind
QUALITY_UNSPECIFIED: Quality
QUALITY_OK: Quality
QUALITY_SATURATED: Quality
QUALITY_RESET: Quality
QUALITY_STALE: Quality
QUALITY_UNREADABLE: Quality

class SeriesSet(_message.Message):
    __slots__ = ("id", "sampler", "metrics")
    ID_FIELD_NUMBER: _ClassVar[int]
    SAMPLER_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    id: bytes
    sampler: str
    metrics: _containers.RepeatedCompositeFieldContainer[Metric]
    def __init__(self, id: _Optional[bytes] = ..., sampler: _Optional[str] = ..., metrics: _Optional[_Iterable[_Union[Metric, _Mapping]]] = ...) -> None: ...

class Metric(_message.Message):
    __slots__ = ("name", "kind", "help", "unit", "label_names", "series", "per_unit")
    NAME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    HELP_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    LABEL_NAMES_FIELD_NUMBER: _ClassVar[int]
    SERIES_FIELD_NUMBER: _ClassVar[int]
    PER_UNIT_FIELD_NUMBER: _ClassVar[int]
    name: str
    kind: MetricKind
    help: str
    unit: str
    label_names: _containers.RepeatedScalarFieldContainer[str]
    series: _containers.RepeatedCompositeFieldContainer[LabelValues]
    per_unit: int
    def __init__(self, name: _Optional[str] = ..., kind: _Optional[_Union[MetricKind, str]] = ..., help: _Optional[str] = ..., unit: _Optional[str] = ..., label_names: _Optional[_Iterable[str]] = ..., series: _Optional[_Iterable[_Union[LabelValues, _Mapping]]] = ..., per_unit: _Optional[int] = ...) -> None: ...

class LabelValues(_message.Message):
    __slots__ = ("values",)
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, values: _Optional[_Iterable[str]] = ...) -> None: ...

class Samples(_message.Message):
    __slots__ = ("batches",)
    BATCHES_FIELD_NUMBER: _ClassVar[int]
    batches: _containers.RepeatedCompositeFieldContainer[SampleBatch]
    def __init__(self, batches: _Optional[_Iterable[_Union[SampleBatch, _Mapping]]] = ...) -> None: ...

class SampleBatch(_message.Message):
    __slots__ = ("series_set_id", "time_unix_nano", "interval_nano", "counters", "gauges", "qualities")
    SERIES_SET_ID_FIELD_NUMBER: _ClassVar[int]
    TIME_UNIX_NANO_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_NANO_FIELD_NUMBER: _ClassVar[int]
    COUNTERS_FIELD_NUMBER: _ClassVar[int]
    GAUGES_FIELD_NUMBER: _ClassVar[int]
    QUALITIES_FIELD_NUMBER: _ClassVar[int]
    series_set_id: bytes
    time_unix_nano: int
    interval_nano: int
    counters: _containers.RepeatedScalarFieldContainer[int]
    gauges: _containers.RepeatedScalarFieldContainer[float]
    qualities: bytes
    def __init__(self, series_set_id: _Optional[bytes] = ..., time_unix_nano: _Optional[int] = ..., interval_nano: _Optional[int] = ..., counters: _Optional[_Iterable[int]] = ..., gauges: _Optional[_Iterable[float]] = ..., qualities: _Optional[bytes] = ...) -> None: ...

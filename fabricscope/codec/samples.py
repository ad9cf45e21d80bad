"""Series sets and the batches whose columns they name."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from itertools import groupby

from fabricscope.codec.bounds import (
    LABEL_NAME,
    MAX_ID,
    MAX_LABELS,
    MAX_SERIES,
    METRIC_NAME,
    RESERVED_LABELS,
    Refused,
    bounded,
    checked,
    invalid,
    point_in_time,
)
from fabricscope.model import Kind, MetricSpec, Quality, SampleBatch, Series, SeriesSet
from fabricscope.v1 import samples_pb2, stream_pb2

_KINDS = {Kind.COUNTER: samples_pb2.METRIC_KIND_COUNTER, Kind.GAUGE: samples_pb2.METRIC_KIND_GAUGE}
_KINDS_BACK: dict[int, Kind] = {number: kind for kind, number in _KINDS.items()}
_QUALITY_BYTES = bytes(Quality)


def series_set_id(sampler: str, counters: Sequence[Series], gauges: Sequence[Series]) -> bytes:
    """SHA-256 over everything that a SeriesSet declares: equal content, equal id (32 bytes)."""
    message = _set_message(b"", sampler, counters, gauges)
    return hashlib.sha256(message.SerializeToString(deterministic=True)).digest()


def encode_series_set(series_set: SeriesSet) -> stream_pb2.StreamRequest:
    """The declaration of a set."""
    message = _set_message(series_set.id, series_set.sampler, series_set.counters, series_set.gauges)
    return stream_pb2.StreamRequest(series_set=message)


def _set_message(
    identifier: bytes, sampler: str, counters: Sequence[Series], gauges: Sequence[Series]
) -> samples_pb2.SeriesSet:
    metrics = [
        samples_pb2.Metric(
            name=spec.name,
            kind=_KINDS[spec.kind],
            help=spec.help,
            unit=spec.unit,
            label_names=spec.labels,
            series=[samples_pb2.LabelValues(values=row.labels) for row in rows],
            per_unit=spec.per_unit,
        )
        for column in (counters, gauges)
        for spec, rows in groupby(column, key=lambda series: series.spec)
    ]
    return samples_pb2.SeriesSet(id=identifier, sampler=sampler, metrics=metrics)


def decode_series_set(message: samples_pb2.SeriesSet) -> SeriesSet:
    """The declared set, its `id` computed from the content (the sender's is only a name on its stream).

    Raises Refused for bad names, a label count that does not fit, repeated series or too many of them.
    """
    sampler = checked(LABEL_NAME, message.sampler, "sampler")
    if not 1 <= len(message.id) <= MAX_ID:
        raise invalid(f"the id of a series set of {sampler} has {len(message.id)} octets; 1 to {MAX_ID} are taken")
    if max(len(message.metrics), sum(len(metric.series) for metric in message.metrics)) > MAX_SERIES:
        raise invalid(f"series set of {sampler} has more than {MAX_SERIES} series or metrics")
    columns: dict[Kind, list[Series]] = {Kind.COUNTER: [], Kind.GAUGE: []}
    names: set[str] = set()
    for metric in message.metrics:
        spec = _decode_metric(metric)
        if spec.name in names:
            raise invalid(f"metric {spec.name} stands twice in the series set of {sampler}")
        names.add(spec.name)
        rows = [tuple(bounded(value, "label value") for value in row.values) for row in metric.series]
        for labels in rows:
            if len(labels) != len(spec.labels):
                raise invalid(f"{spec.name} has {len(spec.labels)} label names and a series with {len(labels)}")
        if len(set(rows)) != len(rows):
            raise invalid(f"{spec.name} names a series twice")
        columns[spec.kind] += [Series(spec, labels) for labels in rows]
    counters, gauges = tuple(columns[Kind.COUNTER]), tuple(columns[Kind.GAUGE])
    return SeriesSet(series_set_id(sampler, counters, gauges), sampler, counters, gauges)


def _decode_metric(metric: samples_pb2.Metric) -> MetricSpec:
    name = checked(METRIC_NAME, metric.name, "metric name")
    labels = tuple(checked(LABEL_NAME, label, f"label name of {name}") for label in metric.label_names)
    if len(labels) > MAX_LABELS or len(set(labels)) != len(labels) or RESERVED_LABELS & set(labels):
        raise invalid(
            f"label names of {name} are repeated, more than {MAX_LABELS}, or one of {sorted(RESERVED_LABELS)}"
        )
    if metric.kind not in _KINDS_BACK:
        raise invalid(f"{name} is of the unknown kind {metric.kind}")
    if metric.kind != samples_pb2.METRIC_KIND_COUNTER and metric.per_unit > 1:
        raise invalid(f"{name} is no counter and has per_unit {metric.per_unit}; send gauges in their unit")
    return MetricSpec(
        name=name,
        kind=_KINDS_BACK[metric.kind],
        help=bounded(metric.help, f"help of {name}"),
        labels=labels,
        unit=bounded(metric.unit, f"unit of {name}"),
        per_unit=metric.per_unit or 1,
    )


def encode_samples(batches: Iterable[SampleBatch]) -> stream_pb2.StreamRequest:
    """One message with the batches of a tick."""
    return stream_pb2.StreamRequest(
        samples=samples_pb2.Samples(
            batches=[
                samples_pb2.SampleBatch(
                    series_set_id=batch.series_set_id,
                    time_unix_nano=batch.time_unix_ns,
                    interval_nano=batch.interval_ns,
                    counters=batch.counters,
                    gauges=batch.gauges,
                    qualities=batch.qualities,
                )
                for batch in batches
            ]
        )
    )


def decode_batch(message: samples_pb2.SampleBatch, series_set: SeriesSet) -> SampleBatch:
    """The batch, whose columns `series_set` names.

    Raises Refused when a column does not have the set's length, a quality is not one, or the time is beyond bounds.
    """
    counters, gauges = len(message.counters), len(message.gauges)
    qualities = message.qualities
    if counters != len(series_set.counters) or gauges != len(series_set.gauges):
        raise Refused(
            stream_pb2.REFUSAL_REASON_COLUMN_LENGTH,
            f"batch of {series_set.sampler} has {counters} counters and {gauges} gauges where its series set "
            f"names {len(series_set.counters)} and {len(series_set.gauges)}",
        )
    if qualities and len(qualities) != counters + gauges:
        raise Refused(
            stream_pb2.REFUSAL_REASON_COLUMN_LENGTH,
            f"batch of {series_set.sampler} has {len(qualities)} qualities for {counters + gauges} series",
        )
    if qualities.translate(None, _QUALITY_BYTES):
        raise invalid(f"batch of {series_set.sampler} has a quality outside {[int(q) for q in Quality]}")
    return SampleBatch(
        series_set_id=series_set.id,
        time_unix_ns=point_in_time(message.time_unix_nano, f"time of a batch of {series_set.sampler}"),
        interval_ns=message.interval_nano,
        counters=list(message.counters),
        gauges=list(message.gauges),
        qualities=qualities,
    )

"""A recording as rows of a table, one at a time, for export."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from fabricscope.clock import NANOSECONDS
from fabricscope.model import Kind, Quality, Sampled
from probes.engine.steps import StepChannel
from probes.recorder.recording import Recording
from probes.tabular import Column, Row

_U64 = (1 << 64) - 1


class Table(NamedTuple):
    """What can be exported of a recording."""

    columns: Sequence[Column]
    rows: Callable[[Recording], Iterator[Row]]


def steps(recording: Recording) -> Iterator[Row]:
    """Every reading of every high-resolution channel, in its unit, with the rate since the one before it.

    The rate is empty for a channel's first reading, and where its counter fell.
    """
    last: dict[StepChannel, tuple[int, int]] = {}
    for step in recording.steps():
        for channel, raw in zip(step.channels, step.values, strict=True):
            before = last.get(channel)
            value = None if raw is None or raw * channel.scale > _U64 else raw * channel.scale
            rate = None
            if value is not None:
                if before is not None and value >= before[1] and step.time_unix_ns > before[0]:
                    rate = (value - before[1]) * NANOSECONDS / (step.time_unix_ns - before[0])
                last[channel] = (step.time_unix_ns, value)
            yield (step.time_unix_ns, channel.device, channel.port, channel.counter, channel.unit, value, rate)


def samples(recording: Recording) -> Iterator[Row]:
    """Every value of every batch, in its metric's unit; empty where it has no value."""
    for now, sampled in recording.batches():
        for metric, labels, unit, value, quality in _values(sampled):
            yield (now.wall, sampled.series_set.sampler, metric, labels, unit, value, quality)


def events(recording: Recording) -> Iterator[Row]:
    """Every event."""
    for event in recording.events():
        yield (
            event.time_unix_ns,
            event.kind,
            event.severity.name.lower(),
            event.message,
            _json(event.subject),
            _json(event.attributes),
        )


TABLES = {
    "steps": Table(
        (
            Column("time_unix_ns", "Int64"),
            Column("device"),
            Column("port"),
            Column("counter"),
            Column("unit"),
            Column("value", "UInt64", optional=True),
            Column("rate_per_second", "Float64", optional=True),
        ),
        steps,
    ),
    "samples": Table(
        (
            Column("time_unix_ns", "Int64"),
            Column("sampler"),
            Column("metric"),
            Column("labels"),
            Column("unit"),
            Column("value", "Float64", optional=True),
            Column("quality"),
        ),
        samples,
    ),
    "events": Table(
        (
            Column("time_unix_ns", "Int64"),
            Column("kind"),
            Column("severity"),
            Column("message"),
            Column("subject"),
            Column("attributes"),
        ),
        events,
    ),
}
"""By the word that `fabricscope recorder export --what` takes."""


def _values(sampled: Sampled) -> Iterator[tuple[str, str, str, float | None, str]]:
    series_set, batch = sampled
    columns = [*series_set.counters, *series_set.gauges]
    qualities = batch.qualities or bytes([Quality.OK]) * len(columns)
    for series, number, octet in zip(columns, [*batch.counters, *batch.gauges], qualities, strict=True):
        spec, quality = series.spec, Quality(octet)
        labels = _json(dict(zip(spec.labels, series.labels, strict=True)))
        value = number / spec.per_unit if spec.kind is Kind.COUNTER else float(number)
        yield spec.name, labels, spec.unit, value if quality.has_value else None, quality.name.lower()


def _json(pairs: dict[str, str]) -> str:
    return json.dumps(pairs, ensure_ascii=False, sort_keys=True)

"""Readings of one tick in, packed columns out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from typing import Any

from fabricscope.codec import series_set_id
from fabricscope.model import Kind, MetricSpec, Now, Quality, Reading, SampleBatch, Sampled, Series, SeriesSet


class ReadingsError(ValueError):
    """Readings of one sampler that cannot stand in one batch: a fault of the sampler."""


class Assembler:
    """Packs the readings of one sampler. Remembers the last series set, since most ticks repeat it."""

    def __init__(self, sampler: str, interval_ns: int) -> None:
        self._sampler = sampler
        self._interval_ns = interval_ns
        self._shape: tuple[Any, Any] | None = None
        self._set = SeriesSet(b"", sampler, (), ())
        self._counters = self._gauges = self._both = _picker([])
        """Put a list that is in the order of the readings into that of the columns."""

    def assemble(self, readings: Iterable[Reading], now: Now) -> Sampled:
        """The batch of `readings` taken at `now`; its series set is the last one's object where nothing changed.

        Raises ReadingsError, naming the metric, when two readings are of one series, a label has no
        value, or two specs have one name.
        """
        rows = list(readings)
        specs, labels, values, qualities = zip(*rows, strict=True) if rows else ((), (), (), ())
        if (specs, labels) != self._shape:
            self._reshape(rows)
            self._shape = (specs, labels)
        if None in values:
            # What has no value has a column all the same; its quality says that the 0 means nothing.
            values = tuple(0 if value is None else value for value in values)
        batch = SampleBatch(
            series_set_id=self._set.id,
            time_unix_ns=now.wall,
            interval_ns=self._interval_ns,
            counters=list(map(int, self._counters(values))),
            gauges=list(map(float, self._gauges(values))),
            qualities=b"" if qualities.count(Quality.OK) == len(rows) else bytes(self._both(qualities)),
        )
        return Sampled(self._set, batch)

    def _reshape(self, rows: list[Reading]) -> None:
        """Order the columns by metric name, then labels, and name them."""
        self._check(rows)
        order = sorted(range(len(rows)), key=lambda i: (rows[i].spec.name, rows[i].labels))
        counter_order = [i for i in order if rows[i].spec.kind is Kind.COUNTER]
        gauge_order = [i for i in order if rows[i].spec.kind is Kind.GAUGE]
        counters = tuple(rows[i].series for i in counter_order)
        gauges = tuple(rows[i].series for i in gauge_order)
        identifier = series_set_id(self._sampler, counters, gauges)
        if identifier != self._set.id:
            self._set = SeriesSet(identifier, self._sampler, counters, gauges)
        self._counters, self._gauges = _picker(counter_order), _picker(gauge_order)
        self._both = _picker(counter_order + gauge_order)

    def _check(self, rows: list[Reading]) -> None:
        seen: set[Series] = set()
        specs: dict[str, MetricSpec] = {}
        for row in rows:
            spec, labels = row.series
            if specs.setdefault(spec.name, spec) is not spec:
                raise ReadingsError(f"sampler {self._sampler!r} has two metrics called {spec.name}; rename one")
            if len(labels) != len(spec.labels):
                raise ReadingsError(
                    f"sampler {self._sampler!r} read {spec.name} with the label values {labels} for the labels "
                    f"{spec.labels}; give each label a value"
                )
            if row.series in seen:
                raise ReadingsError(
                    f"sampler {self._sampler!r} read {spec.name} twice for the labels {labels}: "
                    "give each reading a label that tells them apart"
                )
            seen.add(row.series)


def _picker(order: Sequence[int]) -> Callable[[Sequence[Any]], Sequence[Any]]:
    """Gives what stands at these places of a list, in this order."""
    if len(order) < 2:  # itemgetter gives one thing bare, and takes none
        return lambda things: [things[place] for place in order]
    return itemgetter(*order)

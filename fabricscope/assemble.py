"""Readings of one tick in, packed columns out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from fabricscope.codec import series_set_id
from fabricscope.model import Kind, MetricSpec, Now, Quality, Reading, SampleBatch, Sampled, Series, SeriesSet


class ReadingsError(ValueError):
    """Readings of one sampler that cannot stand in one batch: a fault of the sampler."""


class Layout(NamedTuple):
    """How the readings of a sampler stand in columns."""

    series_set: SeriesSet
    order: list[int]
    """Which reading stands in each column: counters first, then gauges."""


def lay_out(sampler: str, readings: Sequence[Reading]) -> Layout:
    """Order the columns by metric name, then labels, and name them.

    Raises ReadingsError, naming the metric, when two readings are of one series, a label has no
    value, or two specs have one name.
    """
    _check(sampler, readings)
    order = sorted(range(len(readings)), key=lambda place: (readings[place].spec.name, readings[place].labels))
    counters = [place for place in order if readings[place].spec.kind is Kind.COUNTER]
    gauges = [place for place in order if readings[place].spec.kind is Kind.GAUGE]
    columns = tuple(readings[place].series for place in counters), tuple(readings[place].series for place in gauges)
    return Layout(SeriesSet(series_set_id(sampler, *columns), sampler, *columns), counters + gauges)


def _check(sampler: str, readings: Sequence[Reading]) -> None:
    seen: set[Series] = set()
    specs: dict[str, MetricSpec] = {}
    for row in readings:
        spec, labels = series = row.series
        if specs.setdefault(spec.name, spec) is not spec:
            raise ReadingsError(f"sampler {sampler!r} has two metrics called {spec.name}; rename one")
        if len(labels) != len(spec.labels):
            raise ReadingsError(
                f"sampler {sampler!r} read {spec.name} with the label values {labels} for the labels "
                f"{spec.labels}; give each label a value"
            )
        if series in seen:
            raise ReadingsError(
                f"sampler {sampler!r} read {spec.name} twice for the labels {labels}: "
                "give each reading a label that tells them apart"
            )
        seen.add(series)


def picker(columns: Sequence[int]) -> Callable[[Sequence[Any]], tuple[Any, ...]]:
    """Picks what stands in some columns, in their order."""
    if not columns:
        return lambda _: ()
    pick = itemgetter(*columns)
    return pick if len(columns) > 1 else lambda values: (pick(values),)


class Assembler:
    """Packs readings as they are. Remembers the last series set, since most ticks repeat it."""

    def __init__(self, sampler: str, interval_ns: int) -> None:
        self._sampler = sampler
        self._interval_ns = interval_ns
        self._shape: tuple[Any, Any] | None = None
        self._layout = Layout(SeriesSet(b"", sampler, (), ()), [])

    def assemble(self, readings: Iterable[Reading], now: Now) -> Sampled:
        """The batch of `readings` taken at `now`; its series set is the last one's object where nothing changed.

        Raises ReadingsError as `lay_out` does.
        """
        rows = list(readings)
        specs, labels, values, qualities = zip(*rows, strict=True) if rows else ((), (), (), ())
        if (specs, labels) != self._shape:
            series_set, order = lay_out(self._sampler, rows)
            same = series_set.id == self._layout.series_set.id
            self._layout = Layout(self._layout.series_set if same else series_set, order)
            self._shape = (specs, labels)
        series_set, order = self._layout
        # What has no value has a column all the same; its quality says that the 0 means nothing.
        columns = [0 if values[place] is None else values[place] for place in order]
        batch = SampleBatch(
            series_set_id=series_set.id,
            time_unix_ns=now.wall,
            interval_ns=self._interval_ns,
            counters=list(map(int, columns[: len(series_set.counters)])),
            gauges=list(map(float, columns[len(series_set.counters) :])),
            qualities=b"" if set(qualities) <= {Quality.OK} else bytes(qualities[place] for place in order),
        )
        return Sampled(series_set, batch)

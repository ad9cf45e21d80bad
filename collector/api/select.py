"""What of the state a request asks for. Pure: snapshots in, documents out."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, TypeVar

from collector.api.documents import HostInfo, MetricInfo, SamplerInfo, SeriesInfo, ValueInfo
from collector.api.parameters import HostsQuery, SeriesQuery, pairs
from collector.api.times import format_time
from collector.state import HostStatus
from fabricscope.model import MetricSpec, Now, Quality, Sampled, Series, Snapshot


class SeriesKey(NamedTuple):
    """The place of a series in the order of pages."""

    metric: str
    sampler: str
    labels: tuple[str, ...]


_Item = TypeVar("_Item")
_Key = TypeVar("_Key", str, SeriesKey)


def page(
    items: Iterable[_Item], key: Callable[[_Item], _Key], after: _Key | None, limit: int
) -> tuple[list[_Item], _Key | None]:
    """The first `limit` items, by key, that come after the key `after`; and the key of the last when more follow."""
    rest = sorted((item for item in items if after is None or key(item) > after), key=key)
    taken = rest[:limit]
    return taken, key(taken[-1]) if len(rest) > limit else None


# --- hosts


def hosts(known: Iterable[HostStatus], query: HostsQuery) -> Iterator[HostStatus]:
    """The hosts that are asked for."""
    wanted = pairs(query.label)
    for host in known:
        if query.cluster not in (None, host.cluster) or query.status not in (None, host.state.value):
            continue
        if all(host.identity.labels.get(name) == value for name, value in wanted):
            yield host


def host_info(host: HostStatus, now: Now) -> HostInfo:
    """A host as the API shows it."""
    return HostInfo(
        host=host.identity.host,
        cluster=host.cluster,
        status=host.state.value,
        connected=host.connected,
        last_seen=format_time(host.last_seen.wall),
        silent_seconds=max(0, now.mono - host.last_seen.mono) / 1e9,
        software_version=host.identity.software_version,
        boot_id=host.identity.boot_id,
        labels=host.identity.labels,
        series=sum(sampler.series for sampler in host.samplers),
        samplers=[
            SamplerInfo(
                sampler.name,
                sampler.series,
                format_time(sampler.batch.time_unix_ns),
                sampler.batch.interval_ns / 1e9,
                sampler.fresh,
            )
            for sampler in host.samplers
        ],
    )


# --- series and values


class Cell(NamedTuple):
    """One series in a batch, by its column: counters first, then gauges."""

    sampled: Sampled
    column: int

    @property
    def series(self) -> Series:
        """What the column is named."""
        series_set = self.sampled.series_set
        counters = len(series_set.counters)
        return series_set.counters[self.column] if self.column < counters else series_set.gauges[self.column - counters]

    @property
    def key(self) -> SeriesKey:
        """Its place in the order of pages."""
        return SeriesKey(self.series.spec.name, self.sampled.series_set.sampler, self.series.labels)


def cells(samples: Iterable[Sampled], query: SeriesQuery) -> Iterator[Cell]:
    """The series that are asked for."""
    wanted = pairs(query.label)
    for sampled in samples:
        series_set = sampled.series_set
        if query.sampler not in (None, series_set.sampler):
            continue
        for column, series in enumerate((*series_set.counters, *series_set.gauges)):
            if query.metric is not None and not _named(series.spec.name, query.metric):
                continue
            if wanted and not set(wanted) <= set(zip(series.spec.labels, series.labels, strict=True)):
                continue
            yield Cell(sampled, column)


def _named(name: str, wanted: str) -> bool:
    return name.startswith(wanted[:-1]) if wanted.endswith("*") else name == wanted


def series_info(cell: Cell) -> SeriesInfo:
    """A series as the API shows it."""
    spec, labels = cell.series
    return SeriesInfo(cell.sampled.series_set.sampler, spec.name, dict(zip(spec.labels, labels, strict=True)))


def value_info(cell: Cell) -> ValueInfo:
    """A series with its latest value as the API shows it."""
    spec, labels = cell.series
    batch = cell.sampled.batch
    quality = Quality(batch.qualities[cell.column]) if batch.qualities else Quality.OK
    counters = len(batch.counters)
    value: int | float | None
    if cell.column < counters:
        count = batch.counters[cell.column]
        value = count if spec.per_unit == 1 else count / spec.per_unit
    else:
        value = batch.gauges[cell.column - counters]
    return ValueInfo(
        sampler=cell.sampled.series_set.sampler,
        metric=spec.name,
        kind=spec.kind.value,
        unit=spec.unit,
        labels=dict(zip(spec.labels, labels, strict=True)),
        # JSON has no word for infinity, and what is not current is no number.
        value=value if quality.has_value and math.isfinite(value) else None,
        quality=quality.name.lower(),
        time=format_time(batch.time_unix_ns),
    )


# --- metrics


def metrics(snapshot: Snapshot) -> list[MetricInfo]:
    """Every metric in the snapshot, by name, with how many hosts have it and in how many series."""
    specs: dict[str, MetricSpec] = {}
    series: dict[str, int] = defaultdict(int)
    holders: dict[str, int] = defaultdict(int)
    for target in snapshot:
        found = _count(target.samples, specs)
        for name, number in found.items():
            series[name] += number
            holders[name] += 1
    return [
        MetricInfo(spec.name, spec.kind.value, spec.unit, spec.help, list(spec.labels), holders[name], series[name])
        for name, spec in sorted(specs.items())
    ]


def _count(samples: Sequence[Sampled], specs: dict[str, MetricSpec]) -> dict[str, int]:
    """How many series of each metric there are; adds the specs that are new."""
    found: dict[str, int] = defaultdict(int)
    for sampled in samples:
        for spec, _ in (*sampled.series_set.counters, *sampled.series_set.gauges):
            found[spec.name] += 1
            specs.setdefault(spec.name, spec)
    return found

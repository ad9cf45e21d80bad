"""Events from what changed between two samples of watched metrics.

`MetricSpec.watch` says which metrics those are. Their series of equal `MetricSpec.link` and labels
are one thing (a port, a PCIe device); an event's kind begins with the link's word:
`infiniband.down`, `ethernet.flapped`, `pcie.changed`, `pcie.removed`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isnan
from typing import Any, NamedTuple

from fabricscope.assemble import picker
from fabricscope.model import (
    PREFIX,
    Event,
    Now,
    Quality,
    Reading,
    SampleBatch,
    Sampled,
    Series,
    SeriesSet,
    Severity,
    Watch,
)


class _Thing(NamedTuple):
    """What a watched series belongs to."""

    link: str
    label_names: tuple[str, ...]
    labels: tuple[str, ...]


class Transitions:
    """Remembers the watched values of one sampler. The first sample is the baseline and makes no events."""

    def __init__(self) -> None:
        self._values: dict[Series, int | float] = {}
        """The last known ones of the things that are there: a link that is down has no speed, and comes back."""
        self._things: set[_Thing] | None = None
        self._series_set: SeriesSet | None = None
        self._watched: list[tuple[Series, int]] = []
        """Watched series of that set with their columns, those of a thing together, whether it is up first."""
        self._last: tuple[Sequence[Any], ...] = ()
        """Watched counters, watched gauges and all qualities of the last sample."""

    def observe(self, sampled: Sampled, now: Now) -> list[Event]:
        """What happened since the last call. An unreadable value is no change; a thing that is gone is one."""
        series_set, batch = sampled
        if series_set is not self._series_set:
            self._look(series_set)
        watched = self._pick_counters(batch.counters), self._pick_gauges(batch.gauges), batch.qualities
        if watched == self._last:
            return []  # nearly always
        self._last = watched
        rows = list(self._rows(batch))
        things = {_thing(row) for row in rows}
        events = [] if self._things is None else list(self._changes(rows, things, self._things, now))
        self._values = {series: value for series, value in self._values.items() if _owner(series) in things}
        self._values |= {row.series: row.value for row in rows if row.value is not None and row.quality.has_value}
        self._things = things
        return events

    def _look(self, series_set: SeriesSet) -> None:
        """Find the watched columns of a set."""
        columns = enumerate((*series_set.counters, *series_set.gauges))
        watched = [(series, column) for column, series in columns if series.spec.watch is not None]
        self._watched = sorted(watched, key=lambda each: (_owner(each[0]), each[0].spec.watch is not Watch.UP_DOWN))
        first_gauge = len(series_set.counters)
        self._pick_counters = picker([column for _, column in watched if column < first_gauge])
        self._pick_gauges = picker([column - first_gauge for _, column in watched if column >= first_gauge])
        self._series_set, self._last = series_set, ()

    def _rows(self, batch: SampleBatch) -> Iterator[Reading]:
        first_gauge = len(batch.counters)
        for (spec, labels), column in self._watched:
            value = batch.counters[column] if column < first_gauge else batch.gauges[column - first_gauge]
            quality = Quality(batch.qualities[column]) if batch.qualities else Quality.OK
            yield Reading(spec, labels, value, quality)

    def _changes(self, rows: list[Reading], things: set[_Thing], known: set[_Thing], now: Now) -> Iterator[Event]:
        for thing in sorted(things - known):
            yield _event(thing, "added", Severity.INFO, "appeared", now)
        changed = [(row, *change) for row in rows if (change := self._change(row)) is not None]
        switched = {_thing(row) for row, *_ in changed if row.spec.watch is Watch.UP_DOWN}
        for row, before, value in changed:
            yield from _compare(row, before, value, _thing(row) in switched, now)
        for thing in sorted(known - things):
            yield _event(thing, "removed", Severity.WARNING, "is gone", now)

    def _change(self, row: Reading) -> tuple[int | float, int | float] | None:
        """The last value and the present one, when they differ."""
        before, value = self._values.get(row.series), row.value
        if before is None or value is None or not row.quality.has_value:
            return None
        same = before == value or (isnan(before) and isnan(value))
        return None if same else (before, value)


def _compare(row: Reading, before: int | float, value: int | float, switched: bool, now: Now) -> list[Event]:
    """The events of one series whose value was `before`; `switched` when its thing went up or down."""
    thing = _thing(row)
    if row.spec.watch is Watch.UP_DOWN:
        if value:
            return [_event(thing, "up", Severity.INFO, "is up", now)]
        return [_event(thing, "down", Severity.WARNING, "is down", now)]
    if row.spec.watch is Watch.FLAPS:
        # A plain down or up is one change and has its own event; what is beyond it went by unseen.
        unseen = int(value - before) - (1 if switched else 0)
        if row.quality is Quality.RESET or unseen <= 0:
            return []
        text = f"changed state between two samples, {unseen} times by {row.spec.name.removeprefix(PREFIX)}"
        return [_event(thing, "flapped", Severity.WARNING, text, now, changes=str(unseen))]
    what = row.spec.name.removeprefix(PREFIX)
    old, new = f"{before:.15g}", f"{value:.15g}"
    text = f"{what} went from {old} to {new}"
    return [_event(thing, "changed", Severity.INFO, text, now, metric=what, before=old, after=new)]


def _thing(row: Reading) -> _Thing:
    return _owner(row.series)


def _owner(series: Series) -> _Thing:
    return _Thing(series.spec.link, series.spec.labels, series.labels)


def _event(thing: _Thing, what: str, severity: Severity, text: str, now: Now, **attributes: str) -> Event:
    """An event of kind `<link>.<what>` about `thing`."""
    subject = dict(zip(thing.label_names, thing.labels, strict=True))
    name = " ".join(f"{key} {value}" for key, value in subject.items())
    return Event(
        time_unix_ns=now.wall,
        monotonic_ns=now.mono,
        kind=f"{thing.link}.{what}",
        severity=severity,
        message=f"{thing.link} {name} {text}",
        subject=subject,
        attributes=attributes,
    )

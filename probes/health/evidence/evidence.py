"""The series that rules read, picked out of every batch. What no rule reads costs nothing but to be passed over.

The columns of a series set are looked at once; after that a batch is compared with the one before, and only the
columns that differ are followed up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from fabricscope.assemble import picker
from fabricscope.model import Quality, SampleBatch, Sampled, Series, SeriesSet
from probes.health.evidence.operand import Key, Operand
from probes.health.evidence.track import Feed, Track
from probes.health.language.vocabulary import SECOND

MAX_TRACKS = 20_000
"""Series that are followed; more are left out, and counted."""

_COUNTERS_EVERY = 5 * SECOND
"""Counters' changes are followed up this often, which is what makes busy ones cheap: the shortest window of a rule is
many times that. A quality that changes is followed up at once."""
_ALL_STALE = bytes([Quality.STALE])
_QUALITIES = {quality.value: quality for quality in Quality}

_Name = tuple[str, tuple[str, ...]]
"""A metric's name with the label values: specs of one metric may be several objects, as in a recording."""


class _Waker(NamedTuple):
    """Whom to tell of a change, and of what."""

    wake: Callable[[Key | None], None]
    key: Key | None
    of_values: bool
    """Whether values matter, and not only their quality."""


class _Column(NamedTuple):
    track: Track
    operands: tuple[Operand, ...]
    wakers: tuple[_Waker, ...]


class _Part:
    """The counters, or the gauges, of a series set that rules read."""

    def __init__(self, places: Sequence[int], columns: Sequence[_Column]) -> None:
        self.columns = columns
        self.pick = picker(places)
        self.values: tuple[Any, ...] = (None,) * len(columns)
        self.qualities: tuple[int, ...] = (0,) * len(columns)
        self.sound = (Quality.OK.value,) * len(columns)

    def go_on_from(self, before: _Part) -> None:
        """Compare with the last batch where a series was in it as well."""
        before_columns = before.columns, before.values, before.qualities
        last = {id(column.track): pair for column, *pair in zip(*before_columns, strict=True)}
        pairs = [last.get(id(column.track), [None, 0]) for column in self.columns]
        self.values = tuple(value for value, _ in pairs)
        self.qualities = tuple(quality for _, quality in pairs)

    def take(self, values: tuple[Any, ...], qualities: tuple[int, ...], now: int) -> None:
        """Follow up the columns that differ from the last ones."""
        if values == self.values and qualities == self.qualities:
            return
        for column, value, old, quality, was in zip(
            self.columns, values, self.values, qualities, self.qualities, strict=True
        ):
            if value != old or quality != was:
                column.track.take(value, _QUALITIES[quality], now)
                for wake, key, of_values in column.wakers:
                    if of_values or quality != was:
                        wake(key)
        self.values, self.qualities = values, qualities


class _Plan:
    """What is done with the batches of one series set."""

    def __init__(
        self, series_set: SeriesSet, feed: Feed, counters: dict[int, _Column], gauges: dict[int, _Column]
    ) -> None:
        """The columns by their places, gauges after counters."""
        self.series_set = series_set
        self.feed = feed
        self.places = [*counters, *gauges]
        first_gauge = len(series_set.counters)
        self.counters = _Part([*counters], [*counters.values()])
        self.gauges = _Part([place - first_gauge for place in gauges], [*gauges.values()])
        self.pick_qualities = picker(self.places)
        self.looked = -_COUNTERS_EVERY
        """When the counters were last followed up."""
        self.late: SampleBatch | None = None
        """A batch whose counters wait."""

    @property
    def columns(self) -> list[_Column]:
        """All of them."""
        return [*self.counters.columns, *self.gauges.columns]

    def take(self, batch: SampleBatch, now: int) -> None:
        """Take a batch in. Counters that are sound wait some seconds for one another: nothing of them is lost."""
        split = len(self.counters.columns)
        qualities = self.pick_qualities(batch.qualities) if batch.qualities else self.counters.sound + self.gauges.sound
        self.gauges.take(self.gauges.pick(batch.gauges), qualities[split:], now)
        calm = qualities[:split] == self.counters.qualities and Quality.RESET not in qualities[:split]
        if calm and now - self.looked < _COUNTERS_EVERY:
            self.late = batch
            return
        self.late, self.looked = None, now
        self.counters.take(self.counters.pick(batch.counters), qualities[:split], now)

    def settle(self, now: int) -> None:
        """Follow up the counters that wait."""
        if self.late is not None:
            self.looked = -_COUNTERS_EVERY
            self.take(self.late, now)


class Evidence:
    """Follows the series that operands read."""

    def __init__(self, operands: Iterable[Operand]) -> None:
        self._exact: dict[str, list[Operand]] = {}
        self._prefixes: list[tuple[str, Operand]] = []
        for operand in operands:
            name = operand.source.metric
            if name.endswith("*"):
                self._prefixes.append((name[:-1], operand))
            else:
                self._exact.setdefault(name, []).append(operand)
        self._by_name: dict[str, list[Operand]] = {}
        """What `_operands` found."""
        self._plans: dict[str, _Plan] = {}
        self.tracks: dict[_Name, Track] = {}
        self.left_out = 0
        """Series that are not followed for want of room."""
        self.samplers: set[str] = set()
        """Those that gave a batch which is not merely a repetition of the last."""
        self.added: list[tuple[Operand, Key, Track]] = []
        self.removed: list[tuple[Operand, Key, Track]] = []
        """What the last batch brought and took away."""

    def take(self, sampled: Sampled, now: int) -> None:
        """Take a batch in, and tell of every change in it. `now` is monotonic, in ns."""
        series_set, batch = sampled
        self.added, self.removed = [], []
        plan = self._plans.get(series_set.sampler)
        if plan is None or plan.series_set.id != series_set.id:
            plan = self._look(series_set, plan, now)
        plan.feed.seen = now
        plan.feed.interval = batch.interval_ns
        if not batch.qualities or batch.qualities.strip(_ALL_STALE):
            self.samplers.add(series_set.sampler)
        plan.take(batch, now)

    def settle(self, now: int) -> None:
        """Follow up everything that waits."""
        for plan in self._plans.values():
            plan.settle(now)

    def _look(self, series_set: SeriesSet, before: _Plan | None, now: int) -> _Plan:
        """Pick the columns that rules read, and forget the series that are no longer there."""
        if before is not None:
            before.settle(now)
        feed = Feed(series_set.sampler) if before is None else before.feed
        old = {} if before is None else {_name(column.track.series): column for column in before.columns}
        found: tuple[dict[int, _Column], dict[int, _Column]] = ({}, {})
        counters = len(series_set.counters)
        for place, series in enumerate([*series_set.counters, *series_set.gauges]):
            operands = self._operands(series.spec.name)
            if not operands:
                continue
            column = old.pop(_name(series), None) or self._column(series, operands, feed)
            if column is not None:
                found[place >= counters][place] = column
        for name, column in old.items():
            self.tracks.pop(name, None)
            for operand in column.operands:
                self.removed.append((operand, operand.remove(column.track), column.track))
            for waker in column.wakers:
                waker.wake(waker.key)
        plan = self._plans[series_set.sampler] = _Plan(series_set, feed, *found)
        if before is not None:
            plan.counters.go_on_from(before.counters)
            plan.gauges.go_on_from(before.gauges)
        return plan

    def _column(self, series: Series, operands: Sequence[Operand], feed: Feed) -> _Column | None:
        """A column for a series that was not there before; None when nobody reads it."""
        readers = tuple(operand for operand in operands if operand.matches(series.spec, series.labels))
        name = _name(series)
        if not readers or name in self.tracks:
            return None
        if len(self.tracks) >= MAX_TRACKS:
            self.left_out += 1
            return None
        track = self.tracks[name] = Track(series, feed)
        self.added += [(operand, operand.add(track), track) for operand in readers]
        wakers = tuple(
            _Waker(operand.wake, operand.concerns(track), operand.of_values)
            for operand in readers
            if operand.wake is not None
        )
        return _Column(track, readers, wakers)

    def _operands(self, name: str) -> Sequence[Operand]:
        found = self._by_name.get(name)
        if found is None:
            prefixed = [operand for prefix, operand in self._prefixes if name.startswith(prefix)]
            found = [*self._exact.get(name, ()), *prefixed]
            if len(self._by_name) < MAX_TRACKS:
                self._by_name[name] = found
        return found


def _name(series: Series) -> _Name:
    return series.spec.name, series.labels

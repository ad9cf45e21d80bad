"""A metric that a rule reads, for each of the things that the rule is about."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from fabricscope.model import Kind, MetricSpec, Series
from probes.health.evidence.track import Track, reader
from probes.health.language.vocabulary import Limit, Source, duration_ns

Key = tuple[str, ...]
"""What a thing is known by: the values of its rule's `by` labels."""
Wake = Callable[[Key | None], None]
"""Told that something changed for a thing; for any of them when None."""

_KINDS = {"increase": Kind.COUNTER, "rate": Kind.COUNTER, "min": Kind.GAUGE, "max": Kind.GAUGE, "mean": Kind.GAUGE}


class Grown(NamedTuple):
    """By how much counters grew."""

    by: float
    whole: bool
    """Whether all of them are known for the whole window; else it is at least so much."""


class Operand:
    """Finds the series of a thing, by the labels that both have, and reads them in one way."""

    def __init__(
        self,
        source: Source,
        by: Sequence[str],
        *,
        primary: bool = False,
        counts: int = 0,
        wake: Wake | None = None,
        of_values: bool = True,
    ) -> None:
        """`primary` operands make the things. `counts` is the window (ns) over which `grown` looks at counters."""
        self.source = source
        self.window = duration_ns(source.window) if source.window else counts
        self.counts = counts > 0
        self._kind = Kind.COUNTER if counts else _KINDS.get(source.over)
        self.primary = primary
        self.wake = wake
        self.of_values = of_values
        """Whether a value that changes is worth waking for, and not only its quality."""
        self._by = tuple(by)
        self._read = reader(source.over, self.window)
        self._times = source.times
        self._on: tuple[int, ...] | None = None
        self._tracks: dict[Key, list[Track]] = {}
        self._values = {float(number): value for number, value in source.values.items() if _is_number(number)}

    def matches(self, spec: MetricSpec, labels: Key) -> bool:
        """Whether a series is one that it reads."""
        wanted, names = self.source.labels, spec.labels
        if self._kind is not None and spec.kind is not self._kind:
            return False
        if self.primary and any(name not in names for name in self._by):
            return False
        return all(name in names and labels[names.index(name)] in values for name, values in wanted.items())

    def add(self, track: Track) -> Key:
        """Read this series as well; the key of what it belongs to."""
        key = self._key_of(track.series)
        self._tracks.setdefault(key, []).append(track)
        if self.window:
            track.remember(self.window)
        return key

    def remove(self, track: Track) -> Key:
        """The series is gone."""
        key = self._key_of(track.series)
        tracks = self._tracks.get(key, [])
        if track in tracks:
            tracks.remove(track)
        if not tracks:
            self._tracks.pop(key, None)
        return key

    def concerns(self, track: Track) -> Key | None:
        """The thing that a change of the series is about; None for any of several."""
        key = self._key_of(track.series)
        return key if len(key) == len(self._by) else None

    def tracks(self, key: Key) -> Sequence[Track]:
        """The series of a thing."""
        on = self._on
        if on is None:
            return ()
        return self._tracks.get(key if len(on) == len(key) else tuple([key[place] for place in on]), ())

    def is_read(self, key: Key, now: int) -> bool:
        """Whether there is a present value of a thing."""
        return any(track.latest(now) is not None for track in self.tracks(key))

    def things(self) -> Iterable[Key]:
        """The things that there are series of."""
        return self._tracks.keys()

    def read(self, key: Key, now: int, pick: Callable[[Iterable[float]], float] = max) -> float | None:
        """A thing's number; of several series the one that `pick` chooses. None when nothing is known."""
        found = [value for track in self.tracks(key) if (value := self._read(track, now)) is not None]
        if self._values:
            found = [self._values[value] for value in found if value in self._values]
        if not found:
            return None
        return (found[0] if len(found) == 1 else pick(found)) * self._times

    def shown(self, track: Track, now: int) -> float | None:
        """What one series adds to the answer; None when nothing is known of it."""
        return track.increase(self.window, now) if self.counts else self._read(track, now)

    def grown(self, key: Key, now: int) -> Grown | None:
        """By how much the thing's counters grew in the window, together; None when none can be read."""
        total, whole, known = 0.0, True, False
        for track in self.tracks(key):
            increase = track.increase(self.window, now)
            if increase is None:
                whole = False
                continue
            known = True
            total += increase * self._times
            whole = whole and track.covers(self.window, now)
        return Grown(total, whole) if known else None

    def _key_of(self, series: Series) -> Key:
        spec, labels = series
        if self._on is None:
            self._on = tuple(place for place, name in enumerate(self._by) if name in spec.labels)
        return tuple(
            [labels[spec.labels.index(self._by[place])] for place in self._on if self._by[place] in spec.labels]
        )


class Bound:
    """A limit, read for each thing."""

    def __init__(self, limit: Limit, by: Sequence[str], wake: Wake | None = None) -> None:
        self._constant = limit.value
        self._times = limit.times
        self.factors = [Operand(source, by, wake=wake) for source in limit.product]

    def read(self, key: Key, now: int) -> float | None:
        """The limit of a thing; None when it cannot be told."""
        if self._constant is not None:
            return self._constant * self._times
        result = self._times
        for factor in self.factors:
            value = factor.read(key, now)
            if value is None:
                return None
            result *= value
        return result


def grown_together(operands: Iterable[Operand], key: Key, now: int) -> Grown | None:
    """By how much the counters of several metrics grew; None when none of them can be read."""
    found = [grown for operand in operands if (grown := operand.grown(key, now)) is not None]
    return Grown(sum(each.by for each in found), all(each.whole for each in found)) if found else None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True

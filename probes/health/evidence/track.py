"""One series that rules read: its latest value, and as much of its past as they ask for. Times in ns."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite

from fabricscope.model import Kind, Quality, Series
from probes.health.evidence.windows import Counted, Gauged
from probes.health.language.vocabulary import SECOND, Over

_LATE_INTERVALS = 3
_LATE = 10 * SECOND
"""A value is no longer the present one when it is this late, and its sampler has missed this many samples."""


_WITH_VALUE = frozenset(quality for quality in Quality if quality.has_value)


class Feed:
    """The sampler that series come from."""

    __slots__ = ("interval", "sampler", "seen")

    def __init__(self, sampler: str) -> None:
        self.sampler = sampler
        self.seen = 0
        """When its last batch came."""
        self.interval = 0

    def is_late(self, now: int) -> bool:
        """Whether it has fallen silent."""
        return now - self.seen > _LATE_INTERVALS * self.interval + _LATE


class Track:
    """A series' value and past. Counters are followed by their steps, of which only sound ones count."""

    __slots__ = ("_base", "counted", "feed", "gauged", "is_counter", "quality", "series", "since", "total", "value")

    def __init__(self, series: Series, feed: Feed) -> None:
        self.series = series
        self.is_counter = series.spec.kind is Kind.COUNTER
        self.feed = feed
        self.value: float | None = None
        """The latest one in the metric's unit; None when it could not be read."""
        self.quality = Quality.UNREADABLE
        self.since = 0
        """When it was first read."""
        self.total = 0
        """What a counter counted since then, in its own counts."""
        self._base: int | None = None
        self.counted: dict[int, Counted] = {}
        self.gauged: dict[int, Gauged] = {}

    def remember(self, window: int) -> None:
        """Keep a window of the past from now on."""
        if self.is_counter:
            if window not in self.counted:
                self.counted[window] = Counted(window, self.since, self.total)
        elif window not in self.gauged:
            self.gauged[window] = Gauged(window)

    def take(self, value: int | float, quality: Quality, now: int) -> None:
        """What a sample says of it."""
        if quality not in _WITH_VALUE or not isfinite(value):
            self.value, self.quality = None, Quality.UNREADABLE if quality in _WITH_VALUE else quality
            for gauged in self.gauged.values():
                gauged.record(now, None)
            return
        if self._base is None and not self.since:
            self.since = now
            self.counted = {window: Counted(window, now, 0) for window in self.counted}
        self.quality = quality
        if self.is_counter:
            self.value = value / self.series.spec.per_unit
            self._count(int(value), quality, now)
        else:
            self.value = float(value)
            for gauged in self.gauged.values():
                gauged.record(now, self.value)

    def _count(self, value: int, quality: Quality, now: int) -> None:
        """Add the step to the total, unless the counter started anew in it: then what it shows was counted whenever."""
        base, self._base = self._base, value
        if base is None or value <= base or quality is Quality.RESET:
            return
        self.total += value - base
        total = self.total
        for counted in self.counted.values():
            counted.record(now, total)

    def latest(self, now: int) -> float | None:
        """The present value; None when there is none."""
        return None if self.feed.is_late(now) else self.value

    def increase(self, window: int, now: int) -> float | None:
        """By how much it grew in the window; None when it cannot be read at present."""
        if self.value is None or self.feed.is_late(now):
            return None
        return self.counted[window].increase(now, self.total) / self.series.spec.per_unit

    def covers(self, window: int, now: int) -> bool:
        """Whether it is known for the whole window."""
        return now - self.since >= window


Reader = Callable[[Track, int], float | None]


def reader(over: Over, window: int) -> Reader:
    """What reads a series in one way; what it gives is None when nothing is known."""

    def highest(track: Track, now: int) -> float | None:
        return track.gauged[window].highest(now)

    def lowest(track: Track, now: int) -> float | None:
        return track.gauged[window].lowest(now)

    def mean(track: Track, now: int) -> float | None:
        gauged = track.gauged[window]
        # A mean over a beginning may be far from that over the window.
        if track.latest(now) is None or 2 * gauged.covered(now) < window:
            return None
        return gauged.mean(now)

    def increase(track: Track, now: int) -> float | None:
        return track.increase(window, now)

    def rate(track: Track, now: int) -> float | None:
        grown = track.increase(window, now)
        return None if grown is None else grown * SECOND / window

    readers: dict[Over, Reader] = {"max": highest, "min": lowest, "mean": mean, "increase": increase, "rate": rate}
    return readers.get(over, Track.latest)

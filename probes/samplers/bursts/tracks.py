"""Windows of a channel into readings: the last second, the last minute, and totals. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

from fabricscope.model import Quality, Reading
from probes.engine.fold import ChannelWindow
from probes.samplers.bursts import metrics
from probes.samplers.bursts.counters import Counter, Unit

MINUTE_NS = 60_000_000_000
_PER_SECOND = {Unit.PAUSED: 1e-6}
"""Factor from counts a second to the metric; 1 unless it stands here."""


class RollingMax:
    """The largest of the values of the last minute."""

    def __init__(self) -> None:
        self._falling: deque[tuple[int, float]] = deque()
        """Times and values, of which each is larger than all that came after it."""

    def add(self, mono: int, value: float) -> float:
        """Take a value; the largest now."""
        while self._falling and self._falling[-1][1] <= value:
            self._falling.pop()
        self._falling.append((mono, value))
        while self._falling[0][0] <= mono - MINUTE_NS:
            self._falling.popleft()
        return self._falling[0][1]


class Track:
    """One channel over time."""

    def __init__(self, device: str, port: str, counter: Counter) -> None:
        self._unit = counter.unit
        self._factor = counter.scale * _PER_SECOND.get(counter.unit, 1)
        self._by_counter = (device, port, counter.name)
        self._labels = (device, port, counter.direction) if counter.direction else self._by_counter
        self._max = RollingMax()
        self._peak = self._p99 = self._minute = 0.0
        self._above_ns = self._bursts = 0
        self._known = False
        self._failed = False
        self.has_level = counter.unit in (Unit.EVENTS, Unit.PAUSED)
        """Whether bursts are counted: of bytes only while the line rate is known."""

    def take(self, windows: Iterable[tuple[int, ChannelWindow]]) -> None:
        """The windows that ended since the last call, with their ends (monotonic ns)."""
        peak = p99 = 0.0
        steps = errors = 0
        for end, window in windows:
            steps += window.steps
            errors += window.errors
            self._above_ns += window.above_ns
            self._bursts += window.bursts
            if window.steps:
                peak = max(peak, window.max_rate * self._factor)
                p99 = max(p99, window.p99_rate * self._factor)
                self._minute = self._max.add(end, window.max_rate * self._factor)
        if steps:
            self._peak, self._p99, self._known = peak, p99, True
        if steps or errors:
            self._failed = not steps

    def fail(self) -> None:
        """Nothing is known of the last seconds."""
        self._failed = True

    def readings(self) -> Iterator[Reading]:
        """What is known; nothing before the first step."""
        unit, labels = self._unit, self._labels
        if self._failed:
            yield Reading(metrics.PEAK[unit], labels, None, Quality.UNREADABLE)
            if unit in metrics.P99:
                yield Reading(metrics.P99[unit], labels, None, Quality.UNREADABLE)
        elif self._known:
            yield Reading(metrics.PEAK[unit], labels, self._peak)
            if unit in metrics.P99:
                yield Reading(metrics.P99[unit], labels, self._p99)
        if not self._known:
            return
        yield Reading(metrics.PEAK_60S[unit], labels, self._minute)
        if self.has_level:
            yield Reading(metrics.ABOVE if unit is Unit.BYTES else metrics.ACTIVE, labels, self._above_ns)
            yield Reading(metrics.BEGUN, self._by_counter, self._bursts)

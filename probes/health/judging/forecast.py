"""When a gauge will pass a limit if it goes on as it did."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import log
from typing import NamedTuple

from fabricscope.model import Now
from probes.health.evidence.operand import Bound, Key, Operand, Wake
from probes.health.evidence.windows import Part, Trending
from probes.health.judging.judge import UNKNOWN, Judgement
from probes.health.judging.linear_fit import Line, fitted
from probes.health.language.checks import Forecast
from probes.health.language.vocabulary import SECOND, duration_ns


class _Trend:
    """What is known of one thing's trend."""

    __slots__ = ("line", "origin", "past")

    def __init__(self, window: int) -> None:
        self.past = Trending(window)
        self.line: Line | None = None
        self.origin = 0
        """Where the line's x is 0 (monotonic ns): x is in seconds, and small numbers are exact."""


class Saved(NamedTuple):
    """What was known of a trend when the probe ended: the time of each part in unix ns, and its mean."""

    key: Key
    parts: list[tuple[int, float]]


class JudgeForecast:
    """A straight line through what was seen. Its value is the time until the limit is passed, in seconds."""

    def __init__(self, check: Forecast, by: Sequence[str], wake: Wake) -> None:
        self._check = check
        self._of = Operand(check.of, by, primary=True, wake=wake)
        self._bound = Bound(check.limit, by)
        self._window = duration_ns(check.window)
        self._minimum = duration_ns(check.minimum)
        self._within = duration_ns(check.within) / SECOND
        self._rises = check.above is not None
        self._trends: dict[Key, _Trend] = {}

    def operands(self) -> Iterator[Operand]:
        """What it reads."""
        yield self._of
        yield from self._bound.factors

    def judge(self, key: Key, now: Now) -> Judgement:
        """The answer for a thing. Each call takes the present value into the trend."""
        value = self._of.read(key, now.mono, max if self._rises else min)
        level = None if value is None else self._scaled(value)
        if level is None:
            return UNKNOWN._replace(open=True)
        trend = self._trends.setdefault(key, _Trend(self._window))
        if trend.past.record(now.mono, level):
            self._fit(trend)
        limit = self._bound.read(key, now.mono)
        end = None if limit is None else self._scaled(limit)
        first = next(trend.past.parts(), None)
        if end is None or first is None or now.mono - first.middle < self._minimum:
            return UNKNOWN._replace(open=True)
        line = trend.line
        if line is None:
            return UNKNOWN._replace(open=True)
        if not line.significant or (line.slope > 0) is not self._rises:
            return Judgement(False, None, limit, open=True)
        at = line.reaches(end)
        if at is None:
            return Judgement(False, None, limit, open=True)
        remaining = max(at - (now.mono - trend.origin) / SECOND, 0.0)
        return Judgement(remaining <= self._within, remaining, limit, open=True)

    def slope(self, key: Key) -> float | None:
        """How fast the thing's gauge moves, per day: in its unit, or as a factor where the scale is `log`."""
        trend = self._trends.get(key)
        if trend is None or trend.line is None:
            return None
        return trend.line.slope * 86400

    def forget(self, key: Key) -> None:
        """The thing is gone."""
        self._trends.pop(key, None)

    def saved(self, now: Now) -> list[Saved]:
        """What is known of every trend."""
        return [
            Saved(key, [(part.middle - now.mono + now.wall, part.mean) for part in trend.past.parts()])
            for key, trend in self._trends.items()
            if len(trend.past)
        ]

    def restore(self, saved: Saved, now: Now) -> None:
        """Go on from what was known. What is older than the window, or of times to come, is left out."""
        trend = self._trends.setdefault(saved.key, _Trend(self._window))
        times = ((wall - now.wall + now.mono, mean) for wall, mean in saved.parts)
        trend.past.restore(Part(at, mean) for at, mean in times if now.mono - self._window <= at <= now.mono)
        self._fit(trend)

    def _scaled(self, value: float) -> float | None:
        if self._check.scale == "linear":
            return value
        return log(value) if value > 0 else None

    @staticmethod
    def _fit(trend: _Trend) -> None:
        parts = list(trend.past.parts())
        if parts:
            trend.origin = parts[0].middle
            trend.line = fitted([((part.middle - trend.origin) / SECOND, part.mean) for part in parts])

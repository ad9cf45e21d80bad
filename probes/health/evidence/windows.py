"""What is remembered of one series over one window: some 64 points, however often it is sampled. Times in ns.

Only changes are kept, so that a value at rest costs nothing. When changes come faster than a window's 64th part,
what lies between is folded together: sums stay exact, and the moment of a change is known to that part.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

POINTS = 64
"""Parts of a window that are told apart."""


class Counted:
    """How much a counter grew within a window: the total at each change."""

    __slots__ = ("_begin", "_points", "_spacing", "window")

    def __init__(self, window: int, now: int, total: int) -> None:
        self.window = window
        self._spacing = window // POINTS
        self._begin = (now, total)
        self._points: deque[tuple[int, int]] | None = None
        """None until the counter moves: most count errors, and an empty deque has room for 64 points."""

    def record(self, now: int, total: int) -> None:
        """The counter stands at `total` from `now` on."""
        if self._points is None:
            self._points = deque([self._begin])
        points = self._points
        if len(points) > 1 and now - points[-2][0] < self._spacing:
            points.pop()
        points.append((now, total))
        self._prune(points, now)

    def increase(self, now: int, total: int) -> int:
        """By how much the counter grew in the window that ends at `now`, when it stands at `total`."""
        if self._points is None:
            return total - self._begin[1]
        self._prune(self._points, now)
        return total - self._points[0][1]

    def _prune(self, points: deque[tuple[int, int]], now: int) -> None:
        """Leave one point that is as old as the window, or older: where the counter stood when it began."""
        start = now - self.window
        while len(points) > 1 and points[1][0] <= start:
            points.popleft()

    def __len__(self) -> int:
        return 1 if self._points is None else len(self._points)


class Bucket:
    """A part of a gauge's past, from `start` to the next one's."""

    __slots__ = ("area", "highest", "known", "lowest", "start")

    def __init__(self, start: int, lowest: float, highest: float, area: float, known: int) -> None:
        self.start = start
        self.lowest = lowest
        self.highest = highest
        self.area = area
        """The gauge's integral over time until `start`."""
        self.known = known
        """For how long until `start` the gauge was known."""


class Gauged:
    """A gauge's minimum, maximum and mean over time within a window. A value holds until the next, or until lost."""

    __slots__ = ("_area", "_buckets", "_known", "_spacing", "_value", "_value_at", "window")

    def __init__(self, window: int) -> None:
        self.window = window
        self._spacing = window // POINTS
        self._buckets: deque[Bucket] = deque()
        self._value: float | None = None
        self._value_at = 0
        self._area = 0.0
        self._known = 0

    def record(self, now: int, value: float | None) -> None:
        """The gauge is `value` from `now` on; None when it is no longer known."""
        self._settle(now)
        self._value = value
        if value is None:
            return
        buckets = self._buckets
        if len(buckets) > 1 and now - buckets[-1].start < self._spacing:
            last = buckets[-1]
            last.lowest, last.highest = min(last.lowest, value), max(last.highest, value)
        else:
            buckets.append(Bucket(now, value, value, self._area, self._known))
        self._prune(now)

    def lowest(self, now: int) -> float | None:
        """The minimum in the window that ends at `now`; None when nothing is known."""
        self._prune(now)
        return min((bucket.lowest for bucket in self._buckets), default=None)

    def highest(self, now: int) -> float | None:
        """The maximum in the window that ends at `now`; None when nothing is known."""
        self._prune(now)
        return max((bucket.highest for bucket in self._buckets), default=None)

    def mean(self, now: int) -> float | None:
        """The mean over the time in the window for which the gauge was known; None when it never was."""
        self._settle(now)
        self._prune(now)
        if not self._buckets:
            return None
        first = self._buckets[0]
        area, known = first.area, first.known
        if (start := now - self.window) > first.start:
            following = self._buckets[1] if len(self._buckets) > 1 else None
            until = now if following is None else following.start
            part = (start - first.start) / max(until - first.start, 1)
            area += part * ((self._area if following is None else following.area) - area)
            known += int(part * ((self._known if following is None else following.known) - known))
        return (self._area - area) / (self._known - known) if self._known > known else None

    def covered(self, now: int) -> int:
        """How much of the window that ends at `now` the gauge was known for, at most."""
        self._settle(now)
        self._prune(now)
        return min(self._known - self._buckets[0].known, self.window) if self._buckets else 0

    def saved(self) -> list[tuple[int, float, float]]:
        """Start, minimum and maximum of every part, for a restart."""
        return [(bucket.start, bucket.lowest, bucket.highest) for bucket in self._buckets]

    def restore(self, parts: Iterable[tuple[int, float, float]]) -> None:
        """Put what was saved before what is known; it has extremes, and counts for no mean."""
        parts = sorted(parts)[-2 * POINTS :]
        self._buckets.extendleft(Bucket(start, low, high, 0.0, 0) for start, low, high in reversed(parts))

    def _settle(self, now: int) -> None:
        """Add the time since the last change to the integral."""
        if self._value is not None and now > self._value_at:
            self._area += self._value * (now - self._value_at)
            self._known += now - self._value_at
        self._value_at = max(now, self._value_at)

    def _prune(self, now: int) -> None:
        buckets, start = self._buckets, now - self.window
        while len(buckets) > 1 and buckets[1].start <= start:
            buckets.popleft()

    def __len__(self) -> int:
        return len(self._buckets)


class Part(NamedTuple):
    """The mean of a gauge in a part of a window."""

    middle: int
    mean: float


class Trending:
    """Means of a gauge in the parts of a long window, for a line through them."""

    __slots__ = ("_count", "_first", "_last", "_parts", "_spacing", "_sum", "window")

    def __init__(self, window: int) -> None:
        self.window = window
        self._spacing = max(window // POINTS, 1)
        self._parts: deque[Part] = deque(maxlen=POINTS)
        self._first = self._last = 0
        self._count = 0
        self._sum = 0.0

    def record(self, now: int, value: float) -> bool:
        """Take a value in; whether that completed a part."""
        if not self._count:
            self._first = now
        self._count += 1
        self._sum += value
        self._last = now
        if now - self._first < self._spacing:
            return False
        self._parts.append(Part((self._first + now) // 2, self._sum / self._count))
        self._count, self._sum = 0, 0.0
        while self._parts and self._parts[0].middle < now - self.window:
            self._parts.popleft()
        return True

    def parts(self) -> Iterator[Part]:
        """Oldest first."""
        return iter(self._parts)

    def restore(self, parts: Iterable[Part]) -> None:
        """Put what was saved before what is known."""
        self._parts.extendleft(sorted(parts)[-POINTS:][::-1])

    def __len__(self) -> int:
        return len(self._parts)

"""How many events of one thing are let through, so that a device that logs without end does not drown the rest."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Generic, NamedTuple, TypeVar

PERIOD_NS = 60 * 1_000_000_000
"""How long a period of counting is."""
MAX_KEYS = 1024
"""Things that are counted apart; one more is held back until a period of another has ended."""

Key = TypeVar("Key", bound=Hashable)
Sample = TypeVar("Sample")


class Repeated(NamedTuple, Generic[Key, Sample]):
    """What was held back in one period."""

    key: Key
    last: Sample
    times: int


class _Period(Generic[Sample]):
    __slots__ = ("count", "last", "start")

    def __init__(self, start: int) -> None:
        self.start = start
        self.count = 0
        self.last: Sample | None = None
        """The last that was held back."""


class Repeats(Generic[Key, Sample]):
    """Lets `limit` through for each key and period, and remembers how many more there were."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._periods: dict[Key, _Period[Sample]] = {}

    def __len__(self) -> int:
        """Keys that are being counted."""
        return len(self._periods)

    def admit(self, key: Key, sample: Sample, mono: int) -> bool:
        """Whether this one is let through, at `mono` (monotonic ns)."""
        period = self._periods.get(key)
        if period is None:
            if len(self._periods) >= MAX_KEYS:
                return False
            self._periods[key] = period = _Period(mono)
        period.count += 1
        if period.count <= self._limit:
            return True
        period.last = sample
        return False

    def ended(self, mono: int) -> Iterator[Repeated[Key, Sample]]:
        """What was held back in the periods that have ended by `mono`; each is told once."""
        over = [key for key, period in self._periods.items() if mono - period.start >= PERIOD_NS]
        for key in over:
            period = self._periods.pop(key)
            if period.last is not None:
                yield Repeated(key, period.last, period.count - self._limit)

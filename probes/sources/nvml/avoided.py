"""GPUs in which the driver hung: each is left out for a while, for longer each time, so that the others are seen."""

from __future__ import annotations

from typing import NamedTuple

from fabricscope.clock import NANOSECONDS

AVOID_NS = tuple(seconds * NANOSECONDS for seconds in (30, 60, 120, 300, 600))
"""How long a GPU that hung is not asked, by how often it has."""


class _Row(NamedTuple):
    until: int
    times: int


class Avoided:
    """Which they are, by number."""

    def __init__(self) -> None:
        self._rows: dict[int, _Row] = {}

    def add(self, number: int, now_ns: int) -> None:
        """It hung."""
        times = self._rows[number].times + 1 if number in self._rows else 0
        self._rows[number] = _Row(now_ns + AVOID_NS[min(times, len(AVOID_NS) - 1)], times)

    def remove(self, number: int) -> None:
        """It answered."""
        self._rows.pop(number, None)

    def now(self, now_ns: int) -> frozenset[int]:
        """Those that are not to be asked."""
        return frozenset(number for number, row in self._rows.items() if row.until > now_ns)

    def all(self) -> list[int]:
        """Those that have not answered since they hung, also if they are to be asked again."""
        return sorted(self._rows)

"""Counters of the largest of many things, with the rest as one: a bounded number of series that only grow. Pure."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

CANDIDATES = 20
"""How many times the limit of things are watched in case they become large."""
_FADES = 0.5
"""What of a weight is left at the next turn."""
_MARGIN = 2.0
"""How much heavier than the lightest member a candidate must be: members do not come and go over nothing."""


class Top(Generic[K]):
    """Adds up counts by key. Those of keys that are no members go to the rest.

    A key becomes a member while there is room, or at a `turn` when it is twice as heavy of late as the lightest member,
    whose series then ends. A member's counts begin when it becomes one: no series ever falls, and what all series
    together gained between two turns is what was added.
    """

    def __init__(self, limit: int, columns: int) -> None:
        """Keep `limit` members, each with so many `columns` of counts."""
        self._limit = limit
        self._columns = columns
        self._members: dict[K, list[int]] = {}
        self._weights: dict[K, float] = {}
        """How heavy keys were of late, members and candidates."""
        self.rest = [0] * columns
        """Counts of all that were no members."""

    def add(self, key: K, counts: Sequence[int], weight: float) -> None:
        """Count for a key; `weight` is what makes it large."""
        found = self._members.get(key)
        if found is None and len(self._members) < self._limit:
            found = self._members[key] = [0] * self._columns
        target = self.rest if found is None else found
        for column, count in enumerate(counts):
            target[column] += count
        if key in self._weights or len(self._weights) < self._limit * (CANDIDATES + 1):
            self._weights[key] = self._weights.get(key, 0.0) + weight

    def turn(self) -> None:
        """Forget some of the past, and let heavy candidates in. Called at even intervals."""
        candidates = sorted(
            ((weight, key) for key, weight in self._weights.items() if key not in self._members),
            key=lambda item: -item[0],
        )
        for weight, key in candidates[: self._limit]:
            lightest = min(self._members, key=lambda member: self._weights.get(member, 0.0), default=None)
            if lightest is None or weight <= _MARGIN * self._weights.get(lightest, 0.0):
                break
            del self._members[lightest]
            self._members[key] = [0] * self._columns
        faded = {key: weight * _FADES for key, weight in self._weights.items()}
        self._weights = {key: weight for key, weight in faded.items() if key in self._members or weight >= 1}

    def __iter__(self) -> Iterator[tuple[K, Sequence[int]]]:
        """Members with their counts."""
        return iter(self._members.items())

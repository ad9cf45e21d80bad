"""How often a group of counters is read: less often while that is slow. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from probes.engine.fold import GroupWindow

SLOW_SHARE = 0.2
"""A group whose reading takes more of its period than this is slowed."""
TOTAL_SHARE = 0.5
"""When all groups of a reader together take more of its time than this, the dearest is slowed."""
CALM_SHARE = 0.1
"""A group that would take less than this at twice its pace gets it back."""
SLOW_WINDOWS = 3
"""Windows in a row, of one second each, after which a group is slowed."""
CALM_WINDOWS = 30
"""Windows in a row after which it gets some of its pace back."""

SLOWEST_NS = 500_000_000
"""No group is read less often than this for being slow, so that each window of a second has a step."""

_SECOND = 1_000_000_000


class Change(NamedTuple):
    """A group is to be read at another pace."""

    group: int
    multiple: int
    """In every how many ticks."""
    slower: bool
    read_ns: int
    """How long one reading took on average."""


class Pace:
    """Watches what reading each group of one reader costs."""

    def __init__(self, least: Sequence[int], period_ns: int) -> None:
        """`least`: the multiple that each group starts with, and never goes below."""
        self._period = period_ns
        self._least = list(least)
        self._most = max(SLOWEST_NS // period_ns, 1)
        self.multiples = list(least)
        """In every how many ticks each group is read."""
        self._slow = [0] * len(least)
        self._calm = [0] * len(least)
        self._busy = 0

    def observe(self, window: Sequence[GroupWindow]) -> list[Change]:
        """What to change after one more window."""
        for group, cost in enumerate(window):
            if cost.reads:
                self._judge(group, cost.total_ns / cost.reads / (self._period * self.multiples[group]))
        total = sum(cost.total_ns for cost in window) / _SECOND
        self._busy = self._busy + 1 if total > TOTAL_SHARE else 0
        if self._busy >= SLOW_WINDOWS:
            dearest = max(range(len(window)), key=lambda group: window[group].total_ns)
            self._slow[dearest] = SLOW_WINDOWS
            self._busy = 0
        return [change for group in range(len(window)) if (change := self._change(group, window[group])) is not None]

    def _judge(self, group: int, share: float) -> None:
        self._slow[group] = self._slow[group] + 1 if share > SLOW_SHARE else 0
        calm = share * 2 < CALM_SHARE and self.multiples[group] > self._least[group]
        self._calm[group] = self._calm[group] + 1 if calm else 0

    def _change(self, group: int, cost: GroupWindow) -> Change | None:
        before = multiple = self.multiples[group]
        if self._slow[group] >= SLOW_WINDOWS:
            multiple = max(min(2 * before, self._most), before)
        elif self._calm[group] >= CALM_WINDOWS:
            multiple = max(before // 2, self._least[group])
        if multiple == before:
            return None
        self.multiples[group] = multiple
        self._slow[group] = self._calm[group] = 0
        return Change(group, multiple, multiple > before, cost.total_ns // max(cost.reads, 1))

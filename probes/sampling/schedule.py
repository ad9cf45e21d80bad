"""Which samplers are due. Pure: it is asked with the time of the monotonic clock."""

from __future__ import annotations

from collections.abc import Mapping

_IDLE_NS = 1_000_000_000
"""How long to wait when there is nothing to wait for."""


class Schedule:
    """Fixed-rate schedule: samplers with one interval are due together, so that their batches share a message.

    A tick that nobody could keep (the host slept, the loop was late) is skipped and counted, not made up for.
    """

    def __init__(self, intervals: Mapping[str, int], start: int) -> None:
        """`intervals` in nanoseconds by sampler; the first tick of each is at `start` (monotonic ns)."""
        self._intervals = dict(intervals)
        self._start = start
        self._next = dict.fromkeys(intervals, start)
        self.missed: dict[str, int] = dict.fromkeys(intervals, 0)
        """Ticks that came to nothing, by sampler."""

    def due(self, now: int) -> list[str]:
        """The samplers whose tick has come at `now`; each is given its next tick after `now`."""
        names = [name for name, tick in self._next.items() if tick <= now]
        for name in names:
            interval = self._intervals[name]
            skipped = (now - self._next[name]) // interval
            self.missed[name] += skipped
            self._next[name] += (skipped + 1) * interval
        return names

    def skip(self, name: str) -> None:
        """Count a tick that was due and is not used."""
        self.missed[name] += 1

    def change_interval(self, name: str, interval: int, now: int) -> None:
        """Let a sampler be due every `interval` ns from `now` on, together with others of that interval."""
        self._intervals[name] = interval
        self._next[name] = self._start + ((now - self._start) // interval + 1) * interval

    def wait(self, now: int) -> int:
        """Nanoseconds from `now` until something is due: 0 when something is, 1 s when there is no sampler."""
        return max(0, min(self._next.values(), default=now + _IDLE_NS) - now)

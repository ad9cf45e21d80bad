"""Readings for what takes them in columns: a follower, and what makes events of changes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fabricscope.assemble import Assembler, lay_out
from fabricscope.model import Event, Now, Quality, Reading
from probes import engine
from probes.links.transitions import Transitions


class Following:
    """Follows the readings of one sampler."""

    def __init__(self, follower: Any = None) -> None:
        self._follower = engine.Follower() if follower is None else follower
        self.resets = self.wraps = 0

    def apply(self, readings: Iterable[Reading], now: Now) -> list[Reading]:
        """The readings with each counter monotone and scaled. Those without a value have None."""
        rows = list(readings)
        order = lay_out("test", rows).order
        followed: Any = self._follower.follow(rows, now.mono)
        if followed is None:
            self._follower.begin(rows, order, now.mono)
            followed = self._follower.follow(rows, now.mono)
        counters, gauges, qualities, unknown, self.resets, self.wraps = followed
        values: list[int | float | None] = [*counters, *gauges]
        for column in unknown:
            assert values[column] == 0
            values[column] = None
        for column, place in enumerate(order):
            quality = Quality(qualities[column]) if qualities else Quality.OK
            rows[place] = rows[place]._replace(value=values[column], quality=quality)
        return rows


class Watching:
    """Observes the readings of one sampler."""

    def __init__(self) -> None:
        self._assembler = Assembler("test", 1)
        self._transitions = Transitions()

    def observe(self, rows: Iterable[Reading | Event], now: Now) -> list[Event]:
        """What happened since the last call."""
        readings = [row for row in rows if isinstance(row, Reading)]
        return self._transitions.observe(self._assembler.assemble(readings, now), now)

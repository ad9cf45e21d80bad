"""What one port is and how it does, apart from its counters."""

from __future__ import annotations

from typing import Literal, TypeVar

from fabricscope.model import Quality, Reading
from probes.samplers.infiniband import metrics
from probes.sources.held import HeldValue
from probes.sources.infiniband import Port, Rate, parse_rate, parse_state
from probes.sources.sysfs import Unreadable

Unread = Literal["unreadable"]
"""Of a file that is there and holds no value. No number, since a state may be any."""

_T = TypeVar("_T")
_STATE_DOWN, _STATE_ACTIVE = 1, 4


class PortSeries:
    """State and rate of one port, on files that stay open. A reading of what did not change is the same one again."""

    def __init__(self, port: Port, last: Rate | None = None) -> None:
        """`last` is the rate before, where the port had another life under its name."""
        self.inode = port.inode
        self.last = last
        """Rate of when the port was not down."""
        self._labels = (port.device, port.number)
        self._state = HeldValue(port.path / "state", parse_state, "a state")
        self._physical = HeldValue(port.path / "phys_state", parse_state, "a state")
        self._rate = HeldValue(port.path / "rate", parse_rate, "a rate")
        self._seen: tuple[object, ...] | None = None
        self._rows: list[Reading] = []
        self.describe(port)

    def describe(self, port: Port) -> None:
        """Take in what was found out about the port: its LID, its network interface and so on."""
        info = (*self._labels, port.link_layer, port.netdev, port.lid, port.gid)
        self._about = [Reading(metrics.PORT_INFO, info, 1)]
        if port.lifespan_ms is not None:
            self._about.append(Reading(metrics.LIFESPAN, self._labels, port.lifespan_ms / 1000))
        self._seen = None

    def readings(self) -> list[Reading]:
        """The readings of this moment."""
        state, physical = _read(self._state), _read(self._physical)
        down = state == _STATE_DOWN
        # A port that is down says 1X SDR or the like, so what it had before stands, as stale: a link that comes back
        # slower than it was is a change of its rate, and one that only went is not.
        said = _read(self._rate)
        if isinstance(said, Rate) and not down:
            self.last = said
        rate = self.last if down else said
        if (seen := (state, physical, rate)) != self._seen:
            self._seen = seen
            self._rows = self._made(state, physical, rate, Quality.STALE if down else Quality.OK)
        return self._rows

    def close(self) -> None:
        """Give the descriptors back; the next reading opens the files again."""
        for file in (self._state, self._physical, self._rate):
            file.close()

    def _made(
        self, state: int | Unread | None, physical: int | Unread | None, rate: Rate | Unread | None, quality: Quality
    ) -> list[Reading]:
        labels, unreadable = self._labels, Quality.UNREADABLE
        rows = list(self._about)
        if isinstance(state, str):
            rows += [Reading(spec, labels, None, unreadable) for spec in (metrics.UP, metrics.STATE)]
        elif state is not None:
            rows += [
                Reading(metrics.UP, labels, int(state == _STATE_ACTIVE)),
                Reading(metrics.STATE, labels, state),
            ]
        if isinstance(physical, str):
            rows.append(Reading(metrics.PHYSICAL_STATE, labels, None, unreadable))
        elif physical is not None:
            rows.append(Reading(metrics.PHYSICAL_STATE, labels, physical))
        if isinstance(rate, str):
            rows += [Reading(spec, labels, None, unreadable) for spec in (metrics.RATE, metrics.LANES)]
        elif rate is not None:
            rows += [
                Reading(metrics.RATE, labels, rate.bytes_per_second, quality),
                Reading(metrics.LANES, labels, rate.lanes, quality),
            ]
        return rows


def _read(file: HeldValue[_T]) -> _T | Unread | None:
    """The value; None when there is no such file, a word when there is and it holds none."""
    try:
        return file.read()
    except Unreadable:
        return "unreadable"

"""What one port is and how it does, apart from its counters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeVar

from fabricscope.model import Quality, Reading
from probes.engine import TextFiles
from probes.engine.texts import Content
from probes.samplers.infiniband import metrics
from probes.sources import sysfs
from probes.sources.infiniband import Port, Rate, parse_rate, parse_state

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
        self._files = TextFiles([str(port.path / name) for name in ("state", "phys_state", "rate")])
        self._contents: list[Content] = [None] * 3
        self._outdated = False
        self._rows: list[Reading] = []
        self.describe(port)

    def describe(self, port: Port) -> None:
        """Take in what was found out about the port: its LID, its network interface and so on."""
        info = (*self._labels, port.link_layer, port.netdev, port.lid, port.gid)
        self._about = [Reading(metrics.PORT_INFO, info, 1)]
        if port.lifespan_ms is not None:
            self._about.append(Reading(metrics.LIFESPAN, self._labels, port.lifespan_ms / 1000))
        self._outdated = True

    def readings(self) -> list[Reading]:
        """The readings of this moment."""
        changes = self._files.changes()
        if not changes and not self._outdated:
            return self._rows
        for index, content in changes:
            self._contents[index] = content
        state, physical, rate = self._contents
        self._rows = self._made(_parsed(state, parse_state), _parsed(physical, parse_state), _parsed(rate, parse_rate))
        self._outdated = False
        return self._rows

    def close(self) -> None:
        """Give the descriptors back; the next reading opens the files again."""
        self._files.close()

    def _made(
        self, state: int | Unread | None, physical: int | Unread | None, said: Rate | Unread | None
    ) -> list[Reading]:
        labels, unreadable = self._labels, Quality.UNREADABLE
        down = state == _STATE_DOWN
        # A port that is down says 1X SDR or the like, so what it had before stands, as stale: a link that comes back
        # slower than it was is a change of its rate, and one that only went is not.
        if isinstance(said, Rate) and not down:
            self.last = said
        rate, quality = (self.last, Quality.STALE) if down else (said, Quality.OK)
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


def _parsed(content: Content, parse: Callable[[str], _T | None]) -> _T | Unread | None:
    """The value; None when there is no such file, a word when there is and it holds none."""
    if content is None:
        return None
    value = parse(sysfs.decoded(content)) if isinstance(content, bytes) else None
    return "unreadable" if value is None else value

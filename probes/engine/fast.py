"""The thread that reads counters every few milliseconds, in plain Python: the specification of engine/src/fast.rs.

Everything is read by one thread, back to back, group by group: what one file does wrong costs that file. A file that
hangs in the kernel holds up the thread, which cannot be helped from here; `reading` says which group it is.
"""

from __future__ import annotations

import errno
import threading
from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple, Protocol, TypeGuard

from fabricscope.clock import system_clock
from probes.engine.counters import CounterFiles
from probes.engine.fold import Folder, Window
from probes.engine.ring import StepRing
from probes.engine.statistics import Statistics
from probes.engine.table import Table

END_SECONDS = 0.5
"""How long `close` waits for the thread: a read that hangs is left alone."""

FileChannel = tuple[int, str]
"""Width of the counter in bits, and the file that it is in."""
StatisticChannel = tuple[int, str, int, int]
"""Width in bits, interface, the statistic's index, and how many statistics the interface had when that was found."""
CellChannel = tuple[int, str, str, int]
"""Width in bits, the path of a table such as /proc/net/dev, the name that a line begins with, and a column from 0."""
Channel = FileChannel | StatisticChannel | CellChannel

_GONE = frozenset({"ENODEV", "ENOENT", "ENXIO", "EBADF", "ESTALE"})
"""Errors that say that the device is not there. EBADMSG of statistics is one too: their number has changed."""


class _Answer(NamedTuple):
    at: int
    value: int | None
    gone: bool


class _Source(Protocol):
    """What one call to the kernel reads."""

    def read(self) -> list[tuple[int | None, bool]]:
        """For each channel the value, and whether its device is gone."""
        ...

    def close(self) -> None: ...


class _File:
    def __init__(self, path: str) -> None:
        self._files = CounterFiles([path])

    def read(self) -> list[tuple[int | None, bool]]:
        (value,) = self._files.read()
        return [(value, False) if isinstance(value, int) else (None, value in _GONE)]

    def close(self) -> None:
        self._files.close()


class _Statistics:
    def __init__(self, interface: str, indexes: Sequence[int], count: int) -> None:
        self._statistics = Statistics(interface, indexes, count)
        self._width = len(indexes)

    def read(self) -> list[tuple[int | None, bool]]:
        values = self._statistics.read()
        if isinstance(values, int):
            return [(None, _is_gone(values))] * self._width
        return [(value, False) for value in values]

    def close(self) -> None:
        self._statistics.close()


class _Table:
    def __init__(self, path: str, cells: Sequence[tuple[str, int]]) -> None:
        self._table = Table(path, cells)
        self._width = len(cells)

    def read(self) -> list[tuple[int | None, bool]]:
        values = self._table.read()
        if isinstance(values, int):
            return [(None, _is_gone(values))] * self._width
        # An interface without a line is gone.
        return [(value, value is None) for value in values]

    def close(self) -> None:
        self._table.close()


class FastReader:
    """Reads groups of channels every period, until it is closed."""

    def __init__(
        self, groups: Sequence[Sequence[Channel]], period_ns: int, ring: StepRing, layout: int, mono: int
    ) -> None:
        """`layout` is what the ring shall know the groups as. `mono` is the monotonic clock now, in ns.

        Raises ValueError for channels that cannot be, and for a period that is not from 1 ms to 1 s.
        """
        sizes = [len(channels) for channels in groups]
        self._folder = Folder(sizes, [channel[0] for channels in groups for channel in channels], period_ns, mono)
        self._sources = [_sources(channels) for channels in groups]
        self._firsts = [sum(sizes[:index]) for index in range(len(sizes))]
        self._lock = threading.Lock()
        self._ring = ring
        self._layout = layout
        self._reading: tuple[int, int] | None = None
        self._stop = threading.Event()
        ring.begin(layout, sizes)
        self._thread = threading.Thread(target=self._run, name="fast-reader", daemon=True)
        self._thread.start()

    def set_levels(self, channel: int, burst: int, calm: int) -> None:
        """At which rate a burst of a channel begins, and below which it ends, in counts a second; 0: none are counted.

        Channels count through all groups. Raises IndexError for one that is not there.
        """
        with self._lock:
            self._folder.set_levels(channel, burst, calm)

    def set_multiple(self, group: int, multiple: int) -> None:
        """Read a group in every `multiple`-th tick alone. Raises IndexError for a group that is not there."""
        with self._lock:
            self._folder.set_multiple(group, multiple)

    def take(self) -> list[Window]:
        """The windows that ended since this was last asked, oldest first."""
        with self._lock:
            return self._folder.take()

    def reading(self) -> tuple[int, int] | None:
        """The group that is being read, and since when (monotonic ns); None while it waits for the next tick."""
        return self._reading

    def alive(self) -> bool:
        """Whether the thread is there: also for a while after `close`, when a read hangs."""
        return self._thread.is_alive()

    def close(self) -> bool:
        """End the thread, and close what it reads. False when it did not end within half a second: a read hangs."""
        self._stop.set()
        self._thread.join(END_SECONDS)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            while not self._stop.wait(max(self._folder.due() - system_clock().mono, 0) / 1e9):
                self._tick()
        finally:
            for sources in self._sources:
                for source in sources:
                    source.close()
            self._ring.end(self._layout)

    def _tick(self) -> None:
        with self._lock:
            self._folder.tick(system_clock().mono)
        for group in range(len(self._sources)):
            with self._lock:
                turn = self._folder.turn(group)
            if turn and not self._stop.is_set():
                self._read(group)

    def _read(self, group: int) -> None:
        began = before = system_clock().mono
        self._reading = (group, began)
        answers: list[_Answer] = []
        for source in self._sources[group]:
            values = source.read()
            after = system_clock().mono
            # The kernel took the value somewhere between.
            answers += [_Answer(before + (after - before) // 2, value, gone) for value, gone in values]
            before = after
        self._reading = None
        with self._lock:
            self._folder.read(group, before - began)
            for channel, answer in enumerate(answers, self._firsts[group]):
                if answer.value is None:
                    self._folder.failed(channel, answer.gone)
                else:
                    self._folder.value(channel, answer.at, answer.value)
        self._ring.record(self._layout, group, began, [answer.value for answer in answers])


def _sources(channels: Sequence[Channel]) -> list[_Source]:
    """What to read for these channels: neighbours of one interface's statistics, or of one table, come in one call."""
    sources: list[_Source] = []
    for shared, same in groupby(channels, key=_shared):
        if shared is None:
            sources += [_File(channel[1]) for channel in same]
        elif isinstance(shared, str):
            sources.append(_Table(shared, [(channel[2], channel[3]) for channel in same if _is_cell(channel)]))
        else:
            indexes = [channel[2] for channel in same if _is_statistic(channel)]
            sources.append(_Statistics(shared[0], indexes, shared[1]))
    return sources


def _shared(channel: Channel) -> str | tuple[str, int] | None:
    """The table, or the interface and how many statistics it has; None for a file."""
    if _is_cell(channel):
        return channel[1]
    return (channel[1], channel[3]) if _is_statistic(channel) else None


def _is_cell(channel: Channel) -> TypeGuard[CellChannel]:
    return len(channel) == 4 and isinstance(channel[2], str)


def _is_statistic(channel: Channel) -> TypeGuard[StatisticChannel]:
    return len(channel) == 4 and isinstance(channel[2], int)


def _is_gone(number: int) -> bool:
    """Whether an errno says that the device is not there, or is another one."""
    return number == errno.EBADMSG or errno.errorcode.get(number) in _GONE

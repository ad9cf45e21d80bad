"""What is to be read fast on this host, found anew from time to time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from probes.engine.fast import Channel as EngineChannel
from probes.samplers.bursts.counters import HARDWARE, NETDEV, PORT, STATISTICS, Counter
from probes.sampling.patterns import matches
from probes.sampling.sampler import Roots
from probes.sources import infiniband, net_dev, sysfs
from probes.sources.ethtool import EthtoolError, indexes_of
from probes.sources.infiniband import Port

NET, INFINIBAND, HARDWARE_COUNTERS, ETHTOOL = "net", "infiniband", "hw_counters", "ethtool"
"""Sources: interfaces, RDMA ports, what their firmware keeps and refreshes by itself, and driver statistics."""
ALL_DEVICES = "*"
"""The device of a read that is for many."""

_BYTES_PER_MEGABIT = 125_000
_SPEED_UNKNOWN = (1 << 32) - 1
_LINES_PER_INTERFACE = 16
"""A line of /proc/net/dev costs about a twentieth of an interface's files: with more lines the files are cheaper."""
_REFRESHES = 5
"""Counters that are refreshed every so often are read a fifth as often: each step then is right within a fifth."""

_Port = tuple[str, str]


class Planned(NamedTuple):
    """One counter to be read."""

    device: str
    port: str
    counter: Counter
    where: EngineChannel


class Group(NamedTuple):
    """Counters that are read together."""

    device: str
    source: str
    channels: tuple[Planned, ...]
    refresh_ns: int = 0
    """How long the firmware serves the same values."""

    @property
    def is_slow(self) -> bool:
        """Whether reading it takes a driver so long that it has no place among files."""
        return self.source == ETHTOOL

    def least_multiple(self, period_ns: int) -> int:
        """In every how many ticks it is to be read at most."""
        return max(1, -(-self.refresh_ns * _REFRESHES // period_ns))


class Plan(NamedTuple):
    """What there is to read."""

    groups: tuple[Group, ...]
    left_out: int
    """Counters beyond the bound."""
    line_rates: Mapping[_Port, float]
    """Bytes a second, by device and port, where they are known."""


class DriverStatistics(Protocol):
    """What is asked of probes.sources.ethtool."""

    def names(self, device: str) -> Sequence[str]:
        """The names of an interface's statistics in their order."""
        ...


class Planner:
    """Finds the counters of chosen devices."""

    def __init__(
        self, roots: Roots, include: Sequence[str], exclude: Sequence[str], max_counters: int, ethtool: DriverStatistics
    ) -> None:
        """`include`: interfaces beside those with hardware behind them. `exclude`: devices never to be read."""
        self._roots = roots
        self._include = include
        self._exclude = exclude
        self._max_counters = max_counters
        self._ethtool = ethtool

    def plan(self) -> Plan:
        """What there is now. A directory that cannot be read has nothing in it."""
        interfaces = list(self._interfaces())
        ports = list(self._ports())
        found = [*self._ports_groups(ports), *self._netdev_groups(interfaces), *self._statistics_groups(interfaces)]
        groups, left_out = _bounded(found, self._max_counters)
        rates = {(name, ""): self._speed(name) for name in interfaces}
        rates |= {(port.device, port.number): _rate(port) for port in ports}
        return Plan(groups, left_out, {port: rate for port, rate in rates.items() if rate})

    def _interfaces(self) -> Iterator[str]:
        directory = self._roots.sysfs("class", "net")
        for name in _entries(directory):
            if matches(name, self._exclude):
                continue
            if matches(name, self._include) or sysfs.read_link_name(directory / name / "device"):
                yield name

    def _ports(self) -> Iterator[Port]:
        try:
            devices = list(infiniband.devices(self._roots.sysfs("class", "infiniband")))
        except sysfs.Unreadable:
            return
        for device in devices:
            if not matches(device.name, self._exclude):
                yield from device.ports

    def _ports_groups(self, ports: Iterable[Port]) -> Iterator[Group]:
        for port in ports:
            files = {(file.directory, file.name): str(file.path) for file in port.counters}
            refresh_ns = (port.lifespan_ms or 0) * 1_000_000
            for source, directory, wanted, refresh in (
                (INFINIBAND, "counters", PORT, 0),
                (HARDWARE_COUNTERS, "hw_counters", HARDWARE, refresh_ns),
            ):
                channels = tuple(
                    Planned(port.device, port.number, counter, (counter.bits, files[directory, counter.name]))
                    for counter in wanted
                    if (directory, counter.name) in files
                )
                yield Group(port.device, source, channels, refresh)

    def _netdev_groups(self, interfaces: Sequence[str]) -> Iterator[Group]:
        table, lines = self._table()
        if lines and len(lines) <= _LINES_PER_INTERFACE * len(interfaces) and lines.issuperset(interfaces):
            cells = (
                Planned(name, "", counter, (counter.bits, table, name, column))
                for name in interfaces
                for counter, column in NETDEV.items()
            )
            yield Group(ALL_DEVICES, NET, tuple(cells))
            return
        for name in interfaces:
            directory = self._roots.sysfs("class", "net", name, "statistics")
            there = set(_entries(directory))
            files = (
                Planned(name, "", counter, (counter.bits, str(directory / counter.name)))
                for counter in NETDEV
                if counter.name in there
            )
            yield Group(name, NET, tuple(files))

    def _statistics_groups(self, interfaces: Iterable[str]) -> Iterator[Group]:
        for name in interfaces:
            driver = sysfs.read_link_name(self._roots.sysfs("class", "net", name, "device", "driver"))
            wanted = {counter.name: counter for counter in STATISTICS.get(driver, ())}
            if not wanted:
                continue
            try:
                names = self._ethtool.names(name)
            except EthtoolError:
                continue
            found = indexes_of(names, wanted)
            channels = (
                Planned(name, "", wanted[key], (wanted[key].bits, name, index, len(names)))
                for key, index in found.items()
            )
            yield Group(name, ETHTOOL, tuple(channels))

    def _table(self) -> tuple[str, set[str]]:
        """The path of /proc/net/dev and the interfaces in it; nothing when it cannot be had, or is very long."""
        path = self._roots.procfs("net", "dev")
        try:
            return str(path), net_dev.interfaces(path)
        except sysfs.Unreadable:
            return "", set()

    def _speed(self, name: str) -> float | None:
        try:
            speed = sysfs.read_int(self._roots.sysfs("class", "net", name, "speed"))
        except sysfs.Unreadable:
            return None
        return float(speed * _BYTES_PER_MEGABIT) if speed and 0 < speed < _SPEED_UNKNOWN else None


def _rate(port: Port) -> float | None:
    try:
        rate = infiniband.read_rate(port.path / "rate")
    except sysfs.Unreadable:
        return None
    return rate.bytes_per_second if rate else None


def _entries(directory: Path) -> list[str]:
    try:
        return sysfs.entries(directory)
    except sysfs.Unreadable:
        return []


def _bounded(groups: Iterable[Group], limit: int) -> tuple[tuple[Group, ...], int]:
    """The groups with the first `limit` counters, and how many there were besides."""
    kept: list[Group] = []
    left_out = 0
    for group in groups:
        channels = group.channels[:limit]
        limit -= len(channels)
        left_out += len(group.channels) - len(channels)
        if channels:
            kept.append(group._replace(channels=channels))
    return tuple(kept), left_out

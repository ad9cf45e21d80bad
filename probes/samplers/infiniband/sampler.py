"""RDMA ports, InfiniBand and RoCE: state, rate and counters of every device in /sys/class/infiniband.

Each read of a port's files can be a firmware command, and those of one port share one refresh of the firmware's
counters: so a port's files are read back to back, on descriptors that stay open. Files that the table (metrics.py) does
not name are not exported. Counters of a device as a whole have an empty `port`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, ClassVar

from msgspec import Meta

from fabricscope.model import MetricSpec, Now, Quality, Reading
from probes.engine import CounterFiles
from probes.samplers.infiniband import metrics
from probes.samplers.infiniband.port import PortSeries
from probes.sampling.patterns import Patterns, matches
from probes.sampling.sampler import Roots, SamplerSettings
from probes.sources import infiniband as source
from probes.sources import sysfs
from probes.sources.infiniband import CounterFile, Device, Port

_UNSUPPORTED = frozenset({"ENOENT", "ENODEV", "ENXIO", "ENOSYS", "ENOTSUP", "EOPNOTSUPP"})
"""Why a counter file has no value when nothing is wrong: it or its device is gone, or the driver has no counters."""


class InfinibandSettings(SamplerSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of the `infiniband` sampler."""

    include: Annotated[
        Patterns,
        Meta(description="Devices to report, by name; `*` and `?` stand for any letters."),
    ] = ("*",)
    exclude: Annotated[
        Patterns,
        Meta(description="Devices never to report, by name; stronger than `include`."),
    ] = ()
    max_ports: Annotated[
        int,
        Meta(ge=1, le=4096, description="Ports to report at most; the first stay. Each keeps some 50 files open."),
    ] = 64
    rediscover_seconds: Annotated[
        float,
        Meta(
            ge=1,
            le=86400,
            description="Time after which firmware versions, LIDs and interface names are read again, in seconds. "
            "Devices and ports that come or go are noticed at each sample.",
        ),
    ] = 60.0


class _Group:
    """The counter files of one port, or of a device as a whole. A reading of what did not change is the same again."""

    def __init__(self, labels: tuple[str, str], files: Mapping[MetricSpec, str], *, extended: bool) -> None:
        self._labels = labels
        self._extended = extended
        self._specs = tuple(files)
        self._files = CounterFiles(list(files.values()))
        self._made: list[Reading | None] = [None] * len(files)
        self._rows: list[Reading] = []

    def readings(self) -> list[Reading]:
        """The readings of this moment."""
        changes = self._files.changes()
        for index, outcome in changes:
            self._made[index] = reading_of(self._specs[index], self._labels, outcome, extended=self._extended)
        if changes:
            self._rows = [row for row in self._made if row is not None]
        return self._rows

    def close(self) -> None:
        """Close the files; the next reading opens them again."""
        self._files.close()


class InfinibandSampler:
    """Samples the ports of RDMA devices."""

    name: ClassVar[str] = "infiniband"
    Settings: ClassVar[type[SamplerSettings]] = InfinibandSettings
    metrics: ClassVar[Sequence[MetricSpec]] = (*metrics.GAUGES, *(row.spec for row in metrics.COUNTERS))

    def __init__(self, settings: InfinibandSettings, roots: Roots) -> None:
        self._settings = settings
        self._directory = roots.sysfs("class", "infiniband")
        self._devices: list[Device] = []
        self._ports: dict[tuple[str, str], PortSeries] = {}
        self._about: list[Reading] = []
        """What was found out about devices."""
        self._groups: dict[tuple[object, ...], _Group] = {}
        self._watched: list[Path] = []
        self._fingerprint: tuple[object, ...] | None = None
        self._rediscover_at = 0

    def unavailable(self) -> str | None:
        """Why there is nothing to sample; None when there is something."""
        try:
            names = source.names(self._directory)
        except sysfs.Unreadable as error:
            return str(error)
        if not names:
            return f"no RDMA device in {self._directory}: no adapter, or its driver (mlx5_ib, irdma, ...) is not loaded"
        if not any(map(self._chosen, names)):
            return f"the settings include none of the devices {', '.join(names)}"
        return None

    def sample(self, now: Now) -> list[Reading]:
        """State, rate and counters of every port. Raises OSError when the class directory cannot be read."""
        self._discover(now)
        readings = list(self._about)
        for port in self._ports.values():
            readings += port.readings()
        for group in self._groups.values():
            readings += group.readings()
        return readings

    def close(self) -> None:
        """Close the files; the next sample opens them again."""
        for port in self._ports.values():
            port.close()
        for group in self._groups.values():
            group.close()

    def _chosen(self, device: str) -> bool:
        return matches(device, self._settings.include) and not matches(device, self._settings.exclude)

    def _discover(self, now: Now) -> None:
        """Look again at what there is, when something came or went, and from time to time."""
        if now.mono < self._rediscover_at and source.fingerprint(self._directory, self._watched) == self._fingerprint:
            return
        self._devices = [device for device in source.devices(self._directory) if self._chosen(device.name)]
        self._watched = source.watched(self._devices)
        self._fingerprint = source.fingerprint(self._directory, self._watched)
        self._rediscover_at = now.mono + int(self._settings.rediscover_seconds * 1e9)
        found = [port for device in self._devices for port in device.ports]
        ports = found[: self._settings.max_ports]
        left_out = len(found) - len(ports)
        self._about = [Reading(metrics.PORTS_LEFT_OUT, (), left_out)] if self._devices else []
        self._about += [Reading(metrics.DEVICE_INFO, _device_labels(device), 1) for device in self._devices]
        self._follow(ports)
        before, self._groups = self._groups, {}
        for device in self._devices:
            self._add_group((device.name, ""), device.inode, device.counters, before)
        for port in ports:
            self._add_group((port.device, port.number), port.inode, port.counters, before, extended=port.extended)
        for gone in before.keys() - self._groups.keys():
            before[gone].close()

    def _follow(self, ports: Iterable[Port]) -> None:
        """Read these ports from now on; what is remembered of those that were there before stays."""
        before, self._ports = self._ports, {}
        for port in ports:
            key = (port.device, port.number)
            known = before.get(key)
            if known is not None and known.inode == port.inode:
                self._ports[key] = before.pop(key)
                known.describe(port)
            else:
                self._ports[key] = PortSeries(port, None if known is None else known.last)
        for gone in before.values():
            gone.close()

    def _add_group(
        self,
        labels: tuple[str, str],
        inode: int,
        files: Iterable[CounterFile],
        before: dict[tuple[object, ...], _Group],
        *,
        extended: bool = False,
    ) -> None:
        """Follow the files that the table names, with the descriptors that are open already if nothing changed."""
        chosen: dict[MetricSpec, str] = {}
        for file in files:
            spec = metrics.BY_FILE.get((file.directory, file.name))
            if spec is not None:
                chosen.setdefault(spec, str(file.path))
        key = (labels, inode, extended, *chosen.values())
        if chosen:
            self._groups[key] = before.get(key) or _Group(labels, chosen, extended=extended)


def reading_of(spec: MetricSpec, labels: tuple[str, str], outcome: int | str, *, extended: bool) -> Reading | None:
    """The reading of what CounterFiles read; None of what is no fault.

    A port without the extended set may have 64-bit counters or 32-bit ones under the same names, and only a value
    above 2^32-1 tells. 2^32-1 itself is taken for the ceiling of a 32-bit one, where it stays.
    """
    if isinstance(outcome, int):
        full = not extended and outcome == metrics.CLASSIC_CEILING and spec in metrics.NARROW_IN_CLASSIC_SET
        return Reading(spec, labels, outcome, Quality.SATURATED if full else Quality.OK)
    return None if outcome in _UNSUPPORTED else Reading(spec, labels, None, Quality.UNREADABLE)


def _device_labels(device: Device) -> tuple[str, ...]:
    return (device.name, device.firmware, device.hca_type, device.board_id, device.node_guid, device.bus_address)

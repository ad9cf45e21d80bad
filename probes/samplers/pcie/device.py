"""One PCIe device: what is fixed about it, and its readings, made anew only for what changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from fabricscope.model import MetricSpec, Quality, Reading
from probes.samplers.pcie import metrics
from probes.sources import sysfs
from probes.sources.pci import Identity, LinkState
from probes.sources.pci_ports import ROOT_PORT
from probes.sources.pci_state import SEVERITIES, ErrorFile, LinkFiles, RootPortFile


class Place(NamedTuple):
    """What is fixed about a device, and where it is."""

    address: str
    upstream: str
    """The port above it; empty below a root complex."""
    kind: str
    port: str
    """What kind of port it is; empty when it is none."""
    class_id: str
    slot: str
    own: Identity
    other_end: Identity | None
    """Of the port at the other end of its link; None for a port whose own link is the one below it."""
    upstream_kind: str
    root_port: str


class Device:
    """Reads a device's link and error counters."""

    def __init__(self, bus: Path, place: Place, errors: Sequence[tuple[str, ...]] = ()) -> None:
        """`errors` are the names that were known of it before, by severity as in SEVERITIES."""
        self.place = place
        self.errors = list(errors) or [()] * len(SEVERITIES)
        """Names of the errors that it counts, so that they can be told to be unreadable."""
        self._path = bus / "devices" / place.address
        self._inode = _inode(self._path)
        self._link = LinkFiles(self._path)
        self._files = [ErrorFile(self._path, severity) for severity in SEVERITIES]
        self._root_port = (
            [RootPortFile(self._path, severity) for severity in SEVERITIES] if place.port == ROOT_PORT else []
        )
        self._fixed = list(_fixed(place))
        self._labels = (place.address,)
        self._state: LinkState | None = None
        self._link_readings: list[Reading] = []
        self._counts: list[Mapping[str, int] | None] = [None] * len(SEVERITIES)
        self._error_readings: list[list[Reading]] = [[] for _ in SEVERITIES]

    def readings(self) -> Iterator[Reading]:
        """Everything about it at this moment."""
        yield from self._fixed
        yield from self._of_link()
        for index in range(len(SEVERITIES)):
            yield from self._of_errors(index)
        for severity, file in zip(SEVERITIES, self._root_port, strict=False):
            yield from _of_root_port((self.place.address, severity), file)

    def renewed(self) -> bool:
        """Whether the device went and came back under the same address."""
        return _inode(self._path) != self._inode

    def close(self) -> None:
        """Close its files."""
        self._link.close()
        for file in self._files:
            file.close()
        for port_file in self._root_port:
            port_file.close()

    def _of_link(self) -> Sequence[Reading]:
        try:
            state = self._link.read()
        except sysfs.Unreadable:
            self._state = None
            self._link_readings = []
            return [_unreadable(spec, self._labels) for spec in (metrics.UP, metrics.SPEED, metrics.WIDTH)]
        if state is not self._state:
            self._state = state
            self._link_readings = [] if state is None else list(_of_state(self.place, state))
        return self._link_readings

    def _of_errors(self, index: int) -> Sequence[Reading]:
        spec, address = metrics.AER[SEVERITIES[index]], self.place.address
        try:
            counts = self._files[index].read()
        except sysfs.Unreadable:
            return [_unreadable(spec, (address, name)) for name in self.errors[index]]
        if counts is not self._counts[index]:
            self._counts[index] = counts
            self.errors[index] = tuple(counts or ())
            self._error_readings[index] = [Reading(spec, (address, name), n) for name, n in (counts or {}).items()]
        return self._error_readings[index]


def _fixed(place: Place) -> Iterator[Reading]:
    own = place.own
    identity = (own.vendor_id, own.device_id, own.driver, own.numa_node, place.slot, place.port)
    yield Reading(metrics.INFO, (place.address, place.upstream, place.kind, place.class_id, *identity), 1.0)
    if (other := place.other_end) is not None:
        ends = (place.port or place.kind, place.upstream_kind, other.vendor_id, other.device_id)
        yield Reading(metrics.LINK_INFO, (place.address, place.upstream, *ends, place.slot, place.root_port), 1.0)


def _of_state(place: Place, state: LinkState) -> Iterator[Reading]:
    labels, own, other = (place.address,), place.own, place.other_end
    yield Reading(metrics.UP, labels, float(state != (None, None)))
    for what, value, spec, spec_max, ours, theirs in (
        ("speed", state.speed, metrics.SPEED, metrics.SPEED_MAX, own.max_speed, other and other.max_speed),
        ("width", state.width, metrics.WIDTH, metrics.WIDTH_MAX, own.max_width, other and other.max_width),
    ):
        yield Reading(spec, labels, float(value)) if value is not None else _unreadable(spec, labels)
        if ours is not None:
            yield Reading(spec_max, labels, float(ours))
            if value is not None and theirs is not None:
                ends = (place.address, place.upstream, what)
                yield Reading(metrics.DEGRADED, ends, float(value < min(ours, theirs)))


def _of_root_port(labels: tuple[str, str], file: RootPortFile) -> Iterator[Reading]:
    try:
        count = file.read()
    except sysfs.Unreadable:
        yield _unreadable(metrics.ROOT_PORT, labels)
        return
    if count is not None:
        yield Reading(metrics.ROOT_PORT, labels, count)


def _unreadable(spec: MetricSpec, labels: tuple[str, ...]) -> Reading:
    return Reading(spec, labels, None, Quality.UNREADABLE)


def _inode(path: Path) -> int:
    try:
        return path.stat().st_ino
    except OSError:
        return 0

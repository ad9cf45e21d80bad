"""One PCIe device: what is fixed about it, and its readings, made anew only for what changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from fabricscope.model import MetricSpec, Quality, Reading
from probes.engine import TextFiles
from probes.engine.texts import Content
from probes.samplers.pcie import metrics
from probes.sources import pci_state, sysfs
from probes.sources.pci import Identity, LinkState
from probes.sources.pci_ports import ROOT_PORT
from probes.sources.pci_state import ERROR_FILES, LINK_FILES, ROOT_PORT_FILES, SEVERITIES


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
        names = (*LINK_FILES, *ERROR_FILES, *(ROOT_PORT_FILES if place.port == ROOT_PORT else ()))
        self._paths = [self._path / name for name in names]
        self._files = TextFiles([str(path) for path in self._paths])
        self._contents: list[Content] = [None] * len(names)
        self._parts: list[list[Reading]] = [list(_fixed(place)), *([] for _ in names)]
        """Readings of what is fixed, then of each file; those of a link's two are with the first."""
        self._rows: list[Reading] = []

    def readings(self) -> Sequence[Reading]:
        """Everything about it at this moment: the same list again while none of its files changed."""
        changes = self._files.changes()
        for index, content in changes:
            self._contents[index] = content
            self._read(index)
        if changes:
            self._rows = list(chain.from_iterable(self._parts))
        return self._rows

    def renewed(self) -> bool:
        """Whether the device went and came back under the same address."""
        return _inode(self._path) != self._inode

    def close(self) -> None:
        """Close its files."""
        self._files.close()

    def _read(self, index: int) -> None:
        """Make the readings of a file anew."""
        links = len(LINK_FILES)
        if index < links:
            self._parts[1] = list(self._of_link())
        elif index < links + len(SEVERITIES):
            self._parts[1 + index] = list(self._of_errors(index, index - links))
        else:
            self._parts[1 + index] = list(self._of_root_port(index, index - links - len(SEVERITIES)))

    def _of_link(self) -> Iterator[Reading]:
        width, speed = self._contents[: len(LINK_FILES)]
        try:
            state = pci_state.link(width, speed, self._path)
        except sysfs.Unreadable:
            labels = (self.place.address,)
            yield from (_unreadable(spec, labels) for spec in (metrics.UP, metrics.SPEED, metrics.WIDTH))
        else:
            yield from () if state is None else _of_state(self.place, state)

    def _of_errors(self, index: int, severity: int) -> Iterator[Reading]:
        spec, address = metrics.AER[SEVERITIES[severity]], self.place.address
        try:
            counts = pci_state.errors(self._contents[index], self._paths[index])
        except sysfs.Unreadable:
            yield from (_unreadable(spec, (address, name)) for name in self.errors[severity])
            return
        self.errors[severity] = tuple(counts or ())
        yield from (Reading(spec, (address, name), count) for name, count in (counts or {}).items())

    def _of_root_port(self, index: int, severity: int) -> Iterator[Reading]:
        labels = (self.place.address, SEVERITIES[severity])
        try:
            count = pci_state.received(self._contents[index], self._paths[index])
        except sysfs.Unreadable:
            yield _unreadable(metrics.ROOT_PORT, labels)
            return
        if count is not None:
            yield Reading(metrics.ROOT_PORT, labels, count)


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


def _unreadable(spec: MetricSpec, labels: tuple[str, ...]) -> Reading:
    return Reading(spec, labels, None, Quality.UNREADABLE)


def _inode(path: Path) -> int:
    try:
        return path.stat().st_ino
    except OSError:
        return 0

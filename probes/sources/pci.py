"""PCI devices below `<sys>/bus/pci`: what they are, what is upstream of them, their link and their AER counters.

Kernel documentation: Documentation/ABI/testing/sysfs-bus-pci and sysfs-bus-pci-devices-aer_stats. Attributes that a
device does not have are None.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from probes.sources import sysfs

MAX_AER_ROWS = 64
"""Kernels have 8 to 19 rows a file."""

ADDRESS = re.compile(r"[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]", re.ASCII)
_SPEED = re.compile(r"([0-9]{1,3}(?:\.[0-9])?) GT/s(?: PCIe)?", re.ASCII)
_AER_ROW = re.compile(r"([A-Za-z][A-Za-z0-9_\[\]]{0,39}) ([0-9]{1,20})", re.ASCII)
_WIDTHS = frozenset({1, 2, 4, 8, 12, 16, 32})
"""What a link can have."""
_GONE_WIDTHS = frozenset({63, 255})
"""What the link's status register says of a device that no longer answers, all ones: 63; 255 is the kernel's own word
for a width that it does not know."""
_UNKNOWN_SPEED = "Unknown"
"""The kernel's word for a speed that it has no name for: all ones, but also a generation that is younger than it."""


_NOWHERE = Path()


class AerError(ValueError):
    """A file of AER counters that holds something else."""


class Function(NamedTuple):
    """One PCI function by its place in the tree; cheap to read, so that it can be had of all."""

    address: str
    """Domain, bus, device and function, such as `0000:17:00.0`."""
    upstream: str
    """Address of the bridge above; empty below a root complex."""
    class_code: int
    """24 bits: base class, sub-class, programming interface; 0 when unknown."""
    virtual: bool
    """Whether it is an SR-IOV virtual function, which has no link of its own."""


class Identity(NamedTuple):
    """What else is fixed about a device; texts are empty when unknown."""

    vendor_id: str
    device_id: str
    driver: str
    numa_node: str
    max_speed: float | None
    """Transfers per second of each lane."""
    max_width: int | None
    """Lanes."""


class LinkState(NamedTuple):
    """What the two ends agreed on. What cannot be read is None; both are when the device does not answer."""

    speed: float | None
    width: int | None


def addresses(bus: Path) -> list[str]:
    """The addresses of all devices on `bus` (`<sys>/bus/pci`), sorted. Raises sysfs.Unreadable."""
    return [name for name in sysfs.entries(bus / "devices") if ADDRESS.fullmatch(name)]


def read_function(bus: Path, address: str) -> Function:
    """Where a device is in the tree and what class it has."""
    path = bus / "devices" / address
    try:
        class_code = sysfs.read_int(path / "class", base=16) or 0
    except sysfs.Unreadable:
        class_code = 0
    above = sysfs.read_parent_name(path)
    upstream = above if ADDRESS.fullmatch(above) else ""
    return Function(address, upstream, class_code, virtual=(path / "physfn").is_symlink())


def read_identity(bus: Path, address: str) -> Identity:
    """What is fixed about a device, as far as it can be read."""
    path = bus / "devices" / address
    numa_node = sysfs.read_label(path / "numa_node")
    return Identity(
        vendor_id=sysfs.read_label(path / "vendor"),
        device_id=sysfs.read_label(path / "device"),
        driver=sysfs.read_link_name(path / "driver"),
        numa_node="" if numa_node.startswith("-") else numa_node,
        max_speed=parse_speed(sysfs.read_label(path / "max_link_speed")),
        max_width=parse_width(sysfs.read_label(path / "max_link_width")),
    )


def has_link_or_aer(bus: Path, address: str) -> bool:
    """Whether there is anything to measure: conventional PCI and most virtual devices have neither."""
    path = bus / "devices" / address
    return any((path / name).exists() for name in ("current_link_width", "aer_dev_correctable"))


def read_slots(bus: Path) -> dict[str, str]:
    """Names of physical slots by the device's address without its function (`0000:17:00`)."""
    try:
        names = sysfs.entries(bus / "slots")
    except sysfs.Unreadable:
        return {}
    slots = {sysfs.read_label(bus / "slots" / name / "address"): sysfs.printable(name) for name in names}
    slots.pop("", None)
    return slots


def parse_link(speed: str, width: str, device: Path = _NOWHERE) -> LinkState | None:
    """The link from what its files hold; None for a function without one, such as a virtual function inside a VM.

    One of the two that is a value is a link. Neither is a device that is gone only if both are what the kernel shows of
    one: for anything else sysfs.Unreadable is raised, which names `device`.
    """
    if width == "0":
        return None
    state = LinkState(parse_speed(speed), parse_width(width))
    if state != (None, None) or (speed == _UNKNOWN_SPEED and sysfs.parse_int(width) in _GONE_WIDTHS):
        return state
    shown = sysfs.printable(f"{speed[:32]!r} and width {width[:32]!r}", 96)
    raise sysfs.Unreadable(device, f"not a link's speed and width: speed {shown}")


def parse_speed(text: str) -> float | None:
    """Transfers per second from `16.0 GT/s PCIe`, or `8 GT/s` as older kernels put it; None for `Unknown`."""
    found = _SPEED.fullmatch(text)
    return float(found.group(1)) * 1e9 if found else None


def parse_width(text: str) -> int | None:
    """Lanes; None for what is no width of a link."""
    width = sysfs.parse_int(text)
    return width if width in _WIDTHS else None


def parse_aer(text: str) -> dict[str, int]:
    """Errors by name from `NAME COUNT` lines, without the totals. Raises AerError."""
    rows: dict[str, int] = {}
    for line in text.splitlines():
        found = _AER_ROW.fullmatch(line.strip())
        if not found or len(rows) >= MAX_AER_ROWS:
            raise AerError(f"not a row of AER counters: {sysfs.printable(line, 64)!r}")
        count = int(found.group(2))
        if count >= 1 << 64:
            raise AerError(f"{found.group(1)} is {count}, more than 64 bits hold")
        # Some kernels head the total of non-fatal errors TOTAL_ERR_FATAL.
        if not found.group(1).startswith("TOTAL_"):
            rows[found.group(1)] = count
    return rows

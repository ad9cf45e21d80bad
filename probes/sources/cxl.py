"""CXL memory and what it hangs on, below `<sys>/bus/cxl/devices`.

Kernel documentation: Documentation/ABI/testing/sysfs-bus-cxl. Reads only: writing to some of the attributes there
erases memory or takes it away. Attributes that a device does not have are None, texts are empty.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from probes.sources import sysfs
from probes.sources.pci import ADDRESS

MAX_TARGETS = 32
"""Devices in one interleave set; CXL knows 16 ways."""

_NAME = re.compile(r"(mem|root|port|endpoint|region)[0-9]{1,6}|(decoder)[0-9]{1,6}\.[0-9]{1,3}", re.ASCII)


class Memory(NamedTuple):
    """What is fixed about a memory device, such as `mem0`."""

    name: str
    address: str
    """Of its PCI function; empty for one that is none."""
    serial: str
    firmware: str
    numa_node: str
    security: str
    """disabled, sanitize, locked, unlocked, frozen; empty where the kernel does not say."""
    ram_bytes: int | None
    persistent_bytes: int | None


class Port(NamedTuple):
    """A place in the hierarchy: the root, a host bridge or switch (`port`), or the end at a device (`endpoint`)."""

    name: str
    kind: str
    """root, port or endpoint."""
    parent: str
    """The port above it."""
    uport: str
    """What it belongs to: a PCI address, a memory device, or a device of the firmware."""
    parent_dport: str
    """The port's own downstream port that leads here: a PCI address, or a device of the firmware."""


class Region(NamedTuple):
    """What is fixed about a region of memory, such as `region0`."""

    name: str
    mode: str
    """ram or pmem."""
    decoder: str
    """The root decoder that it was carved out of."""
    targets: tuple[str, ...]
    """The decoders of the devices that it is spread over, in order."""


class Decoder(NamedTuple):
    """What a decoder, such as `decoder2.0`, maps."""

    name: str
    kind: str
    """root, switch or endpoint."""
    port: str
    """The port that it is part of."""
    mode: str
    region: str


def names(devices: Path) -> dict[str, list[str]]:
    """What there is, sorted, by kind: mem, root, port, endpoint, decoder, region. Raises sysfs.Unreadable."""
    found: dict[str, list[str]] = {}
    for name in sysfs.entries(devices):
        if match := _NAME.fullmatch(name):
            found.setdefault(match.group(1) or match.group(2), []).append(name)
    return found


def read_memory(devices: Path, name: str) -> Memory:
    """What is fixed about a memory device, as far as it can be read."""
    path = devices / name
    numa_node = sysfs.read_label(path / "numa_node")
    parent = sysfs.read_parent_name(path)
    return Memory(
        name=name,
        address=parent if ADDRESS.fullmatch(parent) else "",
        serial=sysfs.read_label(path / "serial"),
        firmware=sysfs.read_label(path / "firmware_version"),
        numa_node="" if numa_node.startswith("-") else numa_node,
        security=sysfs.read_label(path / "security" / "state"),
        ram_bytes=_size(path / "ram" / "size"),
        persistent_bytes=_size(path / "pmem" / "size"),
    )


def read_port(devices: Path, name: str) -> Port:
    """Where a port is in the hierarchy."""
    path = devices / name
    parent = sysfs.read_parent_name(path)
    return Port(
        name=name,
        kind=name.rstrip("0123456789"),
        parent=parent if _NAME.fullmatch(parent) else "",
        uport=sysfs.read_link_name(path / "uport"),
        parent_dport=sysfs.read_link_name(path / "parent_dport"),
    )


def read_region(devices: Path, name: str) -> Region:
    """What a region is made of."""
    path = devices / name
    decoder = sysfs.read_parent_name(path)
    targets: list[str] = []
    while len(targets) < MAX_TARGETS and (target := sysfs.read_label(path / f"target{len(targets)}")):
        targets.append(target)
    return Region(
        name=name,
        mode=sysfs.read_label(path / "mode"),
        decoder=decoder if _NAME.fullmatch(decoder) else "",
        targets=tuple(targets),
    )


def read_decoder(devices: Path, name: str) -> Decoder:
    """What a decoder maps."""
    path = devices / name
    port = sysfs.read_parent_name(path)
    return Decoder(
        name=name,
        kind=sysfs.read_label(path / "devtype").removeprefix("cxl_decoder_"),
        port=port if _NAME.fullmatch(port) else "",
        mode=sysfs.read_label(path / "mode"),
        region=sysfs.read_label(path / "region"),
    )


def has_driver(devices: Path, name: str) -> bool:
    """Whether the kernel uses the device: without its driver a memory device is in no address space."""
    return (devices / name / "driver").is_symlink()


def read_number(devices: Path, name: str, attribute: str) -> int | None:
    """A count or a size, decimal or with 0x before it; None when there is none. Raises sysfs.Unreadable."""
    value = sysfs.read_int(devices / name / attribute, base=0)
    if value is not None and not 0 <= value < 1 << 64:
        raise sysfs.Unreadable(devices / name / attribute, f"not a count: {value}")
    return value


def _size(path: Path) -> int | None:
    try:
        return read_number(path.parent, "", path.name)
    except sysfs.Unreadable:
        return None

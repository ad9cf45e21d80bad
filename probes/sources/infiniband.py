"""The RDMA devices of /sys/class/infiniband: InfiniBand HCAs and RoCE NICs, their ports and counter files.

Kernel documentation: Documentation/ABI/stable/sysfs-class-infiniband; widths: drivers/infiniband/core/sysfs.c.
Finding devices and reading their text is here; the counters themselves are read by probes.engine.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from probes.sources import sysfs

COUNTER_DIRECTORIES = ("counters", "counters_ext", "hw_counters")
"""Below a port. `counters_ext` is what kernels before 4.5 had for 64-bit counters."""
LIFESPAN = "lifespan"
"""The one file of hw_counters that is a setting: how long, in milliseconds, the kernel serves counters from memory."""

_DEVICE = re.compile(r"[!-~]{1,64}")
_PORT = re.compile(r"0|[1-9][0-9]{0,2}")
_STATE = re.compile(r"([0-9]{1,3})(?::.*)?")
_RATE = re.compile(r"([0-9]{1,6}(?:\.[0-9])?) Gb/sec \(([0-9]{1,3})X ?([A-Z0-9]{0,8})\)")


@dataclass(frozen=True, slots=True)
class CounterFile:
    """A file that may hold a counter."""

    directory: str
    """One of COUNTER_DIRECTORIES."""
    name: str
    path: Path


@dataclass(frozen=True, slots=True)
class Port:
    """A port of a device, as found at one time."""

    device: str
    number: str
    path: Path
    inode: int
    """Differs between two lives of a port that bear the same name."""
    link_layer: str
    """`InfiniBand` or `Ethernet`; empty where the kernel does not tell."""
    netdev: str
    """Network interface of a RoCE port."""
    lid: str
    """Local identifier that the subnet manager gave to an InfiniBand port, as hexadecimal with 0x."""
    gid: str
    """The first entry of its GID table: of an InfiniBand port, subnet prefix and port GUID."""
    counters: tuple[CounterFile, ...]
    lifespan_ms: int | None

    @property
    def extended(self) -> bool:
        """Whether the port surely has the 64-bit counter set, which comes with counts by kind of destination."""
        return any(file.directory == "counters" and file.name == "unicast_xmit_packets" for file in self.counters)


@dataclass(frozen=True, slots=True)
class Device:
    """An RDMA device, as found at one time."""

    name: str
    path: Path
    inode: int
    firmware: str
    hca_type: str
    board_id: str
    node_guid: str
    bus_address: str
    counters: tuple[CounterFile, ...]
    """Those of `hw_counters` of the device itself; most drivers have them by port."""
    ports: tuple[Port, ...]


class Rate(NamedTuple):
    """What a port runs at: `100 Gb/sec (4X EDR)`."""

    bytes_per_second: float
    """Signalling rate, as the kernel has it: lanes times the speed's nominal bits, through 8."""
    lanes: int
    speed: str


def names(directory: Path) -> list[str]:
    """The names of the devices below /sys/class/infiniband, sorted; those that the kernel would not give are skipped.

    Raises Unreadable.
    """
    return list(filter(_DEVICE.fullmatch, sysfs.entries(directory)))


def devices(directory: Path) -> Iterator[Device]:
    """The devices below /sys/class/infiniband, sorted by name. Raises Unreadable for the directory.

    A device that is going away while it is looked at is given as far as it was seen.
    """
    for name in names(directory):
        path = directory / name
        inode = _inode(path)
        if inode is not None:
            yield Device(
                name=name,
                path=path,
                inode=inode,
                firmware=sysfs.read_label(path / "fw_ver"),
                hca_type=sysfs.read_label(path / "hca_type"),
                board_id=sysfs.read_label(path / "board_id"),
                node_guid=sysfs.read_label(path / "node_guid"),
                bus_address=sysfs.read_link_name(path / "device"),
                counters=_counter_files(path, ("hw_counters",)),
                ports=tuple(_ports(name, path)),
            )


def watched(known: Sequence[Device]) -> list[Path]:
    """The directories by which `fingerprint` tells whether these devices are as they were."""
    paths = [path for device in known for path in (device.path, device.path / "ports")]
    return [*paths, *(port.path for device in known for port in device.ports)]


def fingerprint(directory: Path, paths: Iterable[Path]) -> tuple[object, ...]:
    """Changes when a device or a port appears, goes, or is replaced; costs a listing and a few stats.

    By inode and link count of the `paths`, which for a sysfs directory are its identity and its number of
    subdirectories.
    """
    return (*sysfs.entries(directory), *map(_identity, paths))


def read_rate(path: Path) -> Rate | None:
    """The contents of `rate`; None when absent. Raises Unreadable."""
    text = sysfs.read_text(path)
    if text is None:
        return None
    rate = parse_rate(text)
    if rate is None:
        raise sysfs.Unreadable(path, f"not a rate: {sysfs.printable(text, 32)}")
    return rate


def parse_state(text: str) -> int | None:
    """4 of "4: ACTIVE"; None when there is no number."""
    found = _STATE.fullmatch(text)
    return int(found[1]) if found else None


def parse_rate(text: str) -> Rate | None:
    """12.5e9 bytes a second, 4 lanes, "EDR" of "100 Gb/sec (4X EDR)"; None when it is something else."""
    found = _RATE.fullmatch(text)
    return Rate(float(found[1]) * 1e9 / 8, int(found[2]), found[3]) if found else None


def _ports(device: str, path: Path) -> Iterator[Port]:
    for number in sorted(filter(_PORT.fullmatch, _entries(path / "ports")), key=int):
        port = path / "ports" / number
        inode = _inode(port)
        if inode is None:
            continue
        link_layer = sysfs.read_label(port / "link_layer")
        yield Port(
            device=device,
            number=number,
            path=port,
            inode=inode,
            link_layer=link_layer,
            netdev=_netdev(path, port, int(number)) if link_layer == "Ethernet" else "",
            lid=sysfs.read_label(port / "lid"),
            gid=sysfs.read_label(port / "gids" / "0"),
            counters=_counter_files(port, COUNTER_DIRECTORIES),
            lifespan_ms=_lifespan(port / "hw_counters" / LIFESPAN),
        )


def _netdev(device: Path, port: Path, number: int) -> str:
    """The interface of a RoCE port: that of its first GID, or the one of the PCI function that has this port."""
    if name := sysfs.read_label(port / "gid_attrs" / "ndevs" / "0"):
        return name
    directory = device / "device" / "net"
    names = [name for name in _entries(directory) if _optional_int(directory / name / "dev_port") == number - 1]
    return sysfs.printable(names[0]) if len(names) == 1 else ""


def _counter_files(path: Path, directories: tuple[str, ...]) -> tuple[CounterFile, ...]:
    """In an order that keeps what one firmware query refreshes together."""
    return tuple(
        CounterFile(directory, name, path / directory / name)
        for directory in directories
        for name in _entries(path / directory)
        if name != LIFESPAN
    )


def _lifespan(path: Path) -> int | None:
    milliseconds = _optional_int(path)
    return milliseconds if milliseconds is not None and 0 <= milliseconds <= 10_000 else None


def _entries(directory: Path) -> list[str]:
    """As sysfs.entries; one directory that cannot be read hides its own entries only."""
    try:
        return sysfs.entries(directory)
    except sysfs.Unreadable:
        return []


def _optional_int(path: Path) -> int | None:
    try:
        return sysfs.read_int(path)
    except sysfs.Unreadable:
        return None


def _inode(path: Path) -> int | None:
    identity = _identity(path)
    return None if identity is None else identity[0]


def _identity(path: Path) -> tuple[int, int] | None:
    """Inode and link count; None for what is gone."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return status.st_ino, status.st_nlink

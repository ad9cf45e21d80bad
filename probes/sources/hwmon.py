"""Hardware monitoring chips below `<sys>/class/hwmon`: which sensors there are, and what they say.

Kernel documentation: Documentation/hwmon/sysfs-interface.rst. Every value is one whole number in a file of its own, in
milli- or micro-units. A chip's number (`hwmon3`) changes from boot to boot, so a chip goes by its driver's name and by
the device that it sits on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from probes.sources import pci, sysfs

MAX_CHIPS = 256
MAX_FILES = 4096
"""Attributes of one chip that are looked at."""

_FILE = re.compile(r"(temp|fan|in|curr|power|energy|humidity|intrusion)([0-9]{1,4})_([a-z][a-z_]{0,31})", re.ASCII)
_I2C_CLIENT = re.compile(r"[0-9]{1,4}-[0-9a-f]{4}", re.ASCII)

PER_UNIT = {
    "temp": 1_000,
    "fan": 1,
    "in": 1_000,
    "curr": 1_000,
    "power": 1_000_000,
    "energy": 1_000_000,
    "humidity": 100_000,
    "intrusion": 1,
}
"""Counts of the file in one degree Celsius, revolution per minute, volt, ampere, watt, joule and whole (1.0)."""

_NOTHING_TO_SAY = frozenset({"ENODATA", "EOPNOTSUPP", "ENOSYS"})
"""What drivers say of a sensor that is not wired or has nothing to measure, such as that of a radio that is off."""
_COLDEST, _HOTTEST = -273.15, 1000.0
"""Outside of these a temperature is a driver's way to say "none", such as 0 K and 65,535 K as limits of NVMe drives."""


class Attribute(NamedTuple):
    """What the name of a file says: `temp1_crit_alarm` is item `crit_alarm` of sensor 1 of kind `temp`."""

    kind: str
    number: int
    item: str

    @property
    def sensor(self) -> str:
        """The sensor that it belongs to, such as `temp1`."""
        return f"{self.kind}{self.number}"


class Chip(NamedTuple):
    """One chip with the files that it has."""

    path: Path
    """Where its files are: its own directory, or that of its device with drivers of old."""
    name: str
    """The driver's name for it, such as `coretemp` or `mlx5`."""
    device: str
    """PCI address, or the name of the platform device: `0000:19:00.0`, `coretemp.0`."""
    attributes: tuple[Attribute, ...]


def chips(directory: Path) -> list[Chip]:
    """All chips in `directory` (`<sys>/class/hwmon`), in the order of their devices. Raises sysfs.Unreadable.

    Of several chips of one name on one device all but the first get `#2`, `#3` ... behind the device.
    """
    found = [chip for name in sysfs.entries(directory)[:MAX_CHIPS] if (chip := _read_chip(directory / name))]
    found.sort(key=lambda chip: (chip.device, chip.name, _natural(chip.path.name)))
    seen: dict[tuple[str, str], int] = {}
    result = []
    for chip in found:
        count = seen[chip.device, chip.name] = seen.get((chip.device, chip.name), 0) + 1
        result.append(chip if count == 1 else chip._replace(device=f"{chip.device}#{count}"))
    return result


def read_label(chip: Chip, attribute: Attribute) -> str:
    """What the driver calls the sensor, such as `Core 3` or `Module0`; empty when it says nothing."""
    return sysfs.read_label(chip.path / f"{attribute.sensor}_label")


def read(path: Path) -> int | None:
    """The number in an attribute's file; None when there is none to be had. Raises sysfs.Unreadable."""
    try:
        value = sysfs.read_int(path)
    except sysfs.Unreadable as error:
        if error.reason in _NOTHING_TO_SAY:
            return None
        raise
    if value is not None and not -(1 << 63) <= value < 1 << 63:
        raise sysfs.Unreadable(path, f"{value} is more than 64 bits hold")
    return value


def scaled(kind: str, value: int) -> float | None:
    """A file's number in the unit that PER_UNIT tells; None for a temperature that nothing can have."""
    result = value / PER_UNIT[kind]
    return result if kind != "temp" or _COLDEST < result < _HOTTEST else None


def parse_attribute(name: str) -> Attribute | None:
    """What a file of a chip is, by its name; None for files that are no values of sensors."""
    found = _FILE.fullmatch(name)
    return Attribute(found[1], int(found[2]), found[3]) if found else None


def device_name(parts: Sequence[str]) -> str:
    """The name of the device that a chip's directory is below, from the parts of its path, the chip's own one last.

    That is the last PCI address on the way, with the chip's own address on the I2C bus behind it if it has one
    (`0000:00:1f.4/0-0018`), and the name of the parent where there is none.
    """
    above = [part for part in parts[:-1] if part != "hwmon"]
    parent = above[-1] if above else ""
    addresses = [part for part in above if pci.ADDRESS.fullmatch(part)]
    if not addresses:
        return sysfs.printable(parent)
    return f"{addresses[-1]}/{parent}" if _I2C_CLIENT.fullmatch(parent) else addresses[-1]


def _read_chip(path: Path) -> Chip | None:
    """A chip with its files; None when it has just gone, or has none that are known."""
    try:
        place = path.resolve()
    except (OSError, RuntimeError):
        return None
    for directory in (path, path / "device"):
        try:
            attributes = _attributes(sysfs.entries(directory))
        except sysfs.Unreadable:
            continue
        if attributes:
            name = sysfs.read_label(directory / "name") or sysfs.read_label(path / "name")
            return Chip(directory, name, device_name(place.parts), attributes)
    return None


def _attributes(names: Iterable[str]) -> tuple[Attribute, ...]:
    known = [attribute for name in list(names)[:MAX_FILES] if (attribute := parse_attribute(name))]
    return tuple(sorted(known))


def _natural(name: str) -> tuple[int, str]:
    """`hwmon10` behind `hwmon9`."""
    digits = name.removeprefix("hwmon")
    return (int(digits) if digits.isdecimal() and len(digits) < 10 else 0, name)

"""What changes about a PCI Express device: its link and its error counters, from what their files hold.

Kernel documentation: Documentation/ABI/testing/sysfs-bus-pci and sysfs-bus-pci-devices-aer_stats. The files are read by
probes.engine (TextFiles), and parsed here when they changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from probes.engine.texts import Content
from probes.sources import sysfs
from probes.sources.pci import AerError, LinkState, parse_aer, parse_link

SEVERITIES = ("correctable", "nonfatal", "fatal")
"""Of errors, as the files are called."""
LINK_FILES = ("current_link_width", "current_link_speed")
ERROR_FILES = tuple(f"aer_dev_{severity}" for severity in SEVERITIES)
"""By severity."""
ROOT_PORT_FILES = tuple(f"aer_rootport_total_err_{name}" for name in ("cor", "nonfatal", "fatal"))
"""By severity: how many messages a root port received, from all that is below it."""

_GONE = "EINVAL"
"""What the kernel says of a device that is disconnected, where it refuses to read a half of its link."""
_GONE_WIDTH, _GONE_SPEED = b"63", b"Unknown"
"""What it shows of one that is gone where it does not refuse."""


def link(width: Content, speed: Content, device: Path) -> LinkState | None:
    """The negotiated link of a device from LINK_FILES, also if half of it cannot be read; None without one.

    Raises sysfs.Unreadable when neither half is to be had and the device is not known to be gone.
    """
    if isinstance(width, str) and isinstance(speed, str) and _GONE not in (width, speed):
        raise sysfs.Unreadable(device / LINK_FILES[0], width)
    halves = _half(width, _GONE_WIDTH), _half(speed, _GONE_SPEED)
    if halves[0] is None or halves[1] is None:
        return None
    return parse_link(sysfs.decoded(halves[1]), sysfs.decoded(halves[0]), device)


def errors(content: Content, path: Path) -> Mapping[str, int] | None:
    """Errors by name (AER) from one of ERROR_FILES; None without AER. Raises sysfs.Unreadable."""
    if content is None:
        return None
    try:
        return parse_aer(sysfs.decoded(_octets(content, path)))
    except AerError as error:
        raise sysfs.Unreadable(path, str(error)) from error


def received(content: Content, path: Path) -> int | None:
    """The count from one of ROOT_PORT_FILES; None for what is no root port, or has no AER. Raises sysfs.Unreadable."""
    if content is None:
        return None
    text = sysfs.decoded(_octets(content, path))
    count = sysfs.parse_int(text)
    if count is None or not 0 <= count < 1 << 64:
        raise sysfs.Unreadable(path, f"not a count: {sysfs.printable(text, 32)!r}")
    return count


def _octets(content: bytes | str, path: Path) -> bytes:
    if isinstance(content, str):
        raise sysfs.Unreadable(path, content)
    return content


def _half(content: Content, gone: bytes) -> bytes | None:
    """What one of a link's two files holds: `gone` if the kernel says that the device is; nothing if it is refused."""
    if isinstance(content, str):
        return gone if content == _GONE else b""
    return content

"""What changes about a PCI Express device: its link and its error counters, on files that stay open.

Kernel documentation: Documentation/ABI/testing/sysfs-bus-pci and sysfs-bus-pci-devices-aer_stats. Text that is as
it was is not parsed again: then the very same object is returned, so that whoever asks can tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from probes.sources import sysfs
from probes.sources.held import HeldFile
from probes.sources.pci import AerError, LinkState, parse_aer, parse_link

SEVERITIES = ("correctable", "nonfatal", "fatal")
"""Of errors, as the files are called."""
_ROOT_PORT_FILES = {"correctable": "cor", "nonfatal": "nonfatal", "fatal": "fatal"}

_GONE_SPEED, _GONE_WIDTH = b"Unknown", b"63"
"""What the kernel shows of a device that is gone where it does not refuse to read it."""


class LinkFiles:
    """The negotiated link of one device."""

    def __init__(self, device: Path) -> None:
        """`device` is `<sys>/bus/pci/devices/<address>`."""
        self._device = device
        self._width, self._speed = HeldFile(device / "current_link_width"), HeldFile(device / "current_link_speed")
        self._content: tuple[bytes | None, bytes | None] = (None, None)
        self._state: LinkState | None = None

    def read(self) -> LinkState | None:
        """The link, also if half of it cannot be read; None for a device without one.

        Raises sysfs.Unreadable when neither half is to be had and the device is not known to be gone.
        """
        width, refused = _half(self._width, _GONE_WIDTH)
        speed, refused_too = _half(self._speed, _GONE_SPEED)
        if refused is not None and refused_too is not None:
            raise refused
        if (width, speed) != self._content:
            known = width is not None and speed is not None
            texts = (sysfs.decoded(speed or b""), sysfs.decoded(width or b""))
            self._state = parse_link(*texts, self._device) if known else None
            self._content = (width, speed)
        return self._state

    def close(self) -> None:
        """Give the descriptors back."""
        self._width.close()
        self._speed.close()


class ErrorFile:
    """The error counters (AER) of one device and severity."""

    def __init__(self, device: Path, severity: str) -> None:
        """`device` is `<sys>/bus/pci/devices/<address>`; `severity` is one of SEVERITIES."""
        self._file = HeldFile(device / f"aer_dev_{severity}")
        self._content: bytes | None = None
        self._errors: Mapping[str, int] | None = None

    def read(self) -> Mapping[str, int] | None:
        """Errors by name; None without AER. Raises sysfs.Unreadable."""
        content = self._file.read()
        if content != self._content:
            try:
                self._errors = None if content is None else parse_aer(sysfs.decoded(content))
            except AerError as error:
                raise sysfs.Unreadable(self._file.path, str(error)) from error
            self._content = content
        return self._errors

    def close(self) -> None:
        """Give the descriptor back."""
        self._file.close()


class RootPortFile:
    """How many messages of a severity a root port received, from all that is below it."""

    def __init__(self, device: Path, severity: str) -> None:
        """`device` is `<sys>/bus/pci/devices/<address>`; `severity` is one of SEVERITIES."""
        self._file = HeldFile(device / f"aer_rootport_total_err_{_ROOT_PORT_FILES[severity]}")

    def read(self) -> int | None:
        """The count; None for what is no root port, or has no AER. Raises sysfs.Unreadable."""
        content = self._file.read()
        if content is None:
            return None
        count = sysfs.parse_int(sysfs.decoded(content))
        if count is None or not 0 <= count < 1 << 64:
            raise sysfs.Unreadable(self._file.path, f"not a count: {sysfs.printable(sysfs.decoded(content), 32)!r}")
        return count

    def close(self) -> None:
        """Give the descriptor back."""
        self._file.close()


def _half(file: HeldFile, gone: bytes) -> tuple[bytes | None, sysfs.Unreadable | None]:
    """What one of a link's two files holds, `gone` if the kernel says that the device is; and why it cannot be read."""
    try:
        return file.read(), None
    except sysfs.Unreadable as error:
        # EINVAL is what the kernel says of a device that is disconnected.
        return (gone, None) if error.reason == "EINVAL" else (b"", error)

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

_DISCONNECTED = LinkState(None, None)


class LinkFiles:
    """The negotiated link of one device."""

    def __init__(self, device: Path) -> None:
        """`device` is `<sys>/bus/pci/devices/<address>`."""
        self._width, self._speed = HeldFile(device / "current_link_width"), HeldFile(device / "current_link_speed")
        self._content: tuple[bytes | None, bytes | None] = (None, None)
        self._state: LinkState | None = None

    def read(self) -> LinkState | None:
        """The link; None for a device without one. Raises sysfs.Unreadable."""
        try:
            content = (self._width.read(), self._speed.read())
        except sysfs.Unreadable as error:
            if error.reason == "EINVAL":  # what the kernel says of a device that is disconnected
                return _DISCONNECTED
            raise
        if content != self._content:
            width, speed = content
            self._state = None if width is None or speed is None else parse_link(_text(speed), _text(width))
            self._content = content
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
                self._errors = None if content is None else parse_aer(_text(content))
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
        count = sysfs.parse_int(_text(content))
        if count is None or not 0 <= count < 1 << 64:
            raise sysfs.Unreadable(self._file.path, f"not a count: {sysfs.printable(_text(content), 32)!r}")
        return count

    def close(self) -> None:
        """Give the descriptor back."""
        self._file.close()


def _text(content: bytes) -> str:
    return content.decode("utf-8", "replace").strip(" \t\r\n\x00")

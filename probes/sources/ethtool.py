"""Statistics that drivers of network interfaces keep for themselves: what `ethtool -S` shows.

Kernel documentation: Documentation/networking/statistics.rst, include/uapi/linux/ethtool.h; the ioctls are in
net/ethtool/ioctl.c. None of those asked here needs a privilege. They show the network namespace of the socket.

The names are asked for once, for they are much longer than the values; a driver may change both their number and what
they are at any time (rings, traffic classes), so each answer is compared with the number that the names were for.
The parsers take bytes and do no ioctl.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import struct
from array import array
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

MAX_STATISTICS = 16384
"""Statistics of one interface, at most; adapters with hundreds of rings have several thousand."""

_SIOCETHTOOL = 0x8946
_GDRVINFO, _GSTRINGS, _GSTATS, _GSSET_INFO = 0x03, 0x1B, 0x1D, 0x37
_SS_STATS = 1
"""The string set that names the statistics (ETH_SS_STATS)."""
_NAME_BYTES = 32
_MAX_DEVICE_BYTES = 15

# The structures are those of the running kernel, so native byte order and alignment.
_REQUEST = struct.Struct("@16sP16x")  # ifreq: interface, pointer
_DRVINFO = struct.Struct("=I32s32s32s32s32s12x5I")  # the command, five texts, five counts
_SSET_INFO = struct.Struct("=IIQI")  # command, reserved, mask of sets, count of the one set
_GSTRINGS_HEAD = struct.Struct("=III")  # command, set, count
_STATS_HEAD = struct.Struct("=II")  # command, count
_VALUE_BYTES = 8

Call = Callable[[str, "array[int]"], None]
"""Does the ioctl for an interface's name on a buffer, in place. Raises OSError as the kernel does."""


class EthtoolError(OSError):
    """The kernel refused, or what it answered cannot be used."""


class CountChangedError(EthtoolError):
    """The driver has another number of statistics than was expected: ask for the names again."""


class Driver(NamedTuple):
    """Who drives an interface."""

    name: str
    firmware: str
    bus_info: str
    """Address of the device on its bus, such as `0000:17:00.0`."""


def parse_driver(answer: bytes | memoryview) -> Driver:
    """The driver from a `struct ethtool_drvinfo`. Raises EthtoolError."""
    _check_length(answer, _DRVINFO.size, "driver")
    _command, name, _version, firmware, bus_info, _erom, *_counts = _DRVINFO.unpack_from(answer)
    return Driver(_text(name), _text(firmware), _text(bus_info))


def parse_count(answer: bytes | memoryview) -> int:
    """The number of statistics from a `struct ethtool_sset_info`; 0 where a driver has none. Raises EthtoolError."""
    _check_length(answer, _SSET_INFO.size, "string set")
    _command, _reserved, mask, count = _SSET_INFO.unpack_from(answer)
    if not mask & 1 << _SS_STATS:
        return 0
    if count > MAX_STATISTICS:
        raise EthtoolError(errno.E2BIG, f"{count} statistics, where {MAX_STATISTICS} are read at most")
    return int(count)


def parse_names(answer: bytes | memoryview, count: int) -> tuple[str, ...]:
    """The names from a `struct ethtool_gstrings` that is to have `count` of them.

    Some drivers write white space around a name, which is taken off. Raises EthtoolError, CountChangedError.
    """
    _check_length(answer, _GSTRINGS_HEAD.size, "string")
    _check_count(_GSTRINGS_HEAD.unpack_from(answer)[2], count)
    _check_length(answer, _GSTRINGS_HEAD.size + count * _NAME_BYTES, "string")
    names = memoryview(answer)[_GSTRINGS_HEAD.size :]
    return tuple(_text(bytes(names[at : at + _NAME_BYTES])) for at in range(0, count * _NAME_BYTES, _NAME_BYTES))


def parse_values(answer: bytes | memoryview, count: int, indexes: Sequence[int]) -> list[int]:
    """The values at `indexes` of a `struct ethtool_stats` that is to have `count` of them, as u64.

    Raises EthtoolError, CountChangedError; IndexError for an index beyond the count.
    """
    _check_length(answer, _STATS_HEAD.size, "statistics")
    _check_count(_STATS_HEAD.unpack_from(answer)[1], count)
    end = _STATS_HEAD.size + count * _VALUE_BYTES
    _check_length(answer, end, "statistics")
    values = memoryview(answer)[_STATS_HEAD.size : end].cast("B").cast("Q")
    return [values[index] for index in indexes]


def indexes_of(names: Sequence[str], wanted: Mapping[str, object] | Sequence[str]) -> dict[str, int]:
    """Where those of the `wanted` names that a driver has stand in its statistics.

    The 64-bit value at index i is at byte 8 + 8 * i of what ETHTOOL_GSTATS answers. Of a name that is there twice it
    is the first.
    """
    found: dict[str, int] = {}
    for index, name in enumerate(names):
        if name in wanted:
            found.setdefault(name, index)
    return found


class Ethtool:
    """Asks on one socket that stays open; it is opened when it is first needed."""

    def __init__(self, call: Call | None = None) -> None:
        """`call` stands for the kernel in tests."""
        self._call = call or self._ioctl
        self._socket: socket.socket | None = None
        # Most kernels write as many values as the driver has at that moment, whatever the caller has room for; only
        # newer ones compare that with the number in the request. So there is room for all that are taken at most.
        self._values = array("B", bytes(_STATS_HEAD.size + MAX_STATISTICS * _VALUE_BYTES))

    def driver(self, device: str) -> Driver | None:
        """Who drives an interface; None for one that does not exist or tells nothing. Raises EthtoolError."""
        answer = array("B", _DRVINFO.pack(_GDRVINFO, b"", b"", b"", b"", b"", 0, 0, 0, 0, 0))
        return parse_driver(answer.tobytes()) if self._asked(device, answer) else None

    def names(self, device: str) -> tuple[str, ...]:
        """The names of an interface's statistics in their order; empty when it has none or does not exist.

        Raises EthtoolError.
        """
        answer = array("B", _SSET_INFO.pack(_GSSET_INFO, 0, 1 << _SS_STATS, 0))
        if not self._asked(device, answer) or not (count := parse_count(answer.tobytes())):
            return ()
        head = _GSTRINGS_HEAD.pack(_GSTRINGS, _SS_STATS, count)
        answer = array("B", head + bytes(MAX_STATISTICS * _NAME_BYTES))
        return parse_names(memoryview(answer), count) if self._asked(device, answer) else ()

    def values(self, device: str, count: int, indexes: Sequence[int]) -> list[int] | None:
        """The statistics at `indexes`, of an interface that has `count`; None when it is gone.

        Raises CountChangedError when `names` is to be asked again, else EthtoolError.
        """
        _STATS_HEAD.pack_into(self._values, 0, _GSTATS, count)
        if not self._asked(device, self._values):
            return None
        return parse_values(memoryview(self._values), count, indexes)

    def close(self) -> None:
        """Close the socket; a later call opens it again."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _asked(self, device: str, buffer: array[int]) -> bool:
        """Whether there is an answer: neither an interface that is gone nor one without statistics is an error."""
        if not 0 < len(os.fsencode(device)) <= _MAX_DEVICE_BYTES or "\0" in device:
            raise EthtoolError(errno.EINVAL, f"not the name of a network interface: {device!r:.64}")
        try:
            self._call(device, buffer)
        except OSError as error:
            if error.errno in (errno.ENODEV, errno.EOPNOTSUPP):
                return False
            raise EthtoolError(error.errno, f"{device}: ethtool: {error.strerror}") from error
        return True

    def _ioctl(self, device: str, buffer: array[int]) -> None:
        if self._socket is None:
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        address, _length = buffer.buffer_info()
        fcntl.ioctl(self._socket, _SIOCETHTOOL, _REQUEST.pack(os.fsencode(device), address))

    def __del__(self) -> None:
        """Leave no socket behind."""
        with suppress(AttributeError):
            self.close()


def _check_length(answer: bytes | memoryview, needed: int, what: str) -> None:
    if len(answer) < needed:
        raise EthtoolError(errno.EBADMSG, f"malformed {what} answer: {len(answer)} bytes, expected {needed}")


def _check_count(count: int, expected: int) -> None:
    """Newer kernels answer 0 when the driver's number is not the one in the request, older ones the driver's."""
    if count != expected:
        raise CountChangedError(errno.ESTALE, f"{count} statistics, where {expected} were expected")


def _text(field: bytes) -> str:
    text = field.partition(b"\0")[0].decode("utf-8", "replace").strip()
    return "".join(letter if letter.isprintable() else "?" for letter in text)

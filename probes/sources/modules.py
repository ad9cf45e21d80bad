"""The memory of network interfaces' pluggable modules: by netlink, or by ioctl where the kernel reads no pages.

Kernel documentation: include/uapi/linux/ethtool.h (ETHTOOL_GMODULEINFO, ETHTOOL_GMODULEEEPROM), for kernels before
5.13. The ioctls give one linear dump, whose layout is that of the type they tell. Both ways need CAP_NET_ADMIN.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import struct
from array import array
from collections.abc import Callable
from contextlib import suppress

from probes.sources.eeprom.memory import DIAGNOSTICS, HALF, MAIN, Memory, Span
from probes.sources.ethtool_netlink import EthtoolNetlink

_SIOCETHTOOL = 0x8946
_GMODULEINFO, _GMODULEEEPROM = 0x42, 0x43
_REQUEST = struct.Struct("@16sP16x")  # ifreq: interface, pointer
_INFO = struct.Struct("=III32x")  # ethtool_modinfo: command, type, length
_EEPROM_HEAD = struct.Struct("=IIII")  # ethtool_eeprom: command, magic, offset, length
_SFF_8472, _SFF_8636, _SFF_8436 = 2, 3, 4

_NO_SUCH_PAGE = frozenset({errno.EINVAL, errno.EOPNOTSUPP})
"""What is said of a page other than the first, of a module that answers."""
_NO_PAGES = frozenset({errno.ENOENT, errno.EOPNOTSUPP})
"""What kernels say that have no such netlink family, or no such command in it."""

Read = Callable[[str, Span], bytes | None]
"""Reads a span of an interface's module; None when there is no such page. Raises OSError as the kernel does."""


class Modules:
    """Gives the memory of interfaces' modules; sockets are opened when they are first needed."""

    def __init__(self) -> None:
        self._netlink = EthtoolNetlink()
        self._linear = LinearReader()

    def memory(self, device: str) -> Memory:
        """The memory of an interface's module, whether or not there is one: reading says so."""
        return _DeviceMemory(device, self.read)

    def read(self, device: str, span: Span) -> bytes | None:
        """The bytes of a span; None when the module has no such page.

        Raises OSError: EPERM without CAP_NET_ADMIN, EOPNOTSUPP for an interface without modules, ENODEV for one that is
        gone; EIO or another number of the driver's when no module answers.
        """
        try:
            return self._either_way(device, span)
        except OSError as error:
            if error.errno in _NO_SUCH_PAGE and (span.page or span.address != MAIN):
                return None
            raise

    def _either_way(self, device: str, span: Span) -> bytes | None:
        try:
            return self._netlink.read_module(device, span.page, span.bank, span.offset, span.length, span.address)
        except OSError as error:
            if error.errno not in _NO_PAGES:
                raise
        return self._linear.read(device, span)

    def close(self) -> None:
        """Close the sockets; a later read opens them again."""
        self._netlink.close()
        self._linear.close()


class _DeviceMemory:
    def __init__(self, device: str, read: Read) -> None:
        self._device = device
        self._read = read

    def read(self, span: Span) -> bytes | None:
        """As `Memory` says."""
        return self._read(self._device, span)


class LinearReader:
    """Reads by ioctl."""

    def __init__(self, call: Callable[[str, array[int]], None] | None = None) -> None:
        """`call` does the ioctl for an interface on a buffer, in place; it stands for the kernel in tests."""
        self._call = call or self._ioctl
        self._socket: socket.socket | None = None

    def read(self, device: str, span: Span) -> bytes | None:
        """As `Modules.read`."""
        info = array("B", _INFO.pack(_GMODULEINFO, 0, 0))
        self._asked(device, info)
        _command, kind, length = _INFO.unpack(info.tobytes())
        place = linear_place(span, kind, length)
        if place is None:
            return None
        answer = array("B", _EEPROM_HEAD.pack(_GMODULEEEPROM, 0, place, span.length) + bytes(span.length))
        self._asked(device, answer)
        came = _EEPROM_HEAD.unpack_from(answer.tobytes())[3]
        return answer.tobytes()[_EEPROM_HEAD.size : _EEPROM_HEAD.size + min(came, span.length)]

    def close(self) -> None:
        """Close the socket; a later read opens it again."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _asked(self, device: str, buffer: array[int]) -> None:
        try:
            self._call(device, buffer)
        except OSError as error:
            reason = "the memory of modules is for CAP_NET_ADMIN only" if error.errno == errno.EPERM else error.strerror
            raise OSError(error.errno, f"{device}: {reason}") from error

    def _ioctl(self, device: str, buffer: array[int]) -> None:
        if self._socket is None:
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        address, _length = buffer.buffer_info()
        fcntl.ioctl(self._socket, _SIOCETHTOOL, _REQUEST.pack(os.fsencode(device)[:15], address))

    def __del__(self) -> None:
        """Leave no socket behind."""
        with suppress(AttributeError):
            self.close()


def linear_place(span: Span, kind: int, length: int) -> int | None:
    """Where a span begins in the linear dump of a module of type `kind`; None where that does not have it."""
    if span.bank:
        return None
    if span.address == DIAGNOSTICS:
        place = 2 * HALF + span.offset if kind == _SFF_8472 and not span.page else None
    elif span.page:
        place = span.page * HALF + span.offset if kind in (_SFF_8636, _SFF_8436) else None
    else:
        place = span.offset
    return None if place is None or place + span.length > length else place

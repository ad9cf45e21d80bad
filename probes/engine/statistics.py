"""A driver's own statistics (`ethtool -S`) by ioctl, in plain Python: the specification of engine/src/statistics.rs.

include/uapi/linux/ethtool.h: ETHTOOL_GSSET_INFO says how many statistics there are, ETHTOOL_GSTATS gives them all, and
writes as many as there are at that moment, whatever room there is. So the room is for far more than were counted just
before. When their number is not the one that the indexes were found for, there is no value: the driver was set up
anew, and an index would mean something else.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import socket
import struct
from collections.abc import Sequence

MAX_STATISTICS = 1 << 16
"""Statistics for which there is room."""

_SIOCETHTOOL = 0x8946
_GSTATS = 0x1D
_GSSET_INFO = 0x37
_STATS_SET = 1
_NAME_OCTETS = 16


class Statistics:
    """Some of the statistics of one interface, by their indexes."""

    def __init__(self, interface: str, indexes: Sequence[int], count: int) -> None:
        """`count` is how many statistics the interface had when the indexes were found.

        Raises ValueError for a name that no interface can have, an index beyond `count`, or more than 32,768.
        """
        name = interface.encode()
        if not 0 < len(name) < _NAME_OCTETS or 0 in name:
            raise ValueError(f"no name of an interface: {interface!r}")
        if count > MAX_STATISTICS // 2 or not all(0 <= index < count for index in indexes):
            raise ValueError(f"an index that is not below {count}, or more than {MAX_STATISTICS // 2} statistics")
        self._name = name
        self._indexes = indexes
        self._count = count
        self._socket: socket.socket | None = None
        self._room: bytearray | None = None

    def read(self) -> list[int] | int:
        """The statistics at the indexes, or the errno of what went wrong: EBADMSG when their number has changed."""
        try:
            if self._socket is None:
                # Of any family: the ioctl is for the interface.
                self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
            if self._room is None:
                self._room = bytearray(8 + 8 * MAX_STATISTICS)
            if self._counted() != self._count:
                return errno.EBADMSG
            struct.pack_into("=II", self._room, 0, _GSTATS, self._count)
            self._ask(self._room)
        except OSError as error:
            return error.errno or errno.EIO
        if struct.unpack_from("=I", self._room, 4)[0] != self._count:
            return errno.EBADMSG
        return [struct.unpack_from("=Q", self._room, 8 + 8 * index)[0] for index in self._indexes]

    def close(self) -> None:
        """Close the socket; a later read opens another."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _counted(self) -> int:
        # The mask says of which sets the count is wanted, and in the answer of which there is one.
        question = bytearray(struct.pack("=IIQI", _GSSET_INFO, 0, 1 << _STATS_SET, 0))
        self._ask(question)
        _, _, mask, count = struct.unpack("=IIQI", question)
        return int(count) if mask & 1 << _STATS_SET else 0

    def _ask(self, buffer: bytearray) -> None:
        """SIOCETHTOOL with this buffer, which the kernel writes to."""
        if self._socket is None:
            raise OSError(errno.EBADF, "closed")
        address = ctypes.addressof(ctypes.c_char.from_buffer(buffer))
        request = self._name.ljust(_NAME_OCTETS, b"\0") + struct.pack("@P", address)
        fcntl.ioctl(self._socket, _SIOCETHTOOL, request.ljust(40, b"\0"))

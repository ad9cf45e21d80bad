"""News of network interfaces: a netlink socket that becomes readable when one changes.

Kernel documentation: rtnetlink(7), group RTNLGRP_LINK. What changed is not looked at: whoever wakes dumps all
interfaces (rtnetlink.py), so that a notice which was lost for want of room costs nothing. Needs no privilege, and hears
the network namespace of the thread that opened it.
"""

from __future__ import annotations

import errno
import socket

_RTMGRP_LINK = 1
_RECEIVE_BYTES = 1 << 16
_MAX_NOTICES = 4096
"""Read in one go; what is left wakes again."""


class LinkMonitor:
    """Opened at the first `drain`."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None

    def descriptor(self) -> int | None:
        """Readable when there are notices; None before the first `drain`, and where there is no netlink."""
        return None if self._socket is None else self._socket.fileno()

    def drain(self) -> None:
        """Take all notices: a dump that follows shows what they were about. Raises nothing; deaf without netlink."""
        try:
            if self._socket is None:
                self._socket = _open()
            for _ in range(_MAX_NOTICES):
                self._socket.recv(_RECEIVE_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            # ENOBUFS: notices were lost, which is news as well. Anything else: another socket, at the next sample.
            if error.errno != errno.ENOBUFS:
                self.close()

    def close(self) -> None:
        """Give the socket back."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def __del__(self) -> None:
        """Leave no descriptor behind."""
        self.close()


def _open() -> socket.socket:
    netlink = socket.socket(
        socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE
    )
    try:
        netlink.bind((0, _RTMGRP_LINK))
    except OSError:
        netlink.close()
        raise
    return netlink

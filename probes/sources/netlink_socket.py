"""A netlink socket on which the kernel is asked something, and what keeps its answer from being anything else.

What a message means is the caller's business, and so is the error: it is given a number and words, and makes of them
one of its own that says what was asked.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Self

from probes.sources import netlink

RECEIVE_BYTES = 1 << 16
"""The kernel fills 32 KiB at most; more only for what nobody here asks for."""
TIMEOUT_SECONDS = 5.0


class NetlinkSocket:
    """One socket, which may stay open for many requests; a late answer to an earlier one is not taken for a later's.

    Opening one costs some 20 us.
    """

    def __init__(self, protocol: int, options: Mapping[tuple[int, int], int] | None = None) -> None:
        """`options` are set where the kernel has them: (level, name) to value. Raises OSError without the protocol."""
        self.sequence = 0
        """Of the last request."""
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
        try:
            self._socket.settimeout(TIMEOUT_SECONDS)
            self._socket.bind((0, 0))
            self.port: int = self._socket.getsockname()[0]
            for option, value in (options or {}).items():
                with suppress(OSError):
                    self._socket.setsockopt(*option, value)
        except BaseException:
            self._socket.close()
            raise

    def __enter__(self) -> Self:
        """Closed at the end."""
        return self

    def __exit__(self, *_: object) -> None:
        """See `close`."""
        self.close()

    def close(self) -> None:
        """Close it, which also ends what the kernel still does for the last request."""
        self._socket.close()

    def ask(
        self, kind: int, flags: int, body: bytes, *, limit: int, fail: Callable[[int, str], OSError]
    ) -> Iterator[bytes]:
        """Send a request; gives the kernel's datagrams as they come, until the caller has enough.

        Which of their messages answer it tell `sequence` and `port` (netlink.answers). `limit` bounds the datagrams,
        those of others included. Raises what `fail` makes of a number and words when none comes, one is cut off, or
        there are too many; OSError when the request cannot be sent.
        """
        self.sequence = self.sequence % 0xFFFF_FFFF + 1
        self._socket.sendto(netlink.message(kind, flags, self.sequence, self.port, body), (0, 0))
        for _ in range(limit):
            try:
                datagram, _ancillary, received, sender = self._socket.recvmsg(RECEIVE_BYTES)
            except TimeoutError as error:
                raise fail(errno.ETIMEDOUT, f"no answer for {TIMEOUT_SECONDS:g} s") from error
            if sender[0] != 0:
                continue  # only the kernel has port 0; anybody may send to ours
            if received & socket.MSG_TRUNC:
                raise fail(errno.EMSGSIZE, f"an answer longer than {RECEIVE_BYTES} bytes")
            yield datagram
        raise fail(errno.E2BIG, f"an answer without an end after {limit} messages")

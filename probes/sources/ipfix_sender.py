"""IPFIX messages to a receiver, as UDP datagrams."""

from __future__ import annotations

import socket
from collections.abc import Iterable

from exporters.ipfix import IpfixWriter
from fabricscope.flow import Flow
from fabricscope.settings import SettingsError
from fabricscope.tls import split_address


class IpfixSender:
    """Sends flows to one receiver. UDP tells nobody what was lost: the sequence in each message does."""

    def __init__(self, address: str) -> None:
        """`address` is HOST:PORT. Raises SettingsError when there is no such host."""
        host, port = split_address(address, "ipfix")
        try:
            family, kind, protocol, _, target = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        except OSError as error:
            raise SettingsError(f"ipfix: {address}: {error.strerror or error}; give a receiver as HOST:PORT") from error
        self._socket = socket.socket(family, kind, protocol)
        self._socket.setblocking(False)
        self._target = target
        self._writer = IpfixWriter()
        self.failures = 0
        """Messages that could not be sent, such as to a port where nobody listens."""

    def send(self, flows: Iterable[Flow], unix_seconds: int) -> None:
        """Send flows. What cannot be sent is counted."""
        for message in self._writer.messages(flows, unix_seconds):
            try:
                self._socket.sendto(message, self._target)
            except OSError:
                self.failures += 1

    @property
    def left_out(self) -> int:
        """Flows that IPFIX has no addresses for."""
        return self._writer.left_out

    def close(self) -> None:
        """Give the socket back."""
        self._socket.close()

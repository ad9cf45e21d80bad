"""Connection management: the datagrams to queue pair 1 by which both ends tell each other their queue pairs.

InfiniBand specification, chapters 12 and 13.4; annex A11 for the addresses that RDMA-CM puts in.
"""

from __future__ import annotations

from collections.abc import Hashable
from ipaddress import IPv4Address, IPv6Address
from typing import Generic, NamedTuple, TypeVar

from probes.engine.rdma.headers import Service

COMMUNICATION = 0x07
"""Management class of communication management."""
IP_SERVICE = 0x0000_0000_0100_0000
"""A service identifier of RDMA-CM: this prefix, an IP protocol and a port."""
HEADER = 24
PRIVATE = 140
"""Where a request's private data begin, behind the header."""
MAX_EXCHANGES = 4096
"""More are not followed: the oldest is forgotten."""
SERVICES = {0: Service.RC, 1: Service.UC, 2: Service.RD, 3: Service.XRC}


class Request(NamedTuple):
    """What a ConnectRequest asks for. What was not captured is None."""

    communication: int
    """Number of this exchange at its sender."""
    qp: int
    """The sender's queue pair."""
    service_id: int
    """What is asked for: a well-known service, or with RDMA-CM a port."""
    service: int
    """Transport service, as in opcodes."""
    psn: int | None
    """The sequence number of the sender's first request."""
    mtu: int | None
    """Octets of payload in a full packet."""
    addresses: tuple[int, int, bytes, bytes] | None
    """What RDMA-CM says of the sender: IP version, port, source and destination address (IPv4 in the last four)."""


class Reply(NamedTuple):
    """ConnectReply."""

    remote: int
    """The number that the request had."""
    qp: int
    """The sender's queue pair."""
    psn: int | None


class Disconnect(NamedTuple):
    """DisconnectRequest."""

    communication: int
    """Number at its sender."""
    qp: int
    """The receiver's queue pair."""


class Disconnected(NamedTuple):
    """DisconnectReply."""

    remote: int
    """Number at the sender of the request."""


Management = Request | Reply | Disconnect | Disconnected


def parse(datagram: bytes) -> Management | None:
    """Reads a management datagram.

    None for what nothing follows from: no connection management, a rejection, or one that ends before its numbers.
    """
    header, data = datagram[:HEADER], datagram[HEADER:]
    if len(header) < HEADER or header[0] != 1 or header[1] != COMMUNICATION:
        return None
    local, remote = _word(data, 0), _word(data, 4)
    if local is None:
        return None
    match int.from_bytes(header[16:18]):
        case 0x0010:
            return _request(data, local)
        case 0x0013:
            qp = _upper24(data, 12)
            return None if remote is None or qp is None else Reply(remote, qp, _upper24(data, 20))
        case 0x0015:
            qp = _upper24(data, 8)
            return None if qp is None else Disconnect(local, qp)
        case 0x0016:
            return None if remote is None else Disconnected(remote)
    return None


def port(service_id: int) -> int | None:
    """The port of a service identifier that RDMA-CM made."""
    return service_id & 0xFFFF if service_id & ~0x00FF_FFFF == IP_SERVICE else None


def fields_of(request: Request) -> list[tuple[str, str]]:
    """As a record has it.

    `service_id`, with RDMA-CM also `port`, and `source` and `destination`, who are ports of the network rather than
    GIDs there.
    """
    fields = [("service_id", f"0x{request.service_id:016x}")]
    known = port(request.service_id)
    if known is not None:
        fields.append(("port", str(known)))
    if request.addresses is not None:
        version, number, source, destination = request.addresses
        fields.append(("source_port", str(number)))
        fields.append(("source", _text(version, source)))
        fields.append(("destination", _text(version, destination)))
    return fields


def _text(version: int, address: bytes) -> str:
    if version == 4:
        return str(IPv4Address(address[12:]))
    whole = IPv6Address(address)
    return f"::ffff:{whole.ipv4_mapped}" if whole.ipv4_mapped is not None else str(whole)


def _word(octets: bytes, at: int) -> int | None:
    word = octets[at : at + 4]
    return int.from_bytes(word) if len(word) == 4 else None


def _upper24(octets: bytes, at: int) -> int | None:
    word = _word(octets, at)
    return None if word is None else word >> 8


def _request(data: bytes, communication: int) -> Request | None:
    high, low, qp = _word(data, 8), _word(data, 12), _upper24(data, 32)
    if high is None or low is None or qp is None:
        return None
    service_id = high << 32 | low
    code = data[50] >> 4 if len(data) > 50 else 0
    addresses = None if port(service_id) is None else _addresses(data[PRIVATE:])
    service = SERVICES[(_word(data, 40) or 0) >> 1 & 3]
    mtu = 128 << code if 1 <= code <= 5 else None
    return Request(communication, qp, service_id, service, _upper24(data, 44), mtu, addresses)


def _addresses(private: bytes) -> tuple[int, int, bytes, bytes] | None:
    """Private data of RDMA-CM: its version, the IP version in the upper half of an octet, a port, both addresses."""
    if len(private) < 36 or private[1] >> 4 not in (4, 6):
        return None
    return private[1] >> 4, int.from_bytes(private[2:4]), private[4:20], private[20:36]


Where = TypeVar("Where", bound=Hashable)
What = TypeVar("What")


class Exchanges(Generic[Where, What]):
    """Exchanges that have begun, by who asked whom, and the number of the exchange at who asked."""

    def __init__(self) -> None:
        self._known: dict[tuple[Where, int], What] = {}

    def insert(self, pair: Where, communication: int, exchange: What) -> None:
        """One began, or goes on."""
        key = (pair, communication)
        if key not in self._known and len(self._known) >= MAX_EXCHANGES:
            del self._known[next(iter(self._known))]
        self._known[key] = exchange

    def get(self, pair: Where, communication: int) -> What | None:
        """One that is known."""
        return self._known.get((pair, communication))

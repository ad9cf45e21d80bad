"""Flow records as IPFIX messages (RFC 7011), for collectors of others: nfdump and others. Pure.

Each way of a flow that had packets is a data record of its own, since few collectors read records of both ways
(RFC 5103); `biflowDirection` says which it is. IPFIX has no elements for queue pairs: of RDMA it gets
addresses and UDP ports.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from fabricscope.flow import Flow, FlowKey, Way

VERSION = 10
MAX_MESSAGE_OCTETS = 1400
"""What fits a datagram that no network cuts in pieces."""
TEMPLATES_EVERY = 20
"""Messages between two that carry the templates again: over UDP the first may be lost."""

_HEADER = struct.Struct("!HHIII")
_SET = struct.Struct("!HH")
_PAIR = struct.Struct("!HH")
_TEMPLATE_SET = 2
_VARIABLE = 0xFFFF
_MAX_NAME = 64
"""Octets of an application's name."""
_ETHERNET = 14
_TAG = 4
_FORWARD, _REVERSE = 1, 2
"""biflowDirection: from who began, to who began (RFC 5103, section 6.3)."""


class _Element(NamedTuple):
    """An information element (www.iana.org/assignments/ipfix)."""

    number: int
    octets: int


_COMMON = (
    _Element(1, 8),  # octetDeltaCount
    _Element(2, 8),  # packetDeltaCount
    _Element(352, 8),  # layer2OctetDeltaCount
    _Element(152, 8),  # flowStartMilliseconds
    _Element(153, 8),  # flowEndMilliseconds
    _Element(136, 1),  # flowEndReason
    _Element(239, 1),  # biflowDirection
    _Element(58, 2),  # vlanId
    _Element(34, 4),  # samplingInterval
)
_COUNTS = struct.Struct("!QQQQQBBHI")
_TRANSPORT = (
    _Element(4, 1),  # protocolIdentifier
    _Element(7, 2),  # sourceTransportPort
    _Element(11, 2),  # destinationTransportPort
    _Element(6, 2),  # tcpControlBits
    _Element(5, 1),  # ipClassOfService
)
_PORTS = struct.Struct("!BHHHB")
_NAME = (_Element(96, _VARIABLE),)  # applicationName
_V4 = (_Element(8, 4), _Element(12, 4))
_V6 = (_Element(27, 16), _Element(28, 16))
_MAC = (_Element(56, 6), _Element(80, 6), _Element(256, 2))  # with ethernetType
_ETHER_TYPE = struct.Struct("!H")

_TEMPLATES = {
    256: (*_V4, *_TRANSPORT, *_COMMON, *_NAME),
    257: (*_V6, *_TRANSPORT, *_COMMON, *_NAME),
    258: (*_MAC, *_COMMON, *_NAME),
}
_TEMPLATE_OF = {4: 256, 16: 257, 6: 258}
"""By the octets of an address. InfiniBand's local identifiers have none."""


class IpfixWriter:
    """Writes the messages of one observation domain. Its sequence counts data records, as a receiver's does."""

    def __init__(self, domain: int = 1) -> None:
        self._domain = domain
        self._sequence = 0
        self._messages = 0
        self.left_out = 0
        """Flows that IPFIX has no addresses for."""

    def messages(self, flows: Iterable[Flow], unix_seconds: int) -> Iterator[bytes]:
        """Messages with the flows' ways, sent at `unix_seconds`; each at most MAX_MESSAGE_OCTETS long."""
        sets: dict[int, list[bytes]] = {}
        octets = self._room_taken()
        for flow in flows:
            template = _TEMPLATE_OF.get(len(flow.record.key.source))
            if template is None:
                self.left_out += 1
                continue
            for record in _records(flow):
                # A set has a header of its own, and its length is a multiple of four.
                more = len(record) + (0 if template in sets else _SET.size + 3)
                if sets and octets + more > MAX_MESSAGE_OCTETS:
                    yield self._message(sets, unix_seconds)
                    sets, octets = {}, self._room_taken()
                    more = len(record) + _SET.size + 3
                sets.setdefault(template, []).append(record)
                octets += more
        if sets:
            yield self._message(sets, unix_seconds)

    def _with_templates(self) -> bool:
        return self._messages % TEMPLATES_EVERY == 0

    def _room_taken(self) -> int:
        return _HEADER.size + (len(_TEMPLATE_OCTETS) if self._with_templates() else 0)

    def _message(self, sets: dict[int, list[bytes]], unix_seconds: int) -> bytes:
        body = _TEMPLATE_OCTETS if self._with_templates() else b""
        for template, records in sets.items():
            body += _set(template, b"".join(records))
        header = _HEADER.pack(
            VERSION, _HEADER.size + len(body), unix_seconds & 0xFFFFFFFF, self._sequence & 0xFFFFFFFF, self._domain
        )
        self._messages += 1
        self._sequence += sum(map(len, sets.values()))
        return header + body


def _records(flow: Flow) -> Iterator[bytes]:
    record = flow.record
    if record.forward.packets:
        yield _record(flow, record.forward, _FORWARD)
    if record.reverse.packets:
        yield _record(flow, record.reverse, _REVERSE)


def _record(flow: Flow, way: Way, direction: int) -> bytes:
    key = flow.record.key
    source, destination = key.source, key.destination
    ports = (key.source_port, key.destination_port)
    if direction == _REVERSE:
        source, destination, ports = destination, source, ports[::-1]
    if len(source) == 6:
        middle = _ETHER_TYPE.pack(key.ether_type)
    else:
        middle = _PORTS.pack(key.protocol, *ports, way.tcp_flags, way.dscp << 2)
    counts = _COUNTS.pack(
        _network_octets(way, key),
        way.packets,
        way.octets,
        way.first_ns // 1_000_000,
        way.last_ns // 1_000_000,
        flow.record.end_reason,
        direction,
        key.vlan,
        flow.record.sampling,
    )
    name = (flow.record.classification.label or flow.behaviour.label).encode()[:_MAX_NAME]
    return source + destination + middle + counts + bytes([len(name)]) + name


def _network_octets(way: Way, key: FlowKey) -> int:
    """Octets from the IP header on, as octetDeltaCount is defined; with a tunnel its headers still count."""
    link = _ETHERNET + (_TAG if key.vlan else 0)
    return max(way.octets - link * way.packets, way.payload_octets)


def _set(number: int, content: bytes) -> bytes:
    padding = -len(content) % 4
    return _SET.pack(number, _SET.size + len(content) + padding) + content + bytes(padding)


def _template(number: int, elements: tuple[_Element, ...]) -> bytes:
    return _PAIR.pack(number, len(elements)) + b"".join(_PAIR.pack(*element) for element in elements)


_TEMPLATE_OCTETS = _set(_TEMPLATE_SET, b"".join(_template(*template) for template in _TEMPLATES.items()))

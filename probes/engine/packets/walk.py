"""The way through the headers of a frame, one after the other: what is known so far, and what comes next."""

from __future__ import annotations

import enum
from typing import TypeAlias

from fabricscope.flow import Tunnel as TunnelKind
from probes.engine.packets.packet import (
    MIRRORS,
    Fragment,
    Frame,
    Network,
    Packet,
    Rdma,
    Reason,
    TcpHeader,
    Tunnel,
    Undecodable,
)
from probes.engine.packets.span import Span

MAX_HEADERS = 32
"""Headers in one frame, labels and extension headers included."""


class Header(enum.IntEnum):
    """What kind of header comes next."""

    LINK = 0
    """Of the link type that the step names."""
    ETHERNET = 1
    ETHER_TYPE = 2
    """Of the EtherType that the step names."""
    LLC = 3
    """IEEE 802.2, after a length."""
    IP = 4
    """IP of the version that it says itself."""
    UPPER = 5
    """What follows the headers of an IP packet that is whole: the step names the protocol."""
    FRAGMENT = 6
    """`Walk.piece`."""


Step: TypeAlias = tuple[Header, int, Span] | None
"""The header that comes next, what names it, and where it stands. None at the end."""


class Piece:
    """A fragment."""

    __slots__ = ("key", "more", "octets", "offset", "protocol", "wire")

    def __init__(self, key: tuple[object, ...], offset: int, more: bool, protocol: int, span: Span) -> None:
        self.key = key
        """Whose part it is."""
        self.offset = offset
        """Where it belongs, in octets."""
        self.more = more
        """Whether others follow it."""
        self.protocol = protocol
        """What follows the IP headers of the whole, as this part says."""
        self.octets = span.octets
        self.wire = span.wire


class Walk:
    """Goes through one frame."""

    __slots__ = (
        "destination_port",
        "first_of",
        "headers",
        "ip",
        "mirror",
        "network",
        "part",
        "payload",
        "piece",
        "plain",
        "priority",
        "rdma",
        "share",
        "source_port",
        "tcp",
        "time_ns",
        "tunnel",
        "tunnels",
        "vlan",
        "wire_octets",
    )

    def __init__(self, frame: Frame) -> None:
        self.time_ns = frame.time_ns
        self.wire_octets = frame.wire_octets
        self.vlan = 0
        self.priority = 0
        self.tunnel: Tunnel | None = None
        self.mirror: Tunnel | None = None
        self.network = Network()
        self.part = Fragment.WHOLE
        """What the innermost IP header's packet is a part of, if a header around it says so."""
        self.share: tuple[int, int] | None = None
        """Of a fragment: octets after its IP headers on the wire, and those of the whole when it has the transport's
        header."""
        self.first_of: tuple[int, int] | None = None
        """The packet whose first part this is, and how many tunnels stand around that."""
        self.tunnels = 0
        self.headers = 0
        self.ip = b""
        """From the innermost IP header on; empty when that is elsewhere than what follows it."""
        self.source_port = 0
        self.destination_port = 0
        self.tcp: TcpHeader | None = None
        self.rdma: Rdma | None = None
        self.payload = Span(b"", 0)
        self.piece: Piece | None = None
        """The fragment that the walk came to."""
        self.plain: Packet | None = None
        """The UDP packet that a port makes a tunnel, in case there is none in it."""
        if frame.stripped_vlan is not None:
            self.tag(frame.stripped_vlan)

    def deeper(self) -> None:
        """One header more."""
        self.headers += 1
        if self.headers > MAX_HEADERS:
            raise Undecodable(Reason.TOO_DEEP)

    def tag(self, control: int) -> None:
        """A VLAN tag's control information."""
        self.vlan = control & 0x0FFF
        self.priority = control >> 13

    def carries(self, payload: Span) -> Step:
        """What the packet carries, and nothing reads on."""
        self.payload = payload
        return None

    def through(self, kind: TunnelKind, number: int, egress: bool | None = None, sequence: int | None = None) -> None:
        """What follows is inside a tunnel whose ends are the network header's."""
        tunnel = Tunnel(kind, number, egress, sequence, self.network.source, self.network.destination)
        if kind in MIRRORS:
            if self.mirror is None:
                self.mirror = tunnel
            self.vlan = 0
            self.priority = 0
        self.tunnel = tunnel
        self.tunnels += 1
        self.network = Network(fragment=self.part)
        self.source_port = 0
        self.destination_port = 0

    def maybe_through(self, kind: TunnelKind, number: int, payload: Span) -> None:
        """What a port alone makes a tunnel: when nothing in it can be decoded it was the payload of UDP after all."""
        self.payload = payload
        self.plain = self.packet()
        self.through(kind, number)

    def begin_network(self, network: Network, octets: bytes) -> None:
        """A network header begins. `octets`: from it on, as far as its own length says."""
        self.ip = octets
        network.fragment = self.part
        self.network = network

    def packet(self) -> Packet:
        """What is known by now."""
        octets = self.payload.wire
        if self.network.fragment is not Fragment.WHOLE and self.share is not None:
            share, whole = self.share
            octets = min(octets, max(0, share - max(0, whole - octets)))
        return Packet(
            self.time_ns,
            self.wire_octets,
            self.vlan,
            self.priority,
            self.tunnel,
            self.mirror,
            self.network,
            self.source_port,
            self.destination_port,
            self.tcp,
            self.rdma,
            self.payload.octets,
            octets,
        )

"""Tunnels: GRE and ERSPAN, and those that are known by a UDP port (VXLAN, Geneve, GTP-U, CAPWAP)."""

from __future__ import annotations

from struct import Struct

from dpkt import gre as dpkt_gre

from fabricscope.flow import Tunnel as TunnelKind
from probes.engine.packets.packet import Reason, Undecodable
from probes.engine.packets.span import Span
from probes.engine.packets.walk import Header, Step, Walk

BAD = Reason.BAD_TUNNEL_HEADER
IPV4 = 0x0800
IPV6 = 0x86DD
BRIDGED = 0x6558
ERSPAN2 = 0x88BE
ERSPAN3 = 0x22EB
PPTP = 0x880B
NETWORK_TYPES = frozenset({IPV4, IPV6, 0x8847, 0x8848})

GRE = Struct(dpkt_gre.GRE.__hdr_fmt__)
NUMBER = Struct(">I")
ROUTE = Struct(">HBB")
TWO = Struct(">HHI")
THREE = Struct(">HHIHH")
EIGHT = Struct(">4BI")

GTP = 2152
CAPWAP = 5247
TUNNEL_PORTS = frozenset({4789, 4790, 8472, 6081, GTP, CAPWAP})
TUNNEL_SOURCES = frozenset({GTP, CAPWAP})

Inner = tuple[TunnelKind, int, tuple[Header, int, Span]] | None
"""Kind and identifier of a tunnel, and what is in it. None when this is no header of one."""


def gre(walk: Walk, span: Span) -> Step:
    """RFC 2784, 2890 (key, sequence), 1701 (routing), and version 1 of PPTP (RFC 2637).

    What nothing reads on stays a packet of protocol 47.
    """
    flags, protocol = span.read(GRE, BAD)
    rest = span.past(4)
    version = flags & 7
    if version > 1:
        raise Undecodable(BAD)
    routed = flags & 0x4000 != 0 and version == 0
    if flags & 0x8000 or routed:
        rest = rest.skip(4, BAD)
    key, rest = optional(rest, flags & 0x2000)
    sequence, rest = optional(rest, flags & 0x1000)
    if version == 1:
        _, rest = optional(rest, flags & 0x80)
        return pptp(walk, protocol, sequence, span, rest)
    if routed:
        rest = source_routes(walk, rest)
    if protocol == ERSPAN2 and sequence is not None:
        return erspan2(walk, sequence, rest)
    if protocol == ERSPAN3:
        return erspan3(walk, sequence, rest)
    if protocol == ERSPAN2:
        # The first kind of ERSPAN has no header, and so no need of a sequence.
        walk.through(TunnelKind.ERSPAN1, 0)
        return Header.ETHERNET, 0, rest
    if protocol != BRIDGED and protocol not in NETWORK_TYPES:
        return walk.carries(rest)
    walk.through(TunnelKind.GRE, key or 0, None, sequence)
    return (Header.ETHERNET, 0, rest) if protocol == BRIDGED else (Header.ETHER_TYPE, protocol, rest)


def optional(rest: Span, there: int) -> tuple[int | None, Span]:
    """A field of four octets, if it is there, and what follows."""
    if not there:
        return None, rest
    (field,) = rest.read(NUMBER, BAD)
    return field, rest.past(4)


def source_routes(walk: Walk, span: Span) -> Span:
    """What follows source route entries, down to the empty one."""
    while True:
        family, _, octets = span.read(ROUTE, BAD)
        walk.deeper()
        span = span.past(4).skip(octets, BAD)
        if family == 0 and octets == 0:
            return span


def pptp(walk: Walk, protocol: int, sequence: int | None, whole: Span, rest: Span) -> Step:
    """PPP in GRE. Call identifiers differ each way, so that the tunnel has none.

    The key's upper half is the payload's length; an acknowledgement has none, and what is compressed or encrypted
    nobody reads.
    """
    if protocol != PPTP:
        raise Undecodable(BAD)
    rest = rest.limit(whole.number(4) or 0)
    framed = rest.past(2) if rest.octets[:2] == b"\xff\x03" else rest
    if framed.octets[:2] == b"\x00\x21" or framed.octets[:1] == b"\x21":
        number = IPV4
    elif framed.octets[:2] == b"\x00\x57" or framed.octets[:1] == b"\x57":
        number = IPV6
    else:
        return walk.carries(rest)
    walk.through(TunnelKind.GRE, 0, None, sequence)
    return Header.ETHER_TYPE, number, framed.past(2 - (framed.octets[0] & 1))


def erspan2(walk: Walk, sequence: int | None, span: Span) -> Step:
    """draft-foschiano-erspan: version 1, eight octets.

    Nothing in it tells the direction. How the frame was tagged stands in two bits: 0 not at all, 3 it still has its
    tag.
    """
    tag, session, _ = span.read(TWO, BAD)
    if tag >> 12 != 1:
        raise Undecodable(BAD)
    walk.through(TunnelKind.ERSPAN2, session & 0x03FF, None, sequence)
    if session >> 11 & 3 in (1, 2):
        walk.tag(session & 0xE000 | tag & 0x0FFF)
    return Header.ETHERNET, 0, span.past(8)


def erspan3(walk: Walk, sequence: int | None, span: Span) -> Step:
    """Version 2: twelve octets, and eight more that depend on the platform."""
    tag, session, _, _, last = span.read(THREE, BAD)
    rest = span.past(12)
    if tag >> 12 != 2:
        raise Undecodable(BAD)
    rest = rest.skip(8 * (last & 1), BAD)
    walk.through(TunnelKind.ERSPAN3, session & 0x03FF, last & 8 != 0, sequence)
    walk.tag(session & 0xE000 | tag & 0x0FFF)
    kind = last >> 10 & 0x1F
    if kind == 0:
        return Header.ETHERNET, 0, rest
    if kind == 2:
        return Header.IP, 0, rest
    raise Undecodable(BAD)


def udp_tunnel(walk: Walk, payload: Span) -> Step:
    """What the port makes a tunnel, when its header is one. There are eight octets at least."""
    port = walk.destination_port
    if port in (4789, 8472):
        inner = vxlan(payload)
    elif port == 4790:
        inner = vxlan_gpe(payload)
    elif port == 6081:
        inner = geneve(payload)
    elif GTP in (walk.source_port, port):
        inner = gtp(payload)
    else:
        inner = capwap(payload)
    if inner is None:
        return walk.carries(payload)
    kind, number, step = inner
    walk.maybe_through(kind, number, payload)
    return step


def vxlan(payload: Span) -> Inner:
    """RFC 7348.

    The flag that there is a network identifier, and nothing in what is reserved but what a group policy or remote
    checksum extension has there.
    """
    flags, _, _, _, network = EIGHT.unpack_from(payload.octets)
    if flags & 0x7F != 0x08 or network & 0xFF != 0:
        return None
    return TunnelKind.VXLAN, network >> 8, (Header.ETHERNET, 0, payload.past(8))


def vxlan_gpe(payload: Span) -> Inner:
    """draft-ietf-nvo3-vxlan-gpe: the same with a next protocol."""
    flags, _, _, following, network = EIGHT.unpack_from(payload.octets)
    rest = payload.past(8)
    steps = {
        1: (Header.ETHER_TYPE, IPV4, rest),
        2: (Header.ETHER_TYPE, IPV6, rest),
        3: (Header.ETHERNET, 0, rest),
    }
    if flags & 0x3C != 0x0C or following not in steps:
        return None
    return TunnelKind.VXLAN, network >> 8, steps[following]


def geneve(payload: Span) -> Inner:
    """RFC 8926."""
    version, _, high, low, network = EIGHT.unpack_from(payload.octets)
    protocol = high << 8 | low
    octets = 8 + (version & 0x3F) * 4
    if version >> 6 != 0 or len(payload.octets) < octets or protocol not in (BRIDGED, IPV4, IPV6, 0x8847):
        return None
    rest = payload.past(octets)
    step = (Header.ETHERNET, 0, rest) if protocol == BRIDGED else (Header.ETHER_TYPE, protocol, rest)
    return TunnelKind.GENEVE, network >> 8, step


def gtp(payload: Span) -> Inner:
    """3GPP TS 29.281: version 1, a user packet (message type 255), with its extension headers."""
    flags, kind, _, _, _ = EIGHT.unpack_from(payload.octets)
    rest = payload.past(8)
    if flags & 0xF0 != 0x30 or kind != 255:
        return None
    if flags & 7:
        if len(rest.octets) < 4:
            return None
        following = rest.octets[3] if flags & 4 else 0
        rest = rest.past(4)
        for _ in range(8):
            if following == 0:
                break
            octets = (rest.octet(0) or 0) * 4
            if octets == 0 or len(rest.octets) < octets:
                return None
            following = rest.octets[octets - 1]
            rest = rest.past(octets)
        if following != 0:
            return None
    return TunnelKind.GTP, 0, (Header.IP, 0, rest)


def capwap(payload: Span) -> Inner:
    """CAPWAP data (RFC 5415), unless it is encrypted or a fragment: an Ethernet frame, or one of IEEE 802.11."""
    preamble, length, bits, flags, _ = EIGHT.unpack_from(payload.octets)
    octets = (length >> 3) * 4
    if preamble != 0 or flags & 0x80 or len(payload.octets) < octets:
        return None
    frame = payload.past(octets)
    if bits & 1 == 0:
        return TunnelKind.CAPWAP, 0, (Header.ETHERNET, 0, frame)
    if bits >> 1 & 0x1F != 1:
        return None
    return wireless(frame)


def wireless(frame: Span) -> Inner:
    """IEEE 802.11 data, with or without a quality of service field, that is not encrypted.

    Some access points send the two octets of frame control in the other order.
    """
    if len(frame.octets) < 2:
        return None
    kind, flags = frame.octets[0], frame.octets[1]
    if kind not in (0x08, 0x88):
        kind, flags = flags, kind
    if kind not in (0x08, 0x88) or flags & 0x40:
        return None
    octets = (30 if flags & 3 == 3 else 24) + (2 if kind == 0x88 else 0)
    if len(frame.octets) < octets:
        return None
    return TunnelKind.CAPWAP, 0, (Header.LLC, 0, frame.past(octets))

"""InfiniBand transport packets: in UDP (RoCE v2), in Ethernet (RoCE v1) and on InfiniBand itself.

Terms are those of the InfiniBand architecture specification, volume 1 (chapters 7 to 9, annexes A16 and A17).
"""

from __future__ import annotations

from struct import Struct

from dpkt import ip6 as dpkt_ip6

from fabricscope.flow import RdmaLink
from probes.engine.packets.packet import Family, Network, Rdma, Reason, Undecodable
from probes.engine.packets.span import Span
from probes.engine.packets.walk import Header, Step, Walk

BAD_LINK = Reason.BAD_LINK_HEADER
BAD_NETWORK = Reason.BAD_NETWORK_HEADER
TRANSPORT_HEADER = 12
INVARIANT_CRC = 4
UDP_HEADER = 8
LOCAL_HEADER = 8
GLOBAL_HEADER = 40
TRANSPORT = 0x1B
"""Next header of a global route header: a base transport header."""

LOCAL = Struct(">BB2sH2s")
GLOBAL = Struct(dpkt_ip6.IP6.__hdr_fmt__)
"""A global route header is laid out as IPv6's."""
RAW = Struct(">HH")


def roce_v2(walk: Walk, payload: Span, datagram: Span) -> Step:
    """UDP port 4791.

    Payload that cannot begin with a base transport header is no RDMA. `datagram`: from UDP's header to where the IP
    packet ends.
    """
    if plausible(payload) and not walk.part:
        headers = max(0, len(walk.ip) - len(datagram.octets)) + UDP_HEADER
        covered = walk.ip[:headers] if headers <= len(walk.ip) else b""
        walk.rdma = Rdma(RdmaLink.ROCEV2, payload.octets, payload.wire, covered)
    return walk.carries(payload)


def roce_v1(walk: Walk, span: Span) -> Step:
    """EtherType 0x8915: a global route header."""
    following, rest = route(walk, span, 0x8915)
    if following != TRANSPORT:
        return walk.carries(rest)
    return base(walk, RdmaLink.ROCEV1, rest, span.octets[:GLOBAL_HEADER])


def infiniband(walk: Walk, span: Span) -> Step:
    """A frame of InfiniBand, from the local route header on. The variant CRC at its end is not looked at."""
    _, levels, destination, length, source = span.read(LOCAL, BAD_LINK)
    # In words of four octets, from this header to the end of the invariant CRC.
    octets = (length & 0x07FF) * 4
    if octets < LOCAL_HEADER:
        raise Undecodable(BAD_LINK)
    packet = span.told(octets)
    walk.network.family = Family.LID
    walk.network.source = source
    walk.network.destination = destination
    rest = packet.skip(LOCAL_HEADER, BAD_LINK)
    match levels & 3:
        case 2:
            return base(walk, RdmaLink.INFINIBAND, rest, packet.octets[:LOCAL_HEADER])
        case 3:
            following, after = route(walk, rest, 0)
            if following != TRANSPORT:
                return walk.carries(after)
            covered = packet.octets[: LOCAL_HEADER + GLOBAL_HEADER]
            return base(walk, RdmaLink.INFINIBAND, after, covered)
        case 1:
            return Header.IP, 0, rest
    # A raw header: two octets and an EtherType.
    _, number = rest.read(RAW, BAD_LINK)
    return Header.ETHER_TYPE, number, rest.past(4)


def route(walk: Walk, span: Span, ether_type: int) -> tuple[int, Span]:
    """The global route header: what kind of header follows it, and where."""
    first, octets, following, hops, source, destination = span.read(GLOBAL, BAD_NETWORK)
    if first >> 28 != 6:
        raise Undecodable(BAD_NETWORK)
    traffic = first >> 20 & 0xFF
    part = walk.network.fragment
    walk.network = Network(Family.V6, source, destination, 0, ether_type, hops, traffic >> 2, traffic & 3, part)
    # From behind this header to the end of the invariant CRC.
    return following, span.past(GLOBAL_HEADER).told(octets)


def base(walk: Walk, link: RdmaLink, transport: Span, covered: bytes) -> Step:
    """A base transport header behind the headers that are `covered`."""
    if transport.wire < TRANSPORT_HEADER + INVARIANT_CRC:
        raise Undecodable(Reason.BAD_TRANSPORT_HEADER)
    if len(transport.octets) < TRANSPORT_HEADER:
        raise Undecodable(Reason.TRUNCATED)
    walk.rdma = Rdma(link, transport.octets, transport.wire, covered)
    return walk.carries(transport)


def plausible(payload: Span) -> bool:
    """Whether a base transport header may stand here.

    Its version is 0, its opcode is one of the services RC, UC, RD, UD and XRC or the congestion notification, and
    there is room for the invariant CRC.
    """
    if len(payload.octets) < TRANSPORT_HEADER or payload.wire < TRANSPORT_HEADER + INVARIANT_CRC:
        return False
    operation = payload.octets[0] & 0x1F
    match payload.octets[0] >> 5:
        case 0 | 2 | 5:
            known = operation <= 0x17 or operation in (0x1C, 0x1D)
        case 1:
            known = operation <= 0x0B
        case 3:
            known = operation in (4, 5)
        case 4:
            known = operation == 1
        case _:
            known = False
    return known and payload.octets[1] & 0x0F == 0

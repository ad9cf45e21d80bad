"""Link headers: what stands before the network header in each kind of capture (www.tcpdump.org/linktypes.html)."""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct

from dpkt import sll as dpkt_sll

from probes.engine.packets.ethernet import IPV4, IPV6, ppp, pppoe
from probes.engine.packets.packet import Family, LinkType, Reason, Undecodable
from probes.engine.packets.rdma import infiniband
from probes.engine.packets.span import Span
from probes.engine.packets.walk import Header, Step, Walk

BAD = Reason.BAD_LINK_HEADER
COOKED = Struct(dpkt_sll.SLL.__hdr_fmt__)
COOKED2 = Struct(">HHIHBB8s")
PAIR = Struct(">HH")
PER_PACKET = Struct("<BBHI")
FOUR = Struct("4s")
ERF = Struct(">QBBHHH")
EXTENSION = Struct(">B7x")

MAX_EXTENSIONS = 16
ETHERNET_CHECK = 4
ERF_ETHERNET = frozenset({2, 11, 16, 20})
ERF_PPP = frozenset({1, 10, 15, 17})
FAMILIES = {2: IPV4, 10: IPV6, 23: IPV6, 24: IPV6, 28: IPV6, 30: IPV6}
"""Address families: Linux and Windows, NetBSD, FreeBSD, macOS."""


def link(walk: Walk, kind: int, span: Span) -> Step:
    """The first header of a frame."""
    handler = LINKS.get(kind)
    if handler is None:
        raise Undecodable(Reason.UNKNOWN_LINK_TYPE)
    return handler(walk, span)


def any_ip(_: Walk, number: int, span: Span) -> Step:
    """IP of whichever version it says."""
    first = span.octet(0)
    if first is None:
        raise Undecodable(Reason.TRUNCATED)
    if first >> 4 == 4:
        return Header.ETHER_TYPE, IPV4, span
    if first >> 4 == 6:
        return Header.ETHER_TYPE, IPV6, span
    raise Undecodable(Reason.BAD_NETWORK_HEADER)


def cooked(walk: Walk, span: Span) -> Step:
    """Linux "cooked" capture: direction, kind and address of the sender, and an EtherType."""
    _, _, octets, address, protocol = span.read(COOKED, BAD)
    sender(walk, octets & 0xFF, address)
    return cooked_protocol(protocol, span.past(16))


def cooked2(walk: Walk, span: Span) -> Step:
    """The same, version 2."""
    protocol, _, _, _, _, octets, address = span.read(COOKED2, BAD)
    sender(walk, octets, address)
    return cooked_protocol(protocol, span.past(20))


def sender(walk: Walk, octets: int, address: bytes) -> None:
    """The sender's address, when it is an Ethernet one."""
    walk.network.family = Family.ETHERNET
    if octets == 6:
        walk.network.source = address[:6]


def cooked_protocol(protocol: int, rest: Span) -> Step:
    """An EtherType; 1 and 4 stand for 802.3 without and with a logical link header."""
    if protocol == 4:
        return Header.LLC, 0, rest
    return Header.ETHER_TYPE, 0 if protocol == 1 else protocol, rest


def loopback(_: Walk, span: Span) -> Step:
    """The address family as the host that captured numbers it, in its own byte order (NULL) or the network's (LOOP)."""
    (head,) = span.read(FOUR, BAD)
    if head[1:] == b"\0\0\0":
        family = head[0]
    elif head[:3] == b"\0\0\0":
        family = head[3]
    else:
        raise Undecodable(BAD)
    if family not in FAMILIES:
        raise Undecodable(BAD)
    return Header.ETHER_TYPE, FAMILIES[family], span.past(4)


def ppp_framed(walk: Walk, span: Span) -> Step:
    """PPP as on a serial line, with or without its address and control octets.

    Cisco HDLC comes from the same interfaces.
    """
    if span.octets[:2] == b"\xff\x03":
        return ppp(walk, span.past(2))
    if span.octets[:2] in (b"\x0f\0", b"\x8f\0"):
        return cisco_hdlc(walk, span)
    return ppp(walk, span)


def cisco_hdlc(_: Walk, span: Span) -> Step:
    """Address, control and an EtherType."""
    _, number = span.read(PAIR, BAD)
    return Header.ETHER_TYPE, number, span.past(4)


def packet_information(_: Walk, span: Span) -> Step:
    """Per-packet information: a header with fields about the capture, and the link type of what follows it."""
    version, _, length, kind = span.read(PER_PACKET, BAD)
    if version != 0 or length < 8:
        raise Undecodable(BAD)
    if kind > 0xFFFF:
        raise Undecodable(Reason.UNKNOWN_LINK_TYPE)
    return Header.LINK, kind, span.skip(length, BAD)


def erf(walk: Walk, span: Span) -> Step:
    """Endace's extensible record format: time, type, flags, record length, loss or colour, wire length.

    Extension headers; a frame of the kind that the type names, padded to eight octets.
    """
    _, kind, _, record, _, wire = span.read(ERF, BAD)
    rest = span.past(16)
    if record < 16:
        raise Undecodable(BAD)
    rest = rest.limit(record - 16)
    more = kind & 0x80 != 0
    for _ in range(MAX_EXTENSIONS):
        if not more:
            break
        (first,) = rest.read(EXTENSION, BAD)
        rest = rest.past(8)
        more = first & 0x80 != 0
    if more:
        raise Undecodable(Reason.TOO_DEEP)
    kind &= 0x7F
    if kind in ERF_ETHERNET:
        # An offset and a padding octet align what follows the Ethernet header; the wire length has the check sequence.
        rest = rest.skip(2, BAD)
        wire = max(0, wire - ETHERNET_CHECK)
    if wire > 0:
        rest = rest.told(wire)
        walk.wire_octets = wire
    if kind in ERF_ETHERNET:
        return Header.ETHERNET, 0, rest
    if kind in ERF_PPP:
        return ppp_framed(walk, rest)
    if kind == 21:
        return Header.LINK, LinkType.INFINIBAND, rest
    if kind in (22, 23):
        return Header.ETHER_TYPE, IPV4 if kind == 22 else IPV6, rest
    raise Undecodable(Reason.UNKNOWN_LINK_TYPE)


def _step(header: Header, number: int) -> Callable[[Walk, Span], Step]:
    return lambda _, span: (header, number, span)


LINKS: dict[int, Callable[[Walk, Span], Step]] = {
    LinkType.ETHERNET: _step(Header.ETHERNET, 0),
    LinkType.RAW: _step(Header.IP, 0),
    LinkType.RAW_BSD: _step(Header.IP, 0),
    LinkType.RAW_OPENBSD: _step(Header.IP, 0),
    LinkType.IPV4: _step(Header.ETHER_TYPE, IPV4),
    LinkType.IPV6: _step(Header.ETHER_TYPE, IPV6),
    LinkType.NULL: loopback,
    LinkType.LOOP: loopback,
    LinkType.LINUX_SLL: cooked,
    LinkType.LINUX_SLL2: cooked2,
    LinkType.PPP: ppp_framed,
    LinkType.PPP_HDLC: ppp_framed,
    LinkType.PPP_ETHER: lambda walk, span: pppoe(walk, span),
    LinkType.CISCO_HDLC: cisco_hdlc,
    LinkType.PPI: packet_information,
    LinkType.ERF: erf,
    LinkType.INFINIBAND: infiniband,
}

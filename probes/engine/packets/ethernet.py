"""Ethernet and what its EtherType says: VLAN tags, MPLS labels, PPPoE and PPP, logical link headers."""

from __future__ import annotations

from struct import Struct

from dpkt import ethernet as dpkt_ethernet
from dpkt import pppoe as dpkt_pppoe

from probes.engine.packets.ip import ipv4, ipv6
from probes.engine.packets.packet import Family, Reason, Undecodable
from probes.engine.packets.rdma import roce_v1
from probes.engine.packets.span import Span
from probes.engine.packets.walk import Header, Step, Walk

BAD = Reason.BAD_LINK_HEADER
IPV4 = dpkt_ethernet.ETH_TYPE_IP
IPV6 = dpkt_ethernet.ETH_TYPE_IP6
ROCE = 0x8915
MPLS = dpkt_ethernet.ETH_TYPE_MPLS
PPPOE = dpkt_ethernet.ETH_TYPE_PPPoE
TAGS = frozenset({dpkt_ethernet.ETH_TYPE_8021Q, dpkt_ethernet.ETH_TYPE_8021AD, 0x9100, 0x9200, 0x9300})
LABELS = frozenset({MPLS, dpkt_ethernet.ETH_TYPE_MPLS_MCAST})
MAX_LENGTH = 1500
"""The largest number that is a length (IEEE 802.3)."""
MIN_TYPE = 1536
LIKELY = frozenset(
    {IPV4, IPV6, dpkt_ethernet.ETH_TYPE_ARP, 0x8100, 0x88A8, MPLS, PPPOE, 0x8863, ROCE, dpkt_ethernet.ETH_TYPE_LLDP}
)
"""So likely an EtherType that a frame stands there."""

# dpkt says how headers are laid out. Its own parsing goes on to what they carry, and does not say what was cut off.
ETHERNET = Struct(dpkt_ethernet.Ethernet.__hdr_fmt__)
PPPOE_HEADER = Struct(dpkt_pppoe.PPPoE.__hdr_fmt__)
TAG = Struct(">HH")
LABEL = Struct(">I")
WORD = Struct(">H")
SNAP = b"\xaa\xaa\x03\0\0"

PPP_PROTOCOLS = {0x0021: IPV4, 0x0057: IPV6, 0x0281: MPLS, 0x0283: dpkt_ethernet.ETH_TYPE_MPLS_MCAST}


def ethernet(walk: Walk, _: int, span: Span) -> Step:
    """A frame."""
    destination, source, number = span.read(ETHERNET, BAD)
    walk.network.family = Family.ETHERNET
    walk.network.destination = destination
    walk.network.source = source
    return length_or_type(number, span.past(14))


def length_or_type(number: int, rest: Span) -> Step:
    """What follows the number at the end of an Ethernet header or a tag."""
    if number <= MAX_LENGTH:
        return Header.LLC, 0, rest.limit(number)
    return Header.ETHER_TYPE, number, rest


def ether_type(walk: Walk, number: int, span: Span) -> Step:
    """What an EtherType announces."""
    walk.network.ether_type = number
    if number == IPV4:
        return ipv4(walk, span)
    if number == IPV6:
        return ipv6(walk, span)
    if number in TAGS:
        control, after = span.read(TAG, BAD)
        walk.tag(control)
        return length_or_type(after, span.past(4))
    if number in LABELS:
        return mpls(walk, span)
    if number == PPPOE:
        return pppoe(walk, span)
    if number == ROCE:
        return roce_v1(walk, span)
    if MAX_LENGTH < number < MIN_TYPE:
        raise Undecodable(BAD)
    return walk.carries(span)


def llc(walk: Walk, _: int, span: Span) -> Step:
    """IEEE 802.2: what follows a length instead of a type.

    SNAP may have an EtherType: of Ethernet itself, or bridged (IEEE 802.1H).
    """
    walk.network.ether_type = 0
    octets = span.octets
    if octets[:5] == SNAP and len(octets) >= 8 and octets[5] in (0, 0xF8):
        return Header.ETHER_TYPE, int.from_bytes(octets[6:8]), span.past(8)
    return walk.carries(span)


def mpls(walk: Walk, span: Span) -> Step:
    """Labels down to the bottom of the stack.

    What is below them nobody says: an IP version, or a frame (RFC 4448), with or without a control word.
    """
    while True:
        (label,) = span.read(LABEL, BAD)
        span = span.past(4)
        walk.deeper()
        if label >> 8 & 1:
            break
    first = span.octet(0)
    if first is None:
        return walk.carries(span)
    if first >> 4 == 4:
        return Header.ETHER_TYPE, IPV4, span
    if first >> 4 == 6:
        return Header.ETHER_TYPE, IPV6, span
    if first >> 4 == 0 and span.number(16) in LIKELY:
        return Header.ETHERNET, 0, span.past(4)
    if span.number(12) in LIKELY:
        return Header.ETHERNET, 0, span
    return walk.carries(span)


def pppoe(walk: Walk, span: Span) -> Step:
    """A PPPoE session (RFC 2516). Its control packets stay with EtherType 0x8864."""
    walk.network.ether_type = PPPOE
    version, code, _, octets = span.read(PPPOE_HEADER, BAD)
    if version != 0x11:
        raise Undecodable(BAD)
    if code != 0:
        return walk.carries(span)
    return ppp(walk, span.past(6).limit(octets))


def ppp(walk: Walk, span: Span) -> Step:
    """PPP's protocol field (RFC 1661), which may be compressed to one octet.

    Control protocols, compressed and encrypted payload nobody reads.
    """
    protocol = span.octet(0)
    if protocol is None:
        raise Undecodable(Reason.TRUNCATED)
    if protocol & 1:
        rest = span.past(1)
    else:
        (protocol,) = span.read(WORD, BAD)
        rest = span.past(2)
    number = PPP_PROTOCOLS.get(protocol)
    return walk.carries(span) if number is None else (Header.ETHER_TYPE, number, rest)

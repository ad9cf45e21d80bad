"""IPv4 and IPv6, down to what follows their last extension header."""

from __future__ import annotations

from struct import Struct

from dpkt import ip as dpkt_ip
from dpkt import ip6 as dpkt_ip6

from probes.engine.packets.packet import Family, Network, Reason, Undecodable
from probes.engine.packets.span import Span
from probes.engine.packets.transport import transport
from probes.engine.packets.walk import Header, Piece, Step, Walk

BAD = Reason.BAD_NETWORK_HEADER
IPV4 = 0x0800
IPV6 = 0x86DD
NO_NEXT_HEADER = dpkt_ip.IP_PROTO_NONE
FRAGMENT = dpkt_ip.IP_PROTO_FRAGMENT
AUTHENTICATION = dpkt_ip.IP_PROTO_AH
OPTIONS = frozenset({dpkt_ip.IP_PROTO_HOPOPTS, dpkt_ip.IP_PROTO_ROUTING, dpkt_ip.IP_PROTO_DSTOPTS, 135, 139, 140})
"""Extension headers whose length is in units of eight octets: also mobility, HIP and shim6."""
EXTENSIONS = OPTIONS | {FRAGMENT, AUTHENTICATION}

V4 = Struct(dpkt_ip.IP.__hdr_fmt__)
V6 = Struct(dpkt_ip6.IP6.__hdr_fmt__)
PART = Struct(dpkt_ip6.IP6FragmentHeader.__hdr_fmt__)


def ipv4(walk: Walk, span: Span) -> Step:
    """RFC 791.

    A total length of 0 is what a capture on the sending host shows of a packet that its card will cut (segmentation
    offload): it is as long as the frame. One that is larger than the frame is that of a packet which was cut to be
    mirrored.
    """
    version, service, total, number, position, hops, protocol, _, source, destination = span.read(V4, BAD)
    octets = (version & 0x0F) * 4
    if version >> 4 != 4 or octets < 20:
        raise Undecodable(BAD)
    if total == 0:
        packet = span
    elif total < octets:
        raise Undecodable(BAD)
    else:
        packet = span.told(total)
    walk.begin_network(
        Network(Family.V4, source, destination, protocol, IPV4, hops, service >> 2, service & 3), packet.octets
    )
    rest = packet.skip(octets, BAD)
    if position & 0x3FFF == 0:
        return Header.UPPER, protocol, rest
    return comes_in_parts(walk, number, (position & 0x1FFF) * 8, position & 0x2000 != 0, protocol, rest)


def ipv6(walk: Walk, span: Span) -> Step:
    """RFC 8200. A payload length of 0 belongs to a jumbogram or to segmentation offload: as long as the frame."""
    first, length, following, hops, source, destination = span.read(V6, BAD)
    rest = span.past(40)
    if first >> 28 != 6:
        raise Undecodable(BAD)
    if length == 0 and following != NO_NEXT_HEADER:
        packet = span
    else:
        packet, rest = span.told(length + 40), rest.told(length)
    traffic = first >> 20 & 0xFF
    network = Network(Family.V6, source, destination, following, IPV6, hops, traffic >> 2, traffic & 3)
    walk.begin_network(network, packet.octets)
    return extensions(walk, following, rest)


def extensions(walk: Walk, following: int, span: Span) -> Step:
    """Hop-by-hop options, routing, destination options, mobility, HIP, shim6, authentication, fragments.

    An atomic fragment (RFC 6946) is all of it.
    """
    while following in EXTENSIONS:
        if following == FRAGMENT:
            after, _, position, number = span.read(PART, BAD)
            span = span.past(8)
            walk.deeper()
            if position & 0xFFF9 != 0:
                return comes_in_parts(walk, number, position & 0xFFF8, position & 1 != 0, after, span)
            following = after
            continue
        length = span.octet(1)
        if length is None:
            raise Undecodable(BAD if span.wire < 2 else Reason.TRUNCATED)
        octets = (length + 2) * 4 if following == AUTHENTICATION else (length + 1) * 8
        walk.deeper()
        following = span.octets[0]
        span = span.skip(octets, BAD)
    walk.network.protocol = following
    return Header.UPPER, following, span


def upper(walk: Walk, protocol: int, span: Span) -> Step:
    """What follows the headers of an IP packet.

    In a fragment of IPv6 that was put together extension headers can come again.
    """
    if walk.network.family is Family.V6 and protocol in EXTENSIONS:
        return extensions(walk, protocol, span)
    return transport(walk, protocol, span)


def comes_in_parts(walk: Walk, number: int, offset: int, more: bool, protocol: int, span: Span) -> Step:
    """The fragment that a network header is about.

    Networks that share addresses are told apart by VLAN and tunnel; IPv4 numbers by protocol, in IPv6 the parts'
    protocol need not agree.
    """
    network, tunnel = walk.network, walk.tunnel
    key = (
        network.family,
        network.source,
        network.destination,
        protocol if network.family is Family.V4 else 0,
        number,
        walk.vlan,
        (tunnel.kind, tunnel.id) if tunnel else None,
    )
    walk.piece = Piece(key, offset, more, protocol, span)
    return Header.FRAGMENT, 0, span

"""What IP carries: transports with ports, control messages, and the tunnels that are protocols of their own.

Where a transport header contradicts itself (a TCP header length below 20, say) its ports still name the flow, and
nothing behind them is read. A packet too short for its transport's header is undecodable.
"""

from __future__ import annotations

from struct import Struct

from dpkt import ip as dpkt_ip
from dpkt import tcp as dpkt_tcp
from dpkt import udp as dpkt_udp

from fabricscope.flow import Tunnel as TunnelKind
from probes.engine.packets.packet import Reason, TcpHeader, Undecodable
from probes.engine.packets.rdma import roce_v2
from probes.engine.packets.span import Span
from probes.engine.packets.tunnel import TUNNEL_PORTS, TUNNEL_SOURCES, gre, udp_tunnel
from probes.engine.packets.walk import Header, Step, Walk

BAD = Reason.BAD_TRANSPORT_HEADER
TCP = Struct(dpkt_tcp.TCP.__hdr_fmt__)
UDP = Struct(dpkt_udp.UDP.__hdr_fmt__)
PORT_ROCE = 4791
IN_IP = {dpkt_ip.IP_PROTO_IPIP: 0x0800, dpkt_ip.IP_PROTO_IP6: 0x86DD, 137: 0x8847}
"""IP in IP and MPLS in IP, by protocol."""


def transport(walk: Walk, protocol: int, span: Span) -> Step:
    """What a protocol number announces."""
    if protocol == dpkt_ip.IP_PROTO_TCP:
        return tcp(walk, span)
    if protocol == dpkt_ip.IP_PROTO_UDP:
        return udp(walk, span)
    if protocol in (dpkt_ip.IP_PROTO_ICMP, dpkt_ip.IP_PROTO_ICMP6):
        if len(span.octets) < 4:
            return short(walk, 4, span)
        walk.source_port = int.from_bytes(span.octets[:2])
        return walk.carries(span.past(4))
    if protocol == dpkt_ip.IP_PROTO_SCTP:
        return ports(walk, 12, span)
    if protocol == 136:
        return ports(walk, 8, span)
    if protocol == 33:
        # RFC 4340: the header's length is in units of four octets.
        return ports(walk, max(3, span.octet(4) or 0) * 4, span)
    if protocol == dpkt_ip.IP_PROTO_GRE:
        return gre(walk, span)
    inner = IN_IP.get(protocol)
    if inner is None:
        return walk.carries(span)
    walk.through(TunnelKind.IP, 0)
    return Header.ETHER_TYPE, inner, span


def tcp(walk: Walk, span: Span) -> Step:
    """RFC 9293. Options that were not captured hide nothing that a flow needs."""
    if len(span.octets) < TCP.size:
        return short(walk, TCP.size, span)
    source, destination, sequence, acknowledgement, offset_flags, window, _, _ = TCP.unpack_from(span.octets)
    walk.source_port = source
    walk.destination_port = destination
    octets = (offset_flags >> 12) * 4
    if octets < 20 or (octets > span.wire and not walk.part):
        return walk.carries(span.past(span.wire))
    walk.tcp = TcpHeader(sequence, acknowledgement, offset_flags & 0xFF, window)
    return walk.carries(span.past(octets))


def udp(walk: Walk, span: Span) -> Step:
    """RFC 768. A length of 0 is that of jumbograms (RFC 2675) and segmentation offload."""
    if len(span.octets) < UDP.size:
        return short(walk, UDP.size, span)
    source, destination, octets, _ = UDP.unpack_from(span.octets)
    walk.source_port = source
    walk.destination_port = destination
    payload = span.past(8)
    if octets:
        payload = payload.limit(max(0, octets - 8))
    if destination == PORT_ROCE:
        return roce_v2(walk, payload, span)
    if len(payload.octets) >= 8 and (destination in TUNNEL_PORTS or source in TUNNEL_SOURCES):
        return udp_tunnel(walk, payload)
    return walk.carries(payload)


def ports(walk: Walk, octets: int, span: Span) -> Step:
    """A transport whose header has `octets` octets and begins with the ports."""
    source, destination = span.number(0), span.number(2)
    if source is None or destination is None:
        return short(walk, octets, span)
    if octets > span.wire and not walk.part:
        raise Undecodable(BAD)
    walk.source_port = source
    walk.destination_port = destination
    return walk.carries(span.past(octets))


def short(walk: Walk, octets: int, span: Span) -> Step:
    """A header that is not there in full.

    A first fragment may be as short as eight octets (RFC 1858): it has no ports before it is put together with the
    rest.
    """
    if walk.part:
        return walk.carries(span.past(span.wire))
    raise Undecodable(BAD if span.wire < octets else Reason.TRUNCATED)

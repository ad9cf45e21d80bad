"""What is known of one packet: the specification of engine/src/packets/packet.rs."""

from __future__ import annotations

import enum

from msgspec import Struct

from fabricscope.flow import RdmaLink
from fabricscope.flow import Tunnel as TunnelKind


class LinkType(enum.IntEnum):
    """How the octets of a frame begin; numbers are those of pcap (www.tcpdump.org/linktypes.html)."""

    NULL = 0
    ETHERNET = 1
    PPP = 9
    RAW_BSD = 12
    RAW_OPENBSD = 14
    PPP_HDLC = 50
    PPP_ETHER = 51
    RAW = 101
    CISCO_HDLC = 104
    LOOP = 108
    LINUX_SLL = 113
    PPI = 192
    ERF = 197
    IPV4 = 228
    IPV6 = 229
    INFINIBAND = 247
    LINUX_SLL2 = 276


class Frame(Struct, frozen=True):
    """One frame as a capture gives it."""

    time_ns: int
    """When it was seen, in ns since 1970."""
    wire_octets: int
    """Octets that it had on the wire, from the link header on, without the frame check sequence."""
    link: int
    """How `octets` begin: a `LinkType`, or a number that is none."""
    octets: bytes
    """What was captured of it."""
    stripped_vlan: int | None = None
    """The tag control information of a VLAN tag that the kernel took off before it handed the frame over."""


class Family(enum.IntEnum):
    """What kind of address stands in a `Packet`."""

    ETHERNET = 0
    """6 octets: not IP."""
    V4 = 1
    V6 = 2
    """16 octets; a GID of RoCE v1 or InfiniBand with a global route header as well."""
    LID = 3
    """2 octets: InfiniBand without a global route header."""


MIRRORS = frozenset({TunnelKind.GRE, TunnelKind.ERSPAN1, TunnelKind.ERSPAN2, TunnelKind.ERSPAN3})
"""How switches send mirrored packets: what is missing in the sequence of such a tunnel is the mirror's loss."""


class Tunnel(Struct, frozen=True):
    """A tunnel around a packet."""

    kind: TunnelKind
    id: int
    """Its session, network or key; 0 when it has none."""
    egress: bool | None
    """Whether an ERSPAN III header says that the mirrored port sent the frame; None when nothing says so."""
    sequence: int | None
    """GRE's sequence number."""
    source: bytes
    """The tunnel's own ends: who mirrors, and to whom."""
    destination: bytes


class Fragment(enum.IntEnum):
    """Which part of a packet this is."""

    WHOLE = 0
    REASSEMBLED = 1
    """The last missing part of one that was put together again: ports and payload are those of the whole."""
    FIRST = 2
    """The first, which has the ports."""
    LATER = 3
    """A later one; the ports are the first one's where that is known, and 0 otherwise."""


class Network(Struct):
    """The network header that counts: the innermost one."""

    family: Family = Family.ETHERNET
    source: bytes = bytes(6)
    destination: bytes = bytes(6)
    protocol: int = 0
    """IP protocol number after all extension headers of IPv6; 0 for what is not IP."""
    ether_type: int = 0
    """Of what follows the last VLAN tag or MPLS label; 0 where there is none."""
    hops: int = 0
    dscp: int = 0
    ecn: int = 0
    """0 not capable, 1 and 2 capable, 3 congestion experienced."""
    fragment: Fragment = Fragment.WHOLE


class TcpHeader(Struct, frozen=True):
    """A TCP header's part that flows follow."""

    sequence: int
    acknowledgement: int
    flags: int
    """FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32, ECE 64, CWR 128."""
    window: int
    """As it stands there, unscaled."""


class Rdma(Struct, frozen=True):
    """An InfiniBand transport packet."""

    link: RdmaLink
    transport: bytes
    """From the base transport header to the end of what was captured, the invariant CRC included."""
    wire_octets: int
    """From the base transport header to the end of the invariant CRC, as the headers before it say."""
    covered: bytes
    """The headers that the invariant CRC covers before `transport`: from the local route header, or from the IP or
    global route header on."""


class Packet(Struct):
    """One decoded packet."""

    time_ns: int
    wire_octets: int
    """Octets that the outermost frame had on the wire."""
    vlan: int
    """The last VLAN tag before the network header, 0 for none. A frame inside an overlay (VXLAN, GTP) that has no tag
    is in the VLAN of what carries it; a mirrored one (GRE, ERSPAN) is not."""
    priority: int
    tunnel: Tunnel | None
    """The innermost one."""
    mirror: Tunnel | None
    """The outermost one of those in which switches send mirrored packets."""
    network: Network
    source_port: int
    """Of TCP, UDP, UDP-Lite, SCTP and DCCP; for ICMP its type and code; otherwise 0."""
    destination_port: int
    tcp: TcpHeader | None
    rdma: Rdma | None
    payload: bytes
    """What the transport carries, as far as it was captured; for what is not IP, what follows the EtherType."""
    payload_octets: int
    """Octets of payload in this packet on the wire, by the headers' own lengths. Of a fragment its own share."""


class Reason(enum.Enum):
    """Why a frame could not be decoded, with the word that books have for it."""

    TRUNCATED = "truncated"
    """What was captured ends inside a header."""
    UNKNOWN_LINK_TYPE = "unknown-link-type"
    BAD_LINK_HEADER = "bad-link-header"
    BAD_NETWORK_HEADER = "bad-network-header"
    BAD_TRANSPORT_HEADER = "bad-transport-header"
    BAD_TUNNEL_HEADER = "bad-tunnel-header"
    TOO_DEEP = "too-deep"
    """More headers within headers than anyone sends."""


class Undecodable(ValueError):
    """A frame that belongs to no flow, since it cannot be read."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason

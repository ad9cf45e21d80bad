"""Which packets belong together.

One flow has the packets both ways between two ends: addresses and, where there are, ports, of one protocol. Beside
these it is split by

- the **VLAN** of the innermost frame, as the same addresses may stand in two of them, and a packet that is routed
  between two VLANs and mirrored in both is no retransmission;
- the **overlay** (IP in IP, VXLAN, Geneve, GTP, CAPWAP: kind and network), for tenants reuse addresses.

It is not split by what brought a mirrored packet here (GRE, ERSPAN): the two ways of one conversation may come by two
sessions. Nor by the type and code of ICMP: a question and its answer are one flow. The EtherType counts for what is
not IP alone. A later fragment whose ports are not known has the ports 0.
"""

from __future__ import annotations

import enum
from typing import NamedTuple

from fabricscope.flow import Tunnel as TunnelKind
from probes.engine.packets.packet import MIRRORS, Family, Network, Packet

ICMP, TCP, ICMP6 = 1, 6, 58
FIN, SYN, RST, ACK = 1, 2, 4, 16
WELL_KNOWN = 1024
ICMP_REPLIES = frozenset({0, 14, 16, 18})
"""Echo, timestamp, information and address mask replies."""
ICMP6_ECHO_REPLY = 129


class Key(NamedTuple):
    """One key for both ways: the end that is less stands first."""

    addresses: tuple[bytes, bytes]
    ports: tuple[int, int]
    family: Family
    protocol: int
    ether_type: int
    vlan: int
    overlay: TunnelKind
    overlay_id: int

    def is_icmp(self) -> bool:
        """Whether its source port is a type and a code."""
        return self.protocol in (ICMP, ICMP6)


class Opening(enum.Enum):
    """How a connection opens."""

    SYN = 0
    SYN_ACK = 1


def key_of(packet: Packet) -> tuple[Key, int]:
    """The key, and which of its ends (0 or 1) sent the packet."""
    network, tunnel = packet.network, packet.tunnel
    source: tuple[bytes, int] = (network.source, packet.source_port)
    destination: tuple[bytes, int] = (network.destination, packet.destination_port)
    if is_icmp(network):
        source, destination = (network.source, 0), (network.destination, 0)
    sender = 1 if source > destination else 0
    low, high = (destination, source) if sender else (source, destination)
    overlay, number = TunnelKind.NONE, 0
    if tunnel is not None and tunnel.kind not in MIRRORS:
        overlay, number = tunnel.kind, tunnel.id
    family = network.family
    ether_type = 0 if family is Family.V4 or family is Family.V6 else network.ether_type
    addresses, ports = (low[0], high[0]), (low[1], high[1])
    return Key(addresses, ports, family, network.protocol, ether_type, packet.vlan, overlay, number), sender


def is_icmp(network: Network) -> bool:
    """Whether a packet is one of ICMP, of its own version of IP."""
    if network.family is Family.V4:
        return network.protocol == ICMP
    return network.family is Family.V6 and network.protocol == ICMP6


def source_of(packet: Packet, sender: int) -> int:
    """Which end began (0 or 1), by a flow's first packet. `sender` sent it.

    - TCP: a SYN comes from who began, a SYN with ACK goes there. Otherwise the higher port is who began.
    - ICMP: an answer goes to who began.
    - Everything else: who sent first, unless from a port below 1024 to one above, which is an answer.
    """
    port, other = packet.source_port, packet.destination_port
    if packet.tcp is not None:
        found = opening(packet.tcp.flags)
        answers = port < other if found is None else found is Opening.SYN_ACK
    elif is_icmp(packet.network):
        kind = port >> 8
        answers = kind in ICMP_REPLIES if packet.network.protocol == ICMP else kind == ICMP6_ECHO_REPLY
    else:
        answers = 0 < port < WELL_KNOWN <= other
    return 1 - sender if answers else sender


def opening(flags: int) -> Opening | None:
    """What the flags of a TCP segment open."""
    flags &= SYN | ACK | FIN | RST
    if flags == SYN:
        return Opening.SYN
    return Opening.SYN_ACK if flags == SYN | ACK else None

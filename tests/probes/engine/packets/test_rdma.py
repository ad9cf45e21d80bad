from __future__ import annotations

import struct

from fabricscope.flow import RdmaLink
from probes.engine.packets.packet import Family, LinkType
from tests.probes.engine.frames import CLIENT, SERVER, ethernet, ipv4, ipv6, transport, udp
from tests.probes.engine.packets.made import decoded, reason

BASE = transport(4, 9, 8, b"data")
GID = bytes(15)


def test_what_carries_it_and_what_its_crc_covers() -> None:
    packet = decoded(udp(CLIENT, (SERVER[0], 4791), BASE))
    assert packet.rdma is not None
    assert (packet.rdma.link, packet.rdma.transport, packet.rdma.wire_octets) == (RdmaLink.ROCEV2, BASE, len(BASE))
    assert len(packet.rdma.covered) == 28
    packet = decoded(ethernet(0x8915, ipv6(GID + b"\1", GID + b"\2", 0x1B, BASE)))
    assert packet.rdma is not None
    assert (packet.rdma.link, len(packet.rdma.covered), packet.network.ether_type) == (RdmaLink.ROCEV1, 40, 0x8915)
    local = struct.pack("!BBHHH", 0, 2, 7, (8 + len(BASE)) // 4, 9)
    packet = decoded(local + BASE + b"vc", LinkType.INFINIBAND)
    assert packet.rdma is not None
    assert (packet.network.family, packet.network.source, packet.network.destination) == (
        Family.LID,
        b"\0\x09",
        b"\0\7",
    )
    routed = struct.pack("!BBHHH", 0, 3, 7, (48 + len(BASE)) // 4, 9) + ipv6(GID + b"\1", GID + b"\2", 0x1B, BASE)
    packet = decoded(routed, LinkType.INFINIBAND)
    assert packet.rdma is not None
    assert (packet.network.family, len(packet.rdma.covered)) == (Family.V6, 48)
    inside = struct.pack("!BBHHH", 0, 1, 7, 7, 9) + ipv4(CLIENT[0], SERVER[0], 99, b"")
    assert decoded(inside, LinkType.INFINIBAND).network.protocol == 99


def test_what_cannot_be_rdma_is_udp_and_what_is_cut_says_so() -> None:
    for octets in (transport(0x1F, 9, 8, b""), BASE[:1] + b"\x01" + BASE[2:], BASE[:11]):
        assert decoded(udp(CLIENT, (SERVER[0], 4791), octets)).rdma is None
    for opcode in (0x00, 0x24, 0x64, 0x81, 0xA4):
        assert decoded(udp(CLIENT, (SERVER[0], 4791), transport(opcode, 9, 8, b""))).rdma is not None
    assert reason(struct.pack("!BBHHH", 0, 2, 7, 1, 9), LinkType.INFINIBAND) == "bad-link-header"
    assert reason(struct.pack("!BBHHH", 0, 2, 7, 3, 9) + bytes(4), LinkType.INFINIBAND) == "bad-transport-header"
    assert reason(struct.pack("!BBHHH", 0, 2, 7, 9, 9) + bytes(4), LinkType.INFINIBAND) == "truncated"
    assert reason(ethernet(0x8915, bytes(60))) == "bad-network-header"

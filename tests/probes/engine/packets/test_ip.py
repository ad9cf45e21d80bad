from __future__ import annotations

import struct

from probes.engine.packets.packet import Family
from tests.probes.engine.frames import CLIENT, SERVER, ethernet, ipv4, ipv6, udp_header
from tests.probes.engine.packets.made import decoded, reason

A, B = bytes(15) + b"\1", bytes(15) + b"\2"


def test_lengths_are_the_headers_own() -> None:
    packet = ipv4(CLIENT[0], SERVER[0], 99, b"xyz")
    assert decoded(ethernet(0x0800, packet + bytes(30))).payload == b"xyz"
    assert decoded(ethernet(0x0800, packet[:-1])).payload_octets == 3
    offloaded = packet[:2] + bytes(2) + packet[4:]
    assert decoded(ethernet(0x0800, offloaded + b"more")).payload == b"xyzmore"
    marked = packet[:1] + b"\xbb" + packet[2:]
    network = decoded(ethernet(0x0800, marked)).network
    assert (network.dscp, network.ecn, network.hops) == (46, 3, 64)


def test_extension_headers_are_passed_over() -> None:
    options = b"\x3c\0" + bytes(6) + b"\x33\1" + bytes(14) + b"\x11\1" + bytes(10)
    packet = decoded(ethernet(0x86DD, ipv6(A, B, 0, options + udp_header(7, 8, b"x"), traffic=0xB9)))
    assert (packet.network.family, packet.network.protocol, packet.source_port) == (Family.V6, 17, 7)
    assert (packet.network.dscp, packet.network.ecn) == (46, 1)
    atomic = struct.pack("!BBHI", 17, 0, 0, 9) + udp_header(7, 8, b"x")
    assert decoded(ethernet(0x86DD, ipv6(A, B, 44, atomic))).destination_port == 8


def test_what_contradicts_itself() -> None:
    packet = ipv4(CLIENT[0], SERVER[0], 99, b"xyz")
    assert reason(ethernet(0x0800, b"\x44" + packet[1:])) == "bad-network-header"
    assert reason(ethernet(0x0800, packet[:2] + b"\0\x13" + packet[4:])) == "bad-network-header"
    assert reason(ethernet(0x0800, packet[:9]), wire=99) == "truncated"
    assert reason(ethernet(0x86DD, ipv6(A, B, 0, b"\x3c"))) == "bad-network-header"
    assert reason(ethernet(0x86DD, ipv6(A, B, 0, b"\0\0" + bytes(6)) * 40)) == "bad-network-header"
    assert reason(ethernet(0x86DD, ipv6(A, B, 0, bytes(400)))) == "too-deep"

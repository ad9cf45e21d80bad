from __future__ import annotations

import struct

from tests.probes.engine.frames import CLIENT, SERVER, ethernet, ipv4, udp, vlan
from tests.probes.engine.packets.made import decoded, reason

PACKET = ipv4(CLIENT[0], SERVER[0], 99, b"xyz")


def test_tags_labels_and_sessions_stand_before_a_packet() -> None:
    packet = decoded(ethernet(0x88A8, vlan(7, 0x8100, vlan(0x6005, 0x0800, PACKET))))
    assert (packet.vlan, packet.priority, packet.network.protocol, packet.payload) == (5, 3, 99, b"xyz")
    labels = struct.pack("!II", 0x10040, 0x20140)
    assert decoded(ethernet(0x8847, labels + PACKET)).network.protocol == 99
    assert decoded(ethernet(0x8847, labels + udp(CLIENT, SERVER))).network.protocol == 17
    assert decoded(ethernet(0x8847, labels + bytes(4) + udp(CLIENT, SERVER))).network.protocol == 17
    session = struct.pack("!BBHHH", 0x11, 0, 1, len(PACKET) + 2, 0x21)
    assert decoded(ethernet(0x8864, session + PACKET)).network.protocol == 99
    snap = b"\xaa\xaa\x03\0\0\0\x08\x00"
    assert decoded(ethernet(len(snap) + len(PACKET), snap + PACKET + b"padding")).payload == b"xyz"


def test_what_is_not_ip_keeps_its_type_and_addresses() -> None:
    packet = decoded(ethernet(0x88CC, b"hello", sender=9))
    assert (packet.network.ether_type, packet.network.source, packet.payload) == (0x88CC, b"\2\0\0\0\0\x09", b"hello")
    assert decoded(ethernet(0x8864, struct.pack("!BBHH", 0x11, 9, 1, 0))).network.ether_type == 0x8864
    assert decoded(ethernet(3, b"\x42\x42\x03tail")).payload == b"\x42\x42\x03"


def test_what_contradicts_itself() -> None:
    assert reason(ethernet(1501, b"x")) == "bad-link-header"
    assert reason(ethernet(0x8100, b"x")) == "bad-link-header"
    assert reason(ethernet(0x8100, b"x"), wire=99) == "truncated"
    assert reason(ethernet(0x8864, struct.pack("!BBHH", 0x21, 0, 1, 0))) == "bad-link-header"
    assert reason(ethernet(0x8847, bytes(400))) == "too-deep"

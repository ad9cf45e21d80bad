from __future__ import annotations

import struct

import pytest

from fabricscope.flow import Tunnel as TunnelKind
from tests.probes.engine.frames import CLIENT, SERVER, erspan2, erspan3, ethernet, ip, ipv4, udp, vxlan
from tests.probes.engine.packets.made import decoded, reason

INNER = ethernet(0x88CC, b"hello")
PACKET = ipv4(SERVER[0], CLIENT[0], 99, b"xyz")
WIRELESS = b"\x08\x01" + bytes(22) + b"\xaa\xaa\x03\0\0\0\x88\xccx"


@pytest.mark.parametrize(
    ("payload", "kind", "number", "sequence", "egress"),
    [
        (erspan2(INNER, 9, 0x0805), TunnelKind.ERSPAN2, 5, 9, None),
        (erspan3(INNER, 9), TunnelKind.ERSPAN3, 5, 9, True),
        (struct.pack("!HH", 0, 0x88BE) + INNER, TunnelKind.ERSPAN1, 0, None, None),
        (struct.pack("!HHII", 0x3000, 0x6558, 7, 9) + INNER, TunnelKind.GRE, 7, 9, None),
        (struct.pack("!HHIHBBI", 0x4000, 0x6558, 0, 0, 0, 0, 0)[:-4] + INNER, TunnelKind.GRE, 0, None, None),
    ],
)
def test_gre_and_what_mirrors_through_it(
    payload: bytes, kind: TunnelKind, number: int, sequence: int | None, egress: bool | None
) -> None:
    packet = decoded(ip(CLIENT, SERVER, 47, payload))
    assert packet.tunnel is not None
    assert packet.tunnel == packet.mirror
    assert (packet.tunnel.kind, packet.tunnel.id) == (kind, number)
    assert (packet.tunnel.sequence, packet.tunnel.egress) == (sequence, egress)
    assert packet.network.ether_type == 0x88CC


def test_the_tag_that_erspan_took_off() -> None:
    assert decoded(ip(CLIENT, SERVER, 47, erspan2(INNER, 9, 0xE805))).priority == 7
    tagged = struct.pack("!HHIHHI", 0x1000, 0x88BE, 1, 0x1064, 0x0805, 0) + INNER
    assert decoded(ip(CLIENT, SERVER, 47, tagged)).vlan == 100


@pytest.mark.parametrize(
    ("port", "payload", "kind", "number"),
    [
        (4789, vxlan(INNER, 77), TunnelKind.VXLAN, 77),
        (4790, struct.pack("!BBBBI", 0x0C, 0, 0, 3, 77 << 8) + INNER, TunnelKind.VXLAN, 77),
        (6081, struct.pack("!BBHI", 1, 0, 0x6558, 77 << 8) + bytes(4) + INNER, TunnelKind.GENEVE, 77),
        (2152, struct.pack("!BBHI", 0x30, 255, 0, 1) + PACKET, TunnelKind.GTP, 0),
        (2152, struct.pack("!BBHIHBB", 0x34, 255, 0, 1, 0, 0, 0x85) + b"\1\0\0\0" + PACKET, TunnelKind.GTP, 0),
        (5247, b"\0\x10\0\0\0\0\0\0" + INNER, TunnelKind.CAPWAP, 0),
        (5247, b"\0\x10\x03\0\0\0\0\0" + WIRELESS, TunnelKind.CAPWAP, 0),
    ],
)
def test_tunnels_by_a_port(port: int, payload: bytes, kind: TunnelKind, number: int) -> None:
    packet = decoded(udp(CLIENT, (SERVER[0], port), payload))
    assert packet.tunnel is not None
    assert (packet.tunnel.kind, packet.tunnel.id, packet.mirror) == (kind, number, None)
    assert packet.payload in (b"hello", b"xyz", b"x")


@pytest.mark.parametrize("port", [4789, 4790, 6081, 2152, 5247])
def test_what_is_no_tunnel_is_the_payload_of_udp(port: int) -> None:
    for payload in (b"\xff" * 30, vxlan(b"cut", 7), b"short"):
        packet = decoded(udp(CLIENT, (SERVER[0], port), payload))
        assert (packet.tunnel, packet.destination_port, packet.payload) == (None, port, payload)


def test_call_data_of_pptp_and_what_is_bad_or_unread() -> None:
    call = struct.pack("!HHHHI", 0x3001, 0x880B, len(PACKET) + 1, 5, 9) + b"\x21" + PACKET
    assert decoded(ip(CLIENT, SERVER, 47, call)).payload == b"xyz"
    assert decoded(ip(CLIENT, SERVER, 47, struct.pack("!HH", 0, 0x9999) + b"x")).network.protocol == 47
    for bad in (struct.pack("!HH", 2, 0x0800), struct.pack("!HH", 1, 0x0800), erspan2(INNER, 9)[:8] + b"\x20" * 8):
        assert reason(ip(CLIENT, SERVER, 47, bad)) == "bad-tunnel-header"

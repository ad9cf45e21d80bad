from __future__ import annotations

from fabricscope.flow import Tunnel as TunnelKind
from probes.engine.packets.packet import TcpHeader
from tests.probes.engine.frames import ACK, CLIENT, SERVER, ip, ipv4, tcp, udp
from tests.probes.engine.packets.made import decoded, reason


def test_ports_and_what_they_carry() -> None:
    packet = decoded(tcp(CLIENT, SERVER, ACK, 7, 8, b"hello"))
    assert packet.tcp == TcpHeader(7, 8, ACK, 1000)
    assert (packet.source_port, packet.destination_port, packet.payload) == (40_000, 443, b"hello")
    assert decoded(udp(CLIENT, SERVER, b"hi")).payload == b"hi"
    assert decoded(ip(CLIENT, SERVER, 1, b"\x08\x00abcd")).source_port == 0x0800
    for protocol, octets in ((132, 12), (136, 8), (33, 12)):
        packet = decoded(ip(CLIENT, SERVER, protocol, b"\0\7\0\x08" + bytes(octets - 4) + b"data"))
        assert (packet.source_port, packet.destination_port, packet.payload) == (7, 8, b"data")


def test_a_packet_in_a_packet() -> None:
    inner = ipv4(CLIENT[0], SERVER[0], 99, b"xyz")
    packet = decoded(ip(SERVER, CLIENT, 4, inner))
    assert packet.tunnel is not None
    assert (packet.tunnel.kind, packet.tunnel.source, packet.network.source) == (TunnelKind.IP, SERVER[0], CLIENT[0])
    assert decoded(ip(SERVER, CLIENT, 137, b"\0\0\1\x40" + inner)).network.protocol == 99


def test_headers_that_are_short_or_lie() -> None:
    short = tcp(CLIENT, SERVER, ACK, 7, 8)
    lying = decoded(short[:46] + b"\x40" + short[47:])
    assert (lying.tcp, lying.source_port) == (None, 40_000)
    assert reason(ip(CLIENT, SERVER, 6, b"short")) == "bad-transport-header"
    assert reason(tcp(CLIENT, SERVER, ACK, 7, 8)[:40]) == "truncated"
    assert reason(ip(CLIENT, SERVER, 132, bytes(8))) == "bad-transport-header"

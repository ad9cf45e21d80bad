from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.engine.packets import Decoder, Fragment, Frame, Undecodable
from tests.probes.engine.frames import CLIENT, SERVER, ethernet, frames, ip, ipv4, udp_header
from tests.probes.engine.packets.made import decoded, reason

DATAGRAM = udp_header(7, 8, bytes(range(16)))


def part(position: int, payload: bytes) -> bytes:
    return ethernet(0x0800, ipv4(CLIENT[0], SERVER[0], 17, payload, position))


def test_parts_are_the_first_ones_until_they_are_whole() -> None:
    decoder = Decoder()
    first = decoded(part(0x2000, DATAGRAM[:16]), decoder=decoder)
    assert (first.network.fragment, first.source_port, first.payload_octets) == (Fragment.FIRST, 7, 8)
    whole = decoded(part(2, DATAGRAM[16:]), decoder=decoder)
    assert (whole.network.fragment, whole.source_port) == (Fragment.REASSEMBLED, 7)
    assert (whole.payload, whole.payload_octets) == (bytes(range(16)), 8)
    later = decoded(part(2, DATAGRAM[16:]), decoder=decoder)
    assert (later.network.fragment, later.source_port, later.payload_octets) == (Fragment.LATER, 7, 8)
    assert decoder.fragments().reassembled == 1
    assert decoded(part(2, b"alone")).source_port == 0


def test_packets_in_packets_have_an_end() -> None:
    packet = ipv4(CLIENT[0], SERVER[0], 99, b"")
    for _ in range(40):
        packet = ipv4(CLIENT[0], SERVER[0], 4, packet)
    assert reason(ethernet(0x0800, packet)) == "too-deep"
    assert reason(ip(CLIENT, SERVER, 4, b"")) == "bad-network-header"


@given(st.one_of(frames(), st.binary(max_size=100)), st.sampled_from([0, 1, 9, 113, 192, 197, 247, 276]))
def test_any_octets_are_a_packet_or_a_reason(octets: bytes, link: int) -> None:
    decoder = Decoder()
    for _ in range(2):
        try:
            packet = decoder.decode(Frame(0, len(octets), link, octets))
        except Undecodable:
            continue
        assert packet.payload in octets or packet.network.fragment is Fragment.REASSEMBLED
        assert packet.payload_octets >= 0


def test_limits_are_taken() -> None:
    with pytest.raises(Undecodable, match="truncated"):
        Decoder().decode(Frame(0, 99, 1, b"short"))

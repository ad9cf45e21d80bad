from __future__ import annotations

import struct

import pytest

from probes.engine.packets.packet import Family, LinkType
from tests.probes.engine.frames import CLIENT, SERVER, ethernet, ipv4
from tests.probes.engine.packets.made import decoded, reason

PACKET = ipv4(CLIENT[0], SERVER[0], 99, b"xyz")
COOKED = struct.pack("!HHH8sH", 0, 1, 6, b"\1\2\3\4\5\6", 0x0800)
COOKED2 = struct.pack("!HHIHBB8s", 0x0800, 0, 1, 1, 0, 6, b"\1\2\3\4\5\6")


@pytest.mark.parametrize(
    ("link", "head"),
    [
        (LinkType.RAW, b""),
        (LinkType.IPV4, b""),
        (LinkType.NULL, b"\2\0\0\0"),
        (LinkType.LOOP, b"\0\0\0\2"),
        (LinkType.LINUX_SLL, COOKED),
        (LinkType.LINUX_SLL2, COOKED2),
        (LinkType.PPP, b"\xff\x03\x00\x21"),
        (LinkType.PPP, b"\x21"),
        (LinkType.PPP_HDLC, b"\x0f\x00\x08\x00"),
        (LinkType.CISCO_HDLC, b"\x8f\x00\x08\x00"),
        (LinkType.PPI, struct.pack("<BBHI", 0, 0, 12, 101) + bytes(4)),
        (LinkType.ERF, struct.pack("!QBBHHH", 0, 22, 0, 16 + len(PACKET), 0, len(PACKET))),
        (LinkType.ERF, struct.pack("!QBBHHHQ", 0, 0x96, 0, 24 + len(PACKET), 0, len(PACKET), 0)),
    ],
)
def test_a_packet_behind_every_link_header(link: int, head: bytes) -> None:
    packet = decoded(head + PACKET, link)
    assert (packet.network.protocol, packet.payload) == (99, b"xyz")


def test_a_cooked_sender_and_an_ethernet_record() -> None:
    cooked = decoded(COOKED[:-2] + b"\x88\xcc" + b"x", LinkType.LINUX_SLL)
    assert (cooked.network.family, cooked.network.source) == (Family.ETHERNET, b"\1\2\3\4\5\6")
    frame = ethernet(0x88CC, b"x")
    record = struct.pack("!QBBHHHH", 0, 2, 0, 40, 0, len(frame) + 4, 0) + frame + bytes(7)
    assert decoded(record, LinkType.ERF).wire_octets == len(frame)


@pytest.mark.parametrize(
    ("link", "octets", "why"),
    [
        (147, b"x" * 99, "unknown-link-type"),
        (LinkType.NULL, b"\7\0\0\0", "bad-link-header"),
        (LinkType.NULL, b"\2\2\0\0", "bad-link-header"),
        (LinkType.RAW, b"\x50", "bad-network-header"),
        (LinkType.RAW, b"", "truncated"),
        (LinkType.PPI, struct.pack("<BBHI", 0, 0, 7, 1), "bad-link-header"),
        (LinkType.PPI, struct.pack("<BBHI", 0, 0, 8, 1 << 20), "unknown-link-type"),
        (LinkType.ERF, struct.pack("!QBBHHH", 0, 99, 0, 16, 0, 0), "unknown-link-type"),
        (LinkType.ERF, struct.pack("!QBBHHH", 0, 2, 0, 15, 0, 0), "bad-link-header"),
        (LinkType.ERF, struct.pack("!QBBHHH", 0, 0x82, 0, 999, 0, 0) + b"\x80" * 200, "too-deep"),
    ],
)
def test_what_cannot_be_read_says_why(link: int, octets: bytes, why: str) -> None:
    assert reason(octets, link) == why

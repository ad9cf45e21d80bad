"""Frames made octet by octet, for tests, and a way to make many of them."""

from __future__ import annotations

import struct

from hypothesis import strategies as st

ETHERNET = 1
MS = 1_000_000
SECOND = 1000 * MS
START = 1_700_000_000 * SECOND
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16

End = tuple[bytes, int]
CLIENT: End = (bytes([10, 0, 0, 2]), 40_000)
SERVER: End = (bytes([10, 0, 0, 1]), 443)


def ethernet(ether_type: int, payload: bytes, sender: int = 1) -> bytes:
    return b"\xff" * 6 + bytes([2, 0, 0, 0, 0, sender]) + struct.pack("!H", ether_type) + payload


def vlan(tag: int, ether_type: int, payload: bytes) -> bytes:
    """What stands behind the EtherType 0x8100."""
    return struct.pack("!HH", tag, ether_type) + payload


def ipv4(source: bytes, destination: bytes, protocol: int, payload: bytes, position: int = 0, number: int = 1) -> bytes:
    length = 20 + len(payload)
    fields = (0x45, 0, length, number, position, 64, protocol, 0, source, destination)
    return struct.pack("!BBHHHBBH4s4s", *fields) + payload


def ipv6(source: bytes, destination: bytes, following: int, payload: bytes, traffic: int = 0) -> bytes:
    first = 6 << 28 | traffic << 20
    return struct.pack("!IHBB16s16s", first, len(payload), following, 64, source, destination) + payload


def udp_header(source: int, destination: int, payload: bytes) -> bytes:
    return struct.pack("!HHHH", source, destination, 8 + len(payload), 0) + payload


def tcp_header(
    source: int, destination: int, flags: int, sequence: int, acknowledgement: int, payload: bytes, window: int = 1000
) -> bytes:
    fields = (source, destination, sequence, acknowledgement, 0x50, flags, window, 0, 0)
    return struct.pack("!HHIIBBHHH", *fields) + payload


def ip(source: End, destination: End, protocol: int, payload: bytes) -> bytes:
    return ethernet(0x0800, ipv4(source[0], destination[0], protocol, payload))


def udp(source: End, destination: End, payload: bytes = b"") -> bytes:
    return ip(source, destination, 17, udp_header(source[1], destination[1], payload))


def tcp(source: End, destination: End, flags: int, sequence: int, acknowledgement: int, payload: bytes = b"") -> bytes:
    return ip(source, destination, 6, tcp_header(source[1], destination[1], flags, sequence, acknowledgement, payload))


def erspan2(frame: bytes, sequence: int, session: int = 5) -> bytes:
    """What stands behind IP protocol 47."""
    return struct.pack("!HHIHHI", 0x1000, 0x88BE, sequence, 0x1000, session, 0) + frame


def erspan3(frame: bytes, sequence: int, session: int = 5) -> bytes:
    return struct.pack("!HHIHHIHH", 0x1000, 0x22EB, sequence, 0x2000, session, 0, 0, 0x8) + frame


def vxlan(frame: bytes, network: int) -> bytes:
    """What stands behind UDP port 4789."""
    return struct.pack("!II", 0x0800_0000, network << 8) + frame


def transport(opcode: int, qp: int, psn: int, payload: bytes, asks: bool = False) -> bytes:
    """A base transport header and what follows it, with an invariant CRC that is wrong."""
    return struct.pack("!BBHII", opcode, 0, 0xFFFF, qp, (asks << 31) | psn) + payload + bytes(4)


PORTS = st.sampled_from([53, 80, 443, 4791, 4789, 6081, 2152, 5247, 40_000, 40_001])
ADDRESSES = st.sampled_from([bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2]), bytes([10, 0, 0, 3])])
ADDRESSES_6 = st.sampled_from([bytes(15) + b"\1", bytes(15) + b"\2"])
OPCODES = st.sampled_from([0, 1, 2, 4, 6, 7, 8, 10, 12, 13, 14, 15, 16, 17, 18, 19, 0x24, 0x64, 0x81, 0xA4])
SMALL = st.integers(0, 5)
PAYLOADS = st.one_of(
    st.binary(max_size=40),
    st.sampled_from([b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"SSH-2.0-x\r\n", bytes(256), bytes(1024)]),
)


@st.composite
def transports(draw: st.DrawFn) -> bytes:
    """From a base transport header on."""
    opcode = draw(OPCODES)
    extended = {
        13: b"\0\0\0\1",
        15: b"\0\0\0\1",
        16: b"\0\0\0\1",
        17: draw(st.sampled_from([b"\0\0\0\1", b"\x60\0\0\1", b"\x20\0\0\1"])),
    }
    extended[12] = extended[6] = extended[10] = bytes(12) + struct.pack(
        "!I", draw(st.sampled_from([0, 256, 600, 1024]))
    )
    head = extended.get(opcode, b"")
    return transport(opcode, draw(SMALL), draw(st.integers(0, 12)), head + draw(PAYLOADS), draw(st.booleans()))


@st.composite
def segments(draw: st.DrawFn) -> tuple[int, bytes]:
    """An IP protocol, and what it carries."""
    kind = draw(st.sampled_from([1, 4, 6, 6, 6, 17, 17, 17, 33, 41, 47, 50, 58, 132, 136, 137]))
    source, destination = draw(PORTS), draw(PORTS)
    payload = draw(PAYLOADS)
    if kind == 6:
        flags = draw(st.sampled_from([SYN, SYN | ACK, ACK, ACK | PSH, FIN | ACK, RST, 0]))
        sequence, acknowledgement = (draw(st.sampled_from([0, 1, 2, 20, 40, 41, 2**32 - 20])) for _ in range(2))
        window = draw(st.sampled_from([0, 1000]))
        return kind, tcp_header(source, destination, flags, sequence, acknowledgement, payload, window)
    if kind == 17:
        inner = {4791: transports(), 4789: frames(1).map(lambda frame: vxlan(frame, 7))}
        inner[6081] = frames(1).map(lambda frame: struct.pack("!BBHI", 0, 0, 0x6558, 7 << 8) + frame)
        inner[2152] = packets(1).map(lambda packet: struct.pack("!BBHI", 0x30, 255, len(packet[1]), 7) + packet[1])
        if destination in inner and draw(st.booleans()):
            payload = draw(inner[destination])
        return kind, udp_header(source, destination, payload)
    if kind == 47:
        frame, sequence = draw(frames(1)), draw(st.integers(0, 70))
        made = [erspan2(frame, sequence), erspan3(frame, sequence), struct.pack("!HH", 0, 0x88BE) + frame]
        made.append(struct.pack("!HHII", 0x3000, 0x6558, 9, sequence) + frame)
        return kind, draw(st.sampled_from(made))
    if kind in (4, 41):
        version, packet = draw(packets(1))
        return (4 if version == 0x0800 else 41), packet
    return kind, struct.pack("!HH", source, destination) + payload


@st.composite
def packets(draw: st.DrawFn, depth: int = 0) -> tuple[int, bytes]:
    """An EtherType, and the IP packet behind it."""
    if depth > 1:
        return 0x0800, ipv4(draw(ADDRESSES), draw(ADDRESSES), 17, udp_header(draw(PORTS), 9, b"x"))
    protocol, payload = draw(segments())
    if draw(st.booleans()):
        position = draw(st.sampled_from([0, 0, 0, 0, 0x2000, 0x2001, 0x0001, 0x0002, 0x4000]))
        if position & 0x2000:
            payload = payload[: len(payload) // 8 * 8]
        return 0x0800, ipv4(draw(ADDRESSES), draw(ADDRESSES), protocol, payload, position, draw(SMALL))
    extension = draw(st.sampled_from([b"", b"", bytes([protocol, 0]) + bytes(6)]))
    following = 0 if extension else protocol
    if draw(st.integers(0, 4)) == 0:
        position = draw(st.sampled_from([0, 1, 8, 9]))
        extension, following = struct.pack("!BBHI", protocol, 0, position, draw(SMALL)), 44
    traffic = draw(st.sampled_from([0, 1, 3, 0xB8]))
    return 0x86DD, ipv6(draw(ADDRESSES_6), draw(ADDRESSES_6), following, extension + payload, traffic)


@st.composite
def frames(draw: st.DrawFn, depth: int = 0) -> bytes:
    """An Ethernet frame; now and then an octet of it is another one, or its end is missing."""
    ether_type, payload = draw(st.one_of(packets(depth), st.tuples(st.sampled_from([0x8808, 0x88CC, 40]), PAYLOADS)))
    for _ in range(draw(st.integers(0, 2))):
        kind = draw(st.sampled_from(["vlan", "mpls", "none", "pppoe"]))
        if kind == "vlan":
            ether_type, payload = 0x8100, vlan(draw(st.integers(0, 3)), ether_type, payload)
        elif kind == "mpls":
            ether_type, payload = 0x8847, struct.pack("!I", 0x0001_0140) + payload
        elif kind == "pppoe":
            protocol = {0x0800: 0x21, 0x86DD: 0x57}.get(ether_type, 0xC021)
            ether_type, payload = 0x8864, struct.pack("!BBHHH", 0x11, 0, 1, len(payload) + 2, protocol) + payload
    frame = ethernet(ether_type, payload, draw(SMALL))
    if draw(st.integers(0, 5)) == 0:
        at = draw(st.integers(0, len(frame) - 1))
        frame = frame[:at] + bytes([draw(st.integers(0, 255))]) + frame[at + 1 :]
    if draw(st.integers(0, 5)) == 0:
        frame = frame[: draw(st.integers(0, len(frame)))]
    return frame

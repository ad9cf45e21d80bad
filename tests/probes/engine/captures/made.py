"""Capture files, octet by octet."""

from __future__ import annotations

import struct


def pcap(*packets: bytes, order: str = "<", magic: int = 0xA1B2C3D4, minor: int = 4, link: int = 1) -> bytes:
    octets = struct.pack(order + "IHHiIII", magic, 2, minor, 0, 0, 65535, link)
    for second, packet in enumerate(packets):
        octets += struct.pack(order + "IIII", second, 5, len(packet), len(packet))
        octets += (bytes(8) if magic == 0xA1B2CD34 else b"") + packet
    return octets


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    body += bytes(-len(body) % 4)
    length = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", kind) + length + body + length


def section(order: str = "<", major: int = 1) -> bytes:
    return block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, major, 0, -1), order)


def option(code: int, value: bytes, order: str = "<") -> bytes:
    return struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)


def interface(options: bytes = b"", link: int = 1, snap: int = 0, order: str = "<") -> bytes:
    return block(1, struct.pack(order + "HHI", link, 0, snap) + options, order)


def packet(octets: bytes, index: int = 0, stamp: int = 7, options: bytes = b"", order: str = "<") -> bytes:
    head = struct.pack(order + "IIIII", index, stamp >> 32, stamp & 0xFFFF_FFFF, len(octets), len(octets))
    return block(6, head + octets + bytes(-len(octets) % 4) + options, order)

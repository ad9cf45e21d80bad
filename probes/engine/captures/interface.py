"""The interfaces that a capture was made on."""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import Literal

Order = Literal["little", "big"]
MAX_NAME = 64
"""Octets of a name that are kept."""
MAX_OPTIONS = 256
"""Options of a block that are looked at."""
_U64 = (1 << 64) - 1
_HEADS = {"little": Struct("<HH"), "big": Struct(">HH")}


class Interface:
    """What a capture says of an interface."""

    def __init__(self, link: int, snap: int) -> None:
        self.name = ""
        self.link = link
        """How its frames begin."""
        self.snap = snap
        """Octets of each packet that were captured at most; 0 for no limit."""
        self.dropped: int | None = None
        """Packets that the capture says were lost; None when it says nothing."""
        self.lost = 0
        self.check_octets = 0
        self.resolution = 6
        self.offset_s = 0

    def lose(self, count: int) -> None:
        """Packets lost before one. 0 says nothing, so that a capture without such numbers stays without."""
        if count > 0:
            self.lost = min(self.lost + count, _U64)
            self.dropped = max(self.dropped or 0, self.lost)

    def time(self, stamp: int) -> int:
        """Nanoseconds since 1970 of a time stamp."""
        exponent = self.resolution & 0x7F
        if self.resolution & 0x80:
            ns = stamp * 1_000_000_000 >> exponent
        elif exponent <= 9:
            ns = stamp * 10 ** (9 - exponent)
        else:
            # A divisor beyond 128 bits leaves nothing of it.
            ns = stamp // 10 ** (exponent - 9) if exponent - 9 <= 38 else 0
        return min(max(ns + self.offset_s * 1_000_000_000, 0), _U64)


def described(order: Order, body: bytes, link: int, snap: int) -> Interface:
    """What an interface description block of pcapng says."""
    interface = Interface(link, snap)
    for code, value in options(order, body, 8):
        if code == 2:
            interface.name = value[:MAX_NAME].decode(errors="replace")
        elif code == 9 and value:
            interface.resolution = value[0]
        elif code == 13 and value:
            # In bits by the draft's text, in octets by its example: 4 and 32 are both found.
            interface.check_octets = value[0] if value[0] < 16 else value[0] // 8
        elif code == 14:
            interface.offset_s = int.from_bytes(value[:8], order, signed=True) if len(value) >= 8 else 0
    return interface


def options(order: Order, body: bytes, at: int) -> Iterator[tuple[int, bytes]]:
    """Code and value of each option from `at` on, up to the first that does not fit."""
    head = _HEADS[order]
    for _ in range(MAX_OPTIONS):
        if at + 4 > len(body):
            return
        code, length = head.unpack_from(body, at)
        value = body[at + 4 : at + 4 + length]
        if code == 0 or len(value) < length:
            return
        yield code, value
        at += 4 + (length + 3) // 4 * 4

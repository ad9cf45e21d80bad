"""The classic capture format (draft-ietf-opsawg-pcap), with the variants that libpcap reads."""

from __future__ import annotations

from struct import Struct

from probes.engine.captures.window import MAX_PACKET, Record, Window, without_check

HEADER = 24
"""Octets of the file's header."""
MICROSECONDS = 0xA1B2C3D4
NANOSECONDS = 0xA1B23C4D
MODIFIED = 0xA1B2CD34
"""Alexey Kuznetzov's, of Linux in the nineties: each record says its interface, protocol and packet type as well."""


def magic(octets: bytes) -> tuple[str, int] | None:
    """The byte order and kind of a file that begins so. None for what is no such file."""
    for order, name in (("<", "little"), (">", "big")):
        number = int.from_bytes(octets[:4], "little" if name == "little" else "big")
        if len(octets) >= 4 and number in (MICROSECONDS, NANOSECONDS, MODIFIED):
            return order, number
    return None


class Pcap:
    """What the file's header says."""

    def __init__(self, header: bytes) -> None:
        """Raises ValueError with what is wrong."""
        found = magic(header)
        if found is None:
            raise ValueError("no header of a pcap file")
        order, kind = found
        _, major, minor, _, _, self.snap, network = Struct(order + "IHHIIII").unpack(header)
        if major != 2:
            raise ValueError(f"pcap of version {major}.{minor}, not 2")
        self._minor = minor
        self._fraction_ns = 1 if kind == NANOSECONDS else 1000
        self._layout = Struct(order + ("IIII8x" if kind == MODIFIED else "IIII"))
        self.link = network & 0xFFFF
        # Bit 26 says that the top four count the 16-bit words of a frame check sequence.
        self._check_octets = network >> 28 << 1 if network & 1 << 26 else 0

    def next(self, window: Window) -> Record | None:
        """The next packet; None at the end. Raises CaptureError, NotYetError."""
        layout = self._layout
        if not window.need("record header", layout.size):
            return None
        seconds, fraction, first, second = layout.unpack_from(window.octets, window.start)
        captured, original = (second, first) if self._swapped(first, second) else (first, second)
        if captured > MAX_PACKET:
            raise window.damaged(f"a record says that it has {captured} octets, more than {MAX_PACKET}")
        length = layout.size + captured
        window.need("record", length)
        kept, wire = without_check(captured, original, self._check_octets)
        start = window.start + layout.size
        octets = window.octets[start : start + kept]
        window.pass_over(length)
        return Record(seconds * 1_000_000_000 + fraction * self._fraction_ns, wire, self.link, octets)

    def _swapped(self, first: int, second: int) -> bool:
        """Whether captured and original length stand the other way round.

        They did before version 2.3, DG/UX (2.543) kept that, and in 2.3 both are found.
        """
        return self._minor <= 2 or self._minor == 543 or (self._minor == 3 and first > second)

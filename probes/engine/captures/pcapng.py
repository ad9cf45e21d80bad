"""The capture format pcapng (draft-ietf-opsawg-pcapng)."""

from __future__ import annotations

from struct import Struct, error

from probes.engine.captures.interface import Interface, Order, described, options
from probes.engine.captures.window import MAX_NEED, MAX_PACKET, Record, Window, without_check

SECTION = 0x0A0D0D0A
"""The block type of a section's header, the same in both byte orders."""
BYTE_ORDER = 0x1A2B3C4D
INTERFACE, OLD_PACKET, SIMPLE_PACKET, STATISTICS, PACKET = 1, 2, 3, 5, 6
PACKETS = frozenset({OLD_PACKET, SIMPLE_PACKET, PACKET})
OF_INTEREST = PACKETS | {SECTION, INTERFACE, STATISTICS}
MAX_INTERFACES = 1 << 16
"""Interfaces of all sections together."""
_U64 = (1 << 64) - 1
_U32 = (1 << 32) - 1


class Pcapng:
    """Reads block after block."""

    def __init__(self) -> None:
        self.interfaces: list[Interface] = []
        self._order: Order = "little"
        self._section = 0
        """Where the interfaces of this section begin."""
        self._skip = 0
        """Octets of a block of no interest that are still to come."""
        self._last_ns = 0

    def next(self, window: Window) -> Record | None:
        """The next packet; None at the end. Raises CaptureError, NotYetError."""
        while True:
            while self._skip > 0:
                if window.left(1) is not None:
                    raise window.truncated("block", self._skip, 0)
                count = min(window.available(), self._skip)
                window.pass_over(count)
                self._skip -= count
            if not window.need("block header", 12):
                return None
            try:
                order, kind, length = self._header(window.peek(12))
            except ValueError as what:
                raise window.damaged(str(what)) from what
            if length > MAX_NEED or kind not in OF_INTEREST:
                if kind in PACKETS:
                    raise window.damaged(f"a packet block of {length} octets")
                self._skip = length
                continue
            window.need("block", length)
            block = window.peek(length)
            again = int.from_bytes(block[-4:], order)
            if again != length:
                raise window.damaged(f"a block has {length} octets by its beginning and {again} by its end")
            try:
                record = self._block(order, kind, block[8:-4])
            except error as short:
                text = f"a block of type {kind} with {length - 12} octets is too short"
                raise window.damaged(text) from short
            except ValueError as what:
                raise window.damaged(str(what)) from what
            window.pass_over(length)
            if record is not None:
                self._last_ns = record.time_ns
                return record

    def _header(self, octets: bytes) -> tuple[Order, int, int]:
        """Byte order, type and length of the block that begins so."""
        order = self._order
        if int.from_bytes(octets[:4]) == SECTION:
            mark = octets[8:12]
            if int.from_bytes(mark, "little") == BYTE_ORDER:
                order = "little"
            elif int.from_bytes(mark, "big") == BYTE_ORDER:
                order = "big"
            else:
                raise ValueError(f"byte-order magic {mark.hex()}")
        kind, length = int.from_bytes(octets[:4], order), int.from_bytes(octets[4:8], order)
        if length < 12:
            raise ValueError(f"a block of {length} octets, less than 12")
        return order, kind, length

    def _block(self, order: Order, kind: int, body: bytes) -> Record | None:
        """What a block says. ValueError when it contradicts itself, struct.error when it is too short."""
        sign = "<" if order == "little" else ">"
        if kind == SECTION:
            _, major = Struct(sign + "IH").unpack_from(body)
            if major != 1:
                raise ValueError(f"a section of pcapng {major}, not 1")
            self._order = order
            self._section = len(self.interfaces)
        elif kind == INTERFACE:
            link, _, snap = Struct(sign + "HHI").unpack_from(body)
            if len(self.interfaces) >= MAX_INTERFACES:
                raise ValueError(f"more than {MAX_INTERFACES} interfaces")
            self.interfaces.append(described(order, body, link, snap))
        elif kind == STATISTICS:
            self._statistics(order, body)
        elif kind == SIMPLE_PACKET:
            return self._simple(sign, body)
        else:
            return self._packet(order, sign, kind, body)
        return None

    def _statistics(self, order: Order, body: bytes) -> None:
        counts = [
            int.from_bytes(value[:8], order)
            for code in (5, 7)
            for value in [dict(options(order, body, 12)).get(code, b"")]
            if len(value) >= 8
        ]
        about = self._interface(Struct("<I" if order == "little" else ">I").unpack_from(body)[0])
        if counts:
            about.dropped = max(min(sum(counts), _U64), about.lost)

    def _packet(self, order: Order, sign: str, kind: int, body: bytes) -> Record:
        lost = None
        if kind == PACKET:
            index, high, low, captured, original = Struct(sign + "IIIII").unpack_from(body)
        else:
            index, drops, high, low, captured, original = Struct(sign + "HHIIII").unpack_from(body)
            lost = drops if drops != 0xFFFF else None
        if captured > MAX_PACKET or len(body) - 20 < captured:
            raise ValueError(f"a packet of {captured} octets in a block of {len(body) + 12}")
        check = 0
        for code, value in options(order, body, 20 + (captured + 3) // 4 * 4):
            if code == 2:
                # Bits 5 to 8 of the flags: octets of the frame check sequence, 0 when nothing is known.
                check = int.from_bytes(value[:4], order) >> 5 & 0xF if len(value) >= 4 else 0
            elif code == 4 and kind == PACKET:
                lost = int.from_bytes(value[:8], order) if len(value) >= 8 else None
        about = self._interface(index)
        about.lose(lost or 0)
        kept, wire = without_check(captured, original, check or about.check_octets)
        return Record(about.time(high << 32 | low), wire, about.link, body[20 : 20 + kept])

    def _simple(self, sign: str, body: bytes) -> Record:
        """It has no time of its own: that of the packet before it."""
        (original,) = Struct(sign + "I").unpack_from(body)
        about = self._interface(0)
        captured = min(original, about.snap or _U32, len(body) - 4)
        if captured > MAX_PACKET:
            raise ValueError(f"a packet of {captured} octets")
        kept, wire = without_check(captured, original, about.check_octets)
        return Record(self._last_ns, wire, about.link, body[4 : 4 + kept])

    def _interface(self, index: int) -> Interface:
        there = len(self.interfaces) - self._section
        if index >= there:
            raise ValueError(f"interface {index}, where {there} were described")
        return self.interfaces[self._section + index]

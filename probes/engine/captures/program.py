"""Classic BPF (Documentation/networking/filter.rst): the machine that packet filters are written for."""

from __future__ import annotations

from collections.abc import Sequence

MAX_INSTRUCTIONS = 4096
"""Instructions that the kernel takes at most (BPF_MAXINSNS)."""
CELLS = 16
"""Cells of the scratch memory."""
ANCILLARY = 0xFFFF_F000
"""Loads from here on are of what the kernel knows of the packet, and not of its octets (SKF_AD_OFF)."""
KNOWN_ANCILLARY = frozenset(ANCILLARY + offset for offset in (0, 4, 28, 44, 48))
"""Protocol, packet type, hardware type, VLAN tag and whether there is one: of a packet of a file they are 0."""
_U32 = 0xFFFF_FFFF

# fmt: off
KNOWN = frozenset({
    0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x0C, 0x14, 0x15, 0x16, 0x1C, 0x1D, 0x20, 0x24, 0x25, 0x28, 0x2C,
    0x2D, 0x30, 0x34, 0x35, 0x3C, 0x3D, 0x40, 0x44, 0x45, 0x48, 0x4C, 0x4D, 0x50, 0x54, 0x5C, 0x60, 0x61, 0x64, 0x6C,
    0x74, 0x7C, 0x80, 0x81, 0x84, 0x87, 0x94, 0x9C, 0xA4, 0xAC, 0xB1,
})
"""Every code that there is."""
# fmt: on
BRANCHES = frozenset({0x15, 0x1D, 0x25, 0x2D, 0x35, 0x3D, 0x45, 0x4D})

Instruction = tuple[int, int, int, int]
"""Code, jump if true, jump if false, constant, as `tcpdump -ddd` prints them."""


class Program:
    """A program that ends on every packet: jumps go forward alone, and the last instruction returns."""

    def __init__(self, instructions: Sequence[Instruction]) -> None:
        """Checks it as the kernel does (bpf_check_classic). Raises ValueError."""
        count = len(instructions)
        if not 0 < count <= MAX_INSTRUCTIONS:
            raise ValueError(f"a filter of {count} instructions; 1 to {MAX_INSTRUCTIONS} are possible")
        for at, (code, jt, jf, k) in enumerate(instructions):
            wrong = _wrong(code, k, max((k,) if code == 0x05 else (jt, jf)), count - at - 1)
            if wrong:
                raise ValueError(f"instruction {at} of the filter {wrong}")
        if instructions[-1][0] not in (0x06, 0x16):
            raise ValueError("the last instruction of a filter has to return")
        self._instructions = list(instructions)

    def run(self, octets: bytes, wire_octets: int) -> int:
        """What it answers: octets of the packet that pass, 0 for none."""
        try:
            return self._answer(octets, wire_octets)
        except (IndexError, ZeroDivisionError):
            return 0

    def _answer(self, octets: bytes, wire_octets: int) -> int:
        a = x = at = 0
        cells = [0] * CELLS
        while True:
            code, jt, jf, k = self._instructions[at]
            at += 1
            kind = code & 0x07
            if code in BRANCHES:
                other = x if code & 8 else k
                operation = code & 0x70
                if operation == 0x10:
                    holds = a == other
                elif operation == 0x20:
                    holds = a > other
                elif operation == 0x30:
                    holds = a >= other
                else:
                    holds = a & other != 0
                at += jt if holds else jf
            elif kind == 0x04:
                a = _arithmetic(code, a, x if code & 8 else k)
            elif code in (0x20, 0x28, 0x30):
                a = _load(octets, code & 0x18, k)
            elif code in (0x40, 0x48, 0x50):
                if x + k >= ANCILLARY:
                    raise IndexError
                a = _load(octets, code & 0x18, x + k)
            elif code == 0x06:
                return k
            elif code == 0x16:
                return a
            elif code == 0x05:
                at += k
            elif code == 0x00:
                a = k
            elif code == 0x01:
                x = k
            elif code == 0x60:
                a = cells[k]
            elif code == 0x61:
                x = cells[k]
            elif code == 0x80:
                a = wire_octets
            elif code == 0x81:
                x = wire_octets
            elif code == 0xB1:
                x = (_load(octets, 0x10, k) & 0xF) << 2
            elif code == 0x02:
                cells[k] = a
            elif code == 0x03:
                cells[k] = x
            elif code == 0x07:
                x = a
            else:
                a = x


def _wrong(code: int, k: int, jump: int, after: int) -> str | None:
    if code in (0x34, 0x94) and k == 0:
        return "divides by 0"
    if code in (0x64, 0x74) and k > 31:
        return "shifts by more than 31"
    if code in (0x60, 0x61, 0x02, 0x03) and k >= CELLS:
        return "is outside the scratch memory"
    if (code == 0x05 or code in BRANCHES) and jump >= after:
        return "jumps past the end"
    return None if code in KNOWN else f"has the unknown code {code:#x}"


def _load(octets: bytes, size: int, at: int) -> int:
    """As many octets as `size` says. Past the end the program answers 0."""
    if at >= ANCILLARY:
        if at in KNOWN_ANCILLARY:
            return 0
        raise IndexError
    count = {0x00: 4, 0x08: 2}.get(size, 1)
    if at + count > len(octets):
        raise IndexError
    return int.from_bytes(octets[at : at + count])


def _arithmetic(code: int, a: int, other: int) -> int:
    match code & 0xF0:
        case 0x00:
            return a + other & _U32
        case 0x10:
            return a - other & _U32
        case 0x20:
            return a * other & _U32
        case 0x30:
            return a // other
        case 0x40:
            return a | other
        case 0x50:
            return a & other
        case 0x60:
            return a << other & _U32 if other < 32 else 0
        case 0x70:
            return a >> other if other < 32 else 0
        case 0x80:
            return -a & _U32
        case 0x90:
            return a % other
    return a ^ other

"""Values out of NVML's array of nvmlFieldValue_t (nvml.h): type, return code and number of each.

40 octets an entry: field (u32), scope (u32), time and latency (2 x i64), value type (u32), return code (u32), and a
union of 8 octets. NVML says of each value by itself whether it is one; looking at neither the code nor the type turns
"not supported" into zeros, and doubles into enormous integers.

The child passes on the last 16 octets of each entry: type, return code and union; the rest the parent knows or does not
need.
"""

from __future__ import annotations

import math
import struct

ENTRY = 16
"""Octets of an entry as it is passed on."""
COUNTER = 3
"""The descriptor (`type | code << 32`) of the usual value: an unsigned long long that was read."""
BLANK_FROM = 0x7FFF_FFFF_FFFF_FFF0
"""Where the 64-bit sentinels of NVIDIA's tools begin: blank, not found, not supported, not permitted."""

_DOUBLE, _UINT, _ULONG, _ULONG_LONG, _LONG_LONG, _INT, _USHORT = range(7)
_BLANK_64 = range(BLANK_FROM, BLANK_FROM + 16)
_BLANK_32 = range(0x7FFF_FFF0, 0x7FFF_FFF0 + 4)
_BLANK_DOUBLE = (float(1 << 47), float((1 << 47) + 3))

_NO_ERRORS = 15 << 8 | 255
"""A bit error ratio of 15e-255: the smallest that NVML can write, and what a link shows that has had no errors."""


def packed(entries: memoryview) -> bytes:
    """What is passed on of an array of nvmlFieldValue_t, given as its 64-bit words."""
    words = memoryview(bytearray(len(entries) // 5 * ENTRY)).cast("Q")
    words[0::2], words[1::2] = entries[3::5], entries[4::5]
    return words.tobytes()


def decoded(raw: bytes) -> tuple[list[int], list[int]]:
    """For each entry its descriptor (`type | code << 32`) and the 64 bits of its value. Raises ValueError."""
    if len(raw) % ENTRY:
        raise ValueError(f"{len(raw)} octets are no array of {ENTRY}-octet field values")
    words = memoryview(raw).cast("Q")
    return words[0::2].tolist(), words[1::2].tolist()


def code(descriptor: int) -> int:
    """The return code of an entry's value."""
    return descriptor >> 32


def number(descriptor: int, bits: int, *, minus_one: bool = False) -> int | float | None:
    """The value that an entry holds; None for a sentinel that stands for no value, and for types that nvml.h lacks.

    -1 is NVML_VALUE_NOT_AVAILABLE unless `minus_one` says that it is a number like others here, such as a margin
    in degrees. The return code is the caller's to look at.
    """
    kind = descriptor & 0xFFFF_FFFF
    if kind in (_ULONG_LONG, _ULONG):
        return None if bits in _BLANK_64 or bits == 0xFFFF_FFFF_FFFF_FFFF else bits
    if kind == _UINT:
        low = bits & 0xFFFF_FFFF
        return None if low in _BLANK_32 or low == 0xFFFF_FFFF else low
    if kind == _DOUBLE:
        value: float = struct.unpack("=d", struct.pack("=Q", bits))[0]
        return value if math.isfinite(value) and not _BLANK_DOUBLE[0] <= value <= _BLANK_DOUBLE[1] else None
    if kind == _USHORT:
        return bits & 0xFFFF
    if kind in (_INT, _LONG_LONG):
        width = 32 if kind == _INT else 64
        signed = _signed(bits, width)
        if (signed == -1 and not minus_one) or signed in (_BLANK_32 if width == 32 else _BLANK_64):
            return None
        return signed
    return None


def narrow(descriptor: int) -> bool:
    """Whether an entry's value has 32 bits or fewer."""
    return descriptor & 0xFFFF_FFFF in (_UINT, _INT, _USHORT)


def bit_error_ratio(value: int | float) -> float:
    """The ratio from NVML's packed form: a mantissa of 4 bits above a negative decimal exponent of 8."""
    bits = int(value)
    mantissa, exponent = bits >> 8 & 0xF, bits & 0xFF
    return 0.0 if bits == _NO_ERRORS else mantissa * 10.0**-exponent


def _signed(bits: int, width: int) -> int:
    bits &= (1 << width) - 1
    return bits - (1 << width) if bits >> (width - 1) else bits

"""The memory of a pluggable module, as a driver gives it out: spans of pages.

SFF-8636 and CMIS modules answer at I2C address 50h: bytes 0-127 are always the same, bytes 128-255 are a page that the
driver selects, and pages 10h and above exist once per bank of 8 lanes. SFF-8472 modules have their monitors at 51h.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol

HALF = 128
"""Bytes in the lower half, and in a page."""
BANK_LANES = 8
"""Lanes of a bank."""
MAIN, DIAGNOSTICS = 0x50, 0x51
"""I2C addresses."""


class Span(NamedTuple):
    """Bytes that are read in one go; they lie either below byte 128 or in one page."""

    offset: int
    """From 0; a page begins at 128."""
    length: int
    page: int = 0
    bank: int = 0
    address: int = MAIN

    def __str__(self) -> str:
        where = "A2h" if self.address == DIAGNOSTICS else f"page {self.page:02X}h"
        return f"{where} bank {self.bank} bytes {self.offset}-{self.offset + self.length - 1}"


class EepromError(ValueError):
    """What a module gives cannot be used; says what and where."""


class Memory(Protocol):
    """Reads a module."""

    def read(self, span: Span) -> bytes | None:
        """The bytes; None when the module has no such page. Raises OSError when it cannot be read."""
        ...


class Image:
    """A memory that is at hand, such as one read before, by (address, bank, page).

    Bytes 0-127 of an address go by the page None. Bytes that an image lacks are a page that the module does not have.
    """

    def __init__(self, halves: Mapping[tuple[int, int, int | None], bytes]) -> None:
        self.halves = dict(halves)

    def read(self, span: Span) -> bytes | None:
        """The bytes, as `Memory` says."""
        upper = span.offset >= HALF
        half = self.halves.get((span.address, span.bank if upper else 0, span.page if upper else None))
        start = span.offset % HALF
        if half is None or start + span.length > len(half):
            return None
        return half[start : start + span.length]


def take(memory: Memory, span: Span) -> bytes | None:
    """The bytes of a span, as many as were asked for; None without such a page. Raises EepromError, OSError."""
    content = memory.read(span)
    if content is not None and len(content) != span.length:
        raise EepromError(f"{span}: {len(content)} bytes came where {span.length} were asked for")
    return content


def need(memory: Memory, span: Span) -> bytes:
    """The bytes of a span that every module of its kind has. Raises EepromError, OSError."""
    content = take(memory, span)
    if content is None:
        raise EepromError(f"{span}: the module has no such page")
    return content


def sums_to(content: bytes, checksum: int) -> bool:
    """Whether the low 8 bits of the bytes' sum are the checksum, which all the standards use."""
    return sum(content) & 0xFF == checksum


def text(content: bytes) -> str:
    """An ASCII field without the spaces and zeros that fill it up; `?` for what cannot be printed."""
    return "".join(chr(x) if 0x20 <= x < 0x7F else "?" for x in content.strip(b" \0\xff"))


def date(content: bytes) -> str:
    """`2023-03-25` from YYMMDD, with the lot code behind it where there is one; empty when there are no digits."""
    if len(content) < 6 or not content[:6].isdigit():
        return ""
    day = f"20{content[:2].decode()}-{content[2:4].decode()}-{content[4:6].decode()}"
    return f"{day} {text(content[6:8])}".rstrip()


def signed(content: bytes, offset: int) -> int:
    """The 16-bit number in two's complement at an offset."""
    return int.from_bytes(content[offset : offset + 2], "big", signed=True)


def unsigned(content: bytes, offset: int) -> int:
    """The 16-bit number at an offset."""
    return int.from_bytes(content[offset : offset + 2], "big")

"""Gzip (RFC 1952) and zstd (RFC 8878), a slice at a time, so that they can wait in the middle of a growing file."""

from __future__ import annotations

import importlib
import zlib
from typing import Any

GZIP_MAGIC = b"\x1f\x8b"
HEADER_CHECK, EXTRA, NAME, COMMENT = 2, 4, 8, 16
MAX_HEADER = 1 << 20
"""Octets of a gzip member's header."""
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
SKIPPABLE = b"\x2a\x4d\x18"
ZSTD_LIBRARIES = ("compression.zstd", "backports.zstd")
"""Python's own from 3.14 on, and the same for those before it."""


class PackingError(ValueError):
    """Packed octets that contradict themselves."""


class Gzip:
    """Takes members apart, one after another."""

    def __init__(self) -> None:
        self.pending = b""
        self._inflate: Any = None
        self._ended = False
        self._check = 0
        self._size = 0
        self._members = 0

    def complete(self) -> bool:
        """Whether the octets may end here."""
        return self._inflate is None and not self.pending

    def unpack(self, room: int) -> bytes:
        """At most `room` octets that came out; none when more has to come in first."""
        while True:
            if self._inflate is None and not self._begin():
                return b""
            if not self._ended:
                try:
                    made: bytes = self._inflate.decompress(self.pending, room)
                except zlib.error as error:
                    raise PackingError(str(error)) from error
                self._ended = self._inflate.eof
                self.pending = self._inflate.unused_data if self._ended else self._inflate.unconsumed_tail
                self._check = zlib.crc32(made, self._check)
                self._size += len(made)
                if made or not self._ended:
                    return made
            if len(self.pending) < 8:
                return b""
            trailer, self.pending = self.pending[:8], self.pending[8:]
            if trailer != self._check.to_bytes(4, "little") + (self._size & 0xFFFF_FFFF).to_bytes(4, "little"):
                raise PackingError("the check value of a gzip member does not fit what is in it")
            self._members += 1
            self._inflate = None

    def _begin(self) -> bool:
        """Moves over a member's header. Whether it is there."""
        if self._members:
            # Padding to the block of a tape.
            self.pending = self.pending.lstrip(b"\0")
        if len(self.pending) < 10:
            return False
        if self.pending[:2] != GZIP_MAGIC or self.pending[2] != 8:
            raise PackingError(f"a gzip member begins with 1f 8b 08, not {self.pending[:3].hex(' ')}")
        octets = _header(self.pending)
        if octets is None:
            if len(self.pending) > MAX_HEADER:
                raise PackingError(f"a gzip member's header has more than {MAX_HEADER} octets")
            return False
        self.pending = self.pending[octets:]
        self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        self._ended = False
        self._check = self._size = 0
        return True


def _header(octets: bytes) -> int | None:
    """Octets of a member's header; None when it is not all there."""
    flags, at = octets[3], 10
    if flags & EXTRA:
        at += 2 + int.from_bytes(octets[10:12], "little")
    for text in (NAME, COMMENT):
        if flags & text:
            end = octets.find(b"\0", at)
            if end < 0:
                return None
            at = end + 1
    if flags & HEADER_CHECK:
        at += 2
    return at if at <= len(octets) else None


def begins_zstd(octets: bytes) -> bool:
    """Whether a frame of zstd, or one that it skips, begins so."""
    return octets[:4] == ZSTD_MAGIC or (octets[1:4] == SKIPPABLE and octets[0] >> 4 == 5)


class Zstd:
    """Takes frames apart, one after another, with the library that is there."""

    def __init__(self, library: Any) -> None:
        self.pending = b""
        self._library = library
        self._frame: Any = None

    def complete(self) -> bool:
        """Whether the octets may end here."""
        return self._frame is None and not self.pending

    def unpack(self, room: int) -> bytes:
        """At most `room` octets that came out; none when more has to come in first."""
        while True:
            if self._frame is None:
                if len(self.pending) < 4:
                    return b""
                if not begins_zstd(self.pending):
                    raise PackingError(f"a zstd frame begins with 28 b5 2f fd, not {self.pending[:4].hex(' ')}")
                self._frame = self._library.ZstdDecompressor()
            try:
                made: bytes = self._frame.decompress(self.pending, room)
            except self._library.ZstdError as error:
                raise PackingError(str(error)) from error
            self.pending = b""
            if self._frame.eof:
                self.pending = self._frame.unused_data
                self._frame = None
            if made:
                return made
            if self._frame is not None:
                return b""


def zstd() -> Zstd:
    """Raises PackingError where no library for it is installed."""
    for name in ZSTD_LIBRARIES:
        try:
            return Zstd(importlib.import_module(name))
        except ImportError:
            continue
    raise PackingError(
        "is packed with zstd, which needs the Rust engine, Python 3.14 or the package backports.zstd; `zstd -d` "
        "unpacks it"
    )

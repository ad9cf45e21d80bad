"""A cursor over octets that may end anywhere, and what was read, as bounded text of printable ASCII."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

MAX_TEXT = 255
"""Octets of one value at most; a longer one is cut."""


class Sides(NamedTuple):
    """The first octets of each side of a flow, some thousand at most."""

    client: bytes
    """Of the side that opened the flow."""
    server: bytes
    stream: bool
    """TCP, where messages follow one another without a border; otherwise the first datagram stands first."""

    def each(self) -> tuple[bytes, bytes]:
        """The client's, then the server's."""
        return self.client, self.server


class EndError(Exception):
    """What was to be read is not there, or is none of what was looked for."""


class Reader:
    """Where reading has come to. What is not there raises EndError."""

    __slots__ = ("_at", "_octets")

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._at = 0

    def rest(self) -> bytes:
        """What has not been read."""
        return self._octets[self._at :]

    def left(self) -> int:
        """How much that is."""
        return len(self._octets) - self._at

    def take(self, count: int) -> bytes:
        """The next `count` octets; none of them where there are fewer."""
        if count < 0 or self._at + count > len(self._octets):
            raise EndError
        return self.take_at_most(count)

    def take_at_most(self, count: int) -> bytes:
        """The next `count` octets, or as many of them as are left: of a structure that was cut off."""
        if count < 0:
            raise EndError
        taken = self._octets[self._at : self._at + count]
        self._at += len(taken)
        return taken

    def skip(self, count: int) -> None:
        """Passes over `count` octets."""
        self.take(count)

    def until(self, end: int) -> bytes:
        """The octets before the next `end`, which is passed over."""
        place = self._octets.find(end, self._at)
        if place < 0:
            raise EndError
        taken = self._octets[self._at : place]
        self._at = place + 1
        return taken

    def number(self, count: int) -> int:
        """A number of so many octets, in network order."""
        return int.from_bytes(self.take(count))

    def little(self, count: int) -> int:
        """The same, little-endian."""
        return int.from_bytes(self.take(count), "little")

    def counted(self, count: int) -> bytes:
        """A length in so many octets, and so many octets as it says."""
        before = self._at
        length = self.number(count)
        try:
            return self.take(length)
        except EndError:
            # The length was read, as by who reads it on its own.
            self._at = before + count
            raise


class Fields:
    """Names and values in the order in which they were read; a name stands once."""

    def __init__(self) -> None:
        self.all: dict[str, str] = {}

    def octets(self, name: str, value: bytes | None) -> None:
        """Octets that the peer wrote. Nothing is kept of an empty one, and the first value of a name stays."""
        if value:
            self.all.setdefault(name, printable(value))

    def value(self, name: str, value: object) -> None:
        """A number or a word of our own."""
        self.octets(name, str(value).encode())


def expect(held: bool) -> None:
    """Raises EndError unless that is so."""
    if not held:
        raise EndError


def printable(octets: bytes) -> str:
    """Printable ASCII stays; everything else, and the backslash, is written in hexadecimal, as Rust and C do."""
    text = ""
    for octet in octets:
        plain = 0x20 <= octet <= 0x7E and octet != 0x5C
        if MAX_TEXT - len(text) < (1 if plain else 4):
            break
        text += chr(octet) if plain else f"\\x{octet:02x}"
    return text


def colons(octets: bytes) -> str:
    """`aa:bb:cc` of octets."""
    return octets[:32].hex(":")


def word(words: Mapping[int, str], number: int) -> str:
    """The word of a number, or the number."""
    return words.get(number) or str(number)


def trim_end(octets: bytes) -> bytes:
    """Without white space of ASCII at the end."""
    return octets.rstrip(b" \t\n\x0c\r")


def trim(octets: bytes) -> bytes:
    """The same on both sides."""
    return trim_end(octets).lstrip(b" \t\n\x0c\r")

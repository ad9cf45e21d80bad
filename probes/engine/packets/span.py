"""A part of a frame: what was captured of it, and how long it was."""

from __future__ import annotations

from struct import Struct
from typing import Any

from probes.engine.packets.packet import Reason, Undecodable


class Span:
    """What follows the headers that were read so far."""

    __slots__ = ("octets", "wire")

    def __init__(self, octets: bytes, wire: int) -> None:
        self.octets = octets
        """What was captured."""
        self.wire = wire
        """Octets on the wire, by the headers before it: more than was captured when the capture, or the switch that
        mirrors, cut the frame."""

    @classmethod
    def captured(cls, octets: bytes, wire: int) -> Span:
        """What is there was on the wire, whatever the capture says."""
        return cls(octets, max(wire, len(octets)))

    def read(self, layout: Struct, bad: Reason) -> tuple[Any, ...]:
        """The fields that stand first. Undecodable: `bad` when a header before says that they never were there."""
        if len(self.octets) < layout.size:
            raise self.lacks(layout.size, bad)
        return layout.unpack_from(self.octets)

    def skip(self, count: int, bad: Reason) -> Span:
        """What follows the next `count` octets, which have to be there."""
        if len(self.octets) < count:
            raise self.lacks(count, bad)
        return Span(self.octets[count:], max(0, self.wire - count))

    def past(self, count: int) -> Span:
        """What follows the next `count` octets, nothing when these were not captured in full."""
        return Span(self.octets[count:], max(0, self.wire - count))

    def limit(self, count: int) -> Span:
        """No more than `count` octets of it: what comes after is padding or a check sequence."""
        return Span(self.octets[:count], min(self.wire, count))

    def told(self, count: int) -> Span:
        """It has `count` octets by its own header, even when the frame around it was shorter.

        Then the frame was cut before it was sent here.
        """
        return Span(self.octets[:count], count)

    def octet(self, at: int) -> int | None:
        """One octet."""
        return self.octets[at] if at < len(self.octets) else None

    def number(self, at: int) -> int | None:
        """A number of two octets, in network order."""
        return int.from_bytes(self.octets[at : at + 2]) if at + 2 <= len(self.octets) else None

    def lacks(self, count: int, bad: Reason) -> Undecodable:
        """Why `count` octets are not here."""
        return Undecodable(bad if count > self.wire else Reason.TRUNCATED)

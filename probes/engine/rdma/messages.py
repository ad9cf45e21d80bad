"""Sizes of messages: from the length that a WRITE or READ tells, otherwise from where FIRST and LAST stand."""

from __future__ import annotations

from typing import NamedTuple

from probes.engine.rdma.headers import Position, add, ahead

MTUS = (4096, 2048, 1024, 512, 256)
"""Octets of payload in a full packet (PMTU)."""
_U32 = (1 << 32) - 1


class Sizes:
    """Messages that ended."""

    def __init__(self) -> None:
        self.count = self.octets = self.least = self.most = 0
        self._bits = [0] * 33

    def add(self, octets: int) -> None:
        """A message of that many octets ended."""
        self._bits[octets.bit_length()] += 1
        self.least = min(self.least, octets) if self.count else octets
        self.most = max(self.most, octets)
        self.count += 1
        self.octets += octets

    def histogram(self) -> list[int]:
        """Counts by bits, without the zeros at the end."""
        used = max((bits for bits, count in enumerate(self._bits) if count), default=-1)
        return self._bits[: used + 1]


class Tally:
    """What streams of sequence numbers count."""

    def __init__(self) -> None:
        self.lost = 0
        """Numbers that the fabric lost."""
        self.unseen = 0
        """Numbers that the mirror lost."""
        self.duplicates = 0
        """Packets that had been seen."""
        self.repeated_octets = 0
        """Octets of payload in these."""
        self.fresh_octets = 0
        """Octets of payload that were seen for the first time."""
        self.sizes = Sizes()
        """Messages that ended."""


class Piece(NamedTuple):
    """One packet of a stream."""

    psn: int
    span: int
    """How many numbers it takes: more than one for a READ request."""
    position: Position
    resumes: bool
    """A message that goes on is not ended by another's begin: it is an answer, and what is left of it was asked for
    again."""
    length: int | None
    """What it says of the message's length."""
    payload: int
    mtu: int
    """Octets of payload in a full packet; 0 while that is not known."""
    time_ns: int

    def place(self, goes_on: bool) -> Position:
        """Where in its message it stands, when `goes_on` says whether one has begun."""
        if self.resumes and goes_on:
            return {Position.FIRST: Position.MIDDLE, Position.ONLY: Position.LAST}.get(self.position, self.position)
        return self.position


def packets(octets: int, mtu: int) -> int:
    """How many packets a message of that many octets takes; 1 for an empty one."""
    return max(1, -(-octets // mtu)) if mtu else 1


def fitting_mtu(first: int, length: int, following: int) -> int | None:
    """The payload of a full packet, where a READ tells it.

    One of `length` octets at `first` takes the numbers before `following`.
    """
    taken = ahead(first, following)
    return next((mtu for mtu in MTUS if packets(length, mtu) == taken), None)


class Open(NamedTuple):
    """A message that has begun."""

    first: int
    """Sequence number of its first packet, as far as is known."""
    length: int | None = None
    """What its begin said of its length."""
    seen: bool = False
    """Whether a packet of it was seen; otherwise it is only supposed that one begins there."""

    def end(self, mtu: int) -> int | None:
        """The sequence number behind it, where its length was told and the payload of a full packet is known."""
        return None if self.length is None or mtu == 0 else add(self.first, packets(self.length, mtu))

    def size(self, last: int, payload: int, mtu: int) -> int:
        """Its size, when it ends with the packet `last` of `payload` octets."""
        end = self.end(mtu)
        if self.length is not None and end in (None, add(last, 1)):
            return self.length
        if end is not None and ahead(end, last) > 0:
            # Its own end was not seen, and this is the end of the next one.
            return min(ahead(end, last) * mtu + payload, _U32)
        return min(ahead(self.first, last) * mtu + payload, _U32)

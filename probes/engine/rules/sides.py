"""The first octets of one side: a stream put together by sequence number, or the first datagrams."""

from __future__ import annotations

from typing import NamedTuple

MAX_OCTETS = 2048
"""Octets that are kept of each side."""
MAX_DATAGRAMS = 8
"""Datagrams that are kept of each side."""
MAX_WAITING = 4
"""Segments that wait for what comes before them."""
_U32 = (1 << 32) - 1


class Message(NamedTuple):
    """One message, or what there is of it."""

    octets: bytes
    size: int
    """Of the message on the wire; of a stream what is here."""
    first: int
    """Of the side's first segment or datagram."""
    stream: bool


class SideOctets:
    """One side of a flow, as far as it is kept."""

    __slots__ = ("_base", "_datagrams", "_first", "_stream", "_waiting", "began_earlier", "hits", "octets")

    def __init__(self) -> None:
        self.octets = b""
        self.began_earlier = False
        """Whether what was taken for the beginning turned out to be none, since this was last taken."""
        self.hits: list[set[int]] = []
        """By message (one in a stream): the patterns that were found."""
        self._stream = False
        self._base: int | None = None
        """Sequence number of the first octet of a stream."""
        self._first = 0
        """Octets of the first segment or datagram on the wire."""
        self._waiting: list[tuple[int, bytes]] = []
        """Segments that are ahead of what is here, by distance from `_base`."""
        self._datagrams: list[tuple[int, int]] = []
        """Where each datagram ends in `octets`, and how long it was on the wire."""

    def messages(self) -> int:
        """How many there are."""
        return min(len(self.octets), 1) if self._stream else len(self._datagrams)

    def full(self) -> bool:
        """Whether no more is kept."""
        return len(self.octets) >= MAX_OCTETS or len(self._datagrams) >= MAX_DATAGRAMS

    def message(self, index: int) -> Message | None:
        """The nth message."""
        if index >= self.messages():
            return None
        if self._stream:
            return Message(self.octets, len(self.octets), self._first, True)
        start = self._datagrams[index - 1][0] if index else 0
        end, size = self._datagrams[index]
        return Message(self.octets[start:end], size, self._first, False)

    def datagram(self, payload: bytes, wire_octets: int) -> bool:
        """Keep a datagram. True when there is one more to look at."""
        if self.full():
            return False
        if not self._datagrams:
            self._first = wire_octets
        self._append(payload)
        self._datagrams.append((len(self.octets), wire_octets))
        return True

    def segment(self, payload: bytes, wire_octets: int, sequence: int, begins: int | None) -> bool:
        """Keep a segment.

        `begins`: the sequence number of the stream's first octet, where the SYN was seen. True when there is more to
        look at than before.
        """
        self._stream = True
        if self._base is None:
            self._base = sequence if begins is None else begins
        distance = (sequence - self._base) & _U32
        # Distances of more than half the number space are negative: it comes before what was taken for the beginning.
        if distance < 1 << 31:
            return self._place(distance, payload, wire_octets)
        back = (self._base - sequence) & _U32
        if len(payload) > back:
            # Repeats what is here, and goes on behind it.
            return self._place(0, payload[back:], wire_octets)
        if begins is None and back <= MAX_OCTETS and len(payload) > 1:
            # One octet just before the beginning would be a keep-alive.
            return self._begin_earlier(payload, wire_octets, sequence, back)
        return False

    def _place(self, distance: int, payload: bytes, wire_octets: int) -> bool:
        """Put octets at a distance from the first one. What was here first stays."""
        if distance >= MAX_OCTETS:
            return False
        if distance == 0 and self._first == 0:
            self._first = wire_octets
        before = len(self.octets)
        if distance > before:
            if len(self._waiting) < MAX_WAITING:
                self._waiting.append((distance, payload[: MAX_OCTETS - distance]))
            return False
        self._append(payload[before - distance :])
        while True:
            places = range(len(self._waiting))
            ready = next((place for place in places if self._waiting[place][0] <= len(self.octets)), None)
            if ready is None:
                break
            at, octets = self._waiting[ready]
            last = self._waiting.pop()
            if ready < len(self._waiting):
                self._waiting[ready] = last
            self._append(octets[len(self.octets) - at :])
        return len(self.octets) > before

    def _append(self, octets: bytes) -> None:
        self.octets += octets[: max(0, MAX_OCTETS - len(self.octets))]

    def _begin_earlier(self, payload: bytes, wire_octets: int, sequence: int, back: int) -> bool:
        """A segment from before the first one that was seen, when nobody knows where the stream begins."""
        later, self.octets = self.octets, b""
        self._waiting = [(at + back, octets) for at, octets in self._waiting]
        if len(self._waiting) < MAX_WAITING and back < MAX_OCTETS:
            self._waiting.append((back, later))
        self._base = sequence
        self._first = 0
        self.began_earlier = True
        return self._place(0, payload, wire_octets)

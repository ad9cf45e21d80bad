"""What is followed of a TCP connection, from the middle of the path.

Per way, with sequence numbers compared modulo 2^32:

- The highest sequence number that was seen is the *edge*. A segment that begins beyond it leaves a hole; the last
  `HOLES` are known, with the time at which they were seen.
- A segment with payload, SYN or FIN that begins below the edge and touches no hole was seen before: a
  **retransmission**. Its octets are those of the payload below the edge.
- One that touches a hole was not seen before. If it comes sooner after the hole than one round trip, nobody can have
  asked for it: **out of order**. Later it was sent again, for what was lost was lost before the mirror: a
  **retransmission**. The round trip is the handshake's, or else the least of both ways added; 3 ms if unknown.
- A segment of at most one octet just below the edge is a keep-alive, and counts as neither.
- A step of 2^30 or more is no step: the edge is set anew.
- **Round trips** are taken from payload that moves the edge to the first acknowledgement of all of it, one at a time,
  and not at all when something was retransmitted in between (Karn).
- **Duplicate acknowledgement**: nothing but ACK at the edge, with number and window of the one before it, while the
  other way has data that is not acknowledged.
- **Zero window**: window 0 without SYN, FIN and RST.
"""

from __future__ import annotations

from fabricscope.flow import Tcp, TcpWay, Times
from probes.engine.flows.key import ACK, FIN, RST, SYN, Opening, opening
from probes.engine.packets.packet import TcpHeader

HOLES = 4
STEP = 1 << 30
USUAL_ROUND_TRIP_NS = 3_000_000
_U32 = (1 << 32) - 1
_U64 = (1 << 64) - 1


def distance(start: int, to: int) -> int:
    """How far `to` is ahead of `start`, modulo 2^32."""
    return ((to - start + (1 << 31)) & _U32) - (1 << 31)


class Counts:
    """What one way comes to in a record."""

    __slots__ = ("count", "duplicates", "longest", "octets", "order", "repeats", "resets", "shortest", "sum", "zeros")

    def __init__(self) -> None:
        self.repeats = self.octets = self.order = self.zeros = self.duplicates = self.resets = 0
        self.count = self.shortest = self.sum = self.longest = 0

    def take_time(self, time_ns: int) -> None:
        """A round trip."""
        self.shortest = min(self.shortest, time_ns) if self.count else time_ns
        self.count += 1
        self.sum = min(self.sum + time_ns, _U64)
        self.longest = max(self.longest, time_ns)

    def tell(self) -> TcpWay:
        """As a record has it."""
        times = Times(self.count, self.shortest, self.sum, self.longest)
        return TcpWay(self.repeats, self.octets, self.order, self.zeros, self.duplicates, self.resets, times)


class Side:
    """One way."""

    def __init__(self) -> None:
        self.counts = Counts()
        self.holes: list[tuple[int, int, int]] = []
        """Start, end and when it was seen, the latest first."""
        self.timed: tuple[int, int] | None = None
        """Payload up to a number was sent at a time, and waits for its acknowledgement."""
        self.edge: int | None = None
        self.first: int | None = None
        """The number of its SYN."""
        self.acknowledged: tuple[int, int] | None = None
        """The last acknowledgement number and window."""

    def acknowledge(self, other: Side, tcp: TcpHeader, octets: int, time_ns: int) -> None:
        """What this way says of the other one's data."""
        number = tcp.acknowledgement
        if other.timed is not None and distance(other.timed[0], number) >= 0:
            sent_ns = other.timed[1]
            other.timed = None
            if time_ns >= sent_ns:
                other.counts.take_time(time_ns - sent_ns)
        said = (number, tcp.window)
        bare = octets == 0 and tcp.flags & (SYN | FIN) == 0
        if (
            bare
            and self.acknowledged == said
            and (self.edge or 0) == tcp.sequence
            and other.edge is not None
            and distance(number, other.edge) > 0
        ):
            self.counts.duplicates += 1
        self.acknowledged = said

    def send(self, tcp: TcpHeader, octets: int, time_ns: int, round_trip_ns: int) -> None:
        """What this way sends."""
        syn = tcp.flags & SYN != 0
        length = min(octets + syn + (tcp.flags & FIN != 0), _U32)
        start = tcp.sequence
        if self.edge is None:
            self.edge = start
        if syn and self.first is None:
            self.first = start
        if not -STEP <= distance(self.edge, start) < STEP:
            self.edge = start
            self.holes = []
            self.timed = None
        if length == 0:
            return
        end = (start + length) & _U32
        ahead = distance(self.edge, start)
        if ahead >= 0:
            self._advance(start, end, octets, time_ns)
        elif not (ahead == -1 and length == 1):
            seen_ns = self._fill(start, end)
            if seen_ns is None:
                # The part below the edge is what was seen.
                self._repeat(min(octets, (self.edge - start) & _U32))
            elif max(0, time_ns - seen_ns) < round_trip_ns:
                self.counts.order += 1
            else:
                self._repeat(octets)
        if distance(self.edge, end) > 0:
            self.edge = end

    def _fill(self, start: int, end: int) -> int | None:
        """When the hole was seen that this touches.

        What is left of it is before the segment or behind it; of both, the one behind comes next.
        """
        for place, (hole_start, hole_end, seen_ns) in enumerate(self.holes):
            if distance(start, hole_end) > 0 and distance(hole_start, end) > 0:
                if distance(end, hole_end) > 0:
                    self.holes[place] = (end, hole_end, seen_ns)
                elif distance(hole_start, start) > 0:
                    self.holes[place] = (hole_start, start, seen_ns)
                else:
                    self.holes[place] = (0, 0, 0)
                return seen_ns
        return None

    def _advance(self, start: int, end: int, octets: int, time_ns: int) -> None:
        if self.edge is not None and self.edge != start:
            self.holes = [(self.edge, start, time_ns), *self.holes][:HOLES]
        self.edge = end
        if octets > 0 and self.timed is None:
            self.timed = (end, time_ns)

    def _repeat(self, octets: int) -> None:
        self.counts.repeats += 1
        self.counts.octets += octets
        self.timed = None


class Connection:
    """A connection; ends are numbered as in its key."""

    def __init__(self) -> None:
        self._sides = (Side(), Side())
        self._syn_ns = 0
        self._handshake_ns = 0
        self._opener: int | None = None
        """The end whose SYN was seen, while its handshake goes on."""
        self._answered = False
        self._finished = [False, False]
        self._reset = False

    def observe(self, sender: int, tcp: TcpHeader, octets: int, time_ns: int) -> None:
        """A segment of one end, with that much payload on the wire."""
        self._open(sender, tcp, time_ns)
        round_trip = self._round_trip_ns()
        side, other = self._sides[sender], self._sides[1 - sender]
        if tcp.flags & RST:
            side.counts.resets += 1
            self._reset = True
            return
        if tcp.flags & FIN:
            self._finished[sender] = True
        if tcp.window == 0 and tcp.flags & (SYN | FIN) == 0:
            side.counts.zeros += 1
        if tcp.flags & ACK:
            side.acknowledge(other, tcp, octets, time_ns)
        side.send(tcp, octets, time_ns, round_trip)

    def ended(self) -> bool:
        """FIN both ways, or RST."""
        return self._reset or all(self._finished)

    def is_other_opening(self, sender: int, tcp: TcpHeader) -> bool:
        """Whether this SYN is not the one that was seen."""
        return self._sides[sender].first != tcp.sequence

    def begins(self, end: int) -> int | None:
        """The number of the first octet that an end sent, when its SYN was seen."""
        first = self._sides[end].first
        return None if first is None else (first + 1) & _U32

    def tell(self, source: int) -> Tcp:
        """What it comes to, from end `source`; it is counted anew then. What is known of sequence numbers stays."""
        forward, reverse = self._sides[source], self._sides[1 - source]
        told = Tcp(self._handshake_ns, forward.counts.tell(), reverse.counts.tell())
        for side in self._sides:
            side.counts = Counts()
        return told

    def _open(self, sender: int, tcp: TcpHeader, time_ns: int) -> None:
        """SYN, SYN+ACK, ACK. A SYN that is sent again is the one that the time is taken from."""
        found = opening(tcp.flags)
        if found is Opening.SYN:
            if self._opener in (None, sender):
                self._opener = sender
                self._syn_ns = time_ns
        elif found is Opening.SYN_ACK:
            self._answered |= self._opener == 1 - sender
        elif self._answered and self._handshake_ns == 0 and self._opener == sender and tcp.flags & (ACK | RST) == ACK:
            self._handshake_ns = max(0, time_ns - self._syn_ns)
            self._answered = False

    def _round_trip_ns(self) -> int:
        if self._handshake_ns:
            return self._handshake_ns
        low, high = (side.counts for side in self._sides)
        return min(low.shortest + high.shortest, _U64) if low.count and high.count else USUAL_ROUND_TRIP_NS

"""One run of sequence numbers: the requests that one end sends, or the answers to READ and ATOMIC that it sends.

What becomes of a number that was passed over:

- acknowledged without having been asked for again: the receiver had it, so the mirror lost it (*unseen*);
- asked for by a negative acknowledgement, or of an answer by another READ of it: the fabric lost it (*lost*);
- seen after `REORDERING_NS` or longer without either: the sender's timer sent it again (*lost*);
- seen sooner: only out of order, unless the numbers behind it, which had been seen, come again as well: then the
  sender went back for it, and the mirror did not see the request to do so (*lost*).

A number that was seen here and is refused with a PSN sequence error was lost between here and the receiver: it is
*lost* too, except when it came out of order itself.
"""

from __future__ import annotations

import enum

from probes.engine.rdma.assembly import Assembly, conclude
from probes.engine.rdma.gaps import Behind, Gap, Gaps
from probes.engine.rdma.headers import MASK, Position, add, ahead, distance
from probes.engine.rdma.messages import Piece, Tally

REORDERING_NS = 1_000_000
"""What comes late by less is taken to be out of order: no sender's timer is that short."""
FAR = 1 << 20
"""A jump by more is another connection with the same numbers."""
OLD = 1 << 15
"""Nobody sends again what was acknowledged so long ago."""
OLD_AFTER_SILENCE = 256
SILENCE_NS = 1_000_000_000
UNACKNOWLEDGED = 1 << 22
"""As far back numbers can be told from those that are to come."""
AHEAD = 1 << 16
"""An acknowledgement that is further ahead of what was seen says nothing of this stream."""
_U32 = (1 << 32) - 1


class Arrival(enum.Enum):
    """What a packet was."""

    FRESH = 0
    """The first with its number."""
    LATE = 1
    """The first with its number, which had been passed over."""
    DUPLICATE = 2
    """Its number had been seen."""
    FAR = 3
    """Its number is of another connection. Nothing was counted."""


class Stream:
    """One run of sequence numbers."""

    def __init__(self, unreliable: bool = False) -> None:
        self._unreliable = unreliable
        """Nothing acknowledges it and nothing is sent again: what is passed over and does not come is lost, although
        whether the fabric or the mirror lost it cannot be told."""
        self._started = False
        self._reset(0)

    def _reset(self, psn: int) -> None:
        self.next = psn
        """The number that comes next."""
        self._sent = 0
        self._acknowledged = psn
        self._time_ns = 0
        self._gaps = Gaps()
        self._assembly = Assembly()
        self._suspect: tuple[int, int] | None = None
        """Numbers that came late without having been asked for: the next, and how many."""
        self._late: int | None = None
        """The last number that came late."""
        self._refused: int | None = None
        """The last one that was refused."""

    def age(self, psn: int) -> int | None:
        """How many numbers ago `psn` was sent; None when it was not, as far as was seen."""
        age = distance(psn, self.next)
        return age if self._started and 0 < age <= self._sent else None

    def begin(self, psn: int) -> None:
        """It is known that `psn` comes next."""
        self._started = True
        self._reset(psn)

    def skip_to(self, psn: int) -> None:
        """Nothing up to `psn` is part of the stream."""
        if not self._started:
            self.begin(psn)
        elif distance(self.next, psn) > 0:
            self.next = psn
            self._assembly.interrupt()

    def miss_to(self, end: int, time_ns: int, mtu: int, tally: Tally) -> None:
        """Everything up to `end` is part of it, and was not seen."""
        count = ahead(self.next, end)
        if self._started and 1 <= count < FAR:
            self._pass_over(count, "boundary", time_ns, mtu, tally)
            self.next = end
            self._assembly.interrupt()

    def arrive(self, piece: Piece, tally: Tally) -> Arrival:
        """A packet came."""
        psn = piece.psn
        if not self._started:
            self.begin(psn)
        offset = distance(self.next, psn)
        if abs(offset) >= FAR or (offset < 0 and self._is_old(piece)):
            return Arrival.FAR
        self._time_ns = piece.time_ns
        if offset < 0:
            return self._again(piece, tally)
        if offset > 0:
            inside = piece.position in (Position.MIDDLE, Position.LAST)
            self._pass_over(offset, "inside" if inside else "boundary", piece.time_ns, piece.mtu, tally)
        before, self.next = self.next, add(psn, piece.span)
        self._sent = min(self._sent + ahead(before, self.next), _U32)
        self._suspect = None
        self._is_seen(psn)
        if ahead(self._acknowledged, self.next) > UNACKNOWLEDGED:
            self._acknowledged = add(self.next, MASK - UNACKNOWLEDGED)
        tally.fresh_octets += piece.payload
        self._assembly.arrive(piece, self._gaps, tally.sizes)
        return Arrival.FRESH

    def _again(self, piece: Piece, tally: Tally) -> Arrival:
        """A packet came whose number lies behind."""
        at = self._gaps.position(piece.psn)
        if at is not None:
            self._fill(at, piece, tally)
            self._is_seen(piece.psn)
            tally.fresh_octets += piece.payload
            return Arrival.LATE
        if self._suspect is not None and self._suspect[0] == piece.psn:
            tally.lost += self._suspect[1]
            self._suspect = None
        self._is_seen(piece.psn)
        tally.duplicates += 1
        tally.repeated_octets += piece.payload
        return Arrival.DUPLICATE

    def _is_seen(self, psn: int) -> None:
        if self._refused == psn:
            self._refused = None

    def acknowledge(self, psn: int, mtu: int, tally: Tally) -> None:
        """The other end has everything before `psn`."""
        if not self._started:
            return
        further = distance(self.next, psn)
        if further > AHEAD:
            return
        if further > 0:
            # The packets at the end were not seen. Which message goes on is not known any more, only supposed.
            tally.unseen += further
            self._sent = min(self._sent + further, _U32)
            self.next = psn
        if distance(self._acknowledged, psn) > 0:
            self._acknowledged = psn
        if self._gaps.all:
            while (gap := self._gaps.take_before(psn)) is not None:
                settle(gap, mtu, tally)
            if not self._gaps.all:
                self._assembly.settled()

    def refuse(self, psn: int, mtu: int, tally: Tally) -> None:
        """The other end has everything before `psn`, and asks for the rest again."""
        self.acknowledge(psn, mtu, tally)
        if not self._started or distance(psn, self.next) < 0 or self._refused == psn:
            return
        self._refused = psn
        if self._gaps.position(psn) is not None:
            self._gaps.ask(psn, ahead(psn, self.next))
        elif self._late != psn:
            tally.lost += 1

    def ask(self, first: int, count: int) -> None:
        """Part of it is asked for again."""
        if self._started:
            self._gaps.ask(first, count)

    def is_answered(self, psn: int) -> None:
        """That number belongs to the inside of an answer, so no request with it is missing."""
        if not self._started:
            return
        if distance(self.next, psn) >= 0:
            self.skip_to(add(psn, 1))
        else:
            self._gaps.forget(psn)

    def close(self, mtu: int, tally: Tally, *, known: bool) -> None:
        """It is over.

        `known`: of gaps of which nothing was said the mirror lost the packets; otherwise that is not known, as the
        capture ended too soon.
        """
        gaps, self._gaps.all = self._gaps.all, []
        for gap in gaps:
            if known or gap.asked:
                settle(gap, mtu, tally)

    def _is_old(self, piece: Piece) -> bool:
        age = ahead(piece.psn, self._acknowledged)
        return age > OLD or (age > OLD_AFTER_SILENCE and piece.time_ns - self._time_ns >= SILENCE_NS)

    def _pass_over(self, count: int, behind: Behind, time_ns: int, mtu: int, tally: Tally) -> None:
        message = self._assembly.pass_over(self.next, behind)
        oldest = self._gaps.push(Gap(self.next, count, self._unreliable, time_ns, message, behind))
        if oldest is not None:
            settle(oldest, mtu, tally)

    def _fill(self, at: int, piece: Piece, tally: Tally) -> None:
        """A packet came that had been passed over."""
        gap = self._gaps.all[at]
        if self._unreliable:
            pass  # Only out of order: nobody sends it again.
        elif gap.asked or piece.time_ns - gap.time_ns >= REORDERING_NS:
            tally.lost += 1
        else:
            follows = self._suspect is not None and self._suspect[0] == piece.psn
            self._suspect = (add(piece.psn, 1), self._suspect[1] + 1 if follows and self._suspect else 1)
            self._late = piece.psn
        newest = at + 1 == len(self._gaps.all)
        self._gaps.all[at : at + 1] = self._assembly.fill(gap, newest, piece, tally.sizes)


def settle(gap: Gap, mtu: int, tally: Tally) -> None:
    """Nothing of that gap will come any more."""
    if gap.asked:
        tally.lost += gap.width
    else:
        tally.unseen += gap.width
    conclude(gap, mtu, tally.sizes)

"""Sequence numbers that were passed over, until it is known what became of them."""

from __future__ import annotations

from typing import Literal, NamedTuple

from probes.engine.rdma.headers import add, ahead, distance
from probes.engine.rdma.messages import Open

MAX_GAPS = 32
"""More open gaps than that are not followed: what is known of the oldest is then taken as all that will be."""

Behind = Literal["boundary", "inside"] | tuple[int, int]
"""What came right behind a gap: a packet that begins a message, so what went on before has ended in it; the inside of a
message, which still goes on; or that has ended since: its last packet and the octets of payload in that."""


class Gap(NamedTuple):
    """Sequence numbers that were passed over."""

    first: int
    width: int
    """How many."""
    asked: bool
    """They were asked for again."""
    time_ns: int
    """When they were passed over."""
    message: Open
    """The message that was going on, or is supposed to begin here."""
    behind: Behind

    def end(self) -> int:
        """The sequence number behind it."""
        return add(self.first, self.width)

    def contains(self, psn: int) -> bool:
        """Whether that number is in it."""
        return 0 <= distance(self.first, psn) < self.width


class Gaps:
    """Open gaps, oldest first."""

    def __init__(self) -> None:
        self.all: list[Gap] = []

    def push(self, gap: Gap) -> Gap | None:
        """Adds one; gives back the oldest when there are too many."""
        oldest = self.all.pop(0) if len(self.all) >= MAX_GAPS else None
        self.all.append(gap)
        return oldest

    def position(self, psn: int) -> int | None:
        """Which of them `psn` is in."""
        return next((at for at, gap in enumerate(self.all) if gap.contains(psn)), None)

    def take_before(self, psn: int) -> Gap | None:
        """Takes out the oldest gap that begins before `psn`, cut off there."""
        if not self.all:
            return None
        oldest = self.all[0]
        count = ahead(oldest.first, psn)
        if count == 0:
            return None
        if count >= oldest.width:
            return self.all.pop(0)
        self.all[0] = oldest._replace(first=psn, width=oldest.width - count)
        return oldest._replace(width=count, behind="inside")

    def ask(self, first: int, count: int) -> None:
        """Says of all that touch `count` numbers from `first` on that they were asked for."""
        end = add(first, count)
        for at, gap in enumerate(self.all):
            if distance(gap.first, end) > 0 and distance(first, gap.end()) > 0:
                self.all[at] = gap._replace(asked=True)

    def forget(self, psn: int) -> None:
        """Takes one number out."""
        at = self.position(psn)
        if at is None:
            return
        gap = self.all[at]
        count = ahead(gap.first, psn)
        before = gap._replace(width=count, behind="inside")
        rest = gap._replace(first=add(psn, 1), width=gap.width - count - 1)
        self.all[at : at + 1] = [each for each in (before, rest) if each.width > 0]

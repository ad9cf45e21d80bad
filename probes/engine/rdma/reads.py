"""Outstanding READ and ATOMIC requests: which sequence numbers their answers take."""

from __future__ import annotations

from typing import NamedTuple

from probes.engine.rdma.headers import Position, add, distance
from probes.engine.rdma.messages import Piece, Tally, packets
from probes.engine.rdma.stream import Stream

MAX_READS = 128
"""More than any adapter lets a queue pair have."""


class Read(NamedTuple):
    """A request whose answer is not complete."""

    first: int
    length: int

    def end(self, mtu: int) -> int:
        """The number behind its answer."""
        return add(self.first, packets(self.length, mtu))

    def contains(self, psn: int, mtu: int) -> bool:
        """Whether its answer takes that number."""
        return distance(self.first, psn) >= 0 and distance(psn, self.end(mtu)) > 0


class Reads:
    """Requests whose answers are not complete, in the order of their numbers."""

    def __init__(self) -> None:
        self._reads: list[Read] = []

    def add(self, first: int, length: int) -> None:
        """A request was seen for the first time."""
        if len(self._reads) >= MAX_READS:
            del self._reads[0]
        at = len(self._reads)
        while at and distance(self._reads[at - 1].first, first) <= 0:
            at -= 1
        self._reads.insert(at, Read(first, length))

    def lead(self, piece: Piece, answers: Stream, tally: Tally) -> None:
        """Leads the stream of answers to the request that `piece` answers.

        What is between two of them is no answer's number, and what is left of earlier ones was passed over.
        """
        found = (at for at, read in enumerate(self._reads) if read.contains(piece.psn, piece.mtu))
        at = next(found, None)
        if at is None:
            if piece.position in (Position.FIRST, Position.ONLY):
                answers.skip_to(piece.psn)
            return
        for read in self._reads[:at]:
            answers.skip_to(read.first)
            answers.miss_to(read.end(piece.mtu), piece.time_ns, piece.mtu, tally)
        del self._reads[:at]
        answers.skip_to(self._reads[0].first)
        if add(piece.psn, 1) == self._reads[0].end(piece.mtu):
            del self._reads[0]

from __future__ import annotations

from probes.engine.rdma.headers import MASK, Position
from probes.engine.rdma.messages import Piece, Tally
from probes.engine.rdma.reads import MAX_READS, Read, Reads
from probes.engine.rdma.stream import Stream


def answer(psn: int, position: Position = Position.ONLY) -> Piece:
    return Piece(psn, 1, position, True, None, 10, 100, 0)


def test_an_answer_leads_to_its_request_and_earlier_ones_were_passed_over() -> None:
    reads, stream, tally = Reads(), Stream(), Tally()
    for first, length in ((20, 100), (10, 250), (30, 100)):
        reads.add(first, length)
    reads.lead(answer(20), stream, tally)
    assert stream.next == 20
    stream.arrive(answer(20), tally)
    reads.lead(answer(30), stream, tally)
    stream.arrive(answer(30), tally)
    stream.close(100, tally, known=True)
    assert tally.unseen == 3
    reads.lead(answer(50), stream, tally)
    assert stream.next == 50
    reads.lead(answer(60, Position.MIDDLE), stream, tally)
    assert stream.next == 50


def test_numbers_wrap_and_requests_are_bounded() -> None:
    assert Read(MASK, 250).contains(1, 100)
    assert not Read(MASK, 250).contains(2, 100)
    reads, stream, tally = Reads(), Stream(), Tally()
    for first in range(MAX_READS + 1):
        reads.add(first * 2, 10)
    reads.lead(answer(0, Position.MIDDLE), stream, tally)
    assert stream.next == 0
    reads.lead(answer(2), stream, tally)
    assert stream.next == 2

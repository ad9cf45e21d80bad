from __future__ import annotations

from probes.engine.rdma.headers import MASK, Position
from probes.engine.rdma.messages import Piece, Tally
from probes.engine.rdma.stream import FAR, REORDERING_NS, Arrival, Stream


def piece(psn: int, time_ns: int = 0) -> Piece:
    return Piece(psn & MASK, 1, Position.ONLY, False, None, 10, 1024, time_ns)


def begun(*psns: int, unreliable: bool = False) -> tuple[Stream, Tally]:
    stream, tally = Stream(unreliable), Tally()
    for psn in psns:
        stream.arrive(piece(psn), tally)
    return stream, tally


def test_what_is_acknowledged_and_was_not_seen_the_mirror_lost() -> None:
    stream, tally = begun(MASK, 3)
    stream.acknowledge(6, 1024, tally)
    assert (tally.unseen, tally.lost, stream.next) == (5, 0, 6)
    stream.acknowledge(FAR, 1024, tally)
    assert stream.next == 6
    assert (stream.age(5), stream.age(6)) == (1, None)


def test_what_is_asked_for_or_timed_out_the_fabric_lost() -> None:
    stream, tally = begun(1, 4)
    stream.refuse(2, 1024, tally)
    stream.refuse(2, 1024, tally)
    assert [stream.arrive(piece(psn), tally) for psn in (2, 3, 4)] == [Arrival.LATE, Arrival.LATE, Arrival.DUPLICATE]
    assert (tally.lost, tally.duplicates, tally.repeated_octets, tally.fresh_octets) == (2, 1, 10, 40)
    stream, tally = begun(1, 3)
    stream.arrive(piece(2, REORDERING_NS), tally)
    assert tally.lost == 1
    stream, tally = begun(1, 2, 3)
    stream.refuse(2, 1024, tally)
    assert tally.lost == 1


def test_what_comes_soon_is_out_of_order_unless_the_sender_went_back() -> None:
    stream, tally = begun(1, 4, 2, 3)
    assert tally.lost == 0
    stream.arrive(piece(4), tally)
    assert tally.lost == 2
    stream, tally = begun(1, 4, 2, 3, 5)
    stream.arrive(piece(4), tally)
    assert tally.lost == 0


def test_far_numbers_and_the_end() -> None:
    stream, tally = begun(1, 3)
    assert stream.arrive(piece(FAR + 9), tally) is Arrival.FAR
    stream.ask(2, 1)
    stream.close(1024, tally, known=False)
    assert (tally.lost, tally.unseen) == (1, 0)
    stream, tally = begun(1, 3)
    stream.close(1024, tally, known=False)
    assert (tally.lost, tally.unseen) == (0, 0)
    stream, tally = begun(1, 3, unreliable=True)
    stream.close(1024, tally, known=True)
    assert tally.lost == 1


def test_numbers_that_are_no_requests() -> None:
    stream, tally = begun(1, 5)
    stream.is_answered(3)
    stream.is_answered(7)
    assert stream.next == 8
    stream.miss_to(10, 0, 1024, tally)
    stream.close(1024, tally, known=True)
    assert tally.unseen == 4
    untouched = Stream()
    untouched.acknowledge(5, 1024, tally)
    untouched.is_answered(5)
    untouched.skip_to(7)
    assert untouched.next == 7

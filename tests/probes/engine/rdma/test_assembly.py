from __future__ import annotations

from probes.engine.rdma.headers import Position
from probes.engine.rdma.messages import Piece, Tally
from probes.engine.rdma.stream import Stream

FIRST, MIDDLE, LAST, ONLY = Position.FIRST, Position.MIDDLE, Position.LAST, Position.ONLY


def sizes(*pieces: tuple[int, Position, int, int | None]) -> list[int]:
    """Sizes of the messages of a stream of number, place, payload and told length, with an MTU of 100."""
    stream, tally = Stream(), Tally()
    found: list[int] = []
    tally.sizes.add = found.append  # type: ignore[method-assign, assignment]
    for psn, position, payload, length in pieces:
        stream.arrive(Piece(psn, 1, position, False, length, payload, 100, 0), tally)
    stream.acknowledge(pieces[-1][0] + 1, 100, tally)
    stream.close(100, tally, known=True)
    return sorted(found)


def test_messages_that_were_seen_whole() -> None:
    assert sizes((1, FIRST, 100, None), (2, MIDDLE, 100, None), (3, LAST, 7, None), (4, ONLY, 9, None)) == [9, 207]
    assert sizes((1, FIRST, 100, 207), (2, MIDDLE, 100, None), (3, LAST, 7, None)) == [207]


def test_messages_with_a_gap_inside_and_between() -> None:
    assert sizes((1, FIRST, 100, 407), (3, MIDDLE, 100, None), (4, MIDDLE, 100, None), (5, LAST, 7, None)) == [407]
    assert sizes((1, FIRST, 100, 207), (4, ONLY, 9, None)) == [9, 207]
    assert sizes((1, FIRST, 100, 207), (5, LAST, 7, None)) == [107, 207]


def test_what_comes_late_is_put_in_its_place() -> None:
    late = (2, MIDDLE, 100, None)
    assert sizes((1, FIRST, 100, None), (3, LAST, 7, None), late) == [207]
    assert sizes((1, ONLY, 5, None), (4, ONLY, 6, None), (2, FIRST, 100, None), (3, LAST, 7, None)) == [5, 6, 107]
    assert sizes((1, ONLY, 5, None), (3, ONLY, 6, None), (2, ONLY, 7, None)) == [5, 6, 7]

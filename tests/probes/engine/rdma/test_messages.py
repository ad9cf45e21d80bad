from __future__ import annotations

from probes.engine.rdma.headers import Position
from probes.engine.rdma.messages import Open, Piece, Sizes, fitting_mtu, packets


def test_how_many_packets_a_message_takes() -> None:
    assert [packets(*each) for each in ((0, 1024), (1024, 1024), (1025, 1024), (9, 0))] == [1, 1, 2, 1]
    assert (fitting_mtu(5, 4096, 9), fitting_mtu(5, 4096, 6), fitting_mtu(5, 4096, 5)) == (1024, 4096, None)


def test_sizes_by_what_is_told_and_by_where_it_ends() -> None:
    told = Open(10, 3000, True)
    assert (told.end(1024), told.end(0)) == (13, None)
    assert (told.size(12, 952, 1024), told.size(9, 5, 0)) == (3000, 3000)
    assert told.size(14, 7, 1024) == 1024 + 7
    assert told.size(11, 7, 1024) == 1024 + 7
    assert Open(10).size(12, 7, 1024) == 2048 + 7


def test_what_is_counted_of_sizes() -> None:
    sizes = Sizes()
    assert sizes.histogram() == []
    for octets in (5, 0, 4):
        sizes.add(octets)
    assert (sizes.count, sizes.octets, sizes.least, sizes.most) == (3, 9, 0, 5)
    assert sizes.histogram() == [1, 0, 0, 2]


def test_an_answer_that_is_asked_for_again_resumes() -> None:
    piece = Piece(1, 1, Position.ONLY, True, None, 9, 1024, 0)
    assert (piece.place(True), piece.place(False)) == (Position.LAST, Position.ONLY)

from __future__ import annotations

from fabricscope.flow import JoinedBy
from probes.engine.rdma.joining import MAX_TRIES, linux_source_port, worth_trying
from probes.engine.rdma.way import Way
from tests.probes.engine.rdma.made import ACKNOWLEDGE, POSITIVE, SEND_ONLY, A, B, packet, told
from tests.probes.engine.rdma.test_way import way_of


def joined(*packets: object) -> list[tuple[int, int]]:
    """Queue pairs of the connections that were joined."""
    return sorted(
        (record.key.source_queue_pair, record.key.destination_queue_pair)
        for record in told(*packets)  # type: ignore[arg-type]
        if record.rdma is not None and record.rdma.joined_by is JoinedBy.SEQUENCE_NUMBERS
    )


def test_of_two_that_fit_the_one_with_the_port_of_linux_wins() -> None:
    right = linux_source_port(8, 9)
    asked = [packet(A, qp, SEND_ONLY, 5, b"x", qp, port=right if qp == 8 else 50_000) for qp in (7, 8)]
    assert joined(*asked, packet(B, 9, ACKNOWLEDGE, 5, POSITIVE, 20)) == [(9, 8)]


def test_doubt_is_cleared_by_an_answer_that_only_one_fits() -> None:
    asked = [packet(A, qp, SEND_ONLY, psn, b"x", qp) for qp, psns in ((7, (5, 6)), (8, (5,))) for psn in psns]
    answers = [packet(B, 9, ACKNOWLEDGE, psn, POSITIVE, 20 + psn) for psn in (5, 6)]
    assert joined(*asked, answers[0]) == []
    assert joined(*asked, *answers) == [(9, 7)]


def test_ways_that_do_not_belong_together_are_parted() -> None:
    packets = [packet(A, 7, SEND_ONLY, 5, b"x"), packet(B, 9, ACKNOWLEDGE, 5, POSITIVE, 1)]
    assert joined(*packets, packet(B, 9, ACKNOWLEDGE, 900, POSITIVE, 2)) == []


def test_how_often_it_is_tried() -> None:
    way: Way = way_of(SEND_ONLY, b"x")
    tried = [worth_trying(way) for _ in range(200)]
    assert sum(tried) == MAX_TRIES + 1
    assert 0xC000 <= linux_source_port(0xFFFFFF, 0xFFFFFF) <= 0xFFFF

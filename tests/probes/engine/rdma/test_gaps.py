from __future__ import annotations

from probes.engine.rdma.gaps import MAX_GAPS, Gap, Gaps
from probes.engine.rdma.headers import MASK
from probes.engine.rdma.messages import Open


def gap(first: int, width: int) -> Gap:
    return Gap(first, width, False, 0, Open(first), "boundary")


def spans(gaps: Gaps) -> list[tuple[int, int]]:
    return [(each.first, each.width) for each in gaps.all]


def test_gaps_are_found_cut_and_forgotten() -> None:
    gaps = Gaps()
    gaps.push(gap(MASK, 4))
    gaps.push(gap(10, 5))
    assert (gaps.position(1), gaps.position(3), gaps.position(12)) == (0, None, 1)
    cut = gaps.take_before(1)
    assert cut is not None
    assert (cut.first, cut.width, cut.behind) == (MASK, 2, "inside")
    gaps.forget(12)
    assert spans(gaps) == [(1, 2), (10, 2), (13, 2)]
    gaps.forget(99)
    gaps.ask(11, 3)
    assert [each.asked for each in gaps.all] == [False, True, True]
    assert gaps.take_before(3) == gap(1, 2)._replace(message=Open(MASK))
    assert gaps.take_before(3) is None


def test_the_oldest_makes_room() -> None:
    gaps = Gaps()
    assert all(gaps.push(gap(at * 2, 1)) is None for at in range(MAX_GAPS))
    assert gaps.push(gap(99, 1)) == gap(0, 1)
    assert Gaps().take_before(1) is None

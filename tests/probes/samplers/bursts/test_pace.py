from __future__ import annotations

from probes.engine.fold import GroupWindow
from probes.samplers.bursts.pace import CALM_WINDOWS, SLOW_WINDOWS, Change, Pace

MS = 1_000_000
PERIOD = 10 * MS


def window(pace: Pace, *read_ms: float) -> list[GroupWindow]:
    """A second in which one reading of each group took so long."""
    groups = []
    for multiple, took in zip(pace.multiples, read_ms, strict=True):
        reads = 100 // multiple
        groups.append(GroupWindow(reads, int(reads * took * MS), int(took * MS)))
    return groups


def test_a_slow_group_is_read_half_as_often_until_it_fits() -> None:
    pace = Pace([1, 1], PERIOD)
    changes: list[Change] = []
    for _ in range(20):
        changes += pace.observe(window(pace, 0.1, 5))
    # 5 ms are 12.5 % of 40 ms.
    assert changes == [Change(1, 2, True, 5 * MS), Change(1, 4, True, 5 * MS)]
    assert pace.multiples == [1, 4]


def test_one_bad_second_changes_nothing() -> None:
    pace = Pace([1], PERIOD)
    for _ in range(10):
        for _ in range(SLOW_WINDOWS - 1):
            assert pace.observe(window(pace, 9)) == []
        assert pace.observe(window(pace, 0.1)) == []


def test_no_group_is_slowed_beyond_half_a_second() -> None:
    pace = Pace([1], PERIOD)
    for _ in range(100):
        pace.observe(window(pace, 900))
    assert pace.multiples == [50]


def test_what_is_fast_again_gets_its_pace_back() -> None:
    pace = Pace([2], PERIOD)
    for _ in range(10):
        pace.observe(window(pace, 15))
    assert pace.multiples == [8]
    changes: list[Change] = []
    for _ in range(5 * CALM_WINDOWS):
        changes += pace.observe(window(pace, 0.2))
    assert changes == [Change(0, 4, False, 200_000), Change(0, 2, False, 200_000)]


def test_it_is_not_given_back_what_would_be_taken_again() -> None:
    pace = Pace([1], PERIOD)
    for _ in range(10):
        pace.observe(window(pace, 3))
    assert pace.multiples == [2]
    for _ in range(100):
        assert pace.observe(window(pace, 3)) == []


def test_many_groups_together_slow_the_dearest() -> None:
    pace = Pace([1] * 8, PERIOD)
    for _ in range(SLOW_WINDOWS):
        changes = pace.observe(window(pace, *([0.7] * 7), 1.5))
    assert [(change.group, change.multiple) for change in changes] == [(7, 2)]


def test_a_group_that_was_not_read_is_not_judged() -> None:
    pace = Pace([1], PERIOD)
    for _ in range(10):
        assert pace.observe([GroupWindow(0, 0, 0)]) == []

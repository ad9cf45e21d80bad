from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from probes.sampling.schedule import Schedule
from tests.probes.made import SECOND


def test_samplers_of_one_interval_are_due_together() -> None:
    schedule = Schedule({"a": SECOND, "b": SECOND, "slow": 3 * SECOND}, start=100)
    assert schedule.due(100) == ["a", "b", "slow"]
    assert schedule.due(100 + SECOND - 1) == []
    assert schedule.due(100 + SECOND) == ["a", "b"]
    assert schedule.wait(100 + SECOND) == SECOND
    assert schedule.due(100 + 3 * SECOND) == ["a", "b", "slow"]


def test_ticks_that_nobody_could_keep_are_counted_and_not_made_up_for() -> None:
    schedule = Schedule({"a": SECOND}, start=0)
    schedule.due(0)
    assert schedule.due(10 * SECOND + 5) == ["a"]
    assert schedule.missed == {"a": 9}
    assert schedule.due(10 * SECOND + 6) == []
    assert schedule.wait(10 * SECOND + 5) == SECOND - 5


def test_a_changed_interval_counts_from_now_and_keeps_step_with_others() -> None:
    schedule = Schedule({"a": SECOND, "b": SECOND}, start=100)
    schedule.due(100 + 2 * SECOND)
    schedule.change_interval("a", 4 * SECOND, 100 + 2 * SECOND)
    assert schedule.due(100 + 3 * SECOND) == ["b"]
    assert schedule.due(100 + 4 * SECOND) == ["a", "b"]
    missed = dict(schedule.missed)
    schedule.change_interval("a", SECOND, 100 + 5 * SECOND)
    assert schedule.due(100 + 6 * SECOND) == ["a", "b"]
    assert schedule.missed["a"] == missed["a"]


def test_a_tick_that_is_not_used_is_counted() -> None:
    schedule = Schedule({"a": SECOND}, start=0)
    schedule.skip("a")
    assert schedule.missed == {"a": 1}


def test_waits_not_at_all_when_late_and_a_second_for_nothing() -> None:
    assert Schedule({"a": SECOND}, start=0).wait(5 * SECOND) == 0
    assert Schedule({}, start=0).wait(5) == SECOND


@given(
    st.dictionaries(st.sampled_from("abc"), st.integers(1, 5 * SECOND), min_size=1),
    st.lists(st.integers(0, 20 * SECOND), max_size=30),
)
def test_every_tick_is_kept_or_counted(intervals: dict[str, int], steps: list[int]) -> None:
    schedule, now = Schedule(intervals, start=0), 0
    kept = dict.fromkeys(intervals, 0)
    for step in [0, *steps]:
        now += step
        for name in schedule.due(now):
            kept[name] += 1
    for name, interval in intervals.items():
        assert kept[name] + schedule.missed[name] == now // interval + 1

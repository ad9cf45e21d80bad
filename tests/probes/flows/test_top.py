from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from probes.flows.top import CANDIDATES, Top


def test_the_first_are_members_and_the_others_are_the_rest() -> None:
    top: Top[str] = Top(2, 2)
    for key in ("a", "b", "c", "a"):
        top.add(key, (1, 10), 10)
    assert dict(top) == {"a": [2, 20], "b": [1, 10]}
    assert top.rest == [1, 10]


def test_what_becomes_heavy_takes_the_place_of_the_lightest_and_begins_at_nothing() -> None:
    top: Top[str] = Top(2, 1)
    top.add("a", (5,), 50)
    top.add("b", (1,), 10)
    top.add("c", (9,), 21)
    top.turn()
    assert dict(top) == {"a": [5], "c": [0]}
    top.add("c", (2,), 20)
    top.add("b", (3,), 1)
    assert dict(top) == {"a": [5], "c": [2]}
    assert top.rest == [9 + 3]


def test_a_little_heavier_is_not_enough() -> None:
    top: Top[str] = Top(1, 1)
    top.add("a", (1,), 10)
    top.add("b", (1,), 19)
    top.turn()
    assert dict(top) == {"a": [1]}


def test_the_past_fades() -> None:
    top: Top[str] = Top(1, 1)
    top.add("old", (1,), 1000)
    for _ in range(5):
        top.turn()
    top.add("young", (1,), 100)
    top.turn()
    assert [key for key, _ in top] == ["young"]


def test_a_flood_of_keys_is_bounded() -> None:
    top: Top[int] = Top(3, 1)
    for key in range(10_000):
        top.add(key, (1,), 5)
    assert len(top._weights) <= 3 * (CANDIDATES + 1)
    assert sum(counts[0] for _, counts in top) + top.rest[0] == 10_000


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 100)), max_size=80), st.integers(1, 4))
def test_nothing_is_lost_between_turns_and_no_series_falls(added: list[tuple[int, int]], limit: int) -> None:
    top: Top[int] = Top(limit, 1)
    for place, (key, count) in enumerate(added):
        before = {member: counts[0] for member, counts in top}
        total = sum(before.values()) + top.rest[0]
        top.add(key, (count,), count)
        after = {member: counts[0] for member, counts in top}
        assert sum(after.values()) + top.rest[0] == total + count
        assert all(after[member] >= value for member, value in before.items())
        if place % 7 == 6:
            top.turn()
            assert all(counts[0] == after.get(member, 0) for member, counts in top)
            assert sum(1 for _ in top) <= limit

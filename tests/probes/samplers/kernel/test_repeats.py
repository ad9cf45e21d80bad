from __future__ import annotations

from probes.samplers.kernel.repeats import MAX_KEYS, PERIOD_NS, Repeated, Repeats


def test_so_many_are_let_through_and_the_rest_is_told_of_once() -> None:
    repeats: Repeats[str, int] = Repeats(3)
    assert [repeats.admit("a", number, number) for number in range(10)] == [True] * 3 + [False] * 7
    assert list(repeats.ended(PERIOD_NS - 1)) == []
    assert list(repeats.ended(PERIOD_NS)) == [Repeated("a", 9, 7)]
    assert list(repeats.ended(PERIOD_NS)) == []


def test_after_the_period_it_begins_anew() -> None:
    repeats: Repeats[str, int] = Repeats(1)
    assert repeats.admit("a", 0, 0)
    assert not repeats.admit("a", 1, 1)
    assert len(list(repeats.ended(PERIOD_NS))) == 1
    assert repeats.admit("a", 2, PERIOD_NS)


def test_keys_are_counted_apart() -> None:
    repeats: Repeats[str, int] = Repeats(1)
    assert repeats.admit("a", 0, 0)
    assert repeats.admit("b", 0, 0)
    assert not repeats.admit("a", 0, 0)


def test_nothing_is_told_when_nothing_was_held_back() -> None:
    repeats: Repeats[str, int] = Repeats(2)
    repeats.admit("a", 0, 0)
    assert list(repeats.ended(PERIOD_NS)) == []
    assert len(repeats) == 0


def test_keys_are_bounded() -> None:
    repeats: Repeats[int, int] = Repeats(1)
    assert sum(repeats.admit(key, 0, 0) for key in range(MAX_KEYS + 100)) == MAX_KEYS
    assert len(repeats) == MAX_KEYS
    list(repeats.ended(PERIOD_NS))
    assert repeats.admit(MAX_KEYS + 1, 0, PERIOD_NS)

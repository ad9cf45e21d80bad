from __future__ import annotations

from probes.engine.flows.wheel import Wheel
from tests.probes.engine.frames import SECOND


def every(wheel: Wheel, now: int, budget: int = 1 << 30) -> list[int]:
    found: list[int] = []
    while True:
        number, budget = wheel.due(now, budget)
        if number is None:
            return sorted(found)
        found.append(number)


def test_what_is_due_comes_out_once() -> None:
    wheel = Wheel()
    wheel.rewind(1000 * SECOND)
    for number in range(100):
        wheel.put(number, (1001 + number) * SECOND)
    assert every(wheel, 1001 * SECOND) == []
    assert every(wheel, 1003 * SECOND) == [0, 1]
    wheel.remove(2)
    wheel.remove(2)
    wheel.put(3, 1500 * SECOND)
    assert every(wheel, 1006 * SECOND) == [4]
    assert len(every(wheel, 1101 * SECOND)) == 95
    assert every(wheel, 1500 * SECOND) == [3]


def test_a_budget_ends_the_search_and_time_may_be_set_back() -> None:
    wheel = Wheel()
    for number in range(10):
        wheel.put(number, SECOND)
    assert len(every(wheel, 100 * SECOND, 8)) == 5
    assert len(every(wheel, 100 * SECOND)) == 5
    wheel.rewind(9000 * SECOND)
    wheel.put(7, 9030 * SECOND)
    wheel.rewind(50 * SECOND)
    assert every(wheel, 200 * SECOND) == [7]

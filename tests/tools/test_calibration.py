from __future__ import annotations

from tools.calibration import Case, bins, far_off, interval


def test_the_interval_of_a_share() -> None:
    low, high = interval(1.0, 10)
    assert (round(low, 3), round(high, 3)) == (0.722, 1.0)
    low, high = interval(0.5, 100)
    assert (round(low, 3), round(high, 3)) == (0.404, 0.596)
    assert interval(0.0, 1)[0] == 0.0


def test_cases_are_put_into_bins_by_what_they_state() -> None:
    found = bins([Case("a", 0.5, 10, 1.0), Case("b", 0.98, 3, 0.5), Case("c", 1.0, 1, 1.0), Case("d", 0.979, 1, 1.0)])
    assert [[case.rule for case in one.cases] for one in found] == [["a"], ["d"], ["b", "c"]]
    last = found[-1]
    assert (last.low, last.high, last.flows) == (0.98, 1.0, 4)
    assert (last.stated, last.right) == (0.99, 0.75)


def test_a_rule_that_states_too_much_is_named() -> None:
    wrong = [Case("boasts", 0.95, 1, 0.2)] * 5
    fair = [Case("fair", 0.95, 1, 1.0)] * 5
    few = [Case("few", 0.95, 1, 0.0)] * 4
    ((rule, count, stated, right),) = far_off([*wrong, *fair, *few])
    assert (rule, count, round(stated, 2), round(right, 2)) == ("boasts", 5, 0.95, 0.2)

"""Each kind of check on its own; whole stories are in test_scenarios.py."""

from __future__ import annotations

import pytest

from fabricscope.model import Quality
from probes.health.health import Health
from probes.health.judging.judge import Judgement
from tests.probes.health.host import MINUTE, at
from tests.probes.health.made import ERRORS, KIND, LEVEL, NARROW, TIME, TOP, Row, batch, rule


class Bench:
    """One rule, fed by hand."""

    def __init__(self, **document: object) -> None:
        self.rule = rule(**document)  # type: ignore[arg-type]
        self.health = Health([self.rule])

    def take(self, second: float, *rows: Row) -> None:
        self.health.observe([batch(at(second), rows)], [], at(second), everything=True)

    def judge(self, second: float, *key: str) -> Judgement:
        now = at(second)
        self.health.evidence.settle(now.mono)
        return self.health._all[0].judge.judge(key, now)


def test_a_value_is_compared_with_a_metric_and_the_worst_series_counts() -> None:
    limits = {"above": {"product": {"metric": "test_top", "labels": {"limit": "warn"}}}}
    critical = {"critical": {"product": {"metric": "test_top", "labels": {"limit": "alarm"}}}}
    bench = Bench(check={"kind": "value", "of": "test_level", **limits, **critical})
    tops: list[Row] = [(TOP, ("a", "warn"), 70.0), (TOP, ("a", "alarm"), 80.0)]
    for value, answer, is_critical in ((70.0, False, False), (71.0, True, False), (81.0, True, True)):
        bench.take(0, (LEVEL, ("a",), value), *tops)
        judgement = bench.judge(0, "a")
        assert (judgement.answer, judgement.critical, judgement.limit) == (answer, is_critical, 70.0)


def test_without_its_limit_nothing_can_be_told() -> None:
    bench = Bench(check={"kind": "value", "of": "test_level", "above": "test_top"})
    bench.take(0, (LEVEL, ("a",), 99.0))
    assert bench.judge(0, "a").answer is None


def test_growth_is_yes_at_once_and_no_after_a_window() -> None:
    bench = Bench(check={"kind": "increase", "of": "test_errors_total", "window": "5m", "above": 2})
    bench.take(0, (ERRORS, ("a", "x"), 10), (ERRORS, ("a", "y"), 10))
    assert bench.judge(0, "a").answer is None
    bench.take(10, (ERRORS, ("a", "x"), 11), (ERRORS, ("a", "y"), 12))
    assert bench.judge(10, "a") == Judgement(True, 3, 2)
    bench.take(10 + 5 * MINUTE, (ERRORS, ("a", "x"), 11), (ERRORS, ("a", "y"), 12))
    assert bench.judge(10 + 5 * MINUTE, "a").answer is False


def test_growth_below_a_limit_is_no_at_once_and_yes_after_a_window() -> None:
    bench = Bench(check={"kind": "increase", "of": "test_errors_total", "window": "1m", "below": 5})
    bench.take(0, (ERRORS, ("a", "x"), 0))
    assert bench.judge(0, "a").answer is None
    bench.take(10, (ERRORS, ("a", "x"), 9))
    assert bench.judge(10, "a").answer is False
    bench.take(80, (ERRORS, ("a", "x"), 9))
    assert bench.judge(80, "a").answer is True


def test_a_rate_of_time_is_a_share_of_it() -> None:
    bench = Bench(check={"kind": "rate", "of": "test_seconds_total", "window": "1m", "above": 0.1})
    bench.take(0, (TIME, ("a",), 0))
    bench.take(60, (TIME, ("a",), 12_000))
    assert bench.judge(60, "a").value == pytest.approx(0.2)


def test_a_ratio_needs_a_minimum() -> None:
    ratio = {"kind": "ratio", "of": "test_errors_total", "per": {"metric": "test_seconds_total", "times": 0.5}}
    bench = Bench(check={**ratio, "minimum": 100, "window": "1m", "above": 0.01})
    bench.take(0, (ERRORS, ("a", "x"), 0), (TIME, ("a",), 0))
    bench.take(30, (ERRORS, ("a", "x"), 5), (TIME, ("a",), 150_000))
    assert bench.judge(30, "a").answer is None
    bench.take(40, (ERRORS, ("a", "x"), 5), (TIME, ("a",), 400_000))
    judgement = bench.judge(40, "a")
    assert (judgement.answer, judgement.value) == (True, 5 / 200)


@pytest.mark.parametrize(
    ("than", "values", "slow"),
    [
        ("majority", [4, 4, 4, 2], {"3"}),
        ("majority", [4, 4, 2, 2], set()),
        ("majority", [4, 3, 2, 1], set()),
        ("median", [4, 4, 2, 1], {"2", "3"}),
        ("max", [4, 3, 3, 3], {"1", "2", "3"}),
        ("majority", [4, 2], set()),
    ],
)
def test_peers(than: str, values: list[int], slow: set[str]) -> None:
    bench = Bench(check={"kind": "peers", "of": "test_level", "than": than})
    bench.take(0, *((LEVEL, (str(place),), float(value)) for place, value in enumerate(values)))
    assert {str(place) for place in range(len(values)) if bench.judge(0, str(place)).answer} == slow


def test_peers_are_alike() -> None:
    bench = Bench(check={"kind": "peers", "of": "test_level", "alike": {"metric": "test_info", "by": ["model"]}})
    levels: list[Row] = [(LEVEL, (name,), 4.0 if name < "e" else 2.0) for name in "abcdefg"]
    models: list[Row] = [(KIND, (name, "old" if name >= "e" else "new"), 1.0) for name in "abcdef"]
    bench.take(0, *levels, *models)
    assert [bench.judge(0, name).answer for name in "aefg"] == [False, None, None, None]


def test_flaps_of_several_counters_are_those_of_the_one_that_saw_most() -> None:
    flaps = {"kind": "flaps", "downs": "test_narrow_total", "changes": "test_errors_total", "window": "1m", "above": 2}
    bench = Bench(check=flaps)
    bench.take(0, (NARROW, ("a",), 0), (ERRORS, ("a", "x"), 0))
    bench.take(10, (NARROW, ("a",), 2), (ERRORS, ("a", "x"), 7))
    assert bench.judge(10, "a") == Judgement(True, 3, 2)


def test_full_counters_are_counted() -> None:
    bench = Bench(check={"kind": "saturated", "of": "test_*"})
    bench.take(0, (NARROW, ("a",), 255, Quality.SATURATED), (ERRORS, ("a", "x"), 1), (LEVEL, ("a",), 3.0))
    assert bench.judge(0, "a") == Judgement(True, 1, 0)
    bench.take(1, (NARROW, ("a",), 3), (ERRORS, ("a", "x"), 1), (LEVEL, ("a",), 3.0))
    assert bench.judge(1, "a").answer is False
    bench.take(2, (NARROW, ("a",), None, Quality.UNREADABLE), (ERRORS, ("a", "x"), None, Quality.UNREADABLE))
    assert bench.judge(2, "a").answer is None

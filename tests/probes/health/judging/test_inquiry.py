from __future__ import annotations

from typing import Any

import pytest

from fabricscope.model import Severity
from probes.health.health import Health
from probes.health.judging import inquiry
from probes.health.judging.lifecycle import Step
from tests.probes.health.host import MINUTE, at
from tests.probes.health.made import ERRORS, LEVEL, Row, batch, rule

HOT = {"kind": "value", "of": "test_level", "above": 5}


def take(health: Health, second: float, *rows: Row) -> list[str]:
    events = health.observe([batch(at(second), rows)], [], at(second))
    return [event.kind.removeprefix("verdict.") for event in events]


def test_a_rule_at_rest_asks_nothing() -> None:
    health = Health([rule(check=HOT)])
    take(health, 0, (LEVEL, ("a",), 1.0))
    asked = health.evaluations
    for second in range(1, 100):
        take(health, second, (LEVEL, ("a",), 1.0))
    assert health.evaluations == asked


def test_a_rule_with_a_window_asks_now_and_then() -> None:
    check = {"kind": "increase", "of": "test_errors_total", "window": "2m", "above": 1e9}
    health = Health([rule(check=check)])
    for second in range(600):
        take(health, second, (ERRORS, ("a", "x"), second))
    assert 55 <= health.evaluations <= 65


def test_conditions_hold_all_along_or_when_it_is_raised() -> None:
    cold: Any = {"metric": "test_level", "below": 100}
    for key, cleared in (("where", ["cleared"]), ("given", [])):
        health = Health([rule(check=HOT, hold_down="0s", **{key: cold})])
        assert take(health, 0, (LEVEL, ("a",), 200.0)) == []
        assert take(health, 1, (LEVEL, ("a",), 50.0)) == ["raised"]
        assert take(health, 2, (LEVEL, ("a",), 200.0)) == cleared


def test_a_thing_that_is_gone_clears_or_stays() -> None:
    for gone, told in (("clear", ["cleared"]), ("keep", [])):
        health = Health([rule(check=HOT, gone=gone, hold_down="1m")])
        take(health, 0, (LEVEL, ("a",), 9.0), (LEVEL, ("b",), 1.0))
        take(health, 1, (LEVEL, ("b",), 1.0))
        events = [word for second in range(2, 90) for word in take(health, second, (LEVEL, ("b",), 1.0))]
        assert events == told
    assert set(health.things()) == {"a-rule"}


def test_things_that_are_well_and_gone_are_forgotten() -> None:
    health = Health([rule(check=HOT)])
    take(health, 0, *((LEVEL, (str(number),), 1.0) for number in range(100)))
    take(health, 1, (LEVEL, ("0",), 1.0))
    assert health.things() == {"a-rule": 1}


def test_things_beyond_the_bound_are_left_out_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inquiry, "MAX_CELLS", 3)
    health = Health([rule(check=HOT)])
    take(health, 0, *((LEVEL, (str(number),), 1.0) for number in range(5)))
    assert health.things() == {"a-rule": 3}
    assert health.left_out == 2


def test_how_many_things_there_is_an_answer_for() -> None:
    check = {"kind": "increase", "of": "test_errors_total", "window": "5m", "above": 1}
    health = Health([rule(check=check)])
    take(health, 0, (ERRORS, ("a", "x"), 1))
    assert [tuple(each.__struct_fields__) for each in health.unjudged(at(0))] == [("rule", "things", "known")]
    assert (health.unjudged(at(0))[0].things, health.unjudged(at(0))[0].known) == (1, 0)
    take(health, 6 * MINUTE, (ERRORS, ("a", "x"), 1))
    assert health.unjudged(at(6 * MINUTE)) == []


def test_the_rule_decides_the_severity() -> None:
    health = Health([rule(check={**HOT, "critical": {"value": 8}}, severity="info")])
    (raised,) = health.observe([batch(at(0), [(LEVEL, ("a",), 6.0)])], [], at(0))
    assert raised.severity is Severity.INFO
    (changed,) = health.observe([batch(at(1), [(LEVEL, ("a",), 9.0)])], [], at(1))
    assert (changed.kind, changed.severity) == (f"verdict.{Step.CHANGED.value}", Severity.CRITICAL)

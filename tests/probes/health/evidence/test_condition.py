from __future__ import annotations

import pytest

from fabricscope.model import MetricSpec, Quality, Series
from probes.health.evidence.condition import Asked, all_of, one_of
from probes.health.evidence.track import Feed, Track
from probes.health.language.vocabulary import Condition
from tests.probes.health.host import SECOND
from tests.probes.health.made import KIND, LEVEL

NOW = 100 * SECOND
BY = ("device",)


def asked(condition: Condition, spec: MetricSpec, labels: tuple[str, ...], value: float | None) -> Asked:
    made = Asked(condition, BY)
    track = Track(Series(spec, labels), Feed("s"))
    track.feed.seen = NOW
    track.take(value or 0, Quality.UNREADABLE if value is None else Quality.OK, NOW)
    for operand in made.operands():
        operand.add(track)
    return made


@pytest.mark.parametrize(("value", "answer"), [(4.0, False), (5.0, False), (5.5, True), (7.0, False), (None, None)])
def test_a_number_between_limits(value: float | None, answer: bool | None) -> None:
    made = asked(Condition(metric="m", above=5, below=7), LEVEL, ("d",), value)
    assert made.holds(("d",), NOW) is answer


def test_a_series_that_is_there_or_not() -> None:
    made = asked(Condition(metric="m"), KIND, ("d", "x"), 1)
    assert made.holds(("d",), NOW) is True
    assert made.holds(("other",), NOW) is False
    assert asked(Condition(metric="m"), KIND, ("d", "x"), None).holds(("d",), NOW) is None


def test_a_number_of_nothing_cannot_be_told() -> None:
    assert asked(Condition(metric="m", above=1), LEVEL, ("d",), 3).holds(("other",), NOW) is None


def test_answers_in_three_values() -> None:
    assert one_of([False, None, True]) is True
    assert one_of([False, None]) is None
    assert one_of([False, False]) is False
    yes = asked(Condition(metric="m", above=1), LEVEL, ("d",), 3)
    no = asked(Condition(metric="m", above=9), LEVEL, ("d",), 3)
    unknown = asked(Condition(metric="m", above=9), LEVEL, ("d",), None)
    assert all_of([yes, yes], ("d",), NOW) is True
    assert all_of([yes, unknown], ("d",), NOW) is None
    assert all_of([unknown, no], ("d",), NOW) is False
    assert all_of([], ("d",), NOW) is True


def test_any_of_several() -> None:
    either = Condition(any=(Condition(metric="m", above=9), Condition(metric="m", below=4)))
    assert asked(either, LEVEL, ("d",), 3).holds(("d",), NOW) is True
    assert asked(either, LEVEL, ("d",), 5).holds(("d",), NOW) is False

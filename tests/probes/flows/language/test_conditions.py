from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.flows.language.conditions import parse


@pytest.mark.parametrize(
    ("text", "feature", "compare", "value"),
    [
        ("octets > 100 MB", "octets", ">", 1e8),
        ("rate>=1Gbit/s", "rate", ">=", 125e6),
        ("duration < 5 ms", "duration", "<", 0.005),
        ("duty <= 50 %", "duty", "<=", 0.5),
        (" answered == 1 ", "answered", "==", 1),
        ("size_p90_forward != 1.5e3", "size_p90_forward", "!=", 1500),
        ("period in 1..2 s", "period", "in", 1),
    ],
)
def test_conditions(text: str, feature: str, compare: str, value: float) -> None:
    found = parse(text)
    assert (found.feature, found.compare) == (feature, compare)
    assert found.value == pytest.approx(value)


def test_whether_they_hold() -> None:
    assert parse("a in 1..2 kB").holds(2000)
    assert not parse("a in 1..2 kB").holds(2001)
    assert parse("a > 1").holds(2)
    assert not parse("a > 1").holds(1)


@pytest.mark.parametrize("text", ["a", "a > b", "a > 1 lightyear", "a in 2..1", "a => 1", "1 < a", "a > 1 2"])
def test_what_is_no_condition(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected FEATURE|no unit|lower one"):
        parse(text)


@given(st.text(alphabet="a >=<!.inkMBs%0123 ", max_size=15))
def test_any_text_is_a_condition_or_an_error(text: str) -> None:
    try:
        assert parse(text).feature
    except ValueError as error:
        assert str(error)

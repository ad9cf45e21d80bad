from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.health.judging.linear_fit import fitted


def test_a_line_is_found_and_reaches_its_end() -> None:
    line = fitted([(x, 5 - 2 * x) for x in range(10)])
    assert line is not None
    assert line.significant
    assert line.slope == pytest.approx(-2)
    assert line.at(1) == pytest.approx(3)
    assert line.reaches(-95) == pytest.approx(50)


def test_noise_is_no_trend() -> None:
    noise = random.Random(7)
    found = [fitted([(x, noise.gauss(0, 1)) for x in range(64)]) for _ in range(500)]
    assert sum(line is not None and line.significant for line in found) <= 2


def test_what_has_no_line() -> None:
    assert fitted([]) is None
    assert fitted([(0, 0), (1, 1)]) is None
    assert fitted([(3, 1), (3, 2), (3, 3)]) is None
    level = fitted([(0, 1), (1, 1), (2, 1)])
    assert level is not None
    assert not level.significant
    assert level.reaches(5) is None


@given(st.lists(st.tuples(st.floats(allow_nan=False), st.floats(allow_nan=False)), max_size=20))
def test_any_points_give_a_line_or_none(points: Sequence[tuple[float, float]]) -> None:
    line = fitted(points)
    assert line is None or line.error >= 0

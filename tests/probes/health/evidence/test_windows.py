from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.health.evidence.windows import POINTS, Counted, Gauged, Part, Trending

WINDOW = 6400
SPACING = WINDOW // POINTS


def test_growth_within_the_window_and_no_longer() -> None:
    counted = Counted(WINDOW, 0, 0)
    counted.record(1000, 5)
    assert counted.increase(1000, 5) == 5
    assert counted.increase(1000 + WINDOW - 1, 5) == 5
    assert counted.increase(1000 + WINDOW, 5) == 0


@given(st.lists(st.tuples(st.integers(1, 300), st.integers(0, 50)), max_size=400))
def test_growth_is_as_exact_as_the_spacing_and_bounded(steps: Sequence[tuple[int, int]]) -> None:
    counted = Counted(WINDOW, 0, 0)
    history = [(0, 0)]
    for wait, by in steps:
        now, total = history[-1][0] + wait, history[-1][1] + by
        history.append((now, total))
        counted.record(now, total)
        assert len(counted) <= POINTS * 2 + 2

        def before(when: int) -> int:
            return max(value for at, value in history if at <= max(when, 0))

        least = total - before(now - WINDOW)
        most = total - before(now - WINDOW - 2 * SPACING)
        assert least <= counted.increase(now, total) <= max(most, least)


@given(st.lists(st.tuples(st.integers(1, 300), st.floats(-100, 100)), min_size=1, max_size=400))
def test_extremes_hold_what_was_in_the_window_and_little_more(steps: Sequence[tuple[int, float]]) -> None:
    gauged = Gauged(WINDOW)
    history: list[tuple[int, float]] = []
    now = 0
    for wait, value in steps:
        now += wait
        history.append((now, value))
        gauged.record(now, value)
        assert len(gauged) <= POINTS * 2 + 2
    inside = [value for at, value in history if at >= now - WINDOW]
    near = [value for at, value in history if at >= now - WINDOW - 2 * SPACING]
    # What was in force when the window began counts as well.
    older = [value for at, value in history if at < now - WINDOW - 2 * SPACING][-1:]
    highest, lowest = gauged.highest(now), gauged.lowest(now)
    assert highest is not None
    assert lowest is not None
    assert max(inside) <= highest <= max(near + older)
    assert min(inside) >= lowest >= min(near + older)


def test_a_mean_is_over_time_and_not_over_samples() -> None:
    gauged = Gauged(WINDOW)
    gauged.record(0, 0.0)
    gauged.record(WINDOW * 3 // 4, 1.0)
    gauged.record(WINDOW * 3 // 4 + 1, 1.0)
    assert gauged.mean(WINDOW) == pytest.approx(0.25, abs=0.01)
    assert gauged.mean(WINDOW * 2) == pytest.approx(1.0, abs=0.01)


def test_a_mean_leaves_out_what_was_not_known() -> None:
    gauged = Gauged(WINDOW)
    gauged.record(0, 1.0)
    gauged.record(1000, None)
    gauged.record(5000, 3.0)
    assert gauged.mean(6000) == pytest.approx(2.0)
    assert gauged.covered(6000) == 2000
    assert Gauged(WINDOW).mean(100) is None
    assert Gauged(WINDOW).highest(100) is None


def test_what_was_saved_is_there_again() -> None:
    gauged = Gauged(WINDOW)
    gauged.record(100, 7.0)
    gauged.record(100 + 2 * SPACING, 3.0)
    other = Gauged(WINDOW)
    other.record(4000, 1.0)
    other.restore(gauged.saved())
    assert (other.highest(4000), other.lowest(4000)) == (7.0, 1.0)
    assert other.highest(WINDOW + 4000) == 1.0


def test_a_trend_has_means_of_parts_of_the_window() -> None:
    trend = Trending(WINDOW)
    completed = [trend.record(now, float(now)) for now in range(0, 10 * WINDOW, 10)]
    assert 0 < sum(completed) <= 10 * POINTS
    parts = list(trend.parts())
    assert len(parts) <= POINTS
    assert all(part.mean == pytest.approx(part.middle) for part in parts)
    other = Trending(WINDOW)
    other.restore(parts)
    assert list(other.parts()) == parts
    assert len(other) == len(parts)
    assert Part(1, 2.0).mean == 2.0

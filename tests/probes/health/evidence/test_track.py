from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabricscope.model import Quality, Series
from probes.health.evidence.track import Feed, Track, reader
from tests.probes.health.host import MINUTE, SECOND
from tests.probes.health.made import ERRORS, LEVEL, TIME

WINDOW = 5 * MINUTE * SECOND


def counter(spec: object = ERRORS) -> Track:
    labels = ("d", "e") if spec is ERRORS else ("d",)
    track = Track(Series(spec, labels), Feed("s"))  # type: ignore[arg-type]
    track.remember(WINDOW)
    return track


def at(second: float) -> int:
    return int((1000 + second) * SECOND)


def take(track: Track, second: float, value: float, quality: Quality = Quality.OK) -> None:
    track.feed.seen = at(second)
    track.take(value, quality, at(second))


def test_what_was_counted_before_the_first_sample_is_no_increase() -> None:
    track = counter()
    take(track, 0, 10_000)
    assert track.increase(WINDOW, at(0)) == 0
    take(track, 1, 10_007)
    assert track.increase(WINDOW, at(1)) == 7
    assert not track.covers(WINDOW, at(1))
    assert track.covers(WINDOW, at(301))


@pytest.mark.parametrize("quality", [Quality.RESET, Quality.STALE, Quality.UNREADABLE])
def test_steps_that_are_not_sound_count_nothing(quality: Quality) -> None:
    track = counter()
    take(track, 0, 10)
    take(track, 1, 5000, quality)
    take(track, 2, 5000 if quality is Quality.RESET else 10)
    assert track.increase(WINDOW, at(2)) == 0


def test_a_counter_that_falls_unexplained_counts_nothing() -> None:
    track = counter()
    for second, value in enumerate((100, 3, 5)):
        take(track, second, value)
    assert track.increase(WINDOW, at(2)) == 2


def test_what_cannot_be_read_has_no_increase_and_what_came_meanwhile_counts_when_it_can() -> None:
    track = counter()
    take(track, 0, 10)
    take(track, 1, 10, Quality.UNREADABLE)
    assert track.increase(WINDOW, at(1)) is None
    take(track, 2, 13)
    assert track.increase(WINDOW, at(2)) == 3


def test_counts_are_in_the_metrics_unit() -> None:
    track = counter(TIME)
    take(track, 0, 0)
    take(track, 1, 1500)
    assert track.increase(WINDOW, at(1)) == 1.5
    rate = reader("rate", WINDOW)(track, at(1))
    assert rate == pytest.approx(1.5 / 300)


def test_a_sampler_that_fell_silent_has_no_present_value() -> None:
    track = Track(Series(LEVEL, ("d",)), Feed("s"))
    track.feed.interval = SECOND
    take(track, 0, 5.0)
    assert track.latest(at(12)) == 5.0
    assert track.latest(at(14)) is None


def test_readers() -> None:
    track = Track(Series(LEVEL, ("d",)), Feed("s"))
    track.remember(WINDOW)
    for second in range(0, 301, 10):
        take(track, second, 4.0 if second < 150 else 8.0)
    now = at(300)
    assert reader("latest", 0)(track, now) == 8.0
    assert reader("max", WINDOW)(track, now) == 8.0
    assert reader("min", WINDOW)(track, now) == 4.0
    assert reader("mean", WINDOW)(track, now) == pytest.approx(6.0, abs=0.1)


def test_a_mean_needs_half_of_its_window() -> None:
    track = Track(Series(LEVEL, ("d",)), Feed("s"))
    track.remember(WINDOW)
    take(track, 0, 4.0)
    take(track, 60, 4.0)
    assert reader("mean", WINDOW)(track, at(60)) is None


@given(st.lists(st.tuples(st.integers(0, 1 << 64), st.sampled_from(Quality), st.integers(0, 60)), max_size=60))
def test_no_sequence_of_readings_counts_more_than_its_sound_steps(
    steps: Sequence[tuple[int, Quality, int]],
) -> None:
    track = counter()
    second, sound, last = 0, 0, None
    for value, quality, wait in steps:
        second += wait
        take(track, second, value, quality)
        if quality.has_value:
            if last is not None and value > last and quality is not Quality.RESET:
                sound += value - last
            last = value
    increase = track.increase(WINDOW, at(second)) or 0
    assert 0 <= increase <= float(sound)


@given(st.lists(st.tuples(st.floats(), st.sampled_from(Quality), st.integers(0, 600)), max_size=60))
def test_any_gauge_can_be_followed(steps: Sequence[tuple[float, Quality, int]]) -> None:
    track = Track(Series(LEVEL, ("d",)), Feed("s"))
    track.remember(WINDOW)
    second = 0
    for value, quality, wait in steps:
        second += wait
        take(track, second, value, quality)
        for over in ("latest", "min", "max", "mean"):
            reader(over, WINDOW)(track, at(second))

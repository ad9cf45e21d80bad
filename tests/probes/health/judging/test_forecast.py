from __future__ import annotations

import pytest

from fabricscope.model import Series
from probes.health.evidence.track import Feed, Track
from probes.health.judging.forecast import JudgeForecast, Saved
from probes.health.judging.judge import Judgement
from probes.health.language.checks import Forecast
from tests.probes.health.host import DAY, HOUR, SECOND, at
from tests.probes.health.made import LEVEL, rule


def judge(**document: object) -> tuple[JudgeForecast, Track]:
    check = {"kind": "forecast", "of": "test_level", "window": "4d", "minimum": "1d", "within": "10d", **document}
    made = rule(check=check).check
    assert isinstance(made, Forecast)
    tested = JudgeForecast(made, ("device",), lambda _: None)
    track = Track(Series(LEVEL, ("a",)), Feed("s"))
    next(tested.operands()).add(track)
    return tested, track


def ask(tested: JudgeForecast, track: Track, hours: float, value: float) -> Judgement:
    now = at(hours * HOUR)
    track.feed.seen = now.mono
    track.take(value, 1, now.mono)  # type: ignore[arg-type]
    return tested.judge(("a",), now)


def test_the_time_until_a_limit_is_passed() -> None:
    tested, track = judge(above=100)
    last = Judgement(None)
    for hour in range(49):
        last = ask(tested, track, hour, 50 + hour / 4)
    # 50 degrees at 6 a day are 200 hours from the beginning.
    assert last.answer is True
    assert last.value == pytest.approx((200 - 48) * HOUR, rel=0.02)
    assert tested.slope(("a",)) == pytest.approx(6, rel=0.01)


def test_not_without_enough_evidence() -> None:
    tested, track = judge(above=100)
    assert {ask(tested, track, hour, 50 + hour).answer for hour in range(20)} == {None}


def test_a_date_far_off_is_not_told_and_the_wrong_direction_is_none() -> None:
    for slope, answer in ((0.02, False), (-1.0, False), (0.0, False)):
        tested, track = judge(above=100)
        assert [ask(tested, track, hour, 50 + slope * hour) for hour in range(49)][-1].answer is answer


def test_light_fades_in_decibels() -> None:
    tested, track = judge(below=1e-5, scale="log")
    last = Judgement(None)
    for hour in range(49):
        last = ask(tested, track, hour, 1e-3 * 10 ** (-hour / 96))
    assert last.value == pytest.approx((192 - 48) * HOUR, rel=0.02)
    assert ask(tested, track, 50, 0.0).answer is None


def test_what_was_saved_goes_on() -> None:
    tested, track = judge(above=100)
    for hour in range(49):
        ask(tested, track, hour, 50 + hour / 4)
    (saved,) = tested.saved(at(48 * HOUR))
    other, track = judge(above=100)
    other.restore(saved, at(49 * HOUR))
    assert ask(other, track, 49, 62.25).value == pytest.approx((200 - 49) * HOUR, rel=0.02)
    tested.forget(("a",))
    assert tested.saved(at(0)) == []


def test_what_was_saved_of_other_times_is_left_out() -> None:
    tested, _ = judge(above=100)
    now = at(0)
    times = [now.wall + DAY * SECOND, now.wall - 9 * DAY * SECOND]
    tested.restore(Saved(("a",), [(time, 1.0) for time in times]), now)
    assert tested.saved(now) == []

"""Both engines follow counters alike: the same cases for both, and any samples at all for the one against the other."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fabricscope.assemble import lay_out
from fabricscope.model import Kind, MetricSpec, Overflow, Quality, Reading
from probes.engine import follow as twin
from tests.probes.engine.conftest import native, needs_native
from tests.probes.following import Following
from tests.probes.made import BYTES, FLAPS, NARROW, SECOND, SPEED, UP, at, event, readings

U64 = (1 << 64) - 1
TOP32 = 1 << 32


def counter(bits: int = 64, overflow: Overflow = Overflow.WRAPS, scale: int = 1) -> MetricSpec:
    return MetricSpec(
        f"fabricscope_test_{bits}_total", Kind.COUNTER, "Test.", ("device",), bits=bits, overflow=overflow, scale=scale
    )


Seen = tuple[int | float | None, Quality]


fixtures_may_stay = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])

Follow = Callable[..., list[Seen]]


@pytest.fixture
def tracks(engine: Any) -> Following:
    return Following(engine.Follower())


@pytest.fixture
def follow(engine: Any) -> Follow:
    def follow(spec: MetricSpec, raws: Sequence[int | float | None], step: float = 1) -> list[Seen]:
        """What comes out for values that are read every `step` seconds; None is one that cannot be read."""
        tracks = Following(engine.Follower())
        seen = []
        for index, raw in enumerate(raws):
            row = Reading(spec, ("a",), raw, Quality.UNREADABLE if raw is None else Quality.OK)
            (out,) = tracks.apply([row], at(index * step))
            seen.append((out.value, out.quality))
        return seen

    return follow


def ok(*values: int) -> list[Seen]:
    return [(value, Quality.OK) for value in values]


def test_a_counter_that_grows_is_passed_on(follow: Follow) -> None:
    assert follow(counter(), [5, 5, 9]) == ok(5, 5, 9)


def test_gauges_pass_unchanged(tracks: Following) -> None:
    rows = [Reading(UP, ("a",), 0), Reading(UP, ("b",), None, Quality.UNREADABLE)]
    assert tracks.apply(rows, at(0)) == rows


@pytest.mark.parametrize("bits", [4, 8, 16, 32])
def test_one_that_saturates_says_so_at_its_ceiling_alone(follow: Follow, bits: int) -> None:
    ceiling = (1 << bits) - 1
    spec = counter(bits, Overflow.SATURATES)
    assert follow(spec, [ceiling - 1, ceiling, ceiling]) == [
        (ceiling - 1, Quality.OK),
        (ceiling, Quality.SATURATED),
        (ceiling, Quality.SATURATED),
    ]


def test_one_that_is_wider_than_its_table_says_is_not_saturated(follow: Follow) -> None:
    assert follow(counter(16, Overflow.SATURATES), [65_534, 65_540, 65_541]) == ok(65_534, 65_540, 65_541)


def test_one_that_was_cleared_at_its_ceiling_goes_on_from_there(follow: Follow) -> None:
    assert follow(counter(8, Overflow.SATURATES), [255, 2, 3]) == [
        (255, Quality.SATURATED),
        (257, Quality.RESET),
        (258, Quality.OK),
    ]


def test_a_slow_counter_goes_round_without_a_reset(follow: Follow) -> None:
    assert follow(counter(32), [TOP32 - 300, 100]) == ok(TOP32 - 300, TOP32 + 100)


@fixtures_may_stay
@given(st.integers(1 << 20, 1 << 29), st.lists(st.floats(0.5, 1.5), min_size=3, max_size=60), st.integers(0, TOP32 - 2))
def test_a_fast_counter_goes_round_again_and_again(follow: Follow, usual: int, pace: list[float], start: int) -> None:
    true, raws = start, [start]
    for factor in [1.0, *pace]:
        true += int(usual * factor)
        raws.append(true % TOP32)
    # The first step is what "usual" is learnt from, so it must not go round itself.
    if raws[1] < raws[0] or TOP32 - 1 in raws:
        return
    assert follow(counter(32), raws)[-1] == (true, Quality.OK)


def test_a_fast_counter_may_pause_before_it_goes_round(follow: Follow) -> None:
    step = 10**8
    raws = [TOP32 - 3 * step, TOP32 - step, TOP32 - step, step]
    assert follow(counter(32), raws)[-1] == (TOP32 + step, Quality.OK)


@pytest.mark.parametrize("bits", [8, 16, 32, 64])
@pytest.mark.parametrize("overflow", Overflow)
def test_a_reset_is_never_an_error_burst(follow: Follow, bits: int, overflow: Overflow) -> None:
    height = 3 << (bits - 3)
    seen = follow(counter(bits, overflow), [height, height + 1, 2, 3])
    assert seen == [
        (height, Quality.OK),
        (height + 1, Quality.OK),
        (height + 3, Quality.RESET),
        (height + 4, Quality.OK),
    ]


def test_a_reset_of_the_device_shows_in_its_counters_that_cannot_wrap(tracks: Following) -> None:
    wide, narrow = counter(64), counter(32)
    # The narrow counter alone would look as if it had gone round: it is fast, and near its top.
    for second, (packets, queue) in enumerate(((10**12, TOP32 - 2 * 10**8), (10**12 + 1, TOP32 - 10**8), (5, 0))):
        rows = [Reading(wide, ("a",), packets), Reading(narrow, ("a",), queue), Reading(narrow, ("b",), queue)]
        out = tracks.apply(rows, at(second))
    assert [row.quality for row in out] == [Quality.RESET, Quality.RESET, Quality.OK]
    assert out[1].value == TOP32 - 10**8
    assert out[2].value == TOP32


def test_after_a_gap_a_fall_is_a_reset(tracks: Following) -> None:
    spec = counter(32)
    for second, raw in ((0, TOP32 - 4 * 10**8), (1, TOP32 - 3 * 10**8), (2, TOP32 - 2 * 10**8), (60, 5)):
        (out,) = tracks.apply([Reading(spec, ("a",), raw)], at(second))
    assert (out.value, out.quality) == (TOP32 - 2 * 10**8 + 5, Quality.RESET)


def test_what_cannot_be_read_keeps_its_last_total(follow: Follow) -> None:
    assert follow(counter(scale=4), [None, 10, None, 12]) == [
        (None, Quality.UNREADABLE),
        (40, Quality.OK),
        (40, Quality.UNREADABLE),
        (48, Quality.OK),
    ]


def test_what_the_sampler_calls_stale_stays_stale(tracks: Following) -> None:
    spec = counter()
    tracks.apply([Reading(spec, ("a",), 7)], at(0))
    (out,) = tracks.apply([Reading(spec, ("a",), 3, Quality.STALE)], at(1))
    assert (out.value, out.quality) == (7, Quality.STALE)


@pytest.mark.parametrize("value", [-1, 1 << 64, math.nan, math.inf, -math.inf])
def test_what_is_no_count_is_unreadable(follow: Follow, value: float) -> None:
    assert follow(counter(), [3, value, 4]) == [(3, Quality.OK), (3, Quality.UNREADABLE), (4, Quality.OK)]


@pytest.mark.parametrize("bits", [32, 64])
def test_all_ones_are_a_device_that_is_gone(follow: Follow, bits: int) -> None:
    assert follow(counter(bits), [3, (1 << bits) - 1, 4]) == [(3, Quality.OK), (3, Quality.UNREADABLE), (4, Quality.OK)]


def test_data_words_become_bytes_and_stay_a_u64(follow: Follow) -> None:
    assert follow(counter(scale=4), [1000, U64 - 1]) == ok(4000, U64)


@fixtures_may_stay
@given(
    st.sampled_from([4, 8, 16, 32, 64]),
    st.sampled_from(Overflow),
    st.sampled_from([1, 4]),
    st.lists(st.none() | st.integers(0, U64) | st.integers(0, 255), max_size=50),
    st.floats(0.1, 100),
)
def test_what_comes_out_never_falls_and_fits_a_u64(
    follow: Follow, bits: int, overflow: Overflow, scale: int, raws: list[int | None], step: float
) -> None:
    values = [value for value, _ in follow(counter(bits, overflow, scale), raws, step) if value is not None]
    assert values == sorted(values)
    assert all(0 <= value <= U64 for value in values)


@fixtures_may_stay
@given(st.lists(st.integers(0, TOP32 - 1), min_size=2, max_size=50))
def test_no_step_invents_more_than_the_counter_can_have_counted(follow: Follow, raws: list[int]) -> None:
    values = [value for value, _ in follow(counter(32), raws)]
    assert all(after - before < TOP32 for before, after in pairwise(values) if before and after)


def test_a_series_that_is_away_for_a_while_goes_on_and_one_that_is_gone_for_long_starts_anew(tracks: Following) -> None:
    spec = counter()
    tracks.apply([Reading(spec, ("a",), 100)], at(0))
    tracks.apply([Reading(spec, ("a",), 1)], at(1))
    tracks.apply([], at(60))
    assert tracks.apply([Reading(spec, ("a",), 2)], at(120))[0].value == 102
    later = 121 + twin.FORGET_AFTER_NS / SECOND
    tracks.apply([], at(later))
    assert tracks.apply([Reading(spec, ("a",), 3)], at(later + 1))[0].value == 3


def test_one_that_is_there_but_unreadable_for_long_is_not_forgotten(tracks: Following) -> None:
    spec = counter()
    for second, raw in ((0, 100), (1, 1)):
        tracks.apply([Reading(spec, ("a",), raw)], at(second))
    hour = twin.FORGET_AFTER_NS // SECOND
    for second in (hour // 2, hour, hour * 3 // 2):
        tracks.apply([Reading(spec, ("a",), None, Quality.UNREADABLE)], at(second))
    assert tracks.apply([Reading(spec, ("a",), 2)], at(hour * 3 / 2 + 1))[0].value == 102


def test_of_what_comes_and_goes_the_longest_gone_is_forgotten(engine: Any) -> None:
    tracks, spec = Following(engine.Follower(max_absent=2)), counter()
    samples = [("abcd", 100), ("abcd", 1), ("bcd", 1), ("cd", 1), ("d", 1), ("abcd", 2)]
    for second, (devices, raw) in enumerate(samples):
        out = tracks.apply([Reading(spec, (device,), raw) for device in devices], at(second))
    assert [row.value for row in out] == [2, 102, 102, 102]


# --- bad reads


@pytest.mark.parametrize("overflow", Overflow)
@pytest.mark.parametrize("bits", [32, 64])
def test_a_small_step_back_counts_nothing_until_it_is_passed(follow: Follow, bits: int, overflow: Overflow) -> None:
    raws = [10**9, 10**9 - 1, 10**9 - 2, 10**9, 10**9 + 5]
    assert follow(counter(bits, overflow), raws) == ok(10**9, 10**9, 10**9, 10**9, 10**9 + 5)


def test_a_step_back_of_much_of_a_small_count_is_a_reset(follow: Follow) -> None:
    assert follow(counter(), [1000, 999])[-1] == (1999, Quality.RESET)


def test_a_small_step_back_is_no_restart_of_its_device(tracks: Following) -> None:
    wide, narrow = counter(64), counter(32)
    for second, (packets, queue) in enumerate(((10**12, TOP32 - 300), (10**12 - 1, 100))):
        rows = [Reading(wide, ("a",), packets), Reading(narrow, ("a",), queue)]
        out = tracks.apply(rows, at(second))
    assert [(row.value, row.quality) for row in out] == ok(10**12, TOP32 + 100)
    assert (tracks.resets, tracks.wraps) == (0, 1)


@pytest.mark.parametrize("bad", [[0], [0, 0], [7], [0, 3]])
@pytest.mark.parametrize("steady", [[], [10**15 + 100, 10**15 + 200]])
def test_a_counter_that_was_misread_goes_on_from_where_it_stood(
    follow: Follow, bad: list[int], steady: list[int]
) -> None:
    raws = [10**15, *steady, *bad, 10**15 + 1000, 10**15 + 1010]
    seen = follow(counter(), raws)
    assert seen[-2:] == ok(10**15 + 1000, 10**15 + 1010)


def test_a_busy_counter_that_started_anew_is_soon_beyond_where_it_stood(follow: Follow) -> None:
    assert follow(counter(), [0, 1000, 5, 1005])[-1] == (2005, Quality.OK)


def test_one_that_started_anew_long_ago_was_not_misread(follow: Follow) -> None:
    raws = [10**6, 0, 1, 1, 1, 1, 10**6]
    assert follow(counter(), raws)[-1] == (2 * 10**6, Quality.OK)


@fixtures_may_stay
@given(st.integers(10**6, 1 << 60), st.integers(0, 1000), st.integers(0, 10**5))
def test_a_bad_read_invents_no_more_than_what_was_read(follow: Follow, height: int, bad: int, grown: int) -> None:
    values = [value for value, _ in follow(counter(), [height, bad, height + grown])]
    assert values[-1] == max(height + grown, height + bad)


@pytest.mark.parametrize("scale", [1, 4])
def test_one_that_has_come_to_rest_is_passed_on_and_noticed_when_it_moves(follow: Follow, scale: int) -> None:
    spec = counter(scale=scale)
    rest = [(7 * scale, Quality.OK)] * 40
    assert follow(spec, [7] * 40 + [9]) == [*rest, (9 * scale, Quality.OK)]
    assert follow(spec, [7] * 40 + [2]) == [*rest, (9 * scale, Quality.RESET)]
    assert follow(spec, [7] * 40 + [None, 7]) == [*rest, (7 * scale, Quality.UNREADABLE), (7 * scale, Quality.OK)]


def test_one_that_was_reset_and_rests_goes_on_from_what_was_passed_on(follow: Follow) -> None:
    assert follow(counter(), [100, 3] + [3] * 30 + [5]) == [
        (100, Quality.OK),
        (103, Quality.RESET),
        *[(103, Quality.OK)] * 30,
        (105, Quality.OK),
    ]


def test_one_that_rests_may_go_round(follow: Follow) -> None:
    before = TOP32 - 10
    assert follow(counter(32), [before] * 30 + [5]) == [*[(before, Quality.OK)] * 30, (TOP32 + 5, Quality.OK)]


# --- columns


def test_other_series_and_events_are_not_followed_before_they_are_begun(engine: Any) -> None:
    follower, rows = engine.Follower(), readings(7)
    assert follower.follow(rows, 0) is None
    assert follower.follow([], 0) is None
    follower.begin(rows, [1, 0], 0)
    for others in (rows[:1], [*rows, *rows], rows[::-1], readings(7, ["a", "c"]), [rows[0], event(at(0))], []):
        assert follower.follow(others, 0) is None
    assert follower.follow([row._replace(value=n, labels=(*row.labels,)) for n, row in enumerate(rows)], 1) == (
        [1, 0],
        [],
        b"",
        [],
        0,
        0,
    )


def test_what_has_no_value_keeps_its_column_as_nought(engine: Any) -> None:
    follower = engine.Follower()
    rows = [
        Reading(UP, ("a",), None, Quality.STALE),
        Reading(NARROW, ("a",), 7),
        Reading(BYTES, ("a",), None, Quality.UNREADABLE),
        Reading(SPEED, ("a",), None),
    ]
    follower.begin(rows, [2, 1, 3, 0], 0)
    qualities = bytes([Quality.UNREADABLE, Quality.OK, Quality.UNREADABLE, Quality.STALE])
    assert follower.follow(rows, 0) == ([0, 7], [0.0, 0.0], qualities, [0, 2, 3], 0, 0)


def test_batches_that_were_given_out_stay_as_they_are(engine: Any) -> None:
    follower, rows = engine.Follower(), [Reading(BYTES, ("a",), 1), Reading(SPEED, ("a",), 0.5)]
    follower.begin(rows, [0, 1], 0)
    given = [
        follower.follow([Reading(BYTES, ("a",), count), Reading(SPEED, ("a",), speed)], second)
        for second, (count, speed) in enumerate([(1, 0.5), (1, 1), (2, 1), (0, -0.0), (0, None)])
    ]
    assert repr([columns[:2] for columns in given]) == (
        "[([1], [0.5]), ([1], [1.0]), ([2], [1.0]), ([2], [-0.0]), ([2], [0.0])]"
    )


def test_a_gauge_that_is_no_number_costs_that_sample_alone(engine: Any) -> None:
    follower, rows = engine.Follower(), [Reading(BYTES, ("a",), 1), Reading(SPEED, ("a",), 0.5)]
    follower.begin(rows, [0, 1], 0)
    with pytest.raises(ValueError, match="could not convert string to float"):
        follower.follow([rows[0]._replace(value=5), rows[1]._replace(value="fast")], 0)  # type: ignore[arg-type]
    assert follower.follow([rows[0]._replace(value=5), rows[1]], 1)[:2] == ([5], [0.5])


@pytest.mark.parametrize("order", [[0], [0, 0], [0, 2], [1, 0]])
@needs_native
def test_rust_refuses_an_order_that_is_none(order: list[int]) -> None:
    with pytest.raises(ValueError, match="an order that does not name each reading once"):
        native().Follower().begin([Reading(BYTES, ("a",), 1), Reading(SPEED, ("a",), 1)], order, 0)


@pytest.mark.parametrize("bits", [0, 65])
@needs_native
def test_rust_refuses_widths_that_no_counter_has(bits: int) -> None:
    with pytest.raises(ValueError, match="a counter has 1 to 64 bits"):
        native().Follower().begin([Reading(counter(bits), ("a",), 1)], [0], 0)


# --- the one engine as the other

SPECS = [
    SPEED,
    UP,
    NARROW,
    FLAPS,
    BYTES,
    *(
        MetricSpec(f"fabricscope_{bits}_{each.value}_{scale}_total", Kind.COUNTER, "Test.", labels, "", "", *rest)
        for bits in (4, 8, 32, 64)
        for each in Overflow
        for scale in (1, 4)
        for labels in ((), ("device", "port"))
        for rest in [(bits, each, scale)]
        if bool(labels) == (scale == 1)
    ),
]
SERIES = [
    (spec, (device, "1")[: len(spec.labels)]) for spec in SPECS for device in ("a", "b") if spec.labels or device == "a"
]
TOPS = [1 << bits for bits in (4, 8, 16, 32, 64)]
counts = (
    st.integers(0, 300)
    | st.builds(lambda top, below: max(top - below, 0), st.sampled_from(TOPS), st.integers(-2, 300))
    | st.builds(lambda top, part: top * part // 1000, st.sampled_from(TOPS), st.integers(0, 1000))
    | st.integers(-1, 1 << 65)
)
odd_values = st.none() | st.booleans() | st.floats() | counts.map(float)
moments = st.sampled_from([0, 1, SECOND // 2, SECOND, SECOND, SECOND, 4 * SECOND, 1800 * SECOND, 3600 * SECOND])


@needs_native
@given(st.data(), st.integers(0, 3))
def test_any_samples_give_the_same_from_both(data: st.DataObject, max_absent: int) -> None:
    """Counters walk, fall, come back, and are at times anything; series come, go and come back."""
    followers = native().Follower(max_absent), twin.Follower(max_absent)
    shapes = data.draw(
        st.lists(st.lists(st.sampled_from(SERIES), unique=True, min_size=1, max_size=8), min_size=1, max_size=3)
    )
    stand: dict[Any, int] = {}
    mono = 0
    for _ in range(data.draw(st.integers(1, 20))):
        mono += data.draw(moments)
        rows = []
        for spec, labels in data.draw(st.sampled_from([shapes[0], *shapes])):
            move = data.draw(st.sampled_from(["rest", "rest", "step", "step", "step back", "turn", "anew", "odd"]))
            before = stand.get((spec, labels), 0)
            value: Any = before
            quality = Quality.OK
            if move == "step":
                value = before + data.draw(st.integers(0, 1 << min(spec.bits, 33)) | st.integers(0, 5))
            elif move == "step back":
                value = max(before - data.draw(st.integers(1, 5)), 0)
            elif move == "turn":
                value = (before + data.draw(st.integers(0, 1 << spec.bits))) % (1 << spec.bits)
            elif move == "anew":
                value = data.draw(counts)
            elif move == "odd":
                value, quality = data.draw(odd_values), data.draw(st.sampled_from(Quality))
            # A value that is not kept is one that was misread, should the next be near the last.
            if type(value) is int and data.draw(st.booleans()):
                stand[spec, labels] = value
            rows.append(Reading(spec, labels, value, quality))
        order = lay_out("test", rows).order
        seen = []
        for follower in followers:
            if (followed := follower.follow(rows, mono)) is None:
                follower.begin(rows, order, mono)
                followed = follower.follow(rows, mono)
            seen.append(repr(followed))
        assert seen[0] == seen[1]

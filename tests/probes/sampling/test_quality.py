from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabricscope.model import Kind, MetricSpec, Overflow, Quality, Reading
from probes.sampling import quality
from probes.sampling.quality import CounterTracks
from tests.probes.made import SECOND, UP, at

U64 = (1 << 64) - 1
TOP32 = 1 << 32


def counter(bits: int = 64, overflow: Overflow = Overflow.WRAPS, scale: int = 1) -> MetricSpec:
    return MetricSpec(
        "fabricscope_test_total", Kind.COUNTER, "Test.", ("device",), bits=bits, overflow=overflow, scale=scale
    )


Seen = tuple[int | float | None, Quality]


def follow(spec: MetricSpec, raws: Sequence[int | float | None], step: float = 1) -> list[Seen]:
    """What comes out for values that are read every `step` seconds; None is one that cannot be read."""
    tracks = CounterTracks()
    seen = []
    for index, raw in enumerate(raws):
        row = Reading(spec, ("a",), raw, Quality.UNREADABLE if raw is None else Quality.OK)
        (out,) = tracks.apply([row], at(index * step))
        seen.append((out.value, out.quality))
    return seen


def ok(*values: int) -> list[Seen]:
    return [(value, Quality.OK) for value in values]


def test_a_counter_that_grows_is_passed_on() -> None:
    assert follow(counter(), [5, 5, 9]) == ok(5, 5, 9)


def test_gauges_pass_unchanged() -> None:
    rows = [Reading(UP, ("a",), 0), Reading(UP, ("b",), None, Quality.UNREADABLE)]
    assert CounterTracks().apply(rows, at(0)) == rows


@pytest.mark.parametrize("bits", [4, 8, 16, 32])
def test_one_that_saturates_says_so_at_its_ceiling_alone(bits: int) -> None:
    ceiling = (1 << bits) - 1
    spec = counter(bits, Overflow.SATURATES)
    assert follow(spec, [ceiling - 1, ceiling, ceiling]) == [
        (ceiling - 1, Quality.OK),
        (ceiling, Quality.SATURATED),
        (ceiling, Quality.SATURATED),
    ]


def test_one_that_is_wider_than_its_table_says_is_not_saturated() -> None:
    assert follow(counter(16, Overflow.SATURATES), [65_534, 65_540, 65_541]) == ok(65_534, 65_540, 65_541)


def test_one_that_was_cleared_at_its_ceiling_goes_on_from_there() -> None:
    assert follow(counter(8, Overflow.SATURATES), [255, 2, 3]) == [
        (255, Quality.SATURATED),
        (257, Quality.RESET),
        (258, Quality.OK),
    ]


def test_a_slow_counter_goes_round_without_a_reset() -> None:
    assert follow(counter(32), [TOP32 - 300, 100]) == ok(TOP32 - 300, TOP32 + 100)


@given(st.integers(1 << 20, 1 << 29), st.lists(st.floats(0.5, 1.5), min_size=3, max_size=60), st.integers(0, TOP32 - 2))
def test_a_fast_counter_goes_round_again_and_again(usual: int, pace: list[float], start: int) -> None:
    true, raws = start, [start]
    for factor in [1.0, *pace]:
        true += int(usual * factor)
        raws.append(true % TOP32)
    # The first step is what "usual" is learnt from, so it must not go round itself.
    if raws[1] < raws[0] or TOP32 - 1 in raws:
        return
    assert follow(counter(32), raws)[-1] == (true, Quality.OK)


def test_a_fast_counter_may_pause_before_it_goes_round() -> None:
    step = 10**8
    raws = [TOP32 - 3 * step, TOP32 - step, TOP32 - step, step]
    assert follow(counter(32), raws)[-1] == (TOP32 + step, Quality.OK)


@pytest.mark.parametrize("bits", [8, 16, 32, 64])
@pytest.mark.parametrize("overflow", Overflow)
def test_a_reset_is_never_an_error_burst(bits: int, overflow: Overflow) -> None:
    height = 3 << (bits - 3)
    seen = follow(counter(bits, overflow), [height, height + 1, 2, 3])
    assert seen == [
        (height, Quality.OK),
        (height + 1, Quality.OK),
        (height + 3, Quality.RESET),
        (height + 4, Quality.OK),
    ]


def test_a_reset_of_the_device_shows_in_its_counters_that_cannot_wrap() -> None:
    wide, narrow = counter(64), counter(32)
    tracks = CounterTracks()
    # The narrow counter alone would look as if it had gone round: it is fast, and near its top.
    for second, (packets, queue) in enumerate(((10**12, TOP32 - 2 * 10**8), (10**12 + 1, TOP32 - 10**8), (5, 0))):
        rows = [Reading(wide, ("a",), packets), Reading(narrow, ("a",), queue), Reading(narrow, ("b",), queue)]
        out = tracks.apply(rows, at(second))
    assert [row.quality for row in out] == [Quality.RESET, Quality.RESET, Quality.OK]
    assert out[1].value == TOP32 - 10**8
    assert out[2].value == TOP32


def test_after_a_gap_a_fall_is_a_reset() -> None:
    tracks = CounterTracks()
    spec = counter(32)
    for second, raw in ((0, TOP32 - 4 * 10**8), (1, TOP32 - 3 * 10**8), (2, TOP32 - 2 * 10**8), (60, 5)):
        (out,) = tracks.apply([Reading(spec, ("a",), raw)], at(second))
    assert (out.value, out.quality) == (TOP32 - 2 * 10**8 + 5, Quality.RESET)


def test_what_cannot_be_read_keeps_its_last_total() -> None:
    assert follow(counter(scale=4), [None, 10, None, 12]) == [
        (None, Quality.UNREADABLE),
        (40, Quality.OK),
        (40, Quality.UNREADABLE),
        (48, Quality.OK),
    ]


def test_what_the_sampler_calls_stale_stays_stale() -> None:
    tracks, spec = CounterTracks(), counter()
    tracks.apply([Reading(spec, ("a",), 7)], at(0))
    (out,) = tracks.apply([Reading(spec, ("a",), 3, Quality.STALE)], at(1))
    assert (out.value, out.quality) == (7, Quality.STALE)


@pytest.mark.parametrize("value", [-1, 1 << 64, math.nan, math.inf, -math.inf])
def test_what_is_no_count_is_unreadable(value: float) -> None:
    assert follow(counter(), [3, value, 4]) == [(3, Quality.OK), (3, Quality.UNREADABLE), (4, Quality.OK)]


@pytest.mark.parametrize("bits", [32, 64])
def test_all_ones_are_a_device_that_is_gone(bits: int) -> None:
    assert follow(counter(bits), [3, (1 << bits) - 1, 4]) == [(3, Quality.OK), (3, Quality.UNREADABLE), (4, Quality.OK)]


def test_data_words_become_bytes_and_stay_a_u64() -> None:
    assert follow(counter(scale=4), [1000, U64 - 1]) == ok(4000, U64)


@given(
    st.sampled_from([4, 8, 16, 32, 64]),
    st.sampled_from(Overflow),
    st.sampled_from([1, 4]),
    st.lists(st.none() | st.integers(0, U64) | st.integers(0, 255), max_size=50),
    st.floats(0.1, 100),
)
def test_what_comes_out_never_falls_and_fits_a_u64(
    bits: int, overflow: Overflow, scale: int, raws: list[int | None], step: float
) -> None:
    values = [value for value, _ in follow(counter(bits, overflow, scale), raws, step) if value is not None]
    assert values == sorted(values)
    assert all(0 <= value <= U64 for value in values)


@given(st.lists(st.integers(0, TOP32 - 1), min_size=2, max_size=50))
def test_no_step_invents_more_than_the_counter_can_have_counted(raws: list[int]) -> None:
    values = [value for value, _ in follow(counter(32), raws)]
    assert all(after - before < TOP32 for before, after in pairwise(values) if before and after)


def test_a_series_that_is_away_for_a_while_goes_on_and_one_that_is_gone_for_long_starts_anew() -> None:
    tracks = CounterTracks()
    spec = counter()
    tracks.apply([Reading(spec, ("a",), 100)], at(0))
    tracks.apply([Reading(spec, ("a",), 1)], at(1))
    tracks.apply([], at(60))
    assert tracks.apply([Reading(spec, ("a",), 2)], at(120))[0].value == 102
    later = 121 + quality.FORGET_AFTER_NS / SECOND
    tracks.apply([], at(later))
    assert tracks.apply([Reading(spec, ("a",), 3)], at(later + 1))[0].value == 3


def test_one_that_is_there_but_unreadable_for_long_is_not_forgotten() -> None:
    tracks = CounterTracks()
    spec = counter()
    for second, raw in ((0, 100), (1, 1)):
        tracks.apply([Reading(spec, ("a",), raw)], at(second))
    hour = quality.FORGET_AFTER_NS // SECOND
    for second in (hour // 2, hour, hour * 3 // 2):
        tracks.apply([Reading(spec, ("a",), None, Quality.UNREADABLE)], at(second))
    assert tracks.apply([Reading(spec, ("a",), 2)], at(hour * 3 / 2 + 1))[0].value == 102


def test_what_comes_and_goes_is_remembered_within_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quality, "MAX_ABSENT", 10)
    tracks = CounterTracks()
    for second in range(100):
        tracks.apply([Reading(counter(), (f"veth{second}",), 1)], at(second))
    assert len(tracks._tracks) <= 11


# --- bad reads


@pytest.mark.parametrize("overflow", Overflow)
@pytest.mark.parametrize("bits", [32, 64])
def test_a_small_step_back_counts_nothing_until_it_is_passed(bits: int, overflow: Overflow) -> None:
    raws = [10**9, 10**9 - 1, 10**9 - 2, 10**9, 10**9 + 5]
    assert follow(counter(bits, overflow), raws) == ok(10**9, 10**9, 10**9, 10**9, 10**9 + 5)


def test_a_step_back_of_much_of_a_small_count_is_a_reset() -> None:
    assert follow(counter(), [1000, 999])[-1] == (1999, Quality.RESET)


def test_a_small_step_back_is_no_restart_of_its_device() -> None:
    wide, narrow, tracks = counter(64), counter(32), CounterTracks()
    for second, (packets, queue) in enumerate(((10**12, TOP32 - 300), (10**12 - 1, 100))):
        rows = [Reading(wide, ("a",), packets), Reading(narrow, ("a",), queue)]
        out = tracks.apply(rows, at(second))
    assert [(row.value, row.quality) for row in out] == ok(10**12, TOP32 + 100)
    assert (tracks.resets, tracks.wraps) == (0, 1)


@pytest.mark.parametrize("bad", [[0], [0, 0], [7], [0, 3]])
@pytest.mark.parametrize("steady", [[], [10**15 + 100, 10**15 + 200]])
def test_a_counter_that_was_misread_goes_on_from_where_it_stood(bad: list[int], steady: list[int]) -> None:
    raws = [10**15, *steady, *bad, 10**15 + 1000, 10**15 + 1010]
    seen = follow(counter(), raws)
    assert seen[-2:] == ok(10**15 + 1000, 10**15 + 1010)


def test_a_busy_counter_that_started_anew_is_soon_beyond_where_it_stood() -> None:
    assert follow(counter(), [0, 1000, 5, 1005])[-1] == (2005, Quality.OK)


def test_one_that_started_anew_long_ago_was_not_misread() -> None:
    raws = [10**6, 0, 1, 1, 1, 1, 10**6]
    assert follow(counter(), raws)[-1] == (2 * 10**6, Quality.OK)


@given(st.integers(10**6, 1 << 60), st.integers(0, 1000), st.integers(0, 10**5))
def test_a_bad_read_invents_no_more_than_what_was_read(height: int, bad: int, grown: int) -> None:
    values = [value for value, _ in follow(counter(), [height, bad, height + grown])]
    assert values[-1] == max(height + grown, height + bad)


@pytest.mark.parametrize("scale", [1, 4])
def test_one_that_has_come_to_rest_is_passed_on_and_noticed_when_it_moves(scale: int) -> None:
    spec = counter(scale=scale)
    rest = [(7 * scale, Quality.OK)] * 40
    assert follow(spec, [7] * 40 + [9]) == [*rest, (9 * scale, Quality.OK)]
    assert follow(spec, [7] * 40 + [2]) == [*rest, (9 * scale, Quality.RESET)]
    assert follow(spec, [7] * 40 + [None, 7]) == [*rest, (7 * scale, Quality.UNREADABLE), (7 * scale, Quality.OK)]


def test_one_that_was_reset_and_rests_goes_on_from_what_was_passed_on() -> None:
    assert follow(counter(), [100, 3] + [3] * 30 + [5]) == [
        (100, Quality.OK),
        (103, Quality.RESET),
        *[(103, Quality.OK)] * 30,
        (105, Quality.OK),
    ]


def test_one_that_rests_may_go_round() -> None:
    before = TOP32 - 10
    assert follow(counter(32), [before] * 30 + [5]) == [*[(before, Quality.OK)] * 30, (TOP32 + 5, Quality.OK)]

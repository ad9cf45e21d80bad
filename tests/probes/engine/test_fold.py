"""Steps into windows, in the Rust engine and its plain-Python twin. No clock: time is an argument."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.engine.fold import MAX_WINDOWS, WINDOW_NS, ChannelWindow, Folder, Window, nearest_rank_99, windows
from tests.probes.engine.conftest import native, needs_native

MS = 1_000_000
PERIOD = 10 * MS
U64 = (1 << 64) - 1


def made(engine: Any, bits: int = 64) -> Any:
    return engine.Folder([1], [bits], PERIOD, 0)


def run(folder: Any, values: Iterable[int]) -> list[Window]:
    """One value for each tick from 0 on."""
    for tick, value in enumerate(values):
        folder.tick(tick * PERIOD)
        folder.value(0, tick * PERIOD, value)
    return windows(folder.take())


def counted(steps: Iterable[int], start: int = 0) -> list[int]:
    """The counter after each step."""
    values = [start]
    for step in steps:
        values.append(values[-1] + step)
    return values


def test_a_window_has_sum_peak_and_percentile(engine: Any) -> None:
    # One step of 500 among steps of 10, in the second window.
    first, second = run(made(engine), counted([10] * 149 + [500] + [10] * 60))
    assert (first.start_ns, first.end_ns, second.start_ns) == (0, WINDOW_NS, WINDOW_NS)
    assert first.channels == [ChannelWindow(990, 1_000.0, 1_000.0, 0, 0, 99, 0, 0)]
    assert second.channels == [ChannelWindow(99 * 10 + 500, 50_000.0, 1_000.0, 0, 0, 100, 0, 0)]
    assert (second.ticks, second.missed, second.late_max_ns) == (100, 0, 0)


def test_the_rate_is_over_the_time_that_passed(engine: Any) -> None:
    folder = made(engine)
    for mono, value in ((0, 0), (10 * MS, 100), (35 * MS, 350), (36 * MS, 350)):
        folder.tick(mono)
        folder.value(0, mono, value)
    folder.tick(WINDOW_NS)
    (window,) = windows(folder.take())
    assert window.channels[0].max_rate == 10_000.0
    assert window.channels[0].increase == 350


def test_a_reading_soon_after_a_late_one_is_passed_over(engine: Any) -> None:
    folder = made(engine)
    # The third tick was 9 ms late: a millisecond is no measure of a rate.
    for mono, value in ((0, 0), (10 * MS, 100), (29 * MS, 290), (30 * MS, 310), (40 * MS, 400)):
        folder.tick(mono)
        folder.value(0, mono, value)
    folder.tick(WINDOW_NS)
    (window,) = windows(folder.take())
    assert window.channels[0] == ChannelWindow(400, 10_000.0, 10_000.0, 0, 0, 3, 0, 0)


def test_the_percentile_is_the_nearest_rank() -> None:
    assert nearest_rank_99(range(1, 101)) == 99
    assert nearest_rank_99(range(1, 100)) == 99
    assert nearest_rank_99([7]) == 7


def test_time_at_the_burst_level_and_bursts_are_counted(engine: Any) -> None:
    folder = made(engine)
    folder.set_levels(0, 900, 500)
    # 10 in 10 ms are 1,000 a second. One burst of two steps, a second of one.
    (window,) = run(folder, counted([1, 9, 10, 1, 8, 9, 4] + [0] * 95))
    channel = window.channels[0]
    assert channel.bursts == 2
    assert channel.above_ns == 3 * PERIOD


def test_a_dip_that_stays_above_the_calm_level_does_not_end_a_burst(engine: Any) -> None:
    folder = made(engine)
    folder.set_levels(0, 900, 500)
    (window,) = run(folder, counted([9, 5, 9, 6, 9, 4, 9] + [0] * 94))
    assert window.channels[0].bursts == 2


def test_a_burst_over_a_border_counts_once(engine: Any) -> None:
    folder = made(engine)
    folder.set_levels(0, 900, 500)
    first, second = run(folder, counted([0] * 94 + [10] * 12 + [0] * 100))
    assert (first.channels[0].bursts, second.channels[0].bursts) == (1, 0)
    assert (first.channels[0].above_ns, second.channels[0].above_ns) == (5 * PERIOD, 7 * PERIOD)


def test_without_a_level_nothing_is_a_burst(engine: Any) -> None:
    folder = made(engine)
    folder.set_levels(0, 900, 500)
    run(folder, counted([10] * 5))
    folder.set_levels(0, 0, 0)
    for tick in range(6, 202):
        folder.tick(tick * PERIOD)
        folder.value(0, tick * PERIOD, tick * 1000)
    _, second = windows(folder.take())
    assert (second.channels[0].bursts, second.channels[0].above_ns) == (0, 0)


def test_levels_may_change_at_any_time(engine: Any) -> None:
    folder = made(engine)
    values = counted([10] * 200)
    for tick, value in enumerate(values):
        if tick == 120:
            folder.set_levels(0, 1_000, 500)
        folder.tick(tick * PERIOD)
        folder.value(0, tick * PERIOD, value)
    first, second = windows(folder.take())
    assert (first.channels[0].bursts, second.channels[0].bursts) == (0, 1)
    assert second.channels[0].above_ns == 80 * PERIOD


def test_a_burst_ends_where_none_are_counted(engine: Any) -> None:
    folder = made(engine)
    for tick, value in enumerate(counted([10] * 100)):
        folder.set_levels(0, 0 if tick == 50 else 900, 500)
        folder.tick(tick * PERIOD)
        folder.value(0, tick * PERIOD, value)
    folder.tick(WINDOW_NS)
    (window,) = windows(folder.take())
    assert window.channels[0].bursts == 2


def test_a_group_that_is_to_be_read_more_often_need_not_wait(engine: Any) -> None:
    folder = made(engine)
    folder.set_multiple(0, 50)
    turns = []
    for tick in range(6):
        if tick == 2:
            folder.set_multiple(0, 2)
        folder.tick(tick * PERIOD)
        turns.append(folder.turn(0))
    assert turns == [True, False, False, True, False, True]


@pytest.mark.parametrize(
    ("bits", "values", "increase", "unknown"),
    [
        (32, [(1 << 32) - 11, 4], 15, 0),
        (32, [3_000_000_000, 3_000_000_100, 7, 9], 102, 1),  # a reset, and on from there
        (16, [65_530, 4], 10, 0),
        (16, [60_000, 4], 0, 1),  # 5,540 in a step, of a counter that stood still
        (16, [0, 30_000, 65_000, 60_000, 4], 65_000, 2),  # what was usual before a reset is not after it
        (64, [1 << 40, 0, 5], 5, 1),
        (64, [U64 - 1, 3], 0, 1),  # a counter of 64 bits does not go round
        (64, [1_000_000, 999_999, 1_000_002], 2, 0),  # a sum that was not taken at once
        (32, [5, (1 << 32) - 1, 7], 2, 0),  # all ones: the device has fallen off its bus
        (64, [5, U64, 7], 2, 0),
        (8, [200, 255, 3], 59, 0),
    ],
)
def test_wraps_go_on_and_resets_are_unknown(
    engine: Any, bits: int, values: list[int], increase: int, unknown: int
) -> None:
    folder = made(engine, bits)
    folder.set_levels(0, 1 << 40, 1 << 39)
    (window,) = run(folder, values + values[-1:] * (101 - len(values)))
    channel = window.channels[0]
    assert (channel.increase, channel.unknown) == (increase, unknown)
    assert channel.bursts == 0
    assert channel.errors == sum(value == (1 << bits) - 1 for value in values if bits >= 32)


def test_what_cannot_be_read_is_an_error_and_no_step(engine: Any) -> None:
    folder = made(engine)
    folder.tick(0)
    folder.value(0, 0, 100)
    folder.failed(0, False)
    folder.value(0, 20 * MS, 120)
    folder.tick(WINDOW_NS)
    (window,) = windows(folder.take())
    assert window.channels[0] == ChannelWindow(20, 1_000.0, 1_000.0, 0, 0, 1, 0, 1)


def test_a_device_that_comes_back_counts_from_there(engine: Any) -> None:
    folder = made(engine)
    folder.set_levels(0, 100, 50)
    folder.tick(0)
    folder.value(0, 0, 100)
    folder.failed(0, True)
    folder.value(0, 20 * MS, 1 << 50)
    folder.value(0, 120 * MS, (1 << 50) + 1)
    folder.tick(WINDOW_NS)
    (window,) = windows(folder.take())
    assert (window.channels[0].increase, window.channels[0].bursts) == (1, 0)


def test_a_burst_ends_with_its_device(engine: Any) -> None:
    folder = made(engine)
    folder.set_levels(0, 900, 500)
    for tick, value in enumerate([0, 10, 20, None, 0, 10, 20]):
        if value is None:
            folder.failed(0, True)
        else:
            folder.value(0, tick * PERIOD, value)
    folder.tick(WINDOW_NS)
    (window,) = windows(folder.take())
    assert (window.channels[0].increase, window.channels[0].bursts) == (40, 2)


def test_ticks_that_are_late_by_a_period_are_counted_and_not_made_up(engine: Any) -> None:
    folder = made(engine)
    folder.tick(2 * MS)
    assert folder.due() == PERIOD
    folder.tick(47 * MS)
    assert folder.due() == 50 * MS
    folder.tick(50 * MS)
    folder.tick(WINDOW_NS + 3 * MS)
    (window,) = windows(folder.take())
    assert (window.ticks, window.missed) == (3, 3)
    assert (window.late_max_ns, window.late_p99_ns) == (37 * MS, 37 * MS)
    folder.tick(2 * WINDOW_NS)
    (window,) = windows(folder.take())
    assert (window.ticks, window.missed) == (1, 94)


def test_the_schedule_does_not_drift(engine: Any) -> None:
    folder = made(engine)
    for tick in range(1, 1000):
        folder.tick(folder.due() + 9 * MS)
        assert folder.due() == tick * PERIOD


def test_windows_keep_to_their_seconds_after_a_pause(engine: Any) -> None:
    folder = made(engine)
    folder.tick(0)
    folder.tick(3 * WINDOW_NS + 555 * MS)
    folder.tick(4 * WINDOW_NS)
    assert [window.start_ns for window in windows(folder.take())] == [0, 3 * WINDOW_NS]


def test_a_group_has_its_own_multiple(engine: Any) -> None:
    folder = engine.Folder([1, 1], [64, 64], PERIOD, 0)
    turns: list[bool] = []
    folder.set_multiple(1, 3)
    for tick in range(12):
        folder.tick(tick * PERIOD)
        assert folder.turn(0)
        turns.append(folder.turn(1))
        if tick == 7:
            folder.set_multiple(1, 2)
    assert [tick for tick, turn in enumerate(turns) if turn] == [0, 3, 6, 9, 11]
    folder.set_multiple(1, 0)
    folder.tick(12 * PERIOD)
    folder.tick(13 * PERIOD)
    assert folder.turn(1)


def test_reading_costs_are_told_by_group(engine: Any) -> None:
    folder = engine.Folder([0, 0], [], PERIOD, 0)
    folder.tick(0)
    folder.read(1, 500)
    folder.read(1, 200)
    folder.tick(WINDOW_NS)
    (window,) = windows(folder.take())
    assert window.groups == [(0, 0, 0), (2, 700, 500)]


def test_windows_that_nobody_takes_are_bounded(engine: Any) -> None:
    folder = made(engine)
    for second in range(101):
        folder.tick(second * WINDOW_NS)
    taken = windows(folder.take())
    assert len(taken) == MAX_WINDOWS
    assert taken[0].dropped == 100 - MAX_WINDOWS
    assert sum(window.dropped for window in taken[1:]) == 0
    assert folder.take() == []


def test_what_does_not_fit_is_refused(engine: Any) -> None:
    for sizes, bits, period in (([2], [64], PERIOD), ([1], [0], PERIOD), ([1], [65], PERIOD)):
        with pytest.raises(ValueError, match="1 to 64 bits"):
            engine.Folder(sizes, bits, period, 0)
    for period in (MS - 1, WINDOW_NS + 1):
        with pytest.raises(ValueError, match="1 ms to 1 s"):
            engine.Folder([1], [64], period, 0)
    folder = made(engine)
    with pytest.raises(IndexError):
        folder.set_levels(1, 1, 1)
    with pytest.raises(IndexError):
        folder.set_multiple(1, 1)


moves = st.one_of(
    st.tuples(st.just("tick"), st.integers(0, 120 * MS)),
    st.tuples(st.just("value"), st.integers(0, 1), st.integers(0, 300)),
    st.tuples(st.just("value"), st.integers(0, 1), st.integers(0, U64)),
    st.tuples(st.just("failed"), st.integers(0, 1), st.booleans()),
    st.tuples(st.just("levels"), st.integers(0, 1), st.integers(0, 2000)),
    st.tuples(st.just("multiple"), st.integers(0, 1), st.integers(0, 5)),
    st.tuples(st.just("turn"), st.integers(0, 1)),
    st.tuples(st.just("read"), st.integers(0, 1), st.integers(0, U64)),
)


@needs_native
@given(st.lists(moves, max_size=80), st.sampled_from([8, 32, 64]))
def test_both_fold_the_same(script: list[tuple[Any, ...]], bits: int) -> None:
    folders: list[Any] = [native().Folder([1, 1], [bits, 64], PERIOD, 5), Folder([1, 1], [bits, 64], PERIOD, 5)]
    outcomes = []
    for folder in folders:
        mono, turns = 5, []
        for what, *arguments in [*script, ("tick", WINDOW_NS)]:
            if what == "tick":
                mono += arguments[0]
                folder.tick(mono)
            elif what == "value":
                mono += 4 * MS if arguments[1] % 5 == 1 else 6 * MS
                folder.value(arguments[0], mono, arguments[1])
            elif what == "levels":
                folder.set_levels(arguments[0], arguments[1], arguments[1] // 2)
            elif what == "multiple":
                folder.set_multiple(*arguments)
            elif what == "turn":
                turns.append(folder.turn(*arguments))
            elif what == "read":
                folder.read(arguments[0], min(arguments[1], 1 << 40))
            else:
                folder.failed(*arguments)
        outcomes.append((windows(folder.take()), turns, folder.due()))
    assert outcomes[0] == outcomes[1]

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from fabricscope.model import Quality, Reading
from probes.engine.fold import ChannelWindow
from probes.samplers.bursts import metrics
from probes.samplers.bursts.counters import Counter, Unit
from probes.samplers.bursts.tracks import MINUTE_NS, RollingMax, Track

SECOND = 1_000_000_000
NOTHING = ChannelWindow(0, 0.0, 0.0, 0, 0, 0, 0, 0)
BYTES = Counter("port_rcv_data", Unit.BYTES, "receive", scale=4)


def window(peak: float = 0, p99: float = 0, above_ns: int = 0, bursts: int = 0, steps: int = 100) -> ChannelWindow:
    return ChannelWindow(0, peak, p99, above_ns, bursts, steps, 0, 0)


def shown(track: Track) -> dict[str, Reading]:
    return {reading.spec.name.removeprefix("fabricscope_bursts_"): reading for reading in track.readings()}


def values(track: Track) -> dict[str, int | float | None]:
    return {name: reading.value for name, reading in shown(track).items()}


def test_before_the_first_step_nothing_is_known() -> None:
    track = Track("mlx5_0", "1", BYTES)
    assert values(track) == {}
    track.take([(SECOND, window(steps=0))])
    assert values(track) == {}


def test_rates_are_in_the_unit_of_the_metric() -> None:
    track = Track("mlx5_0", "1", BYTES)
    track.has_level = True
    track.take([(SECOND, window(1000, 800, 30_000_000, 2))])
    assert values(track) == {
        "peak_bytes_per_second": 4000,
        "p99_bytes_per_second": 3200,
        "peak_60s_bytes_per_second": 4000,
        "above_90_percent_seconds_total": 30_000_000,
        "begun_total": 2,
    }
    assert shown(track)["peak_bytes_per_second"].labels == ("mlx5_0", "1", "receive")
    assert shown(track)["begun_total"].labels == ("mlx5_0", "1", "port_rcv_data")


def test_without_a_line_rate_no_bursts_are_told() -> None:
    track = Track("mlx5_0", "1", BYTES)
    track.take([(SECOND, window(1000))])
    assert set(values(track)) == {"peak_bytes_per_second", "p99_bytes_per_second", "peak_60s_bytes_per_second"}


def test_several_windows_are_one_reading() -> None:
    track = Track("eth0", "", Counter("rx_dropped", Unit.EVENTS))
    track.take([(SECOND, window(5, bursts=1, above_ns=7)), (2 * SECOND, window(3, bursts=2, above_ns=8))])
    assert values(track) == {
        "peak_events_per_second": 5,
        "peak_60s_events_per_second": 5,
        "active_seconds_total": 15,
        "begun_total": 3,
    }


def test_the_last_second_and_the_last_minute() -> None:
    track = Track("eth0", "", Counter("rx_packets", Unit.PACKETS, "receive"))
    track.take([(SECOND, window(9))])
    track.take([(2 * SECOND, window(1))])
    assert values(track)["peak_packets_per_second"] == 1
    assert values(track)["peak_60s_packets_per_second"] == 9
    track.take([])
    assert values(track)["peak_packets_per_second"] == 1
    track.take([(SECOND + MINUTE_NS, window(2))])
    assert values(track)["peak_60s_packets_per_second"] == 2


def test_paused_time_is_a_ratio() -> None:
    track = Track("eth0", "", Counter("rx_prio3_pause_duration", Unit.PAUSED))
    track.take([(SECOND, window(250_000))])
    assert values(track)["peak_paused_ratio"] == 0.25


def test_what_cannot_be_read_is_no_number() -> None:
    track = Track("mlx5_0", "1", BYTES)
    track.take([(SECOND, window(10))])
    track.take([(2 * SECOND, NOTHING._replace(errors=100))])
    found = shown(track)
    for name in ("peak_bytes_per_second", "p99_bytes_per_second"):
        assert (found[name].value, found[name].quality) == (None, Quality.UNREADABLE)
    assert found["peak_60s_bytes_per_second"].value == 40
    track.take([(3 * SECOND, window(10))])
    assert shown(track)["peak_bytes_per_second"].quality is Quality.OK
    track.fail()
    assert shown(track)["peak_bytes_per_second"].quality is Quality.UNREADABLE


def test_what_could_never_be_read_is_said_so() -> None:
    track = Track("mlx5_0", "1", BYTES)
    track.take([(SECOND, NOTHING._replace(errors=100))])
    assert {name: reading.quality for name, reading in shown(track).items()} == {
        "peak_bytes_per_second": Quality.UNREADABLE,
        "p99_bytes_per_second": Quality.UNREADABLE,
    }


@given(st.lists(st.tuples(st.integers(0, 20), st.floats(0, 1e12)), min_size=1, max_size=200))
def test_the_rolling_maximum_is_that_of_the_last_minute(values: list[tuple[int, float]]) -> None:
    rolling, seen, now = RollingMax(), [], 0
    for seconds, value in values:
        now += seconds * SECOND
        seen.append((now, value))
        expected = max(value for time, value in seen if time > now - MINUTE_NS)
        assert rolling.add(now, value) == expected


def test_the_rolling_maximum_is_bounded() -> None:
    rolling, chance = RollingMax(), random.Random(1)
    for second in range(10_000):
        rolling.add(second * SECOND, chance.random())
    assert len(rolling._falling) <= 60


def test_all_families_are_in_the_table() -> None:
    for unit in Unit:
        track = Track("x", "1", Counter("y", unit, "receive" if unit in metrics.P99 else ""))
        track.has_level = True
        track.take([(SECOND, window(1))])
        for reading in track.readings():
            assert reading.spec in metrics.METRICS
            assert len(reading.labels) == len(reading.spec.labels)

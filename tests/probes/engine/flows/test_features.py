from __future__ import annotations

from probes.engine.flows.features import FeatureState
from tests.probes.engine.frames import MS, SECOND, START


def test_sizes_gaps_and_runs() -> None:
    state = FeatureState()
    state.observe(True, START, 100)
    state.observe(False, START + MS // 2, 1500)
    state.observe(True, START + 5 * MS, 64)
    told = state.finish()
    assert (told.sizes_forward, told.sizes_reverse) == ([0] * 7 + [2], [0] * 11 + [1])
    assert (told.gaps_forward, told.gaps_reverse) == ([0] * 13 + [1], [])
    assert (told.bursts, told.burst_octets, told.busy_ns) == (1, 1600, MS // 2)
    assert (told.bin_ns, told.bins) == (0, [])
    assert state.finish(turned=True).sizes_forward == told.sizes_reverse


def test_a_series_from_the_17th_packet_on_or_when_one_is_odd() -> None:
    state = FeatureState()
    for number in range(17):
        state.observe(True, START + number * 20 * MS, 10)
    told = state.finish()
    assert (told.bin_ns, len(told.bins), sum(told.bins)) == (10 * MS, 33, 170)
    for time_ns, octets in ((START - SECOND, 5), (START, 1 << 15)):
        odd = FeatureState()
        odd.observe(True, START, 7)
        odd.observe(True, time_ns, octets)
        assert odd.finish().bins == [7 + octets]
        assert odd.latest_ns() == START

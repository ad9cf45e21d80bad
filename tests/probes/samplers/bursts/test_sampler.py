from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fabricscope.clock import system_clock
from fabricscope.model import Event, Now, Reading
from probes.engine.blocks import decode_block
from probes.samplers.bursts import BurstsSampler, BurstsSettings, readers
from probes.sampling.pipeline import Pipeline
from tests.fixtures.fast_host import FakeStatistics, FastHost
from tests.fixtures.waiting import eventually
from tests.probes.samplers.bursts.test_readers import FakeEngine, at, window

SPEEDY = BurstsSettings(period_milliseconds=2, rediscover_seconds=1)


@pytest.fixture
def host(tmp_path: Path) -> FastHost:
    made = FastHost(tmp_path)
    made.interface("eth0")
    return made


@pytest.fixture
def sampler(host: FastHost) -> Iterator[BurstsSampler]:
    made = BurstsSampler(SPEEDY, host.roots, FakeStatistics())
    yield made
    made.close()


def sampled(sampler: BurstsSampler, now: Now | None = None) -> dict[tuple[str, ...], int | float | None]:
    return {
        (reading.spec.name.removeprefix("fabricscope_bursts_"), *reading.labels): reading.value
        for reading in sampler.sample(now or system_clock())
        if isinstance(reading, Reading)
    }


def events(sampler: BurstsSampler, now: Now) -> list[str]:
    return [each.kind for each in sampler.sample(now) if isinstance(each, Event)]


def test_is_off_unless_it_is_asked_for() -> None:
    assert not BurstsSettings().enabled


def test_says_why_there_is_nothing_to_sample(tmp_path: Path, sampler: BurstsSampler) -> None:
    assert sampler.unavailable() is None
    empty = BurstsSampler(BurstsSettings(), FastHost(tmp_path / "empty").roots, FakeStatistics())
    assert "no interface with hardware behind it" in (empty.unavailable() or "")


def test_a_burst_is_seen_at_its_rate(host: FastHost, sampler: BurstsSampler) -> None:
    assert ("counters",) in sampled(sampler)
    peak = ("peak_bytes_per_second", "eth0", "", "receive")
    eventually(lambda: peak in sampled(sampler))
    host.count("eth0", 0, 1_000_000_000)
    host.count("eth0", 3, 1)
    eventually(lambda: sampled(sampler).get(("begun_total", "eth0", "", "rx_dropped")))
    found = sampled(sampler)
    # 1 GB in one step of some milliseconds, on a line of 12.5 GB/s.
    minute = found["peak_60s_bytes_per_second", "eth0", "", "receive"]
    assert minute is not None
    assert minute > 1e9
    bursts = found["begun_total", "eth0", "", "rx_bytes"]
    assert bursts == (minute >= 0.9 * 12.5e9)
    assert found["active_seconds_total", "eth0", "", "rx_dropped"]
    assert found["line_rate_bytes_per_second", "eth0", ""] == 12.5e9
    assert found["ticks_total", "files"]
    assert found["read_seconds_total", "*", "net"]
    assert found["read_errors_total", "*", "net"] == 0
    assert found["ring_bytes",]
    assert found["period_seconds", "eth0", "net"] == 0.002


def test_the_steps_can_be_had_from_it(host: FastHost, sampler: BurstsSampler) -> None:
    assert sampler.freeze().blocks == []
    sampled(sampler)
    blocks = eventually(lambda: sampler.freeze().blocks)
    steps = sampler.freeze()
    (layout, *_, octets) = blocks[0]
    assert steps.layouts[layout][0].counter == "rx_bytes"
    assert decode_block(octets)[0][1:] == (0, [0] * 6)


def test_what_appears_is_read_and_the_steps_before_it_stay(host: FastHost, sampler: BurstsSampler) -> None:
    sampled(sampler)
    eventually(lambda: sampler.freeze().blocks)
    host.interface("eth1")
    eventually(lambda: ("line_rate_bytes_per_second", "eth1", "") in sampled(sampler))
    eventually(lambda: len(sampler.freeze().layouts) == 2)
    assert sampled(sampler)["counters",] == 12


def test_what_goes_is_not_read_any_more(host: FastHost, sampler: BurstsSampler) -> None:
    sampled(sampler)
    host.roots.sysfs("class", "net", "eth0", "device").unlink()
    eventually(lambda: sampled(sampler)["counters",] == 0)
    assert not any(key[0].startswith("lateness") for key in sampled(sampler))


def test_what_it_yields_can_be_sent(sampler: BurstsSampler) -> None:
    pipeline = Pipeline("bursts", 10**9)
    for _ in range(3):
        now = system_clock()
        pipeline.process([row for row in sampler.sample(now) if isinstance(row, Reading)], now)


# --- with an engine of the test's


@pytest.fixture
def engines(monkeypatch: pytest.MonkeyPatch) -> list[FakeEngine]:
    made: list[FakeEngine] = []

    def start(*arguments: object) -> FakeEngine:
        made.append(FakeEngine(*arguments))  # type: ignore[arg-type]
        return made[-1]

    monkeypatch.setattr(readers, "FastReader", start)
    return made


def test_driver_statistics_have_a_slower_reader_of_their_own(host: FastHost, engines: list[FakeEngine]) -> None:
    sampler = BurstsSampler(SPEEDY, host.roots, FakeStatistics(eth0=("rx_prio3_pause",)))
    sampled(sampler, at(0))
    assert [engine.period_ns for engine in engines] == [2_000_000, 100_000_000]
    off = BurstsSampler(BurstsSettings(driver_statistics=False), host.roots, FakeStatistics(eth0=("rx_prio3_pause",)))
    sampled(off, at(0))
    assert len(engines) == 3


def test_nothing_is_started_again_while_nothing_changes(sampler: BurstsSampler, engines: list[FakeEngine]) -> None:
    for second in range(10):
        sampled(sampler, at(second))
    assert len(engines) == 1


def test_a_reading_that_hangs_is_left_out_until_it_returns(host: FastHost, engines: list[FakeEngine]) -> None:
    host.port("mlx5_0", {"port_rcv_data": 1})
    sampler = BurstsSampler(SPEEDY, host.roots, FakeStatistics())
    assert events(sampler, at(0)) == []
    engines[0].now_reading = (0, at(0.5).mono)
    engines[0].close = lambda: False  # type: ignore[method-assign]
    assert events(sampler, at(5)) == ["bursts.stalled"]
    assert len(engines) == 2
    assert [len(channels) for channels in engines[1].groups] == [6]  # type: ignore[attr-defined]
    assert sampled(sampler, at(6))["stalled_sources",] == 1
    assert sampled(sampler, at(7))["counters",] == 6
    engines[0].is_alive = False
    assert events(sampler, at(8)) == ["bursts.resumed"]
    assert events(sampler, at(9)) == []
    assert sampled(sampler, at(10))["stalled_sources",] == 0
    assert sampled(sampler, at(11))["counters",] == 7
    assert len(engines) == 3


def test_a_thread_that_died_is_replaced(sampler: BurstsSampler, engines: list[FakeEngine]) -> None:
    sampled(sampler, at(0))
    engines[0].is_alive = False
    sampled(sampler, at(0.5))
    assert len(engines) == 2


def test_a_slow_source_is_an_event(host: FastHost, engines: list[FakeEngine]) -> None:
    host.roots.procfs("net", "dev").unlink()
    host.port("mlx5_0", {"port_rcv_data": 1, "port_xmit_data": 1}, {"np_cnp_sent": 1, "rp_cnp_handled": 1})
    host.roots.sysfs("class", "net", "eth0", "device").unlink()
    sampler = BurstsSampler(BurstsSettings(), host.roots, FakeStatistics())
    sampled(sampler, at(0))
    seen: list[str] = []
    for second in range(1, 5):
        engines[0].windows = [window(second, read_ms=4)]
        seen += events(sampler, at(second))
    assert seen == ["bursts.slowed"]
    found = sampled(sampler, at(6))
    assert found["period_seconds", "mlx5_0", "infiniband"] == 0.02
    assert found["ticks_total", "files"] == 400


def test_after_closing_it_can_start_again(sampler: BurstsSampler, engines: list[FakeEngine]) -> None:
    sampled(sampler, at(0))
    sampler.close()
    assert not engines[0].is_alive
    sampled(sampler, at(0.1))
    assert len(engines) == 2

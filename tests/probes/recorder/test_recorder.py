from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from fabricscope.model import Event, MetricSpec, Now, Sampled
from fabricscope.tally import Tally
from probes.engine.steps import FrozenSteps
from probes.recorder import flight
from probes.recorder import recorder as module
from probes.recorder.evidence import Journal
from probes.recorder.recorder import (
    EVIDENCE_BYTES,
    EVIDENCE_LOST,
    MAX_WAITING,
    RECORDINGS,
    RECORDINGS_LOST,
    RECORDINGS_REMOVED,
    RETRY_NS,
    Recorder,
)
from probes.recorder.recording import Recording
from probes.recorder.settings import EvidenceSettings, FlightSettings, RecorderSettings
from tests.probes.conftest import LogLines
from tests.probes.recorder.made import at, event, frozen, sampled


class Bench:
    """A recorder with its parts, and a clock that stands until it is set."""

    def __init__(self, folder: Path, **flight_settings: object) -> None:
        self.settings = RecorderSettings(
            directory=str(folder),
            evidence=EvidenceSettings(interval_seconds=10),
            flight=FlightSettings(after_seconds=0, **flight_settings),  # type: ignore[arg-type]
        )
        self.now = at(0)
        self.tally = Tally()
        self.steps: FrozenSteps | None = frozen()
        self.recorder = Recorder(self.settings, "node1", self.clock, self.tally, lambda: self.steps)

    def clock(self) -> Now:
        return self.now

    def observe(self, second: float, batches: Sequence[Sampled] = (), events: Sequence[Event] = ()) -> None:
        self.now = at(second)
        self.recorder.observe(batches, events)

    async def settle(self) -> None:
        """Everything that was observed so far is on the disk, or was lost."""
        await self.recorder._call(lambda: None)
        await asyncio.sleep(0)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(self.recorder.run())
            yield
            task.cancel()

    async def counted(self, spec: MetricSpec, *labels: str, count: int = 1) -> None:
        """Return once the tally has counted so many."""
        turns = asyncio.Event()
        while self.tally.get(spec, *labels) < count:
            with suppress(TimeoutError):
                await asyncio.wait_for(turns.wait(), 0.001)

    async def recorded(self, count: int) -> list[Path]:
        """The recordings once there were made so many."""
        await self.counted(RECORDINGS, count=count)
        return flight.kept(self.settings.recordings)

    def kept(self) -> list[tuple[float, str]]:
        with Recording.open(self.settings.journal) as recording:
            return [(now.mono / 1e9, pair.series_set.sampler) for now, pair in recording.batches()]


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    made = Bench(tmp_path)
    yield made
    await made.recorder.close()


async def test_a_batch_of_each_sampler_is_kept_each_interval(bench: Bench) -> None:
    for second in range(25):
        names = ["fast"] if second % 4 else ["fast", "slow"]
        bench.observe(second, [sampled(at(second), second, sampler=name) for name in names])
    await bench.settle()
    assert bench.kept() == [(0, "fast"), (0, "slow"), (10, "fast"), (12, "slow"), (20, "fast"), (24, "slow")]
    assert bench.tally.get(EVIDENCE_BYTES) > 0


async def test_a_tick_that_comes_a_little_early_is_kept(bench: Bench) -> None:
    for second in (0, 9.97, 19.95):
        bench.observe(second, [sampled(at(second))])
    await bench.settle()
    assert [second for second, _ in bench.kept()] == [0, 9.97, 19.95]


async def test_every_event_is_kept(bench: Bench) -> None:
    for second in (1, 1.5, 2):
        bench.observe(second, events=[event(at(second), "test.note")])
    await bench.settle()
    with Recording.open(bench.settings.journal) as recording:
        assert len(list(recording.events())) == 3


async def test_an_event_freezes_what_is_known(bench: Bench, log_lines: LogLines) -> None:
    async with bench.running():
        bench.observe(100, [sampled(at(100))])
        bench.observe(101, events=[event(at(101), "ethernet.down")])
        (path,) = await bench.recorded(1)
    with Recording.open(path) as recording:
        assert recording.counts() == {"batches": 1, "events": 1, "steps": 3}
        assert recording.meta["host"] == "node1"
    assert [line["event"] for line in log_lines] == ["recorded"]


async def test_events_that_follow_too_soon_make_none(bench: Bench) -> None:
    async with bench.running():
        for second in (100, 101, 102, 160):
            bench.observe(second, events=[event(at(second), "ethernet.down")])
        assert len(await bench.recorded(2)) == 2
    assert bench.tally.get(RECORDINGS_LOST, "interval") == 2


async def test_old_recordings_go(tmp_path: Path) -> None:
    bench = Bench(tmp_path, max_recordings=2, min_interval_seconds=0)
    bench.steps = None
    async with bench.running():
        for second in range(4):
            bench.observe(100 + second, events=[event(at(100 + second), "ethernet.down")])
        assert len(await bench.recorded(4)) == 2
    assert bench.tally.get(RECORDINGS_REMOVED) == 2
    await bench.recorder.close()


async def test_a_disk_that_refuses_recordings_costs_those_alone(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, log_lines: LogLines
) -> None:
    write = flight.write

    def refuse(*_: object) -> Path:
        raise OSError("no space left")

    monkeypatch.setattr(flight, "write", refuse)
    async with bench.running():
        bench.observe(100, events=[event(at(100), "ethernet.down")])
        await bench.counted(RECORDINGS_LOST, "disk")
        monkeypatch.setattr(flight, "write", write)
        bench.observe(200, events=[event(at(200), "ethernet.down")])
        assert len(await bench.recorded(1)) == 1
    assert [line["log_level"] for line in log_lines] == ["error", "info"]


async def test_what_cannot_be_tidied_or_closed_does_not_stop_the_probe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log_lines: LogLines
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("read-only")

    def fail(*_: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    bench = Bench(tmp_path)
    monkeypatch.setattr(flight, "remove_partial", refuse)
    bench.observe(0, [sampled(at(0))])
    async with bench.running():
        bench.observe(100, events=[event(at(100), "ethernet.down")])
        await bench.recorded(1)
    close = Journal.close
    monkeypatch.setattr(Journal, "close", fail)
    journal = bench.recorder._journal
    await bench.recorder.close()
    assert journal is not None
    close(journal)
    assert [line["log_level"] for line in log_lines] == ["warning", "info", "error"]


async def test_a_journal_that_fails_is_opened_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, log_lines: LogLines
) -> None:
    append = Journal.append

    def refuse(*_: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    bench.observe(0, [sampled(at(0))])
    await bench.settle()
    monkeypatch.setattr(Journal, "append", refuse)
    bench.observe(10, [sampled(at(10))], [event(at(10), "test.note")])
    bench.observe(20, [sampled(at(20))])
    await bench.settle()
    assert bench.tally.get(EVIDENCE_LOST, "disk") == 3
    monkeypatch.setattr(Journal, "append", append)
    bench.observe(30, [sampled(at(30))])
    bench.observe(10 + RETRY_NS / 1e9, [sampled(at(40))])
    await bench.settle()
    assert bench.tally.get(EVIDENCE_LOST, "disk") == 4
    assert [second for second, _ in bench.kept()] == [0, 40]
    assert [line["log_level"] for line in log_lines] == ["error", "info"]


async def test_a_directory_that_cannot_be_used_is_named_with_the_remedy(tmp_path: Path, log_lines: LogLines) -> None:
    (tmp_path / "file").touch()
    bench = Bench(tmp_path / "file")
    bench.observe(0, [sampled(at(0))])
    await bench.settle()
    (line,) = log_lines
    assert line["file"] == str(tmp_path / "file" / "evidence.fsrec")
    assert "probe.recorder.directory" in line["remedy"]
    await bench.recorder.close()


async def test_a_disk_that_hangs_does_not_fill_the_memory(bench: Bench) -> None:
    gate = threading.Event()
    hanging = bench.recorder._call(gate.wait)
    for second in range(0, 10 * MAX_WAITING + 50, 10):
        bench.observe(second, [sampled(at(second))])
    assert bench.tally.get(EVIDENCE_LOST, "disk") == 5
    gate.set()
    await hanging
    await bench.settle()
    assert len(bench.kept()) == MAX_WAITING


async def test_what_goes_for_want_of_room_is_counted(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.recorder._settings = RecorderSettings(
        directory=str(tmp_path), evidence=EvidenceSettings(interval_seconds=0.1, max_bytes=1 << 20)
    )
    for second in range(20):
        bench.observe(second, [sampled(at(second))], [event(at(second), "test.note")] * 1000)
        await bench.settle()
    assert bench.tally.get(EVIDENCE_LOST, "full") > 0
    assert bench.tally.get(EVIDENCE_BYTES) <= 1 << 20
    await bench.recorder.close()


async def test_without_evidence_there_are_recordings_still(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.recorder._settings = RecorderSettings(
        directory=str(tmp_path), evidence=EvidenceSettings(enabled=False), flight=FlightSettings(after_seconds=0)
    )
    async with bench.running():
        bench.observe(100, [sampled(at(100))], [event(at(100), "ethernet.down")])
        (path,) = await bench.recorded(1)
    assert not bench.settings.journal.exists()
    with Recording.open(path) as recording:
        assert recording.counts() == {"batches": 0, "events": 1, "steps": 3}
    await bench.recorder.close()


def test_its_metrics_have_names_of_the_probe() -> None:
    assert all(spec.name.startswith("fabricscope_probe_") for spec in module.METRICS)

"""A whole probe, with samplers that a test plays and a collector that it is."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from fabricscope import plugins
from fabricscope.clock import system_clock
from fabricscope.codec import decode_batch, decode_events, decode_series_set
from fabricscope.model import Event, Now, Quality, Reading, SampleBatch, SeriesSet
from fabricscope.settings import convert
from probes.agent import Agent
from probes.settings import ProbeSettings
from tests.fixtures.fake_collector import Conversation, FakeCollector
from tests.fixtures.samplers import FakeSampler, Maker, install
from tests.probes.made import readings

Play = Callable[[Now], Iterable[Reading]]


def works(_: Now) -> Iterable[Reading]:
    return readings(7)


class Hang:
    """A sampler that works until it is told to hang, and then hangs until it is let go."""

    def __init__(self) -> None:
        self.hang = False
        self.hung = 0
        self.let_go = threading.Event()

    def __call__(self, now: Now) -> Iterable[Reading]:
        if self.hang:
            self.hung += 1
            self.let_go.wait()
        return works(now)


class Desk:
    """A probe's settings, and what its collector heard."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, collector: FakeCollector) -> None:
        self.folder = folder
        self.collector = collector
        self.jump = 0
        """How far the wall clock has been set forward, in ns."""
        self._monkeypatch = monkeypatch
        self._sets: dict[bytes, SeriesSet] = {}
        self._waiting: list[tuple[SeriesSet, SampleBatch] | Event] = []

    def samplers(self, **things: Any) -> None:
        """Install these samplers, and no others."""
        made = {
            name: thing if isinstance(thing, Maker | Exception) else FakeSampler(thing)
            for name, thing in things.items()
        }
        install(self._monkeypatch, plugins.SAMPLERS, made)

    def clock(self) -> Now:
        now = system_clock()
        return Now(now.wall + self.jump, now.mono)

    def agent(self, previous: Agent | None = None, **settings: Any) -> Agent:
        defaults = {
            "host": "n1",
            "labels": {"cluster": "a"},
            "collectors": [self.collector.address],
            "http": {"listen": "127.0.0.1:0"},
            "spool": {"path": str(self.folder / "spool" / "spool.db")},
            "health": {"state": str(self.folder / "health.json")},
            "recorder": {"directory": str(self.folder), "flight": {"after_seconds": 0}},
            "stream": {"backoff_seconds": 0.001},
        }
        return Agent(convert({**defaults, **settings}, ProbeSettings, "probe"), self.clock, previous)

    @asynccontextmanager
    async def running(self, agent: Agent) -> AsyncIterator[Conversation]:
        """The agent runs while entered; what its collector sees of it."""
        async with running(agent):
            self._waiting.clear()
            yield await self.collector.welcomed()

    async def heard(self, stream: Conversation) -> tuple[SeriesSet, SampleBatch] | Event:
        """The next batch or event; everything is acknowledged at once."""
        while not self._waiting:
            request = await stream.receive()
            match request.WhichOneof("body"):
                case "series_set":
                    self._sets[request.series_set.id] = decode_series_set(request.series_set)
                case "samples":
                    for batch in request.samples.batches:
                        series_set = self._sets[batch.series_set_id]
                        self._waiting.append((series_set, decode_batch(batch, series_set)))
                case "events":
                    self._waiting += decode_events(request.events)
            if request.sequence:
                await stream.ack(request.sequence)
        return self._waiting.pop(0)

    async def event(self, stream: Conversation, kind: str) -> Event:
        """The next event of a kind."""
        while True:
            heard = await self.heard(stream)
            if isinstance(heard, Event) and heard.kind == kind:
                return heard

    async def batch(self, stream: Conversation, sampler: str, quality: Quality = Quality.OK) -> dict[str, int]:
        """The counters of the sampler's next batch with this quality, by their first label."""
        while True:
            heard = await self.heard(stream)
            if isinstance(heard, Event) or heard[0].sampler != sampler:
                continue
            series_set, batch = heard
            if set(batch.qualities or [Quality.OK]) == {quality}:
                labels = [series.labels[0] for series in series_set.counters]
                return dict(zip(labels, batch.counters, strict=True))


@asynccontextmanager
async def running(agent: Agent) -> AsyncIterator[None]:
    """The agent runs while entered. It fails the test when it ends by itself."""
    ready = asyncio.Event()
    task = asyncio.create_task(agent.run(lambda _: ready.set()))
    started = asyncio.create_task(ready.wait())
    await asyncio.wait([task, started], return_when=asyncio.FIRST_COMPLETED)
    try:
        if task.done():
            await task
        yield
    finally:
        started.cancel()
        task.cancel()
        await asyncio.wait([task])
    assert task.cancelled(), task.exception()

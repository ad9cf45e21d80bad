"""The whole probe when its configuration changes: what goes on from the one before."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from fabricscope.model import Quality, Reading
from fabricscope.settings import SettingsError
from probes.agent import Agent
from tests.fixtures.fake_collector import FakeCollector
from tests.probes.made import UP, readings
from tests.probes.whole_probe import Desk, Hang, works


@pytest.fixture
def hang() -> Iterator[Hang]:
    made = Hang()
    yield made
    made.let_go.set()


@pytest.fixture
async def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    async with FakeCollector() as collector:
        yield Desk(tmp_path, monkeypatch, collector)


async def test_after_a_reload_counters_and_links_go_on(desk: Desk) -> None:
    state = {"raw": 100, "up": 1}
    desk.samplers(test=lambda _: [*readings(state["raw"], ["a"]), Reading(UP, ("a",), state["up"])])
    before = desk.agent()
    async with desk.running(before) as stream:
        await desk.batch(stream, "test")
        state["raw"] = 3
        assert await desk.batch(stream, "test", Quality.OK) is not None
        while (await desk.batch(stream, "test"))["a"] != 103:
            pass
    state["up"] = 0
    after = desk.agent(before)
    async with desk.running(after) as stream:
        await desk.event(stream, "test.down")
        while (counters := await desk.batch(stream, "test"))["a"] < 103:
            pass
        assert counters == {"a": 103}


async def test_what_hangs_is_not_started_again_by_a_reload(desk: Desk, hang: Hang) -> None:
    desk.samplers(stuck=hang)
    settings = {"stuck": {"deadline_seconds": 0.05}}
    before = desk.agent(samplers=settings)
    async with desk.running(before) as stream:
        await desk.batch(stream, "stuck")
        hang.hang = True
        await desk.event(stream, "sampler.hung")
    after = desk.agent(before, samplers=settings)
    async with desk.running(after) as stream:
        for _ in range(3):
            await desk.batch(stream, "stuck", Quality.STALE)
        assert hang.hung == 1
        hang.let_go.set()
        await desk.event(stream, "sampler.recovered")


async def fails_to_start(agent: Agent) -> None:
    with pytest.raises(SettingsError):
        await agent.run(lambda _: None)


async def test_one_that_runs_again_since_its_successor_cannot_start_goes_on(desk: Desk) -> None:
    raws = {"a": 100}
    desk.samplers(test=lambda _: readings(raws["a"], ["a"]))
    before = desk.agent()
    async with desk.running(before) as stream:
        await desk.batch(stream, "test")
        raws["a"] = 3
        while (await desk.batch(stream, "test"))["a"] != 103:
            pass
    await fails_to_start(desk.agent(before, http={"listen": "256.0.0.1:0"}))
    raws["a"] = 4
    async with desk.running(before) as stream:
        while (counters := await desk.batch(stream, "test"))["a"] < 104:
            pass
        assert counters == {"a": 104}


async def test_what_hangs_is_not_started_again_by_a_reload_that_fails(desk: Desk, hang: Hang) -> None:
    desk.samplers(stuck=hang)
    before = desk.agent(samplers={"stuck": {"deadline_seconds": 0.05}})
    async with desk.running(before) as stream:
        await desk.batch(stream, "stuck")
        hang.hang = True
        await desk.event(stream, "sampler.hung")
    await fails_to_start(desk.agent(before, http={"listen": "256.0.0.1:0"}))
    async with desk.running(before) as stream:
        for _ in range(3):
            await desk.batch(stream, "stuck", Quality.STALE)
        assert hang.hung == 1


async def test_one_that_was_switched_off_for_a_while_goes_on(desk: Desk) -> None:
    raws = {"a": 100}
    desk.samplers(test=lambda _: readings(raws["a"], ["a"]), well=works)
    agent = desk.agent()
    async with desk.running(agent) as stream:
        await desk.batch(stream, "test")
        raws["a"] = 3
        while (await desk.batch(stream, "test"))["a"] != 103:
            pass
    agent = desk.agent(agent, samplers={"test": {"enabled": False}})
    async with desk.running(agent) as stream:
        await desk.batch(stream, "well")
        assert set(agent.runners) == {"well"}
    raws["a"] = 4
    async with desk.running(desk.agent(agent)) as stream:
        while (counters := await desk.batch(stream, "test"))["a"] < 104:
            pass
        assert counters == {"a": 104}

"""The whole probe, with samplers that the test plays and a collector that it is."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from fabricscope import plugins
from fabricscope.clock import system_clock
from fabricscope.codec import decode_batch, decode_events, decode_series_set
from fabricscope.model import Event, Now, Quality, Reading, SampleBatch, SeriesSet, Severity
from fabricscope.settings import SettingsError, convert
from probes.agent import Agent
from probes.outbox import DROPPED
from probes.recorder.recording import Recording
from probes.session import CONNECTED, HINTS
from probes.settings import ProbeSettings
from probes.sources import host
from probes.spool import Spool, SpoolSettings
from tests.fixtures.fake_collector import Conversation, FakeCollector
from tests.fixtures.samplers import FakeSampler, Maker, install
from tests.probes.made import BYTES, SECOND, UP, damage, readings

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


@pytest.fixture
def hang() -> Iterator[Hang]:
    made = Hang()
    yield made
    made.let_go.set()


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


@pytest.fixture
async def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    async with FakeCollector() as collector:
        yield Desk(tmp_path, monkeypatch, collector)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def shown(agent: Agent, sampler: str) -> tuple[list[int], bytes] | None:
    """Counters and qualities that the probe shows of a sampler."""
    ((_, samples),) = agent.snapshot()
    batches = [sampled.batch for sampled in samples if sampled.series_set.sampler == sampler]
    return (list(batches[0].counters), batches[0].qualities) if batches else None


async def test_what_it_samples_is_sent_and_shown(desk: Desk) -> None:
    desk.samplers(test=works)
    agent = desk.agent()
    async with desk.running(agent) as stream:
        first = await desk.heard(stream)
        assert isinstance(first, Event)
        assert (first.kind, first.subject) == ("probe.started", {"host": "n1"})
        assert await desk.batch(stream, "test") == {"a": 7, "b": 7}
        assert shown(agent, "test") == ([7, 7], b"")
        assert agent.snapshot()[0].labels == (("cluster", "a"), ("host", "n1"))


@pytest.mark.parametrize("collectors", [None, []])
async def test_its_start_is_in_the_journal(desk: Desk, collectors: list[str] | None) -> None:
    desk.samplers(test=works)
    agent = desk.agent() if collectors is None else desk.agent(collectors=collectors)
    async with running(agent):
        pass
    with Recording.open(desk.folder / "evidence.fsrec") as recording:
        assert [each.kind for each in recording.events()][:1] == ["probe.started"]


async def test_its_own_figures_travel_like_every_other_samplers(desk: Desk) -> None:
    desk.samplers(test=works)
    agent = desk.agent()
    async with desk.running(agent) as stream:
        while True:
            heard = await desk.heard(stream)
            if not isinstance(heard, Event) and heard[0].sampler == "probe":
                break
        names = {series.spec.name for series in (*heard[0].counters, *heard[0].gauges)}
        assert {"fabricscope_probe_info", "fabricscope_probe_spool_messages"} <= names
        assert shown(agent, "probe") is not None


async def test_one_that_hangs_disturbs_no_other_and_its_values_are_withdrawn(desk: Desk, hang: Hang) -> None:
    desk.samplers(stuck=hang, well=works)
    port = free_port()
    settings = {"stuck": {"deadline_seconds": 0.05}}
    agent = desk.agent(samplers=settings, http={"listen": f"127.0.0.1:{port}"})
    async with desk.running(agent) as stream, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        await desk.batch(stream, "stuck")
        hang.hang = True
        assert (await desk.event(stream, "sampler.hung")).subject == {"sampler": "stuck"}
        await desk.batch(stream, "stuck", Quality.STALE)
        for _ in range(5):
            assert await desk.batch(stream, "well") == {"a": 7, "b": 7}
        assert shown(agent, "stuck") == ([7, 7], bytes([Quality.STALE] * 2))
        assert hang.hung == 1
        # Both samplers have the same series here: one line of each is left, and its quality tells of the other.
        text = (await client.get("/metrics")).text
        assert text.count(f'\n{BYTES.name}{{cluster="a",host="n1",device="a"}} 7') == 1
        assert 'fabricscope_series_quality{cluster="a",host="n1",metric="fabricscope_test_bytes_total",' in text
        assert 'quality="stale"' in text


async def test_one_that_comes_back_is_shown_again(desk: Desk, hang: Hang) -> None:
    desk.samplers(stuck=hang)
    agent = desk.agent(samplers={"stuck": {"deadline_seconds": 0.05}})
    async with desk.running(agent) as stream:
        await desk.batch(stream, "stuck")
        hang.hang = True
        await desk.event(stream, "sampler.hung")
        hang.let_go.set()
        await desk.event(stream, "sampler.recovered")
        await desk.batch(stream, "stuck")


async def test_one_that_fails_disturbs_no_other(desk: Desk) -> None:
    def fails(_: Now) -> Iterable[Reading]:
        raise OSError("no such bus")

    desk.samplers(broken=fails, twice=lambda _: readings(1, ["a", "a"]), well=works)
    agent = desk.agent()
    async with desk.running(agent) as stream:
        reasons = {}
        for _ in range(2):
            event = await desk.event(stream, "sampler.failed")
            reasons[event.subject["sampler"]] = event.attributes["reason"]
        assert reasons["broken"] == "OSError: no such bus"
        assert "twice" in reasons["twice"]
        for _ in range(3):
            await desk.batch(stream, "well")
        assert shown(agent, "broken") is None


async def test_samplers_that_cannot_be_made_are_left_out(desk: Desk) -> None:
    desk.samplers(wont_load=ImportError("no module"), wont_start=Maker(OSError("no netlink")), probe=works, well=works)
    agent = desk.agent()
    async with desk.running(agent) as stream:
        await desk.batch(stream, "well")
        assert set(agent.runners) == {"well"}


async def test_one_that_is_switched_off_does_not_run(desk: Desk) -> None:
    desk.samplers(off=works, well=works)
    agent = desk.agent(samplers={"off": {"enabled": False}})
    async with desk.running(agent) as stream:
        await desk.batch(stream, "well")
        assert set(agent.runners) == {"well"}


async def test_what_is_plugged_in_and_out_is_noticed(desk: Desk) -> None:
    devices = ["a"]
    desk.samplers(test=lambda _: [*readings(1, list(devices)), *(Reading(UP, (name,), 1) for name in devices)])
    async with desk.running(desk.agent()) as stream:
        assert await desk.batch(stream, "test") == {"a": 1}
        devices.append("b")
        assert (await desk.event(stream, "test.added")).subject == {"device": "b"}
        assert await desk.batch(stream, "test") == {"a": 1, "b": 1}
        devices.remove("a")
        assert (await desk.event(stream, "test.removed")).subject == {"device": "a"}
        assert await desk.batch(stream, "test") == {"b": 1}


async def test_a_link_that_goes_down_is_an_event(desk: Desk) -> None:
    up = [1]
    desk.samplers(test=lambda _: [*readings(), Reading(UP, ("a",), up[0])])
    async with desk.running(desk.agent()) as stream:
        await desk.batch(stream, "test")
        up[0] = 0
        assert (await desk.event(stream, "test.down")).message == "test device a is down"


async def test_a_wall_clock_that_jumps_harms_nothing(desk: Desk) -> None:
    count = iter(range(1, 1_000_000))
    desk.samplers(test=lambda _: readings(next(count)))
    agent = desk.agent(spool={"path": str(desk.folder / "spool.db"), "max_age_seconds": 60})
    async with desk.running(agent) as stream:
        last = 0
        for desk.jump in (0, 10**6 * SECOND, -(10**6) * SECOND, 10**4 * SECOND):
            for _ in range(3):
                value = (await desk.batch(stream, "test"))["a"]
                assert value > last
                last = value
        ((_, samples),) = agent.snapshot()
        latest = next(sampled.batch for sampled in samples if sampled.series_set.sampler == "test")
        assert abs(latest.time_unix_ns - desk.clock().wall) < 1000 * SECOND


async def test_without_collectors_nothing_is_spooled(desk: Desk) -> None:
    sampled = threading.Event()

    def play(now: Now) -> Iterable[Reading]:
        sampled.set()
        return works(now)

    desk.samplers(test=play)
    async with running(desk.agent(collectors=[])):
        await asyncio.to_thread(sampled.wait)
    assert not (desk.folder / "spool").exists()


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


async def test_a_damaged_spool_stops_neither_sampling_nor_metrics(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.samplers(test=works)
    file = desk.folder / "spool.db"
    Spool(SpoolSettings(path=str(file)), 0).close()
    damage(file)
    port = free_port()
    agent = desk.agent(spool={"path": str(file)}, http={"listen": f"127.0.0.1:{port}"})
    async with running(agent), httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        lost = 0.0
        while not lost or shown(agent, "test") is None:
            text = (await client.get("/metrics")).text
            lost = agent._tally.get(DROPPED, "samples", "disk")
        assert f'{CONNECTED.name}{{cluster="a",host="n1",collector="{desk.collector.address}"}} 0' in text
    assert "a damaged one: move it away" in capsys.readouterr().err


async def test_a_hint_is_heard(desk: Desk) -> None:
    desk.samplers(test=works)
    agent = desk.agent()
    async with desk.running(agent) as stream:
        await stream.send(hint={"origin": "planner", "action": "HINT_ACTION_WITHDRAW", "link": "leaf1:spine2"})
        while not agent._tally.get(HINTS, desk.collector.address):
            await desk.heard(stream)


# --- what it cannot start with


async def test_a_port_in_use_is_named(desk: Desk) -> None:
    desk.samplers(test=works)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(SettingsError, match=rf"probe.http.listen: .*{port}.* in use"):
            await desk.agent(http={"listen": f"127.0.0.1:{port}"}).run(lambda _: None)
    assert not (desk.folder / "spool").exists()


async def test_a_spool_that_cannot_be_used_is_named_and_the_port_given_back(desk: Desk) -> None:
    desk.samplers(test=works)
    (desk.folder / "file").touch()
    port = free_port()
    agent = desk.agent(spool={"path": str(desk.folder / "file" / "spool.db")}, http={"listen": f"127.0.0.1:{port}"})
    with pytest.raises(SettingsError, match=r"probe\.spool\.path: .*spool\.db' cannot be used as a spool"):
        await agent.run(lambda _: None)
    socket.create_server(("127.0.0.1", port)).close()


def test_certificates_that_cannot_be_read_are_named(desk: Desk) -> None:
    desk.samplers(test=works)
    files = {f"{what}_file": str(desk.folder / what) for what in ("cert", "key", "ca")}
    with pytest.raises(SettingsError, match=r"cert.*check the path"):
        desk.agent(tls=files)


def test_a_host_whose_name_nobody_takes_must_be_given_one(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.samplers(test=works)
    monkeypatch.setattr(host, "host_name", lambda: "(none)")
    with pytest.raises(SettingsError, match=r"calls itself '\(none\)'.*set probe\.host"):
        desk.agent(host="")
    monkeypatch.setattr(host, "host_name", lambda: "node7.example")
    assert desk.agent(host="").snapshot()[0].labels == (("cluster", "a"), ("host", "node7.example"))


def test_settings_of_a_sampler_that_is_not_installed_are_an_error(desk: Desk) -> None:
    desk.samplers(ethernet=works)
    with pytest.raises(SettingsError, match="did you mean 'ethernet'"):
        desk.agent(samplers={"ethrenet": {}})


def verdicts(folder: Path) -> list[dict[str, Any]]:
    """What the state file has."""
    found: list[dict[str, Any]] = json.loads((folder / "health.json").read_text())["verdicts"]
    return found


async def test_what_a_sampler_tells_of_is_judged_sent_and_recorded(desk: Desk) -> None:
    told = iter([[], [Event(1, 1, "kernel.xid", Severity.CRITICAL, "79", {"address": "0000:17:00.0"})]])
    desk.samplers(kernel=lambda now: [*readings(), *next(told, ())])
    agent = desk.agent()
    async with desk.running(agent) as stream:
        kinds: list[str] = []
        while "verdict.raised" not in kinds:
            kinds += [heard.kind for heard in [await desk.heard(stream)] if isinstance(heard, Event)]
        # The event that led to it comes first.
        assert kinds.index("kernel.xid") < kinds.index("verdict.raised")
        async with asyncio.timeout(60):
            while not (made := list((desk.folder / "recordings").glob("*.fsrec"))):
                await desk.heard(stream)  # the samples go on
    (verdict,) = verdicts(desk.folder)
    assert (verdict["rule"], verdict["value"]) == ("gpu-xid", 1)
    # The next probe on this host goes on from it.
    async with desk.running(desk.agent()) as stream:
        pass
    (kept,) = verdicts(desk.folder)
    assert [kept[name] for name in ("rule", "since", "value")] == ["gpu-xid", verdict["since"], 1]
    with Recording.open(made[0]) as opened:
        assert opened.meta["kind"] == "flight"
        assert "kernel.xid" in [event.kind for event in opened.events()]


async def test_rules_that_are_wrong_refuse_the_configuration(desk: Desk) -> None:
    rules = desk.folder / "rules.yaml"
    rules.write_text("rules: {gpu-xid: {severty: info}}\n")
    with pytest.raises(SettingsError, match="did you mean 'severity'"):
        desk.agent(health={"rules": [str(rules)], "state": ""})

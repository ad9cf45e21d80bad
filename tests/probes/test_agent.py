"""The whole probe, with samplers that the test plays and a collector that it is."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path

import httpx
import pytest

from fabricscope.model import Event, Now, Quality, Reading
from fabricscope.settings import SettingsError
from probes.agent import Agent
from probes.outbox import DROPPED
from probes.recorder.recording import Recording
from probes.session import CONNECTED, HINTS
from probes.sources import host
from probes.spool import Spool, SpoolSettings
from tests.fixtures.fake_collector import FakeCollector
from tests.fixtures.samplers import Maker
from tests.probes.made import BYTES, SECOND, UP, damage, readings
from tests.probes.whole_probe import Desk, Hang, running, works


@pytest.fixture
def hang() -> Iterator[Hang]:
    made = Hang()
    yield made
    made.let_go.set()


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

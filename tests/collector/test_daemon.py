"""The collector put together: what survives a reload, what it serves, and what keeps it from starting."""

from __future__ import annotations

import asyncio
import fcntl
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import grpc.aio
import httpx
import pytest

from collector import daemon
from collector.daemon import Collector
from collector.settings import CollectorSettings
from collector.store import writer
from exporters.prometheus import PrometheusExporter
from fabricscope.exporter import FAILURES
from fabricscope.model import Now
from fabricscope.settings import SettingsError, convert
from tests.collector.serving import stream, welcomed
from tests.collector.store.rows import START
from tests.collector.wire import SECOND, declaration, event, events, sampled, samples


def at(seconds: int) -> Now:
    return Now(START + seconds * SECOND, seconds * SECOND)


class Clock:
    """Stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now = at(100)

    def __call__(self) -> Now:
        return self.now


def settings(data_dir: Path, **section: Any) -> CollectorSettings:
    free = {"grpc": {"listen": "127.0.0.1:0", "ack_messages": 1}, "http": {"listen": "127.0.0.1:0"}}
    return convert({"data_dir": str(data_dir), **free, **section}, CollectorSettings, "collector")


class Started(NamedTuple):
    """Where a running collector listens."""

    grpc_address: str
    http: httpx.AsyncClient

    async def shows(self, path: str, text: str) -> str:
        """What `path` answers, once `text` is in it."""
        async with asyncio.timeout(30):
            while text not in (answer := (await self.http.get(path)).text):
                pass
        return answer


@asynccontextmanager
async def running(collector: Collector) -> AsyncIterator[Started]:
    ready: asyncio.Queue[str | None] = asyncio.Queue()
    work = asyncio.ensure_future(collector.run(ready.put_nowait))
    work.add_done_callback(lambda _: ready.put_nowait(None))
    if (status := await ready.get()) is None:
        await work
    match = re.fullmatch(r"receiving on port (\d+), serving (\S+)", status or "")
    assert match
    try:
        async with httpx.AsyncClient(base_url=match[2]) as client:
            yield Started(f"127.0.0.1:{match[1]}", client)
    finally:
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work


def test_what_it_knows_of_hosts_and_has_counted_lives_on(tmp_path: Path) -> None:
    first = Collector(settings(tmp_path), Clock())
    assert Collector(settings(tmp_path, log={"level": "debug"}), Clock(), first).state is first.state
    other = Collector(settings(tmp_path, state={"max_hosts": 3}), Clock(), first)
    assert other.state is not first.state
    assert other.tally is first.tally


def test_an_exporter_that_is_not_installed_is_an_error_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"collector\.exporters: 'kafka'"):
        Collector(settings(tmp_path, exporters={"kafka": {}}), Clock())


def test_it_shows_itself_beside_its_hosts(tmp_path: Path) -> None:
    (own,) = Collector(settings(tmp_path), Clock()).snapshot()
    assert own.labels == ()
    (figures,) = own.samples
    assert "fabricscope_collector_info" in {series.spec.name for series in figures.series_set.gauges}


async def test_what_a_probe_sends_is_shown_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daemon, "SWEEP_SECONDS", 0.01)
    clock = Clock()
    async with (
        running(Collector(settings(tmp_path), clock)) as started,
        stream(grpc.aio.insecure_channel(started.grpc_address)) as call,
    ):
        await welcomed(call)
        batch = sampled(clock.now, 42)
        for message in (declaration(batch), samples(1, batch), events(2, event(clock.now))):
            await call.write(message)
        while (await call.read()).ack.durable_sequence < 2:
            pass
        line = 'fabricscope_test_bytes_total{cluster="default",host="n1",device="a"} 42\n'
        assert line in (await started.http.get("/metrics")).text
        assert "eth0 is down" in (await started.http.get("/api/v1/events")).text

        clock.now = at(200)
        await started.shows("/api/v1/events", "host n1 has been silent for 100 s")
        metrics = (await started.http.get("/metrics")).text
        assert line not in metrics
        assert 'fabricscope_host_up{cluster="default",host="n1"} 0.0\n' in metrics


async def test_a_store_that_does_not_answer_yet_keeps_nobody_waiting(tmp_path: Path) -> None:
    away = Collector(settings(tmp_path, store={"dsn": "http://127.0.0.1:1"}), Clock())
    async with running(away) as started:
        assert "fabricscope_collector_store_up 0.0\n" in (await started.http.get("/metrics")).text


async def test_a_store_that_somebody_else_has_is_an_error_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    with (tmp_path / "store" / "status").open("w+") as status:
        status.write("PID: 7\n")
        status.flush()
        fcntl.flock(status, fcntl.LOCK_EX)
        with pytest.raises(SettingsError, match=r"in use by process 7; .* another collector\.data_dir"):
            async with running(Collector(settings(tmp_path), Clock())):
                pass


class Failing(PrometheusExporter):
    """Serves, and fails at what it does by itself."""

    async def run(self) -> None:
        raise ConnectionError("no route to the sink")


async def test_an_exporter_that_fails_ends_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def made(known: dict[str, Any], source: Any) -> list[Failing]:
        return [Failing(known["prometheus"], source)]

    monkeypatch.setattr(daemon, "make_exporters", made)
    collector = Collector(settings(tmp_path), Clock())
    async with running(collector) as started:
        await started.shows("/metrics", 'fabricscope_exporter_failures_total{exporter="prometheus"} 1\n')
        assert collector.tally.get(FAILURES, "prometheus") == 1
        assert collector.tally.get(writer.UP) == 1

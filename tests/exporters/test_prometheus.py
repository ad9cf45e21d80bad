import asyncio
import gzip
import itertools
import threading
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette

from exporters.exposition import CONTENT_TYPE, Exposition
from exporters.prometheus import PrometheusExporter, PrometheusSettings
from fabricscope.http import HttpServer, HttpSettings
from fabricscope.model import Kind, MetricSpec, Now, Quality, SampleBatch, Sampled, Series, SeriesSet, Snapshot, Target
from fabricscope.settings import SettingsError, convert
from fabricscope.tally import Tally

BYTES = MetricSpec("fabricscope_test_bytes_total", Kind.COUNTER, "Bytes.", ("device",))
HOST = (("host", "n1"),)
NOW = Now(1, 1)


def snapshot(count: int, quality: Quality = Quality.OK) -> Snapshot:
    series_set = SeriesSet(b"set", "test", tuple(Series(BYTES, (f"eth{i}",)) for i in range(count)), ())
    batch = SampleBatch(b"set", 1, 1, list(range(count)), [], bytes([quality] * count))
    return [Target(HOST, [Sampled(series_set, batch)])]


def exporter_of(shown: Snapshot, settings: PrometheusSettings | None = None) -> PrometheusExporter:
    # Half a second goes by between any two looks at the clock.
    moments = itertools.count(NOW.mono, 500_000_000)
    return PrometheusExporter(settings or PrometheusSettings(), lambda: shown, lambda: Now(NOW.wall, next(moments)))


def client_of(exporter: PrometheusExporter) -> httpx.AsyncClient:
    app = Starlette(routes=exporter.routes())
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(exporter_of(snapshot(200))) as made:
        yield made


async def test_text_is_served_with_the_type_of_the_format(client: httpx.AsyncClient) -> None:
    answer = await client.get("/metrics", headers={"accept-encoding": "identity"})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == CONTENT_TYPE
    assert "content-encoding" not in answer.headers
    assert 'fabricscope_test_bytes_total{host="n1",device="eth199"} 199\n' in answer.text


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip", "gzip"),
        ("deflate, GZIP;q=0.5", "gzip"),
        ("*", "gzip"),
        ("gzip;q=0", None),
        ("gzip; q=0.000", None),
        ("br", None),
        ("", None),
    ],
)
async def test_gzip_goes_to_those_who_take_it(client: httpx.AsyncClient, accepted: str, encoding: str | None) -> None:
    async with client.stream("GET", "/metrics", headers={"accept-encoding": accepted}) as answer:
        body = b"".join([chunk async for chunk in answer.aiter_raw()])
    assert answer.headers.get("content-encoding") == encoding
    assert answer.headers["vary"] == "accept-encoding"
    text = gzip.decompress(body) if encoding else body
    assert text.count(b"fabricscope_test_bytes_total{") == 200


def test_a_short_text_is_not_compressed() -> None:
    exporter = exporter_of([])
    assert exporter._render(snapshot(1), compress=True).body.startswith(b"# HELP")


async def test_head_has_the_headers_alone() -> None:
    app = Starlette(routes=exporter_of(snapshot(3)).routes())
    async with (
        HttpServer(app, HttpSettings(listen="127.0.0.1:0"), "test.http", Tally()) as server,
        httpx.AsyncClient(base_url=server.url, trust_env=False) as client,
    ):
        answer = await client.head("/metrics")
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["content-type"] == CONTENT_TYPE


async def test_own_figures_are_those_of_the_scrapes_before() -> None:
    exporter = exporter_of(snapshot(3, Quality.SATURATED), PrometheusSettings(max_quality_series=1))
    async with client_of(exporter) as client:
        first = (await client.get("/metrics")).text.splitlines()
        second = (await client.get("/metrics")).text.splitlines()
    own = "fabricscope_exporter_prometheus_"
    assert f"{own}renders_total 0" in first
    assert f"{own}renders_total 1" in second
    assert f"{own}quality_series_left_out_total 2" in second
    series = len([line for line in first if not line.startswith("#")])
    assert f"{own}series {series}.0" in second
    assert f"{own}render_seconds_total 0.0" in first
    assert f"{own}render_seconds_total 0.5" in second


async def test_conflicting_samples_are_counted() -> None:
    gauge = MetricSpec(BYTES.name, Kind.GAUGE, "Other.")
    other = Sampled(SeriesSet(b"other", "test", (), (Series(gauge, ()),)), SampleBatch(b"other", 1, 1, [], [1.5]))
    async with client_of(exporter_of([*snapshot(1), Target(HOST, [other])])) as client:
        await client.get("/metrics")
        assert "fabricscope_exporter_prometheus_conflicting_samples_total 1\n" in (await client.get("/metrics")).text


async def test_scrapes_beyond_the_bound_are_refused_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    exporter = exporter_of(snapshot(1), PrometheusSettings(max_waiting_scrapes=1))
    started, go_on = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()
    real = exporter._renderer.render

    def slow(shown: Snapshot) -> Exposition:
        loop.call_soon_threadsafe(started.set)
        go_on.wait(timeout=60)
        return real(shown)

    monkeypatch.setattr(exporter._renderer, "render", slow)
    async with client_of(exporter) as client:
        scrape = asyncio.create_task(client.get("/metrics"))
        await started.wait()
        refused = await client.get("/metrics")
        go_on.set()
        assert (await scrape).status_code == 200
        assert refused.status_code == 503
        assert "max_waiting_scrapes" in refused.text
        assert "fabricscope_exporter_prometheus_refused_scrapes_total 1\n" in (await client.get("/metrics")).text


@pytest.mark.needs_program("promtool", package="prometheus")
async def test_promtool_has_nothing_to_say_about_a_scrape() -> None:
    async with client_of(exporter_of(snapshot(3, Quality.RESET))) as client:
        body = (await client.get("/metrics")).content
    process = await asyncio.create_subprocess_exec(
        "promtool", "check", "metrics", stdin=PIPE, stdout=PIPE, stderr=STDOUT
    )
    said, _ = await process.communicate(body)
    assert (process.returncode, said) == (0, b"")


def test_every_own_figure_is_in_the_table() -> None:
    exporter = exporter_of([])
    shown = {reading.spec for reading in exporter._tally.readings()}
    assert shown <= set(PrometheusExporter.metrics)
    assert all(spec.help for spec in PrometheusExporter.metrics)


def test_settings_are_bounded() -> None:
    with pytest.raises(SettingsError, match="max_waiting_scrapes"):
        convert({"max_waiting_scrapes": 0}, PrometheusSettings, "probe.exporters.prometheus")

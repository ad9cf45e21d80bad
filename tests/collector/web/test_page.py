"""The page in a real browser, over an imaginary fabric whose time goes on with each refresh."""

from __future__ import annotations

import asyncio
import re
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from collector.store import StoreUnavailableError
from fabricscope.model import Severity
from tests.collector.api.fabric import Fabric, after, fabric_of_two, stored

pytestmark = pytest.mark.needs_program("chromium", package="chromium")

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-logging=stderr",
    "--virtual-time-budget=6500",
    "--dump-dom",
)
Browse = Callable[[ASGIApp], Awaitable[str]]


class Story:
    """ASGI: goes on by two seconds whenever the page asks for the status, which begins a refresh."""

    def __init__(self, fabric: Fabric, tell: Callable[[int], None]) -> None:
        self._app = fabric.app
        self._tell = tell
        self.refreshes = 0
        self.gone_after: int | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/api/v1/status":
            self.refreshes += 1
            self._tell(self.refreshes)
        if self.gone_after is not None and self.refreshes > self.gone_after:
            await send({"type": "http.response.start", "status": 502, "headers": []})
            await send({"type": "http.response.body", "body": b"bad gateway"})
            return
        await self._app(scope, receive, send)


@asynccontextmanager
async def served(app: ASGIApp) -> AsyncIterator[str]:
    server = uvicorn.Server(uvicorn.Config(app, port=0, lifespan="off", log_level="error"))
    config = server.config
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await server.shutdown()


@pytest.fixture
def browse(tmp_path: Path) -> Browse:
    """`await browse(app)` is the page as it stands after some refreshes. Fails for anything on the console."""

    async def browse(app: ASGIApp) -> str:
        async with served(app) as url:
            process = await asyncio.create_subprocess_exec(
                "chromium", *FLAGS, f"--user-data-dir={tmp_path}", url, stdout=PIPE, stderr=PIPE
            )
            out, err = await process.communicate()
        console = [line for line in err.decode().splitlines() if "CONSOLE" in line and "502" not in line]
        assert console == []
        return out.decode()

    return browse


def words(html: str, pattern: str) -> list[str]:
    """The text of the elements whose opening tag matches."""
    found = re.findall(rf"<(\w+)[^>]*{pattern}[^>]*>(.*?)</\1>", html, re.DOTALL)
    return [" ".join(re.sub(r"<[^>]+>", " ", content).split()) for _, content in found]


def live_fabric() -> Fabric:
    hostile = "<img src=x onerror=alert(1)>"
    return fabric_of_two(
        [
            stored(1, message=hostile, device=hostile),
            stored(2, severity=Severity.CRITICAL, kind="infiniband.down", message="device mlx5_0 port 1 is down"),
        ]
    )


async def test_hosts_ports_throughput_and_events_are_shown(browse: Browse) -> None:
    fabric = live_fabric()

    def tell(refresh: int) -> None:
        second = 60 + 2 * refresh
        fabric.now = after(second)
        fabric.report_all("node1", second, broken=True)

    html = await browse(Story(fabric, tell))
    (summary,) = words(html, 'id="summary"')
    assert summary.startswith("1 host live, 1 stale")
    assert words(html, 'class="name"') == ["node1", "node2"]
    assert words(html, 'id="detail-title"') == ["node1"]
    rows = [row for row in words(html, 'data-key="(?:mlx5|eno|ens|0000)') if row]
    assert "up mlx5_0 / 1 (InfiniBand) 400 Gb/s 320 Gb/s 288 Gb/s" in rows[0]
    assert rows[1].startswith("down mlx5_1 / 1 (InfiniBand) \N{EN DASH} ")
    assert "65,535 at ceiling" in rows[1]
    assert any(row.startswith("up eno1 1 Gb/s 24.8 Mb/s") for row in rows)
    assert any(row.startswith("off eno2") for row in rows)
    assert any(
        row.startswith("degraded 0000:1a:00.0 32 GT/s \N{MULTIPLICATION SIGN}8 (of \N{MULTIPLICATION SIGN}16)")
        for row in rows
    )
    assert "(+" in rows[0], "errors that grew while the page was open"
    events = words(html, 'data-key="node1/epoch-a')
    assert "critical node1 infiniband.down device mlx5_0 port 1 is down" in events[0]


async def test_what_a_probe_sends_is_text_and_never_markup(browse: Browse) -> None:
    html = await browse(Story(live_fabric(), lambda _: None))
    assert "&lt;img src=x onerror=alert(1)&gt;" in html
    assert len(re.findall("<img", html)) == 1, "the logo"


async def test_without_probes_it_says_how_to_start_one(browse: Browse) -> None:
    html = await browse(Story(Fabric(), lambda _: None))
    assert words(html, 'id="start-command"') == ["fabricscope probe --set 'probe.collectors=[\"127.0.0.1:7450\"]'"]
    assert 'id="hosts" class="hosts" aria-labelledby="hosts-title" hidden' in html


async def test_when_the_collector_is_gone_it_says_so_and_since_when(browse: Browse) -> None:
    story = Story(live_fabric(), lambda _: None)
    story.gone_after = 1
    html = await browse(story)
    (alert,) = words(html, 'id="alert"')
    assert "The collector has a problem: it does not answer. What is shown is from" in alert
    assert '<main id="main" class="old">' in html
    assert words(html, 'class="name"') == ["node1", "node2"], "what was last known stays"


async def test_without_the_store_only_the_events_are_missing(browse: Browse) -> None:
    fabric = live_fabric()
    fabric.rows.failure = StoreUnavailableError("the disk of the store is full")
    html = await browse(Story(fabric, lambda _: None))
    (note,) = words(html, 'id="event-note"')
    assert "the disk of the store is full" in note
    assert words(html, 'id="alert"') == [""]
    assert words(html, 'id="detail-title"') == ["node1"]

"""`GET /metrics`: what Prometheus scrapes."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable, Sequence
from typing import Annotated, ClassVar, NamedTuple

from msgspec import Meta
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from exporters.exposition import CONTENT_TYPE, SERIES_QUALITY, Exposition, Renderer
from fabricscope.assemble import Assembler
from fabricscope.clock import Clock, system_clock
from fabricscope.exporter import ExporterSettings
from fabricscope.model import PREFIX, Kind, MetricSpec, Snapshot, Target
from fabricscope.tally import Tally

_NAME = "prometheus"
_OWN = f"{PREFIX}exporter_{_NAME}_"

RENDERS = MetricSpec(
    name=f"{_OWN}renders_total",
    kind=Kind.COUNTER,
    help="Scrapes answered with a rendered snapshot.",
)
RENDER_TIME = MetricSpec(
    name=f"{_OWN}render_seconds_total",
    kind=Kind.COUNTER,
    help="Time spent on rendering and compressing.",
    unit="seconds",
    per_unit=1_000_000_000,
)
SERIES = MetricSpec(
    name=f"{_OWN}series",
    kind=Kind.GAUGE,
    help="Series in the last rendered snapshot.",
)
CONFLICTING = MetricSpec(
    name=f"{_OWN}conflicting_samples_total",
    kind=Kind.COUNTER,
    help="Samples left out because a metric of their name and another kind came first.",
)
QUALITIES_LEFT_OUT = MetricSpec(
    name=f"{_OWN}quality_series_left_out_total",
    kind=Kind.COUNTER,
    help=f"Lines of {SERIES_QUALITY.name} left out because a render had as many as max_quality_series allows.",
)
REFUSED = MetricSpec(
    name=f"{_OWN}refused_scrapes_total",
    kind=Kind.COUNTER,
    help="Scrapes answered with 503 because as many as max_waiting_scrapes were waiting.",
)

_GZIP_LEVEL = 1
"""Metrics text shrinks to a seventh at the fastest level; the next ones take twice the time for little."""
_GZIP_FROM_BYTES = 1024
"""A shorter text fits into one packet anyway."""


class PrometheusSettings(ExporterSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How `/metrics` is served."""

    max_quality_series: Annotated[
        int,
        Meta(ge=0, le=1_000_000, description="Most lines of fabricscope_series_quality; the rest are counted."),
    ] = 10_000
    max_waiting_scrapes: Annotated[
        int,
        Meta(ge=1, le=1000, description="Scrapes that may wait for one another; a further one is answered with 503."),
    ] = 8


class _Answer(NamedTuple):
    body: bytes
    exposition: Exposition
    nanoseconds: int


class PrometheusExporter:
    """Renders the snapshot of the moment for each scrape, one scrape at a time and off the event loop."""

    name: ClassVar[str] = _NAME
    Settings: ClassVar[type[ExporterSettings]] = PrometheusSettings
    metrics: ClassVar[Sequence[MetricSpec]] = (
        SERIES_QUALITY,
        RENDERS,
        RENDER_TIME,
        SERIES,
        CONFLICTING,
        QUALITIES_LEFT_OUT,
        REFUSED,
    )

    def __init__(
        self, settings: PrometheusSettings, source: Callable[[], Snapshot], clock: Clock = system_clock
    ) -> None:
        self._settings = settings
        self._source = source
        self._clock = clock
        self._renderer = Renderer(settings.max_quality_series)
        self._tally = Tally()
        for spec in self.metrics:
            if spec.kind is Kind.COUNTER:
                self._tally.add(spec, by=0)
        self._own = Assembler(_NAME, interval_ns=0)
        self._turn = asyncio.Lock()
        self._waiting = 0

    def routes(self) -> Sequence[BaseRoute]:
        """`GET` and `HEAD` of `/metrics`."""
        return [Route("/metrics", self._scrape, methods=["GET"])]

    async def run(self) -> None:
        """Nothing to do between scrapes."""

    async def _scrape(self, request: Request) -> Response:
        if self._waiting >= self._settings.max_waiting_scrapes:
            self._tally.add(REFUSED)
            return PlainTextResponse(
                "Too many scrapes wait for one another: scrape less often, or raise max_waiting_scrapes.\n", 503
            )
        self._waiting += 1
        try:
            async with self._turn:
                own = self._own.assemble(self._tally.readings(), self._clock())
                # Own figures come first: no sample can take their names.
                snapshot = [Target((), [own]), *self._source()]
                compress = _accepts_gzip(request.headers.get("accept-encoding", ""))
                answer = await asyncio.to_thread(self._render, snapshot, compress)
                self._count(answer)
        finally:
            self._waiting -= 1
        headers = {"content-type": CONTENT_TYPE, "vary": "accept-encoding", "cache-control": "no-store"}
        if answer.body.startswith(b"\x1f\x8b"):
            headers["content-encoding"] = "gzip"
        return Response(answer.body, headers=headers)

    def _render(self, snapshot: Snapshot, compress: bool) -> _Answer:
        start = self._clock().mono
        exposition = self._renderer.render(snapshot)
        if compress and sum(map(len, exposition.families)) >= _GZIP_FROM_BYTES:
            body = _gzip(exposition.families)
        else:
            body = b"".join(exposition.families)
        return _Answer(body, exposition, self._clock().mono - start)

    def _count(self, answer: _Answer) -> None:
        self._tally.add(RENDERS)
        self._tally.add(RENDER_TIME, by=answer.nanoseconds)
        self._tally.set(SERIES, to=answer.exposition.series)
        self._tally.add(CONFLICTING, by=answer.exposition.conflicting)
        self._tally.add(QUALITIES_LEFT_OUT, by=answer.exposition.qualities_left_out)


def _gzip(chunks: Sequence[bytes]) -> bytes:
    compressor = zlib.compressobj(_GZIP_LEVEL, wbits=zlib.MAX_WBITS | 16)
    return b"".join([*map(compressor.compress, chunks), compressor.flush()])


def _accepts_gzip(accept_encoding: str) -> bool:
    """Whether a client's `Accept-Encoding` names gzip, or `*`, without forbidding it by `q=0`."""
    for part in accept_encoding.lower().split(","):
        coding, _, parameters = part.partition(";")
        if coding.strip() in ("gzip", "*"):
            weight = parameters.replace(" ", "").removeprefix("q=")
            return weight.strip("0.") != "" or not parameters
    return False

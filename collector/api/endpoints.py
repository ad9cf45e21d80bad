"""The endpoints: one table of what there is, from which the routes and the OpenAPI document are both made."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from msgspec import Struct

from collector.api import documents, flows, parameters, select
from collector.api.problems import unavailable, unknown_host
from collector.api.sources import Sources
from collector.api.times import format_time
from collector.state import HostState
from collector.store import EventFilter, RowKey, StoredEvent, StoreError
from fabricscope import __version__
from fabricscope.model import Severity


class Endpoint(NamedTuple):
    """One path, what it takes and what it answers."""

    path: str
    summary: str
    parameters: type[Struct]
    answer: type[Struct]
    handle: Callable[[Sources, Any], Awaitable[Struct]]
    problems: tuple[int, ...] = ()
    """Statuses besides 200 and 400."""

    @property
    def name(self) -> str:
        """A word for the operation."""
        return getattr(self.handle, "__name__", self.path)


async def list_hosts(sources: Sources, query: parameters.HostsQuery) -> documents.HostPage:
    """Hosts by name."""
    now = sources.clock()
    after = None if query.after is None else parameters.decode_position(query.after, str)
    wanted = select.hosts(sources.state.hosts(now), query)
    found, last = select.page(wanted, lambda host: host.identity.host, after, query.limit)
    return documents.HostPage([select.host_info(host, now) for host in found], _after(last))


async def one_host(sources: Sources, query: parameters.HostPath) -> documents.HostInfo:
    """One host."""
    now = sources.clock()
    host = sources.state.host(query.host, now)
    if host is None:
        raise unknown_host(query.host)
    return select.host_info(host, now)


async def list_metrics(sources: Sources, query: parameters.MetricsQuery) -> documents.MetricList:
    """Metrics by name."""
    now = sources.clock()
    if query.host is not None and sources.state.host(query.host, now) is None:
        raise unknown_host(query.host)
    snapshot = [
        target for target in sources.state.snapshot(now) if query.host is None or ("host", query.host) in target.labels
    ]
    # A snapshot does not change, and counting that of a thousand hosts would hold up the loop.
    return documents.MetricList(await asyncio.to_thread(select.metrics, snapshot))


async def list_series(sources: Sources, query: parameters.SeriesQuery) -> documents.SeriesPage:
    """Series of one host."""
    found, after = await _cells(sources, query)
    return documents.SeriesPage(query.host, [select.series_info(cell) for cell in found], after)


async def list_values(sources: Sources, query: parameters.SeriesQuery) -> documents.ValuePage:
    """Series of one host with their latest values."""
    found, after = await _cells(sources, query)
    return documents.ValuePage(query.host, [select.value_info(cell) for cell in found], after)


async def list_events(sources: Sources, query: parameters.EventsQuery) -> documents.EventList:
    """Events, newest first."""
    wanted = EventFilter(
        since_unix_ns=parameters.parse_time("since", query.since),
        until_unix_ns=parameters.parse_time("until", query.until),
        cluster=query.cluster,
        host=query.host,
        kind=query.kind,
        min_severity=None if query.severity is None else Severity[query.severity.upper()],
        subject=parameters.pairs(query.subject),
        text=query.text,
    )
    after = None if query.after is None else parameters.decode_position(query.after, RowKey)
    try:
        page = await sources.rows.events(wanted, after, query.limit)
    except StoreError as error:
        raise unavailable(str(error)) from error
    return documents.EventList([_event(row) for row in page.events], _after(page.after))


async def status(sources: Sources, _: parameters.NoParameters) -> documents.Status:
    """The collector itself."""
    hosts = sources.state.hosts(sources.clock())
    live = sum(host.state is HostState.LIVE for host in hosts)
    try:
        await sources.rows.ping()
        store = "ok"
    except StoreError as error:
        store = str(error)
    return documents.Status(
        software_version=__version__,
        hosts=len(hosts),
        live=live,
        stale=len(hosts) - live,
        series=sum(sampler.series for host in hosts for sampler in host.samplers),
        probe_address=sources.probe_address,
        store=store,
    )


async def healthy(_: Sources, __: parameters.NoParameters) -> documents.Health:
    """Always, while the event loop turns."""
    return documents.Health("ok")


async def ready(sources: Sources, _: parameters.NoParameters) -> documents.Health:
    """When events can be stored."""
    try:
        await sources.rows.ping()
    except StoreError as error:
        raise unavailable(str(error)) from error
    return documents.Health("ready")


async def _cells(sources: Sources, query: parameters.SeriesQuery) -> tuple[list[select.Cell], str | None]:
    now = sources.clock()
    if sources.state.host(query.host, now) is None:
        raise unknown_host(query.host)
    after = None if query.after is None else parameters.decode_position(query.after, select.SeriesKey)
    samples = sources.state.samples(query.host, now)
    found, last = await asyncio.to_thread(
        lambda: select.page(select.cells(samples, query), lambda cell: cell.key, after, query.limit)
    )
    return found, _after(last)


def _after(position: object) -> str | None:
    return None if position is None else parameters.encode_position(position)


def _event(row: StoredEvent) -> documents.EventInfo:
    origin, event = row
    return documents.EventInfo(
        id=f"{origin.host}/{origin.epoch}/{origin.sequence}/{origin.position}",
        time=format_time(event.time_unix_ns),
        received=format_time(origin.received_unix_ns),
        cluster=origin.cluster,
        host=origin.host,
        kind=event.kind,
        severity=event.severity.name.lower(),
        message=event.message,
        subject=event.subject,
        attributes=event.attributes,
    )


ENDPOINTS = (
    Endpoint("/api/v1/hosts", "Hosts and how fresh they are", parameters.HostsQuery, documents.HostPage, list_hosts),
    Endpoint("/api/v1/hosts/{host}", "One host", parameters.HostPath, documents.HostInfo, one_host, (404,)),
    Endpoint(
        "/api/v1/metrics",
        "Metrics with help, kind and unit",
        parameters.MetricsQuery,
        documents.MetricList,
        list_metrics,
        (404,),
    ),
    Endpoint("/api/v1/series", "Series of a host", parameters.SeriesQuery, documents.SeriesPage, list_series, (404,)),
    Endpoint(
        "/api/v1/values",
        "Latest values of a host's series; those of stale samplers are left out",
        parameters.SeriesQuery,
        documents.ValuePage,
        list_values,
        (404,),
    ),
    Endpoint(
        "/api/v1/events", "Events, newest first", parameters.EventsQuery, documents.EventList, list_events, (503,)
    ),
    Endpoint(
        "/api/v1/flows",
        "Flow records, newest first",
        parameters.FlowsQuery,
        documents.FlowList,
        flows.list_flows,
        (503,),
    ),
    Endpoint(
        "/api/v1/flows/top",
        "What flows came to, by what they have in common",
        parameters.TopFlowsQuery,
        documents.FlowGroups,
        flows.top_flows,
        (503,),
    ),
    Endpoint("/api/v1/status", "The collector itself", parameters.NoParameters, documents.Status, status),
    Endpoint("/healthz", "Whether the collector runs", parameters.NoParameters, documents.Health, healthy),
    Endpoint("/readyz", "Whether the store answers", parameters.NoParameters, documents.Health, ready, (503,)),
)

"""What the API answers: a Struct per answer, described by the same names in the OpenAPI document."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

Time = Annotated[
    str, Meta(description="RFC 3339 in UTC, with nanoseconds.", examples=["2026-11-22T23:05:38.429627000Z"])
]
After = Annotated[str | None, Meta(description="Where the next page begins; null when this is the last one.")]
Labels = dict[str, str]


class SamplerInfo(Struct, frozen=True):
    """What one sampler of a host last sent."""

    sampler: str
    series: int
    time: Time
    interval_seconds: float
    fresh: Annotated[bool, Meta(description="Whether its values still hold; if not they are not served.")]


class HostInfo(Struct, frozen=True):
    """One host as the collector knows it."""

    host: str
    cluster: str
    status: Annotated[str, Meta(description="live, or stale when its probe fell silent.")]
    connected: Annotated[bool, Meta(description="Whether a stream of its probe is open.")]
    last_seen: Time
    silent_seconds: Annotated[float, Meta(description="Time since anything was heard.")]
    software_version: str
    boot_id: str
    labels: Labels
    series: int
    samplers: list[SamplerInfo]


class HostPage(Struct, frozen=True):
    """Hosts by name."""

    hosts: list[HostInfo]
    after: After


class MetricInfo(Struct, frozen=True):
    """One metric of the fabric."""

    metric: str
    kind: Annotated[str, Meta(description="counter or gauge.")]
    unit: Annotated[str, Meta(description="Base unit; empty for plain counts.")]
    help: str
    labels: list[str]
    hosts: Annotated[int, Meta(description="Hosts that have it.")]
    series: int


class MetricList(Struct, frozen=True):
    """Metrics by name."""

    metrics: list[MetricInfo]


class SeriesInfo(Struct, frozen=True):
    """One series of a host."""

    sampler: str
    metric: str
    labels: Labels


class SeriesPage(Struct, frozen=True):
    """Series by metric name and labels."""

    host: str
    series: list[SeriesInfo]
    after: After


class ValueInfo(Struct, frozen=True):
    """The latest value of one series."""

    sampler: str
    metric: str
    kind: Annotated[str, Meta(description="counter or gauge.")]
    unit: str
    labels: Labels
    value: Annotated[
        int | float | None,
        Meta(description="In `unit`; integers up to 2^64 - 1. Null when there is no current value: see `quality`."),
    ]
    quality: Annotated[str, Meta(description="ok, saturated, reset, stale or unreadable.")]
    time: Time


class ValuePage(Struct, frozen=True):
    """Values by metric name and labels."""

    host: str
    values: list[ValueInfo]
    after: After


class EventInfo(Struct, frozen=True):
    """One event."""

    id: Annotated[str, Meta(description="Names the event; stays the same.")]
    time: Time
    received: Time
    cluster: str
    host: str
    kind: str
    severity: Annotated[str, Meta(description="info, warning or critical.")]
    message: str
    subject: Labels
    attributes: Labels


class EventList(Struct, frozen=True):
    """Events, newest first."""

    events: list[EventInfo]
    after: After


class Status(Struct, frozen=True):
    """The collector itself."""

    software_version: str
    hosts: int
    live: int
    stale: int
    series: int
    probe_address: Annotated[str, Meta(description="HOST:PORT at which it waits for probes.")]
    store: Annotated[str, Meta(description="`ok`, or why events cannot be stored or asked for.")]


class Health(Struct, frozen=True):
    """An answer to a health check."""

    status: str

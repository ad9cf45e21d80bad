"""What the API answers: a Struct per answer, described by the same names in the OpenAPI document."""

from __future__ import annotations

from typing import Annotated, Any

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


class FlowInfo(Struct, frozen=True):
    """One flow record."""

    id: Annotated[str, Meta(description="Names the record; stays the same.")]
    cluster: str
    host: Annotated[str, Meta(description="Whose probe saw it.")]
    observer: Annotated[str, Meta(description="The interface or file that its packets were read from.")]
    start: Time
    end: Time
    received: Time
    source: Annotated[str, Meta(description="Who began, as far as that was seen.")]
    destination: str
    protocol: Annotated[int, Meta(description="IP protocol number; 0 for what is not IP.")]
    source_port: int
    destination_port: int
    source_queue_pair: Annotated[int, Meta(description="RDMA; 0 when it is not known.")]
    destination_queue_pair: int
    packets: Annotated[int, Meta(description="Both ways.")]
    octets: Annotated[int, Meta(description="Both ways, of whole frames.")]
    label: Annotated[str, Meta(description="What the payload says; empty when no rule matched.")]
    confidence: Annotated[float, Meta(description="Of the label, 0 to 1.")]
    behaviour: Annotated[str, Meta(description="What the behaviour says; empty when no rule matched.")]
    detail: Annotated[
        dict[str, Any],
        Meta(description="The whole record: both ways, TCP, RDMA, features, verdicts with their evidence."),
    ]


class FlowList(Struct, frozen=True):
    """Flows, newest first."""

    flows: list[FlowInfo]
    after: After


class FlowGroupInfo(Struct, frozen=True):
    """What flows with something in common came to."""

    name: Annotated[str, Meta(description="What they have in common; empty for flows that no rule matched.")]
    flows: int
    packets: int
    octets: int
    retransmissions: Annotated[int, Meta(description="TCP segments sent again.")]
    ecn_marked: int
    rdma_lost: Annotated[int, Meta(description="Packet sequence numbers that the fabric lost.")]
    rdma_unseen: Annotated[int, Meta(description="Those that only the mirror lost.")]
    rdma_naks: int
    rdma_cnps: int


class FlowGroups(Struct, frozen=True):
    """Groups of flows, most octets first."""

    groups: list[FlowGroupInfo]


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

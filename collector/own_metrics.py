"""What the collector measures of itself and of its hosts."""

from __future__ import annotations

from collections.abc import Iterable

from collector import handshakes, service
from collector.state import HostState, HostStatus
from collector.store import writer
from fabricscope import exporter, http, process
from fabricscope.clock import NANOSECONDS
from fabricscope.model import Kind, MetricSpec
from fabricscope.tally import Tally

NAME = "collector"

_HOST = ("cluster", "host")

INFO = MetricSpec("fabricscope_collector_info", Kind.GAUGE, "Always 1; says what runs here.", ("version",))
HOST_UP = MetricSpec(
    "fabricscope_host_up",
    Kind.GAUGE,
    "1 while the host's probe is heard, 0 when it fell silent and its values are withdrawn.",
    _HOST,
)
HOST_CONNECTED = MetricSpec(
    "fabricscope_host_connected", Kind.GAUGE, "1 while a stream of the host's probe is open.", _HOST
)
HOST_SEEN = MetricSpec(
    "fabricscope_host_last_seen_timestamp_seconds",
    Kind.GAUGE,
    "When the host's probe was last heard, by the collector's clock.",
    _HOST,
    "seconds",
)
HOST_SERIES = MetricSpec("fabricscope_host_series", Kind.GAUGE, "Series that the host sends.", _HOST)
HOST_INFO = MetricSpec(
    "fabricscope_host_info", Kind.GAUGE, "Always 1; says what the host runs.", (*_HOST, "version", "boot_id")
)
_PER_HOST = (HOST_UP, HOST_CONNECTED, HOST_SEEN, HOST_SERIES, HOST_INFO)
OWN = (
    INFO,
    *_PER_HOST,
    *process.specs(NAME),
    *service.METRICS,
    *handshakes.METRICS,
    *writer.METRICS,
)
"""What no probe may declare."""
SHARED = (*http.METRICS, *exporter.METRICS)
"""What probes have as well."""
METRICS = (*OWN, *SHARED)
_REASONS = (
    (service.HELLOS_REFUSED, ("not_hello", "protocol", "host_name", "identity", "limit", "streams", "no_hello")),
    (service.REFUSED, ("unknown_series_set", "column_length", "invalid", "unsupported", "malformed")),
    (handshakes.REFUSED, handshakes.REASONS),
)
"""Counters by reason, with those that are known in advance."""


class OwnMetrics:
    """Keeps the collector's tally up to date."""

    def __init__(self, tally: Tally, version: str) -> None:
        self._tally = tally
        self._process = process.ProcessMetrics(NAME, tally)
        tally.set(INFO, version, to=1)
        # From 0 on: the first increase of a counter that appears with it is one that Prometheus does not see.
        for spec in METRICS:
            if spec.kind is Kind.COUNTER and not spec.labels:
                tally.add(spec, by=0)
        for spec, reasons in _REASONS:
            for reason in reasons:
                tally.add(spec, reason, by=0)

    def observe(self, hosts: Iterable[HostStatus]) -> None:
        """Bring up to date what is looked up rather than counted."""
        self._process.observe()
        for spec in _PER_HOST:
            self._tally.clear(spec)
        for status in hosts:
            name = (status.cluster, status.identity.host)
            self._tally.set(HOST_UP, *name, to=int(status.state is HostState.LIVE))
            self._tally.set(HOST_CONNECTED, *name, to=int(status.connected))
            self._tally.set(HOST_SEEN, *name, to=status.last_seen.wall / NANOSECONDS)
            self._tally.set(HOST_SERIES, *name, to=sum(sampler.series for sampler in status.samplers))
            self._tally.set(HOST_INFO, *name, status.identity.software_version, status.identity.boot_id, to=1)

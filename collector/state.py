"""The latest value of every series of every host. Pure: time is an argument, nothing is read or sent."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, NamedTuple

from msgspec import Meta, Struct

from collector.catalog import Catalog, LimitError
from fabricscope.model import (
    Event,
    HostIdentity,
    MetricSpec,
    Now,
    SampleBatch,
    Sampled,
    SeriesSet,
    Severity,
    Snapshot,
    Target,
)

DEFAULT_CLUSTER = "default"
MAX_INTERVAL_NS = 3600 * 1_000_000_000
MAX_SAMPLERS = 256
"""Samplers of one host."""
FORGET_SAMPLER_AFTER = 20
"""A sampler that is silent for so many times as long as its values hold is forgotten."""


class StateSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long values hold, and how much is taken in."""

    stale_after_seconds: Annotated[
        float,
        Meta(
            ge=1,
            le=3600,
            description="A probe that is silent for this time, in seconds, is stale: its values leave /metrics. "
            "A sampler's values hold for three of its intervals if that is longer.",
        ),
    ] = 15.0
    forget_after_seconds: Annotated[
        float, Meta(ge=60, le=365 * 86400, description="A host that is silent for this time, in seconds, is forgotten.")
    ] = 86400.0
    max_hosts: Annotated[int, Meta(ge=1, le=1_000_000, description="Hosts known at once; more are refused.")] = 5_000
    max_series_per_host: Annotated[
        int, Meta(ge=1, le=10_000_000, description="Series of one host; a set that goes beyond is refused.")
    ] = 50_000
    max_metrics: Annotated[
        int,
        Meta(ge=1, le=1_000_000, description="Metric names of the whole fabric; a set that goes beyond is refused."),
    ] = 10_000


class HostState(enum.Enum):
    """Whether a host's values can be believed."""

    LIVE = "live"
    STALE = "stale"


class Applied(enum.Enum):
    """What became of a batch."""

    CURRENT = "current"
    LATE = "late"
    """Older than its values would hold: it came out of a spool and is history."""
    REPEATED = "repeated"
    """Sent again although it was taken."""


class SamplerStatus(NamedTuple):
    """What one sampler of a host last sent."""

    name: str
    series: int
    batch: SampleBatch
    fresh: bool


class HostStatus(NamedTuple):
    """One host as the collector knows it."""

    identity: HostIdentity
    cluster: str
    state: HostState
    connected: bool
    last_seen: Now
    samplers: list[SamplerStatus]


@dataclass(slots=True)
class _Latest:
    sampled: Sampled
    arrived: int
    """Monotonic ns of the collector."""


@dataclass(slots=True)
class _Host:
    identity: HostIdentity
    last_seen: Now
    samplers: dict[str, _Latest]
    sequence: int = 0
    connections: int = 0
    state: HostState = HostState.LIVE

    @property
    def cluster(self) -> str:
        return self.identity.labels.get("cluster") or DEFAULT_CLUSTER


class State:
    """Every host by name, with the latest batch of each of its samplers."""

    def __init__(
        self, settings: StateSettings, own: Iterable[MetricSpec] = (), shared: Iterable[MetricSpec] = ()
    ) -> None:
        """`own` and `shared` are the collector's metrics, as Catalog takes them."""
        self.settings = settings
        self._catalog = Catalog(settings.max_metrics, own, shared)
        self._stale_ns = int(settings.stale_after_seconds * 1e9)
        self._hosts: dict[str, _Host] = {}

    # --- what probes do

    def connect(self, identity: HostIdentity, now: Now) -> None:
        """A probe said hello. Raises LimitError when there are too many hosts."""
        host = self._hosts.get(identity.host)
        if host is None:
            if len(self._hosts) >= self.settings.max_hosts:
                raise LimitError(
                    f"{len(self._hosts)} hosts are known, which is collector.state.max_hosts; "
                    f"{identity.host} is not taken: raise the limit or add a collector"
                )
            host = self._hosts[identity.host] = _Host(identity, now, {})
        if host.identity.epoch != identity.epoch:
            host.sequence = 0
        host.identity = identity
        host.last_seen = now
        host.connections += 1

    def disconnect(self, name: str) -> None:
        """A stream of the host ended; its values hold until they are stale."""
        if (host := self._hosts.get(name)) is not None:
            host.connections = max(0, host.connections - 1)

    def admit(self, name: str, series_set: SeriesSet) -> SeriesSet:
        """The one object that stands for all sets of this content, across hosts.

        Raises LimitError when it would break a bound, or declares a metric as another kind than it was.
        """
        self.check_room(name, [series_set])
        return self._catalog.intern(series_set)

    def check_room(self, name: str, series_sets: Sequence[SeriesSet]) -> None:
        """Raise LimitError when the host would have more series or samplers with batches of these sets."""
        host = self._hosts[name]
        sizes = {sampler: len(latest.sampled.series_set) for sampler, latest in host.samplers.items()}
        sizes |= {series_set.sampler: len(series_set) for series_set in series_sets}
        total = sum(sizes.values())
        if total > self.settings.max_series_per_host:
            raise LimitError(
                f"{name} would have {total} series, more than collector.state.max_series_per_host "
                f"({self.settings.max_series_per_host})"
            )
        if len(sizes) > MAX_SAMPLERS:
            raise LimitError(f"{name} would have more than {MAX_SAMPLERS} samplers")

    def apply(self, name: str, sampled: Sampled, sequence: int, sent_unix_ns: int, now: Now) -> Applied:
        """Take a batch that stood in message `sequence`, sent at the probe's `sent_unix_ns`.

        Age is judged on the probe's clock alone, and order by the sequence, so neither a skewed nor a
        jumping clock hides or freezes values.
        """
        host = self._hosts[name]
        host.last_seen = now
        if sequence < host.sequence:
            return Applied.REPEATED
        host.sequence = sequence
        if sent_unix_ns - sampled.batch.time_unix_ns > self._holds_ns(sampled.batch):
            return Applied.LATE
        host.samplers[sampled.series_set.sampler] = _Latest(sampled, now.mono)
        return Applied.CURRENT

    def sweep(self, now: Now) -> list[tuple[HostIdentity, Event]]:
        """Find out who fell silent and who is back; forget who is long gone. Call it every second or so."""
        changes = []
        for name, host in list(self._hosts.items()):
            silent = now.mono - host.last_seen.mono
            state = self._state_of(host, now)
            if state is not host.state:
                host.state = state
                changes.append((host.identity, _event(host, silent, now)))
            # A sampler that was renamed or switched off.
            for sampler, latest in list(host.samplers.items()):
                if now.mono - latest.arrived > FORGET_SAMPLER_AFTER * self._holds_ns(latest.sampled.batch):
                    del host.samplers[sampler]
            if silent > self.settings.forget_after_seconds * 1e9 and host.connections == 0:
                del self._hosts[name]
        return changes

    # --- what readers see

    def hosts(self, now: Now) -> list[HostStatus]:
        """Every known host, by name."""
        return [self._status(host, now) for _, host in sorted(self._hosts.items())]

    def host(self, name: str, now: Now) -> HostStatus | None:
        """One host; None when it is not known."""
        host = self._hosts.get(name)
        return None if host is None else self._status(host, now)

    def samples(self, name: str, now: Now) -> list[Sampled]:
        """The batches of a host whose values still hold; none for an unknown or stale host."""
        host = self._hosts.get(name)
        return [] if host is None else self._fresh(host, now)

    def snapshot(self, now: Now) -> Snapshot:
        """Every host with the batches whose values still hold."""
        return [
            Target((("cluster", host.cluster), ("host", name)), samples)
            for name, host in sorted(self._hosts.items())
            if (samples := self._fresh(host, now))
        ]

    def _status(self, host: _Host, now: Now) -> HostStatus:
        samplers = [
            SamplerStatus(name, len(latest.sampled.series_set), latest.sampled.batch, self._is_fresh(latest, now))
            for name, latest in sorted(host.samplers.items())
        ]
        return HostStatus(
            host.identity, host.cluster, self._state_of(host, now), host.connections > 0, host.last_seen, samplers
        )

    def _state_of(self, host: _Host, now: Now) -> HostState:
        """Stale when nothing came for longer than its fastest sampler's values hold."""
        holds = min((self._holds_ns(latest.sampled.batch) for latest in host.samplers.values()), default=self._stale_ns)
        return HostState.STALE if now.mono - host.last_seen.mono > holds else HostState.LIVE

    def _fresh(self, host: _Host, now: Now) -> list[Sampled]:
        if self._state_of(host, now) is HostState.STALE:
            return []
        return [latest.sampled for latest in host.samplers.values() if self._is_fresh(latest, now)]

    def _is_fresh(self, latest: _Latest, now: Now) -> bool:
        """Whether a sampler's values still hold, as far as it alone is concerned."""
        return now.mono - latest.arrived <= self._holds_ns(latest.sampled.batch)

    def _holds_ns(self, batch: SampleBatch) -> int:
        return max(self._stale_ns, 3 * min(batch.interval_ns, MAX_INTERVAL_NS))


def _event(host: _Host, silent_ns: int, now: Now) -> Event:
    name = host.identity.host
    if host.state is HostState.STALE:
        kind, severity = "host.stale", Severity.WARNING
        text = f"host {name} has been silent for {silent_ns / 1e9:.0f} s; its values are withdrawn"
    else:
        kind, severity, text = "host.live", Severity.INFO, f"host {name} is heard again"
    return Event(now.wall, now.mono, kind, severity, text, {"host": name})

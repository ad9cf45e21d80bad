"""The latest value of every series of every host. Pure: time is an argument, nothing is read or sent."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Annotated, NamedTuple
from weakref import WeakValueDictionary

from msgspec import Meta, Struct

from fabricscope.model import (
    Event,
    HostIdentity,
    MetricSpec,
    Now,
    SampleBatch,
    Sampled,
    Series,
    SeriesSet,
    Severity,
    Snapshot,
    Target,
)

DEFAULT_CLUSTER = "default"
MAX_INTERVAL_NS = 3600 * 1_000_000_000


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
    max_hosts: Annotated[int, Meta(ge=1, le=1_000_000, description="Hosts known at once; more are refused.")] = 20_000
    max_series_per_host: Annotated[
        int, Meta(ge=1, le=10_000_000, description="Series of one host; a set that goes beyond is refused.")
    ] = 50_000
    max_metrics: Annotated[
        int,
        Meta(ge=1, le=1_000_000, description="Metric names of the whole fabric; a set that goes beyond is refused."),
    ] = 10_000


class LimitError(ValueError):
    """More hosts, series or metrics than the settings allow, or a metric of another kind than it was."""


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

    def __init__(self, settings: StateSettings) -> None:
        self.settings = settings
        self._stale_ns = int(settings.stale_after_seconds * 1e9)
        self._hosts: dict[str, _Host] = {}
        self._sets: WeakValueDictionary[bytes, SeriesSet] = WeakValueDictionary()
        self._specs: dict[str, MetricSpec] = {}

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
        host = self._hosts[name]
        others = sum(
            len(latest.sampled.series_set) for sampler, latest in host.samplers.items() if sampler != series_set.sampler
        )
        if others + len(series_set) > self.settings.max_series_per_host:
            raise LimitError(
                f"{name} would have {others + len(series_set)} series, more than collector.state.max_series_per_host "
                f"({self.settings.max_series_per_host})"
            )
        known = self._sets.get(series_set.id)
        if known is None:
            known = self._intern(series_set)
            self._sets[series_set.id] = known
        return known

    def _intern(self, series_set: SeriesSet) -> SeriesSet:
        """The set with specs shared by every set that has the same metric."""
        columns = [*series_set.counters, *series_set.gauges]
        fresh = {}
        for series in columns:
            spec = series.spec
            known = self._specs.get(spec.name)
            if known is None:
                fresh[spec.name] = spec
            elif known.kind is not spec.kind or known.per_unit != spec.per_unit:
                raise LimitError(
                    f"{spec.name} is declared as a {spec.kind.value} and is known as a {known.kind.value}: "
                    "two versions of a sampler disagree; update the older probes"
                )
        if len(self._specs) + len(fresh) > self.settings.max_metrics:
            raise LimitError(f"more than {self.settings.max_metrics} metric names (collector.state.max_metrics)")
        self._specs |= fresh

        def shared(series: Series) -> Series:
            known = self._specs[series.spec.name]
            return Series(known if known.labels == series.spec.labels else series.spec, series.labels)

        return SeriesSet(
            series_set.id,
            series_set.sampler,
            tuple(map(shared, series_set.counters)),
            tuple(map(shared, series_set.gauges)),
        )

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
            state = HostState.STALE if silent > self._stale_ns else HostState.LIVE
            if state is not host.state:
                host.state = state
                changes.append((host.identity, _event(host, silent, now)))
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
        state = HostState.STALE if now.mono - host.last_seen.mono > self._stale_ns else HostState.LIVE
        return HostStatus(host.identity, host.cluster, state, host.connections > 0, host.last_seen, samplers)

    def _fresh(self, host: _Host, now: Now) -> list[Sampled]:
        return [latest.sampled for latest in host.samplers.values() if self._is_fresh(latest, now)]

    def _is_fresh(self, latest: _Latest, now: Now) -> bool:
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

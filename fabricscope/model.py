"""The nouns that travel from a sampler to an exporter.

A sampler yields `Reading`s. The engine's `Follower` packs those of one tick into a
`SampleBatch`, whose columns a `SeriesSet` names (assemble.py). A `Snapshot` is what exporters read.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

PREFIX = "fabricscope_"


class Now(NamedTuple):
    """One moment on both clocks of a host, in nanoseconds.

    `wall` counts since 1970 and may jump; `mono` never goes back and means nothing off the host.
    """

    wall: int
    mono: int


class Kind(enum.Enum):
    """Counters are u64 and only grow; gauges are f64 and go anywhere."""

    COUNTER = "counter"
    GAUGE = "gauge"


class Overflow(enum.Enum):
    """What a device counter does when its bits are used up."""

    WRAPS = "wraps"
    SATURATES = "saturates"


class Quality(enum.IntEnum):
    """How far a value may be trusted; the numbers are those of the wire."""

    OK = 1
    SATURATED = 2
    """The device counter stands at its ceiling: a lower bound that will not move."""
    RESET = 3
    """The device counter restarted since the last sample; some of the increase is unknown."""
    STALE = 4
    """Not read this time; the value is the last one known."""
    UNREADABLE = 5
    """Could not be read; the value means nothing."""

    @property
    def has_value(self) -> bool:
        """Whether the value belongs in front of a user as a current number."""
        return self in (Quality.OK, Quality.SATURATED, Quality.RESET)


class Watch(enum.Enum):
    """Which events follow from a metric's changes (probes/links/transitions.py)."""

    UP_DOWN = "up_down"
    """A gauge that is 1 when the thing is up and 0 when it is down."""
    CHANGE = "change"
    """A gauge each change of which is worth an event, such as a link's speed."""
    FLAPS = "flaps"
    """A counter of up/down changes: it tells of those that happened between two samples."""


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class MetricSpec:
    """Everything that is said about one metric, said once.

    Compared by identity: a table of specs is made once and its members are used as keys.
    """

    name: str
    """Full Prometheus name: prefix, base unit, `_total` for counters."""
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    unit: str = ""
    """Base unit (bytes, seconds, ratio, ...); empty for plain counts."""
    source: str = ""
    """Where the kernel or driver shows it, as a path or attribute."""
    bits: int = 64
    """Width of the device's own counter."""
    overflow: Overflow = Overflow.WRAPS
    scale: int = 1
    """Factor from the device's count to the column's, such as 4 for InfiniBand data words."""
    per_unit: int = 1
    """Counts of the column per `unit`, such as 1,000,000 for a time in microseconds: counters stay integers."""
    watch: Watch | None = None
    link: str = ""
    """For watched metrics: the word events use, such as `ethernet` in `ethernet.down`."""
    aliases: tuple[str, ...] = ()
    """The same thing's name elsewhere: node_exporter, DCGM, OpenTelemetry."""


class Series(NamedTuple):
    """One line of a metric: the spec with a value for each of its labels."""

    spec: MetricSpec
    labels: tuple[str, ...]


class Reading(NamedTuple):
    """One value as a sampler saw it.

    From a sampler a counter's value is the device's raw one; probes/engine/follow.py turns it into the
    monotone, scaled one. `value` is None exactly when `quality` is UNREADABLE and nothing is known.
    What a device does not support is not a reading at all.
    """

    spec: MetricSpec
    labels: tuple[str, ...]
    value: int | float | None
    quality: Quality = Quality.OK

    @property
    def series(self) -> Series:
        """The series that this is a value of."""
        return Series(self.spec, self.labels)


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class SeriesSet:
    """The columns of a sampler's batches: counter series first, then gauges, grouped by metric.

    Compared by identity; `id` is the content's hash (codec.series_set_id).
    """

    id: bytes
    sampler: str
    counters: tuple[Series, ...]
    gauges: tuple[Series, ...]

    def __len__(self) -> int:
        return len(self.counters) + len(self.gauges)


@dataclass(frozen=True, slots=True)
class SampleBatch:
    """One value for each series of a set.

    `qualities` has a byte (a `Quality`) per series, counters first; empty means all are OK.
    """

    series_set_id: bytes
    time_unix_ns: int
    interval_ns: int
    counters: Sequence[int]
    gauges: Sequence[float]
    qualities: bytes = b""


class Severity(enum.IntEnum):
    """How soon a person should look; the numbers are those of the wire."""

    INFO = 1
    WARNING = 2
    CRITICAL = 3


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened on a host at one time."""

    time_unix_ns: int
    monotonic_ns: int
    kind: str
    """Dotted lower-case words, such as `ethernet.down`."""
    severity: Severity
    message: str
    subject: dict[str, str] = field(default_factory=dict)
    """What it happened to, such as `{"device": "mlx5_0", "port": "1"}`."""
    attributes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HostIdentity:
    """Who a probe says it is."""

    host: str
    boot_id: str
    epoch: str
    """Names one life of the probe's spool: sequences compare within it."""
    labels: dict[str, str]
    software_version: str


class HintAction(enum.IntEnum):
    """What a hint asks for; the numbers are those of the wire."""

    WITHDRAW = 1
    RESTORE = 2


@dataclass(frozen=True, slots=True)
class Hint:
    """A request to route around a failed link until the lease ends."""

    origin: str
    epoch: int
    sequence: int
    action: HintAction
    link: str
    prefixes: tuple[str, ...]
    reason: str
    since_unix_ns: int
    lease_ns: int


class Sampled(NamedTuple):
    """A batch with the set that names its columns."""

    series_set: SeriesSet
    batch: SampleBatch


class Target(NamedTuple):
    """What one host (or the daemon itself) shows at the moment."""

    labels: tuple[tuple[str, str], ...]
    """Put before the series' own labels, such as (("cluster", "a"), ("host", "n1"))."""
    samples: Sequence[Sampled]


Snapshot = Sequence[Target]
"""What exporters read: every target's latest batches."""

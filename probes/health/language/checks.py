"""The kinds of check that a rule can be: what is asked of each thing, as data. judging/ answers."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from msgspec import Meta, field

from probes.health.language.vocabulary import (
    Data,
    Duration,
    EventKind,
    LabelName,
    Limit,
    MetricName,
    Source,
    duration_ns,
    require_finite,
)

Sources = Annotated[tuple[Source, ...], Meta(min_length=1, max_length=40)]


class _Compares(Data, frozen=True, kw_only=True):
    """A check that compares a number with a limit."""

    above: Limit | None = None
    below: Limit | None = None
    critical: Limit | None = None
    """Beyond this one, in the same direction, the verdict is critical whatever the rule's severity."""

    def __post_init__(self) -> None:
        """Check that there is one direction."""
        if (self.above is None) == (self.below is None):
            raise ValueError("give a limit: either `above` or `below`")

    @property
    def limit(self) -> Limit:
        """The limit, in whichever direction."""
        return self.above or self.below or Limit(value=0)


class Value(_Compares, frozen=True, kw_only=True, tag_field="kind", tag="value"):
    """A gauge against a limit: its latest value, or its minimum, maximum or mean over a window."""

    kind: ClassVar[str] = "value"
    of: Source


class _Counted(_Compares, frozen=True, kw_only=True):
    of: Sources
    """Counters, added up."""
    window: Duration


class Increase(_Counted, frozen=True, kw_only=True, tag_field="kind", tag="increase"):
    """By how much counters grew within a window."""

    kind: ClassVar[str] = "increase"


class Rate(_Counted, frozen=True, kw_only=True, tag_field="kind", tag="rate"):
    """By how much counters grew a second, over a window."""

    kind: ClassVar[str] = "rate"


class Ratio(_Counted, frozen=True, kw_only=True, tag_field="kind", tag="ratio"):
    """By how much counters grew, for each unit that others grew by: a bit error rate is errors per bit."""

    kind: ClassVar[str] = "ratio"
    per: Sources
    minimum: Annotated[float, Meta(gt=0)]
    """With less than this of `per` in the window nothing can be said."""
    times: float = 1.0
    """Factor on the ratio, such as 1/8 for bytes where bits are meant."""

    def __post_init__(self) -> None:
        """Check the numbers."""
        super().__post_init__()
        require_finite(minimum=self.minimum, times=self.times)


class Alike(Data, frozen=True, kw_only=True):
    """Labels of an `_info` metric of the thing: peers are things of which these are the same, such as one model."""

    metric: MetricName
    by: Annotated[tuple[LabelName, ...], Meta(min_length=1, max_length=4)]


class Peers(Data, frozen=True, kw_only=True, tag_field="kind", tag="peers"):
    """A gauge below what it is at the thing's peers on this host."""

    kind: ClassVar[str] = "peers"
    of: Source
    within: tuple[LabelName, ...] = ()
    """Peers are things with the same values of these labels; all things of the rule when there are none."""
    alike: Alike | None = None
    than: Literal["majority", "median", "max"] = "majority"
    times: Annotated[float, Meta(gt=0, le=1)] = 1.0
    """Below this part of what the peers have."""
    at_least: Annotated[int, Meta(ge=2, le=1000)] = 3
    """So many things, itself included, must have a value."""


class Flaps(Data, frozen=True, kw_only=True, tag_field="kind", tag="flaps"):
    """How often a link went down within a window, by what the device or the kernel counted in between."""

    kind: ClassVar[str] = "flaps"
    downs: tuple[Source, ...] = ()
    """Counters that grow each time the link goes down."""
    changes: tuple[Source, ...] = ()
    """Counters that grow when it goes down and again when it comes up."""
    window: Duration
    above: Limit
    critical: Limit | None = None

    def __post_init__(self) -> None:
        """Check that something is counted."""
        if not self.downs and not self.changes:
            raise ValueError("name counters in `downs` or in `changes`")


class Saturated(Data, frozen=True, kw_only=True, tag_field="kind", tag="saturated"):
    """Counters that stand at their ceiling, after which they say nothing."""

    kind: ClassVar[str] = "saturated"
    of: Sources
    """A name that ends in `*` stands for all that begin so."""


class Forecast(Data, frozen=True, kw_only=True, tag_field="kind", tag="forecast"):
    """When a gauge will pass a limit if it goes on as it did: a straight line through a window of hours or days."""

    kind: ClassVar[str] = "forecast"
    of: Source
    above: Limit | None = None
    below: Limit | None = None
    window: Duration
    minimum: Duration
    """What was seen must reach back this far."""
    within: Duration
    """Only a date this near is told."""
    scale: Literal["linear", "log"] = "linear"
    """`log` for what is thought of in decibels, such as optical power."""

    def __post_init__(self) -> None:
        """Check what depends on more than one setting."""
        if (self.above is None) == (self.below is None):
            raise ValueError("give a limit: either `above` or `below`")
        if duration_ns(self.minimum) > duration_ns(self.window):
            raise ValueError("`minimum` is longer than `window`; no evidence could ever do")

    @property
    def limit(self) -> Limit:
        """The limit, in whichever direction."""
        return self.above or self.below or Limit(value=0)


class Happened(Data, frozen=True, kw_only=True, tag_field="kind", tag="event"):
    """How many events of some kinds there were within a window."""

    kind: ClassVar[str] = "event"
    events: Annotated[tuple[EventKind, ...], Meta(min_length=1, max_length=20)]
    attributes: dict[str, Annotated[tuple[str, ...], Meta(min_length=1, max_length=200)]] = field(default_factory=dict)
    """Only events with these values."""
    severity: Literal["info", "warning", "critical"] = "info"
    """Only events at least this severe."""
    window: Duration
    above: Limit = Limit(value=0)
    critical: Limit | None = None
    ended_by: tuple[EventKind, ...] = ()
    """Events of the same thing after which none before them counts."""


Check = Value | Increase | Rate | Ratio | Peers | Flaps | Saturated | Forecast | Happened
KINDS: dict[str, type[Check]] = {
    kind.kind: kind for kind in (Value, Increase, Rate, Ratio, Peers, Flaps, Saturated, Forecast, Happened)
}

"""The words that health rules are made of: times, metrics of a thing, limits, conditions."""

from __future__ import annotations

import re
from math import isfinite
from typing import Annotated, Literal

from msgspec import Meta, Struct

from fabricscope.settings import EXPECTED

SECOND = 1_000_000_000

_UNITS = {"ms": SECOND // 1000, "s": SECOND, "m": 60 * SECOND, "h": 3600 * SECOND} | {"d": 86400 * SECOND}
_DURATION = re.compile(r"^(\d{1,6}(?:\.\d{1,3})?)(ms|s|m|h|d)$")

Duration = Annotated[
    str, Meta(pattern=_DURATION.pattern, extra={EXPECTED: "a time such as 500ms, 30s, 5m, 2h or 7d"}, max_length=12)
]
MetricName = Annotated[
    str,
    Meta(
        pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*\*?$",
        max_length=200,
        extra={EXPECTED: "a metric's name, such as fabricscope_ethernet_up"},
    ),
]
LabelName = Annotated[str, Meta(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$", max_length=100, extra={EXPECTED: "a label name"})]
EventKind = Annotated[
    str,
    Meta(pattern=r"^[a-z0-9_]+(\.[a-z0-9_]+)*$", max_length=100, extra={EXPECTED: "a kind of event, such as gpu.lost"}),
]
Labels = dict[LabelName, Annotated[tuple[str, ...], Meta(min_length=1, max_length=100)]]
"""Values that each label may have."""
Over = Literal["latest", "min", "max", "mean", "increase", "rate"]


def duration_ns(text: str) -> int:
    """Nanoseconds of a `Duration`. Raises ValueError when it is none."""
    match = _DURATION.match(text)
    if match is None:
        raise ValueError(f"{text!r} is no time; expected one such as 30s, 5m, 2h or 7d")
    return int(float(match[1]) * _UNITS[match[2]])


def require_finite(**numbers: float | None) -> None:
    """Raise ValueError for a number of a rule that no value can be compared with."""
    for name, number in numbers.items():
        if number is not None and not isfinite(number):
            raise ValueError(f"`{name}` is {number}; give a number that is finite")


class Data(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a rule: an unknown key in it is an error."""


class Source(Data, frozen=True, kw_only=True):
    """One number of a thing: a metric of it, read in one way."""

    metric: MetricName
    labels: Labels = {}
    """Only series with these label values."""
    over: Over = "latest"
    window: Duration = ""
    values: dict[str, float] = {}
    """Numbers in place of the metric's own, such as transfers a second by PCIe generation; others are unknown."""
    times: float = 1.0
    """Factor on the number, such as 0.25 for words of 4 bytes."""

    def __post_init__(self) -> None:
        """Check that a window is there exactly when it is needed."""
        if (self.over == "latest") != (not self.window):
            remedy = "leave `window` out" if self.window else "give a `window` such as 5m"
            raise ValueError(f"`over: {self.over}` of {self.metric}: {remedy}")
        require_finite(times=self.times, **{f"values.{name}": value for name, value in self.values.items()})


class Limit(Data, frozen=True, kw_only=True):
    """A number to compare with: a constant, or metrics of the same thing multiplied with one another and `times`."""

    value: float | None = None
    product: Annotated[tuple[Source, ...], Meta(max_length=4)] = ()
    times: float = 1.0

    def __post_init__(self) -> None:
        """Check that it says one thing."""
        if (self.value is None) == (not self.product):
            raise ValueError("a limit is either a number or a `product` of metrics")
        require_finite(limit=self.value, times=self.times)


class Condition(Data, frozen=True, kw_only=True):
    """What must be so of a thing: a series of it is there, a number of it is above or below, or any of several."""

    metric: MetricName | None = None
    labels: Labels = {}
    over: Over = "latest"
    window: Duration = ""
    above: float | None = None
    below: float | None = None
    any: Annotated[tuple[Condition, ...], Meta(max_length=8)] = ()

    def __post_init__(self) -> None:
        """Check that it says one thing."""
        if (self.metric is None) == (not self.any):
            raise ValueError("a condition has either a `metric` or a list `any`")
        if self.metric is None and (self.labels or self.window or self.above is not None or self.below is not None):
            raise ValueError("what stands beside `any` belongs into its conditions")
        require_finite(above=self.above, below=self.below)
        if self.metric is not None:
            self.source()

    def source(self) -> Source:
        """The number that is compared."""
        return Source(metric=self.metric or "", labels=self.labels, over=self.over, window=self.window)

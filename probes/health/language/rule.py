"""A health rule: one question about one kind of thing, and what to say of it. rule_files.py reads them from files.

The things are known by the labels `by`; `check` (checks.py) is what is asked of each. docs/health.md explains it all.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from msgspec import Meta

from fabricscope.model import Severity
from probes.health.language.checks import Check, Flaps, Forecast, Happened
from probes.health.language.vocabulary import SECOND, Condition, Data, Duration, LabelName, Source, duration_ns

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
MAX_NAME = 60


class RuleText(Data, frozen=True, kw_only=True, rename={"hold": "for"}):
    """What a rule says apart from its check."""

    summary: Annotated[str, Meta(min_length=1, max_length=200)]
    """What is wrong, without the thing's name: `a port is down`."""
    severity: Literal["info", "warning", "critical"] = "warning"
    by: Annotated[tuple[LabelName, ...], Meta(max_length=8)]
    enabled: bool = True
    where: Annotated[tuple[Condition, ...], Meta(max_length=8)] = ()
    """Must hold all along; a verdict clears when it no longer does."""
    given: Annotated[tuple[Condition, ...], Meta(max_length=8)] = ()
    """Must hold for a verdict to be raised, and is not asked afterwards."""
    hold: Duration = "0s"
    """`for` in YAML: how long the answer must have been yes."""
    hold_down: Duration = "5m"
    """How long the answer must have been no before the verdict clears."""
    every: Duration = ""
    """How often the question is asked; by default as often as its window needs, or whenever a value changed."""
    gone: Literal["clear", "keep"] = "clear"
    """What becomes of a verdict whose thing is no longer there."""
    meaning: Annotated[str, Meta(max_length=1500)] = ""
    shows: Annotated[tuple[Source, ...], Meta(max_length=8)] = ()
    """Metrics of the thing that its evidence has beside those that the check reads."""
    threshold: Annotated[str, Meta(max_length=800)] = ""
    """Why the limit is what it is, with its source."""
    next_step: Annotated[str, Meta(max_length=1500)] = ""
    """What to look at or to do, with commands."""


class Rule(RuleText, frozen=True, kw_only=True, rename={"hold": "for"}):
    """A rule with its name and its check."""

    name: str
    check: Check
    origin: str = ""
    """The file that had the last word on it; empty for a rule as shipped."""

    @property
    def level(self) -> Severity:
        """The severity that its verdicts have."""
        return Severity[self.severity.upper()]

    @property
    def every_ns(self) -> int:
        """Time between two evaluations; 0 for whenever a value changed."""
        if self.every:
            return duration_ns(self.every)
        if isinstance(self.check, Forecast):
            return max(duration_ns(self.check.window) // 1000, 60 * SECOND)
        if isinstance(self.check, Happened | Flaps) or not self.window_ns:
            return 0
        return min(max(self.window_ns // 12, SECOND), 10 * SECOND)

    @property
    def window_ns(self) -> int:
        """How far back its check looks; 0 when only the present counts."""
        window = getattr(self.check, "window", "") or getattr(getattr(self.check, "of", None), "window", "")
        return duration_ns(window) if window else 0

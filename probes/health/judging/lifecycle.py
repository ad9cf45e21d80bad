"""The life of a verdict: pending, raised, held down, cleared. Pure; times are monotonic, in ns."""

from __future__ import annotations

import enum
from typing import NamedTuple

from fabricscope.model import Severity
from probes.health.evidence.operand import Key
from probes.health.judging.judge import UNKNOWN, Judgement
from probes.health.language.vocabulary import SECOND

UNKNOWN_FOR = 86400 * SECOND
"""A verdict of which nothing could be told for so long clears: nobody samples the thing any more."""
_LAPSE = 60 * SECOND
"""A pending verdict starts over when nothing could be told for this long, or for as long as it has to hold."""


class Phase(enum.Enum):
    """Where a thing stands with one rule."""

    QUIET = "quiet"
    PENDING = "pending"
    RAISED = "raised"


class Step(enum.Enum):
    """What an answer came to; the values are the last words of events' kinds."""

    NOTHING = ""
    RAISED = "raised"
    CHANGED = "changed"
    CLEARED = "cleared"


class Patience(NamedTuple):
    """How long a rule waits, in ns."""

    hold: int
    hold_down: int


class Cell:
    """One rule on one thing."""

    # fmt: off
    __slots__ = (
        "clear_since", "eased_since", "judgement", "key", "known_at", "phase", "sampler", "severity", "since",
        "withheld", "worst",
    )
    # fmt: on

    def __init__(self, key: Key) -> None:
        self.key = key
        self.phase = Phase.QUIET
        self.judgement: Judgement = UNKNOWN
        """The latest one."""
        self.since = 0
        """Since when it is pending; when raised, when it was raised (unix ns)."""
        self.known_at = 0
        """When an answer was last known."""
        self.clear_since: int | None = None
        """For a raised verdict: since when the answer is no."""
        self.eased_since: int | None = None
        """For a critical verdict: since when it would no longer be."""
        self.severity = Severity.INFO
        self.worst: Judgement = UNKNOWN
        """Of the answers that were yes since it became pending, the one farthest beyond its limit."""
        self.withheld = False
        """Whether the check says yes and what the rule asks for to raise it is not so."""
        self.sampler = ""
        """Where the thing's values come from; empty when unknown."""

    def advance(self, judgement: Judgement, severity: Severity, now: int, wall: int, patience: Patience) -> Step:
        """Take in an answer, with the severity that a verdict would have. What is not known changes nothing."""
        if judgement.answer is None and self.phase is Phase.RAISED:
            # What raised it stays its reason until something else is known.
            judgement = judgement._replace(value=self.judgement.value, limit=self.judgement.limit)
        self.judgement = judgement
        if judgement.answer is None:
            if self.phase is Phase.RAISED and now - self.known_at >= UNKNOWN_FOR:
                return self._clear()
            return Step.NOTHING
        lapsed = now - self.known_at > max(patience.hold, _LAPSE)
        self.known_at = now
        if not judgement.answer:
            return self._no(now, patience)
        anew = self.phase is Phase.QUIET or (lapsed and self.phase is Phase.PENDING)
        if anew or _beyond(judgement) >= _beyond(self.worst):
            self.worst = judgement
        if self.phase is Phase.RAISED:
            self.clear_since = None
            return self._graded(severity, now, patience)
        if anew:
            self.phase, self.since = Phase.PENDING, now
        if now - self.since < patience.hold:
            return Step.NOTHING
        self.phase, self.since, self.severity = Phase.RAISED, wall, severity
        self.clear_since = self.eased_since = None
        return Step.RAISED

    def restore(self, severity: Severity, since: int, clear_since: int | None, now: int) -> None:
        """Go on as a verdict that was raised at `since` (unix ns), before this probe started."""
        self.phase, self.since, self.severity = Phase.RAISED, since, severity
        self.clear_since, self.known_at = clear_since, now

    def _no(self, now: int, patience: Patience) -> Step:
        if self.phase is not Phase.RAISED:
            self.phase = Phase.QUIET
            return Step.NOTHING
        if self.clear_since is None:
            self.clear_since = now
        return self._clear() if now - self.clear_since >= patience.hold_down else Step.NOTHING

    def _clear(self) -> Step:
        self.phase, self.clear_since, self.eased_since = Phase.QUIET, None, None
        return Step.CLEARED

    def _graded(self, severity: Severity, now: int, patience: Patience) -> Step:
        """A verdict gets worse at once, and better after the hold-down."""
        if severity >= self.severity:
            self.eased_since = None
        elif self.eased_since is None:
            self.eased_since = now
        if severity == self.severity:
            return Step.NOTHING
        if severity < self.severity and now - (self.eased_since or now) < patience.hold_down:
            return Step.NOTHING
        self.severity, self.eased_since = severity, None
        return Step.CHANGED


def _beyond(judgement: Judgement) -> float:
    """How far a value is from its limit; less than nothing when one of them is not known."""
    if judgement.value is None or judgement.limit is None:
        return -1.0
    return abs(judgement.value - judgement.limit)

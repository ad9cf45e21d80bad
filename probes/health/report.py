"""What `fabricscope doctor` says, as text and as JSON. Pure."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from fabricscope.model import Now
from probes.health.judging.verdict import Verdict
from probes.health.language import wording
from probes.health.language.vocabulary import SECOND
from probes.health.state import Unjudged

VERSION = 1
"""Of the JSON; it counts up when a field goes away or changes its meaning."""


class Status(enum.Enum):
    """How the host is, with the exit code that says so. 2 is a wrong command line or configuration."""

    OK = ("ok", 0)
    WARNING = ("warning", 1)
    CRITICAL = ("critical", 3)
    UNKNOWN = ("unknown", 4)
    """Nothing could be sampled."""

    @property
    def word(self) -> str:
        """In JSON and text."""
        return self.value[0]

    @property
    def code(self) -> int:
        """The exit code."""
        return self.value[1]


class Examination(NamedTuple):
    """What is known of a host."""

    host: str
    source: str
    """`probe`: from the running probe; `samples`: from samples that were taken for this."""
    age_ns: int
    """How old it is."""
    seconds: float
    """For how long was sampled for it; 0 when the probe did."""
    rules: int
    verdicts: Sequence[Verdict]
    unjudged: Sequence[Unjudged]
    samplers: Sequence[str]
    """Whose values were judged."""
    failures: dict[str, str]
    """Samplers that gave nothing, with the reason."""
    notes: Sequence[str] = ()
    """What else a person should know."""

    @property
    def status(self) -> Status:
        """The worst that is there."""
        severities = {verdict.severity for verdict in self.verdicts}
        if "critical" in severities:
            return Status.CRITICAL
        if "warning" in severities:
            return Status.WARNING
        return Status.OK if self.samplers else Status.UNKNOWN


def as_json(examined: Examination, now: Now) -> dict[str, Any]:
    """For scripts; docs/health.md describes each field."""
    return {
        "version": VERSION,
        "host": examined.host,
        "time": wording.moment(now.wall),
        "status": examined.status.word,
        "exit_code": examined.status.code,
        "source": examined.source,
        "age_seconds": round(examined.age_ns / SECOND, 3),
        "sampled_seconds": examined.seconds,
        "rules": examined.rules,
        "verdicts": msgspec.to_builtins(list(examined.verdicts)),
        "unjudged": msgspec.to_builtins(list(examined.unjudged)),
        "samplers": list(examined.samplers),
        "failures": examined.failures,
        "notes": list(examined.notes),
    }


def as_text(examined: Examination) -> str:
    """For people."""
    return "\n".join(_lines(examined))


def _lines(examined: Examination) -> Iterator[str]:
    count = len(examined.verdicts)
    found = "nothing is wrong" if not count else f"{count} verdict{'s' if count > 1 else ''}"
    if examined.status is Status.UNKNOWN:
        found = "nothing could be sampled, so that nothing is known"
    if examined.source == "probe":
        origin = f"by the running probe, {wording.span(examined.age_ns / SECOND)} ago"
    else:
        origin = f"by {wording.span(examined.seconds)} of samples"
    yield f"{examined.host}: {found} ({examined.rules} rules, {origin})"
    for verdict in examined.verdicts:
        yield ""
        yield f"{verdict.severity.upper():<8}  {verdict.rule}  since {verdict.since}"
        yield f"          {verdict.summary}"
        for shown in verdict.evidence:
            labels = ",".join(f"{name}={value}" for name, value in shown.labels.items() if value)
            over = "" if shown.over == "latest" else f" ({shown.over})"
            yield f"          - {shown.metric}{{{labels}}}{over} = {wording.quantity(shown.value, shown.unit)}"
        if verdict.meaning:
            yield f"          {verdict.meaning}"
        if verdict.next_step:
            yield f"          next: {verdict.next_step}"
        if verdict.clearing_since_unix_ns is not None:
            yield f"          the cause is gone since {wording.moment(verdict.clearing_since_unix_ns)}"
    if examined.unjudged:
        yield ""
        yield "not judged, for want of evidence (things that could be judged, of all):"
        yield from (f"  {one.rule} ({one.known} of {one.things})" for one in examined.unjudged)
    if examined.failures:
        yield ""
        yield from (f"sampler {name} gave nothing: {reason}" for name, reason in examined.failures.items())
    yield from examined.notes

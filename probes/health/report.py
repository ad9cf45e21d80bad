"""What `fabricscope doctor` says, as text and as JSON. Pure."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from fabricscope.cli import plain
from fabricscope.model import Now
from probes.health.failures import GRAVE
from probes.health.judging.verdict import Verdict
from probes.health.language import wording
from probes.health.language.vocabulary import SECOND
from probes.health.state import Unjudged, Withheld

VERSION = 1
"""Of the JSON; it counts up when a field goes away or changes its meaning."""


class Status(enum.Enum):
    """How the host is, with the exit code that says so. 2 is a wrong command line or configuration."""

    OK = ("ok", 0)
    WARNING = ("warning", 1)
    CRITICAL = ("critical", 3)
    UNKNOWN = ("unknown", 4)
    """No device could be examined."""

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
    examined: Mapping[str, int]
    """How many things of each sampler there were values of that rules judge."""
    failures: Mapping[str, str]
    """Samplers that do not work, with the reason."""
    notes: Sequence[str] = ()
    """What else a person should know."""
    withheld: Sequence[Withheld] = ()
    """Things of which a check says yes, and that are not judged."""
    doubts: Sequence[str] = ()
    """What the operator's rules ask for and no sampler has."""

    @property
    def status(self) -> Status:
        """The worst that is there."""
        severities = {verdict.severity for verdict in self.verdicts}
        if "critical" in severities or GRAVE & set(self.failures):
            return Status.CRITICAL
        if not self.examined:
            return Status.UNKNOWN
        return Status.WARNING if "warning" in severities or self.failures else Status.OK


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
        "samplers": list(examined.examined),
        "examined": dict(examined.examined),
        "withheld": msgspec.to_builtins(list(examined.withheld)),
        "failures": dict(examined.failures),
        "notes": list(examined.notes),
    }


def as_text(examined: Examination) -> str:
    """For people."""
    return "\n".join(map(plain, _lines(examined)))


def _lines(examined: Examination) -> Iterator[str]:
    count = len(examined.verdicts)
    failed = len(examined.failures)
    found = f"{count} verdict{'s' if count > 1 else ''}" if count else ""
    if failed:
        blind = f"{failed} sampler{'s' if failed > 1 else ''} that failed"
        found = f"{found}, {blind}" if found else f"no verdict, {blind}"
    if examined.status is Status.UNKNOWN:
        found = f"{found}: " if found else ""
        found += "no device could be examined, so that nothing is known"
    if examined.source == "probe":
        origin = f"by the running probe, {wording.span(examined.age_ns / SECOND)} ago"
    else:
        origin = f"by {wording.span(examined.seconds)} of samples"
    yield f"{examined.host}: {found or 'nothing is wrong'} ({examined.rules} rules, {origin})"
    if examined.examined:
        yield "examined: " + ", ".join(f"{name} {things}" for name, things in examined.examined.items())
    for name, reason in examined.failures.items():
        yield ""
        severity = "CRITICAL" if name in GRAVE else "WARNING"
        yield f"{severity:<8}  sampler {name} does not work: nothing of it is known"
        yield f"          {reason}"
        yield f"          next: `fabricscope once {name}`"
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
    if examined.withheld:
        yield ""
        yield "not judged, since it may be meant to be so:"
        for thing in examined.withheld:
            yield f"  {thing.summary} ({wording.thing(thing.subject)}): {thing.reason} ({thing.rule})"
    if examined.unjudged:
        yield ""
        yield "not judged, for want of evidence (things that could be judged, of all):"
        yield from (f"  {one.rule} ({one.known} of {one.things})" for one in examined.unjudged)
    yield from examined.notes

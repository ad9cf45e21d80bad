"""A verdict as people, schedulers and the state file get it; and the events that tell of one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta, Struct

from fabricscope.model import Event, Now, Quality, Severity
from probes.health.evidence.operand import Operand
from probes.health.evidence.track import Track
from probes.health.judging.forecast import JudgeForecast
from probes.health.judging.happened import JudgeHappened
from probes.health.judging.inquiry import Change, Inquiry
from probes.health.judging.judge import Judgement, JudgeSaturated
from probes.health.judging.lifecycle import Cell, Phase, Step
from probes.health.language import wording
from probes.health.language.checks import Flaps, Forecast, Increase, Peers, Rate, Ratio, Saturated, Value
from probes.health.language.vocabulary import SECOND

MAX_EVIDENCE = 12
"""Values that a verdict shows."""
_MAX_TEXT = 1500

_Text = Annotated[str, Meta(max_length=4096)]
_Labels = Annotated[dict[_Text, _Text], Meta(max_length=32)]
_Time = Annotated[int, Meta(ge=0, le=(1 << 63) - 1)]


class Shown(Struct, frozen=True, forbid_unknown_fields=True):
    """One value that a verdict rests on."""

    metric: _Text
    labels: _Labels
    over: _Text
    """How it was read: `latest`, or such as `increase over 5m`."""
    value: float
    unit: _Text = ""


class Verdict(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is wrong with one thing."""

    rule: _Text
    severity: _Text
    """`info`, `warning` or `critical`."""
    subject: _Labels
    summary: _Text
    """What is wrong, with the thing's name and the values."""
    since_unix_ns: _Time
    since: _Text
    value: float | None = None
    """The present one; while it clears, the worst of those that raised it."""
    present: float | None = None
    """While it clears: the present value."""
    limit: float | None = None
    unit: _Text = ""
    """Of the value. That of a forecast is the time until the limit is passed, in seconds."""
    window: _Text = ""
    date: _Text = ""
    """For a forecast: when the limit is passed."""
    evidence: Annotated[tuple[Shown, ...], Meta(max_length=MAX_EVIDENCE)] = ()
    meaning: _Text = ""
    next_step: _Text = ""
    clearing_since_unix_ns: _Time | None = None
    """Since when the cause is gone, while the rule's hold-down lasts."""
    sampler: _Text = ""
    """Where the values come from."""


def verdict(inquiry: Inquiry, cell: Cell, now: Now) -> Verdict:
    """The verdict of a rule on a thing, for which it is raised, or was until now."""
    rule, judgement = inquiry.rule, _told(inquiry, cell)
    evidence = shown(inquiry, cell, now)
    subject = dict(zip(rule.by, cell.key, strict=True))
    unit = _unit(inquiry, cell)
    is_forecast = isinstance(rule.check, Forecast)
    value = judgement.value
    date = wording.moment(now.wall + int(value * SECOND)) if is_forecast and value is not None else ""
    return Verdict(
        rule=rule.name,
        severity=cell.severity.name.lower(),
        subject=subject,
        summary=_summary(inquiry, cell, unit, date),
        since_unix_ns=max(cell.since, 0),
        since=wording.moment(cell.since),
        value=value,
        present=None if judgement is cell.judgement else cell.judgement.value,
        limit=judgement.limit,
        unit=unit,
        window=getattr(rule.check, "window", "") or getattr(getattr(rule.check, "of", None), "window", ""),
        date=date,
        evidence=evidence,
        meaning=rule.meaning,
        next_step=_next_step(inquiry, cell, subject),
        clearing_since_unix_ns=None if cell.clear_since is None else max(cell.clear_since - now.mono + now.wall, 0),
        sampler=cell.sampler,
    )


def event(change: Change, now: Now) -> Event:
    """The event that tells what became of a verdict."""
    inquiry, cell, step, reason = change
    about = verdict(inquiry, cell, now)
    severity = Severity.INFO if step is Step.CLEARED else cell.severity
    attributes = {
        "rule": about.rule,
        "severity": about.severity,
        "since": about.since,
        "present": "" if about.present is None else f"{about.present:.9g}",
        "value": "" if about.value is None else f"{about.value:.9g}",
        "limit": "" if about.limit is None else f"{about.limit:.9g}",
        "unit": about.unit,
        "window": about.window,
        "date": about.date,
        "evidence": _one_line(about.evidence),
        "next_step": about.next_step,
        "reason": reason if step is Step.CLEARED else "",
    }
    message = about.summary if step is not Step.CLEARED else f"cleared: {_name(inquiry, cell)}: {reason}"
    return Event(
        time_unix_ns=now.wall,
        monotonic_ns=now.mono,
        kind=f"verdict.{step.value}",
        severity=severity,
        message=message[:_MAX_TEXT],
        subject={name: value[:_MAX_TEXT] for name, value in about.subject.items()},
        attributes={name: value[:_MAX_TEXT] for name, value in attributes.items() if value},
    )


def buried(known: Verdict, reason: str, now: Now) -> Event:
    """The event that tells of a verdict's end when its rule cannot."""
    return Event(
        time_unix_ns=now.wall,
        monotonic_ns=now.mono,
        kind="verdict.cleared",
        severity=Severity.INFO,
        message=f"cleared: {known.summary}: {reason}"[:_MAX_TEXT],
        subject={name: value[:_MAX_TEXT] for name, value in known.subject.items()},
        attributes={"rule": known.rule, "severity": known.severity, "since": known.since, "reason": reason},
    )


def shown(inquiry: Inquiry, cell: Cell, now: Now) -> tuple[Shown, ...]:
    """The values that the present answer rests on; of counters that did not move only as many as there is room for."""
    found: dict[tuple[str, tuple[str, ...], str], Shown] = {}
    for operand in inquiry.operands():
        tracks = operand.tracks(cell.key)
        if isinstance(inquiry.judge, JudgeSaturated) and operand.primary:
            tracks = [track for track in tracks if track.quality is Quality.SATURATED]
        for track in tracks[:MAX_EVIDENCE]:
            if (value := operand.shown(track, now.mono)) is None or len(found) >= 4 * MAX_EVIDENCE:
                continue
            over = _over(operand, inquiry)
            spec, labels = track.series
            named = dict(zip(spec.labels, labels, strict=True))
            found.setdefault((spec.name, labels, over), Shown(spec.name, named, over, value, spec.unit))
    if isinstance(inquiry.judge, JudgeHappened) and (text := inquiry.judge.last(cell.key)):
        said = {"message": text[:_MAX_TEXT]}
        if action := inquiry.judge.action(cell.key):
            said["action"] = action[:_MAX_TEXT]
        found[text, (), ""] = Shown("event", said, "last", cell.judgement.value or 0.0)
    moved = [value for value in found.values() if value.value or not value.over.startswith("increase")]
    still = [value for value in found.values() if value not in moved]
    return tuple([*moved, *still][:MAX_EVIDENCE])


def _told(inquiry: Inquiry, cell: Cell) -> Judgement:
    """The judgement that a verdict shows: when its cause is gone, what it was raised for."""
    is_over = cell.clear_since is not None or cell.phase is not Phase.RAISED
    if not is_over or cell.worst.value is None or isinstance(inquiry.rule.check, Forecast):
        return cell.judgement
    return cell.worst


def _next_step(inquiry: Inquiry, cell: Cell, subject: dict[str, str]) -> str:
    text = wording.filled(inquiry.rule.next_step, subject)
    action = inquiry.judge.action(cell.key) if isinstance(inquiry.judge, JudgeHappened) else ""
    return f"What the event says: {action[:_MAX_TEXT]}. {text}" if action else text


def _over(operand: Operand, inquiry: Inquiry) -> str:
    if operand.counts:
        return f"increase over {getattr(inquiry.rule.check, 'window', '')}"
    source = operand.source
    return source.over if source.over == "latest" else f"{source.over} over {source.window}"


def _first(inquiry: Inquiry, cell: Cell) -> Track | None:
    for operand in inquiry.judge.operands():
        if operand.primary and (tracks := operand.tracks(cell.key)):
            return tracks[0]
    return None


def _unit(inquiry: Inquiry, cell: Cell) -> str:
    """The unit of the check's value."""
    check, track = inquiry.rule.check, _first(inquiry, cell)
    unit = "" if track is None else track.series.spec.unit
    if isinstance(check, Value | Peers | Increase):
        return unit
    if isinstance(check, Rate):
        # A time per time is a share of it.
        return "ratio" if unit == "seconds" else f"{unit}_per_second".lstrip("_")
    if isinstance(check, Ratio):
        return "ratio"
    return "seconds" if isinstance(check, Forecast) else ""


def _name(inquiry: Inquiry, cell: Cell) -> str:
    about = wording.thing(dict(zip(inquiry.rule.by, cell.key, strict=True)))
    return f"{inquiry.rule.summary} ({about})" if about else inquiry.rule.summary


def _summary(inquiry: Inquiry, cell: Cell, unit: str, date: str) -> str:
    """A line that says what is wrong with what, and the number that shows it."""
    check, judgement = inquiry.rule.check, _told(inquiry, cell)
    value, limit = judgement.value, judgement.limit
    if value is None:
        return _name(inquiry, cell)
    if isinstance(check, Forecast):
        return f"{_name(inquiry, cell)}: on {date[:10]}, in {wording.span(value)}" + _drift(inquiry, cell)
    if isinstance(check, Flaps):
        said = f"{wording.number(value)} times in {check.window}"
    elif isinstance(check, Saturated):
        said = f"{wording.number(value)} counters"
    else:
        said = wording.quantity(value, unit)
        if isinstance(check, Value | Peers | Rate | Ratio) and limit is not None:
            said += f", limit {wording.quantity(limit, unit)}"
        elif not isinstance(check, Value | Peers):
            said += f" in {check.window}"
    if judgement is not cell.judgement and cell.judgement.value is not None:
        said += f"; now {wording.quantity(cell.judgement.value, unit)}"
    return f"{_name(inquiry, cell)}: {said}"


def _drift(inquiry: Inquiry, cell: Cell) -> str:
    judge, check = inquiry.judge, inquiry.rule.check
    slope = judge.slope(cell.key) if isinstance(judge, JudgeForecast) else None
    if slope is None or not isinstance(check, Forecast):
        return ""
    # A factor e^x is 4.34 x decibels.
    return f" ({slope * 4.342944819:+.3g} dB a day)" if check.scale == "log" else f" ({slope:+.3g} a day)"


def _one_line(evidence: Iterable[Shown]) -> str:
    parts = []
    for value in evidence:
        labels = ",".join(f'{name}="{text}"' for name, text in value.labels.items())
        over = "" if value.over == "latest" else f" ({value.over})"
        parts.append(f"{value.metric}{{{labels}}}{over} = {wording.quantity(value.value, value.unit)}")
    return "; ".join(parts)

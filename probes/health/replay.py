"""Rules on recorded evidence: what would have been raised and cleared, and when. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

from fabricscope.cli import plain
from fabricscope.model import Event, Now, Sampled
from probes.health.health import Health
from probes.health.judging.verdict import Verdict
from probes.health.language import wording
from probes.health.language.rule import Rule

_OWN = "verdict."


class Evidence(Protocol):
    """A recording: probes.recorder.recording.Recording is one."""

    def batches(self) -> Iterator[tuple[Now, Sampled]]:
        """What samplers gave, in the order of time."""
        ...

    def events(self) -> Iterator[Event]:
        """What happened, in the order of time."""
        ...


class Replayed(NamedTuple):
    """What a set of rules made of a recording."""

    events: list[Event]
    """What became of verdicts."""
    active: list[Verdict]
    """Those that were there when it ended."""


class Replay(NamedTuple):
    """What the rules made of a recording, and what others made of it."""

    ours: Replayed
    others: Replayed | None
    start: Now | None
    end: Now | None
    batches: int


class _Steady:
    """Monotonic time over restarts and reboots of the recorded host, which begin it anew."""

    def __init__(self) -> None:
        self._last: Now | None = None
        self._offset = 0

    def at(self, now: Now) -> Now:
        """The moment with a monotonic time that never goes back."""
        last = self._last
        mono = now.mono + self._offset
        if last is not None and mono < last.mono:
            # The wall clock says how long it was away, unless it was set back.
            self._offset += last.mono + max(now.wall - last.wall, 0) - mono
            mono = now.mono + self._offset
        self._last = Now(now.wall, mono)
        return self._last


def replay(recording: Evidence, rules: Sequence[Rule], others: Sequence[Rule] | None = None) -> Replay:
    """Judge a recording by `rules`, and in the same pass by `others` for a comparison."""
    healths = [Health(rules)] if others is None else [Health(rules), Health(others)]
    told: list[list[Event]] = [[] for _ in healths]
    start = end = None
    batches = 0
    for now, sampled, events in _merged(recording):
        start, end = start or now, now
        batches += sampled is not None
        for health, heard in zip(healths, told, strict=True):
            heard += health.observe([] if sampled is None else [sampled], events, now)
    results = [
        Replayed(heard, [] if end is None else health.verdicts(end))
        for health, heard in zip(healths, told, strict=True)
    ]
    return Replay(results[0], results[1] if others is not None else None, start, end, batches)


def _merged(recording: Evidence) -> Iterator[tuple[Now, Sampled | None, list[Event]]]:
    """Batches, each with the events up to it. What the recorded probe itself made of it is left out."""
    steady = _Steady()
    events = (event for event in recording.events() if not event.kind.startswith(_OWN))
    waiting = next(events, None)
    for now, sampled in recording.batches():
        due: list[Event] = []
        while waiting is not None and waiting.time_unix_ns <= now.wall:
            due.append(waiting)
            waiting = next(events, None)
        yield steady.at(now), sampled, due
    while waiting is not None:
        yield steady.at(Now(waiting.time_unix_ns, waiting.monotonic_ns)), None, [waiting]
        waiting = next(events, None)


def as_json(result: Replay) -> dict[str, Any]:
    """For scripts."""
    import msgspec

    shown: dict[str, Any] = {
        "version": 1,
        "start": None if result.start is None else wording.moment(result.start.wall),
        "end": None if result.end is None else wording.moment(result.end.wall),
        "batches": result.batches,
        "timeline": [_row(event) for event in result.ours.events],
        "active": msgspec.to_builtins(result.ours.active),
    }
    if result.others is not None:
        shown["shipped"] = {
            "timeline": [_row(event) for event in result.others.events],
            "active": msgspec.to_builtins(result.others.active),
        }
    return shown


def as_text(result: Replay) -> str:
    """For people: a line for each change; of a comparison only what differs, `-` for the shipped rules alone."""
    return "\n".join(map(plain, _lines(result)))


def _lines(result: Replay) -> Iterator[str]:
    if result.start is None or result.end is None:
        yield "the recording is empty"
        return
    span = wording.span((result.end.wall - result.start.wall) / 1e9)
    yield f"{wording.moment(result.start.wall)} to {wording.moment(result.end.wall)} ({span}, {result.batches} batches)"
    if result.others is None:
        yield from (_line(" ", event) for event in result.ours.events)
    else:
        yield from _differences(result.ours.events, result.others.events)
    raised = sum(event.kind == "verdict.raised" for event in result.ours.events)
    summary = f"{raised} raised, {len(result.ours.active)} active at the end"
    if result.others is not None:
        raised = sum(event.kind == "verdict.raised" for event in result.others.events)
        summary += f"; shipped rules: {raised} raised, {len(result.others.active)} active at the end"
    yield summary


def _differences(ours: Iterable[Event], shipped: Iterable[Event]) -> Iterator[str]:
    mine, theirs = ({_identity(event): event for event in events} for events in (ours, shipped))
    marked = [("+", event) for key, event in mine.items() if key not in theirs]
    marked += [("-", event) for key, event in theirs.items() if key not in mine]
    if not marked:
        yield "no difference to the shipped rules"
    for mark, event in sorted(marked, key=lambda pair: (pair[1].time_unix_ns, pair[1].message)):
        yield _line(mark, event)


def _identity(event: Event) -> tuple[object, ...]:
    return event.time_unix_ns, event.kind, event.attributes["rule"], tuple(event.subject.items())


def _line(mark: str, event: Event) -> str:
    word = event.kind.removeprefix(_OWN)
    severity = event.attributes.get("severity", "")
    said = f"{event.attributes['rule']}: {event.message}"
    return f"{mark} {wording.moment(event.time_unix_ns)}  {word:<7}  {severity:<8}  {said}"


def _row(event: Event) -> dict[str, Any]:
    return {
        "time": wording.moment(event.time_unix_ns),
        "time_unix_ns": event.time_unix_ns,
        "change": event.kind.removeprefix(_OWN),
        "subject": event.subject,
        "message": event.message,
        **{name: event.attributes[name] for name in ("rule", "severity") if name in event.attributes},
        **{name: event.attributes[name] for name in ("value", "limit", "reason") if name in event.attributes},
    }

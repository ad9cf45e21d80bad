"""What is said of recordings to people and scripts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fabricscope.cli import plain
from fabricscope.clock import NANOSECONDS
from fabricscope.settings import section
from probes.recorder import flight
from probes.recorder.recording import Recording
from probes.recorder.schema import RecordingError
from probes.recorder.settings import RecorderSettings
from probes.settings import ProbeSettings

_MIB = 1 << 20
_SHOWN_EVENTS = 20
_SHOWN_CHANNELS = 20
_ELSEWHERE = "look elsewhere with --set probe.recorder.directory=DIRECTORY"


def settings_of(document: Mapping[str, Any]) -> RecorderSettings:
    """The recorder's settings in a configuration. Raises SettingsError."""
    return section(document, "probe", ProbeSettings).recorder


def listed(settings: RecorderSettings) -> list[dict[str, Any]]:
    """A row for each recording and for the journal, oldest first; one that cannot be read says why.

    Raises RecordingError for a directory that is none, or that this user may not look into.
    """
    where = Path(settings.directory)
    try:
        journal = [path for path in flight.kept(where) if path == settings.journal]
        if not where.exists():
            raise RecordingError(f"{where}: there is no such directory, so no probe has recorded here; {_ELSEWHERE}")
        recordings = flight.kept(settings.recordings)
    except PermissionError as error:
        raise RecordingError(
            f"{error.filename}: cannot be looked into: {error.strerror}; become a user who may"
        ) from error
    except (OSError, ValueError) as error:
        raise RecordingError(f"{where}: {getattr(error, 'strerror', None) or error}; {_ELSEWHERE}") from error
    return [_row(path) for path in [*journal, *recordings]]


def as_table(rows: Sequence[Mapping[str, Any]], settings: RecorderSettings) -> str:
    """The rows for a terminal."""
    if not rows:
        return f"{settings.directory}: nothing was recorded here yet; {_ELSEWHERE}"
    lines = []
    for row in rows:
        what = row["error"] or f"{row['kind']:<8}  {row['start']}  {row['seconds']:>9,.0f} s  {row['trigger']}"
        lines.append(f"{row['bytes'] / _MIB:>8.1f} MiB  {row['file']}  {what}".rstrip())
    return "\n".join(map(plain, lines))


def summary(recording: Recording) -> dict[str, Any]:
    """What is in a recording. Raises RecordingError."""
    samplers = Counter(sampled.series_set.sampler for _, sampled in recording.batches())
    span = recording.span()
    return {
        "meta": {key: value for key, value in recording.meta.items() if key != "trigger"},
        "trigger": _trigger(recording.meta),
        "start": _time(span[0]) if span else None,
        "end": _time(span[1]) if span else None,
        "counts": recording.counts(),
        "batches_by_sampler": dict(sorted(samplers.items())),
        "channels": [f"{each.device} {each.port} {each.counter}".replace("  ", " ") for each in recording.channels()],
        "events": [
            {
                "time": _time(event.time_unix_ns),
                "kind": event.kind,
                "severity": event.severity.name.lower(),
                "message": event.message,
            }
            for event in recording.events()
        ],
    }


def as_text(shown: Mapping[str, Any]) -> str:
    """The same for a terminal."""
    lines = [f"{key:<18}{value}" for key, value in shown["meta"].items()]
    if shown["trigger"]:
        lines.append(f"{'trigger':<18}{shown['trigger'].get('kind')}: {shown['trigger'].get('message')}")
    lines.append(f"{'from':<18}{shown['start'] or '-'}")
    lines.append(f"{'to':<18}{shown['end'] or '-'}")
    counts = ", ".join(f"{name} {count}" for name, count in shown["batches_by_sampler"].items())
    lines.append(f"{'batches':<18}{shown['counts']['batches']}{f' ({counts})' if counts else ''}")
    lines.append(f"{'steps':<18}{shown['counts']['steps']} blocks of {len(shown['channels'])} channels")
    lines += _first(shown["channels"], _SHOWN_CHANNELS)
    lines.append(f"{'events':<18}{shown['counts']['events']}")
    told = [f"{event['time']}  {event['severity']:<8}  {event['message']}" for event in shown["events"]]
    lines += _first(told, _SHOWN_EVENTS)
    return "\n".join(map(plain, lines))


def _first(rows: Sequence[str], limit: int) -> list[str]:
    more = [f"  ... and {len(rows) - limit} more"] if len(rows) > limit else []
    return [f"  {row}" for row in rows[:limit]] + more


def _row(path: Path) -> dict[str, Any]:
    row: dict[str, Any] = {"file": str(path), "bytes": 0, "kind": "", "start": "", "seconds": 0.0, "trigger": ""}
    row["error"] = ""
    try:
        row["bytes"] = path.stat().st_size
        with Recording.open(path) as recording:
            span = recording.span()
            row["kind"] = recording.meta.get("kind", "")
            trigger = _trigger(recording.meta)
    except (RecordingError, OSError) as error:
        row["error"] = str(error)
        return row
    if span is not None:
        row["start"] = _time(span[0])
        row["seconds"] = (span[1] - span[0]) / NANOSECONDS
    row["trigger"] = str(trigger.get("message", "")) if trigger else ""
    return row


def _trigger(meta: Mapping[str, str]) -> dict[str, Any]:
    """The event that a recording was made for; nothing when it tells of none."""
    try:
        found = json.loads(meta.get("trigger", "{}"))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _time(unix_ns: int) -> str:
    return datetime.fromtimestamp(unix_ns // NANOSECONDS, UTC).isoformat().replace("+00:00", "Z")

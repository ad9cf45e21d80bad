"""Recordings of what led to an event: which events make one, how it is written, and how many are kept.

Synchronous; nothing here knows a clock or a thread.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path

import msgspec

from fabricscope.clock import NANOSECONDS
from fabricscope.model import Event, Now
from probes.engine.steps import FrozenSteps
from probes.recorder.evidence import Journal
from probes.recorder.schema import SUFFIX
from probes.recorder.settings import FlightSettings, severity
from probes.recorder.writer import RecordingWriter

PARTIAL = ".part"
"""Suffix of a recording that is being written."""
_NAME_LENGTH = 80
_SAME_SECOND = 100
"""Recordings of one kind of event in one second that find a name."""


class Trigger:
    """Which events make a recording, and not too often."""

    def __init__(self, settings: FlightSettings) -> None:
        self._settings = settings
        self._severity = severity(settings.min_severity)
        self._next: int | None = None

    def matches(self, event: Event) -> bool:
        """Whether an event of this kind and severity makes a recording."""
        settings = self._settings
        return (
            settings.enabled
            and event.severity >= self._severity
            and any(fnmatchcase(event.kind, pattern) for pattern in settings.kinds)
        )

    def fires(self, now: Now) -> bool:
        """Whether it is time for another recording; then the next has to wait again."""
        if self._next is not None and now.mono < self._next:
            return False
        self._next = now.mono + int(self._settings.min_interval_seconds * NANOSECONDS)
        return True


def write(
    directory: Path, host: str, event: Event, steps: FrozenSteps | None, journal: Journal | None, since: int, now: Now
) -> Path:
    """A recording of the event, the steps and the journal since a time (unix ns); its path.

    It appears under its name only when it is whole and on the disk. Raises OSError and sqlite3.Error; then there is
    none.
    """
    directory.mkdir(parents=True, exist_ok=True)
    path = _free_name(directory, event)
    partial = path.with_name(path.name + PARTIAL)
    partial.unlink(missing_ok=True)
    try:
        writer = RecordingWriter.create(
            partial, host=host, kind="flight", meta={"trigger": msgspec.json.encode(event).decode()}
        )
        try:
            # Nobody sees it before it is whole: a journal of its own would only cost.
            writer.database.execute("PRAGMA journal_mode=OFF")
            writer.database.execute("PRAGMA synchronous=OFF")
            with writer.transaction():
                if journal is not None:
                    journal.copy_since(since, writer)
                else:
                    writer.add_event(event)
                if steps is not None:
                    _add_steps(writer, steps, now)
        finally:
            writer.close()
        _to_disk(partial)
        partial.replace(path)
        _to_disk(directory)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    return path


def kept(directory: Path) -> list[Path]:
    """The recordings in a directory, oldest first; none when it is not there."""
    try:
        names = sorted(entry.name for entry in os.scandir(directory) if entry.name.endswith(SUFFIX) and entry.is_file())
    except FileNotFoundError:
        return []
    return [directory / name for name in names]


def tidy(directory: Path, max_recordings: int, max_bytes: int) -> Iterator[Path]:
    """Remove the oldest recordings beyond the bounds, but never the newest one; yields those that went."""
    recordings = kept(directory)
    sizes = {path: path.stat().st_size for path in recordings}
    total = sum(sizes.values())
    for place, path in enumerate(recordings[:-1]):
        if len(recordings) - place <= max_recordings and total <= max_bytes:
            return
        path.unlink(missing_ok=True)
        total -= sizes[path]
        yield path


def remove_partial(directory: Path) -> None:
    """Remove what a probe that was killed had begun."""
    for path in directory.glob(f"*{SUFFIX}{PARTIAL}"):
        path.unlink(missing_ok=True)


def _add_steps(writer: RecordingWriter, steps: FrozenSteps, now: Now) -> None:
    offset = now.wall - now.mono
    for layout in sorted({layout for layout, *_ in steps.blocks}):
        writer.add_layout(layout, steps.layouts[layout])
    for layout, start, end, block in steps.blocks:
        writer.add_steps(max(start + offset, 0), max(end + offset, 0), layout, block)


def _free_name(directory: Path, event: Event) -> Path:
    """`<UTC time>-<kind>.fsrec`, with a number when there is such a one."""
    time = datetime.fromtimestamp(event.time_unix_ns // NANOSECONDS, UTC).strftime("%Y%m%dT%H%M%SZ")
    stem = f"{time}-{event.kind[:_NAME_LENGTH]}"
    for number in range(1, _SAME_SECOND):
        path = directory / f"{stem}{'' if number == 1 else f'-{number}'}{SUFFIX}"
        if not path.exists():
            return path
    raise FileExistsError(f"{directory / stem}: {_SAME_SECOND} recordings of one second; raise min_interval_seconds")


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

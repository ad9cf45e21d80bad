"""A recording, read: what samplers gave, what happened, and the steps of the high-resolution counters.

Everything in it is hostile until the codec took it. Rows come one at a time: a recording is larger than memory may be.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

import msgspec
from google.protobuf.message import DecodeError

from fabricscope.codec import Refused, decode_batch, decode_events, decode_series_set
from fabricscope.codec.bounds import TIME_END
from fabricscope.model import Event, Now, Sampled, SeriesSet
from fabricscope.v1 import events_pb2, samples_pb2
from probes.engine import decode_block
from probes.engine.steps import StepChannel
from probes.recorder import schema
from probes.recorder.schema import RecordingError

MAX_PAYLOAD = 16 << 20
"""Octets of one batch, inflated."""
MAX_SETS = 10_000
"""Series sets in one recording."""
MAX_CHANNELS = 1 << 20
"""Descriptions of channels in one recording, over all its layouts."""
MAX_META = 1000
"""Entries of `meta` that are read."""

_PARTIAL = (
    "was copied while a probe wrote to it and without its -wal file, so what was recorded last is missing; "
    "`fabricscope recorder save` copies all of it"
)
_COUNTS = {
    "batches": "SELECT count(*) FROM batches",
    "events": "SELECT count(*) FROM events",
    "steps": "SELECT count(*) FROM steps",
}
_SPANS = (
    "SELECT min(time_unix_ns), max(time_unix_ns) FROM batches UNION ALL "
    "SELECT min(time_unix_ns), max(time_unix_ns) FROM events UNION ALL "
    "SELECT min(start_unix_ns), max(end_unix_ns) FROM steps"
)


class Step(NamedTuple):
    """One reading of the channels of one group."""

    time_unix_ns: int
    channels: tuple[StepChannel, ...]
    values: tuple[int | None, ...]
    """Raw counts, not scaled; None for what could not be read."""


class Recording:
    """A recording that is open for reading; close it, or use it in a `with`. Methods raise RecordingError."""

    def __init__(self, database: sqlite3.Connection, path: Path, notice: str = "") -> None:
        self._database = database
        self.notice = notice
        """What its reader has to know of it first; empty when there is nothing."""
        self._path = path
        self._sets: dict[bytes, SeriesSet] = {}
        self._layouts: dict[int, dict[int, tuple[StepChannel, ...]]] | None = None
        self.meta: dict[str, str] = self._read_meta()
        """host, software_version, kind (`evidence` or `flight`), trigger (JSON of an event) and others."""

    @classmethod
    def open(cls, path: str | Path) -> Recording:
        """The recording at a path. Raises RecordingError when it is none."""
        path = Path(path)
        notice = f"{path}: {_PARTIAL}" if schema.lacks_log(path) else ""
        database = schema.open_read_only(path)
        try:
            return cls(database, path, notice)
        except BaseException:
            database.close()
            raise

    def __enter__(self) -> Recording:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def save(self, path: Path) -> None:
        """Copy it whole to a path where nothing is, also while a probe writes to it. Raises sqlite3.Error."""
        schema.save(self._database, path)

    def batches(self, start: int | None = None, end: int | None = None) -> Iterator[tuple[Now, Sampled]]:
        """What samplers gave from `start` to before `end` (unix ns), in the order in which it was taken.

        A wall clock that jumped does not change the order. Equal series sets are one object.
        """
        question = "SELECT time_unix_ns, mono_ns, series_set, payload FROM batches"
        for wall, mono, identifier, payload in self._between(question, "time_unix_ns", "time_unix_ns", start, end):
            now = Now(self._time(wall), self._time(mono))
            series_set = self._series_set(identifier)
            try:
                message = samples_pb2.SampleBatch.FromString(_inflated(self._octets(payload)))
                batch = decode_batch(message, series_set)
            except (DecodeError, Refused, zlib.error) as error:
                raise self._damaged(f"a batch of {series_set.sampler} cannot be used: {error}") from error
            yield now, Sampled(series_set, batch)

    def events(self, start: int | None = None, end: int | None = None) -> Iterator[Event]:
        """What happened from `start` to before `end` (unix ns), in the order in which it was told."""
        question = "SELECT payload FROM events"
        for (payload,) in self._between(question, "time_unix_ns", "time_unix_ns", start, end):
            try:
                message = events_pb2.Event.FromString(self._octets(payload))
                (event,) = decode_events(events_pb2.Events(events=[message]))
            except (DecodeError, Refused) as error:
                raise self._damaged(f"an event cannot be used: {error}") from error
            yield event

    def steps(self, start: int | None = None, end: int | None = None) -> Iterator[Step]:
        """Every reading of the high-resolution channels in blocks that touch `start` to `end` (unix ns).

        Readings of one group are in the order of time; several readers' blocks may overlap.
        """
        question = "SELECT start_unix_ns, layout, payload FROM steps"
        for first, layout, payload in self._between(question, "end_unix_ns", "start_unix_ns", start, end):
            groups = self._groups(layout)
            try:
                rows = decode_block(self._octets(payload))
            except ValueError as error:
                raise self._damaged(f"a block of steps cannot be used: {error}") from error
            offset = self._time(first) - (rows[0][0] if rows else 0)
            for mono, group, values in rows:
                channels = groups.get(group, ())
                if len(channels) != len(values):
                    raise self._damaged(f"a block of steps has other channels than its layout {layout}")
                yield Step(mono + offset, channels, tuple(values))

    def channels(self) -> list[StepChannel]:
        """What there are steps of, in all layouts, each once."""
        every = (channel for groups in self._all_layouts().values() for group in groups.values() for channel in group)
        return list(dict.fromkeys(every))

    def counts(self) -> dict[str, int]:
        """How many batches, events and blocks of steps there are."""
        counts = {}
        for what, question in _COUNTS.items():
            ((number,),) = self._rows(question)
            counts[what] = self._time(number)
        return counts

    def span(self) -> tuple[int, int] | None:
        """The first and the last time (unix ns) of anything in it; None for an empty one."""
        times = [self._time(value) for row in self._rows(_SPANS) for value in row if value is not None]
        return (min(times), max(times)) if times else None

    def _between(
        self, question: str, after: str, before: str, start: int | None, end: int | None
    ) -> Iterator[tuple[object, ...]]:
        """Rows in their order; `after` is the column that `start` is for, `before` that for `end`."""
        question += f" WHERE {after} >= ? AND {before} < ? ORDER BY rowid"
        last = TIME_END - 1
        return self._rows(question, min(max(start or 0, 0), last), last if end is None else max(min(end, last), 0))

    def _rows(self, question: str, *values: object) -> Iterator[tuple[object, ...]]:
        try:
            # Not `yield from`, which would close the cursor of a generator that outlived the file.
            for row in self._database.execute(question, values):  # noqa: UP028
                yield row
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise schema.unusable(self._path, error) from error

    def _read_meta(self) -> dict[str, str]:
        rows = islice(self._rows("SELECT key, value FROM meta"), MAX_META)
        meta = {key: value for key, value in rows if isinstance(key, str) and isinstance(value, str)}
        if meta.get("format") != schema.FORMAT or meta.get("version") != str(schema.VERSION):
            raise self._damaged(f"it does not say that it is a {schema.FORMAT} of version {schema.VERSION}")
        return meta

    def _series_set(self, identifier: object) -> SeriesSet:
        key = self._octets(identifier)
        known = self._sets.get(key)
        if known is not None:
            return known
        if len(self._sets) >= MAX_SETS:
            raise self._damaged(f"it has more than {MAX_SETS} series sets")
        declarations = [row[0] for row in self._rows("SELECT declaration FROM series_sets WHERE id = ?", key)]
        if not declarations:
            raise self._damaged("it has a batch whose series set is missing")
        try:
            decoded = decode_series_set(samples_pb2.SeriesSet.FromString(self._octets(declarations[0])))
        except (DecodeError, Refused) as error:
            raise self._damaged(f"a series set cannot be used: {error}") from error
        self._sets[key] = decoded
        return decoded

    def _groups(self, layout: object) -> dict[int, tuple[StepChannel, ...]]:
        found = self._all_layouts().get(layout) if isinstance(layout, int) else None
        if found is None:
            raise self._damaged("it has steps whose channels are missing")
        return found

    def _all_layouts(self) -> dict[int, dict[int, tuple[StepChannel, ...]]]:
        """By layout, the channels of each group."""
        if self._layouts is None:
            layouts: dict[int, dict[int, list[StepChannel]]] = {}
            rows = self._rows("SELECT layout, description FROM channels ORDER BY layout, position")
            for layout, text in islice(rows, MAX_CHANNELS):
                try:
                    channel = msgspec.json.decode(text if isinstance(text, str) else b"", type=StepChannel)
                except msgspec.MsgspecError as error:
                    raise self._damaged(f"a channel cannot be used: {error}") from error
                groups = layouts.setdefault(layout if isinstance(layout, int) else -1, {})
                groups.setdefault(channel.group, []).append(channel)
            self._layouts = {
                layout: {group: tuple(channels) for group, channels in groups.items()}
                for layout, groups in layouts.items()
            }
        return self._layouts

    def _time(self, value: object) -> int:
        if not isinstance(value, int) or not 0 <= value < TIME_END:
            raise self._damaged("it has a time that is none")
        return value

    def _octets(self, value: object) -> bytes:
        if not isinstance(value, bytes):
            raise self._damaged("it has a value of another type than it should have")
        return value

    def _damaged(self, what: str) -> RecordingError:
        return RecordingError(f"{self._path}: is damaged or was changed: {what}")


def _inflated(payload: bytes) -> bytes:
    inflater = zlib.decompressobj()
    content = inflater.decompress(payload, MAX_PAYLOAD)
    if not inflater.eof:
        raise zlib.error(f"it is cut off, or longer than {MAX_PAYLOAD} octets")
    return content

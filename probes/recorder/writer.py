"""A recording, written. Synchronous and used from one thread; methods raise sqlite3.Error when the disk refuses."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from fabricscope import __version__
from fabricscope.codec import encode_events, encode_samples, encode_series_set
from fabricscope.model import Event, Now, Sampled, SeriesSet
from probes.engine.steps import StepChannel
from probes.recorder import schema

_LEVEL = 1
"""zlib's fastest: columns of numbers shrink to a third with it, and little more with any other."""


class RecordingWriter:
    """A recording that is being written. Several calls in one `transaction` are one write to the disk."""

    def __init__(self, database: sqlite3.Connection, declared: Iterable[bytes] = ()) -> None:
        self.database = database
        self._declared = set(declared)

    @classmethod
    def create(cls, path: Path, *, host: str, kind: str, meta: Mapping[str, str] | None = None) -> RecordingWriter:
        """An empty recording at a path where nothing is yet."""
        made = cls(schema.create(path))
        about = {
            "format": schema.FORMAT,
            "version": str(schema.VERSION),
            "host": host,
            "software_version": __version__,
            "kind": kind,
            **(meta or {}),
        }
        with made.transaction():
            made.database.executemany("INSERT INTO meta VALUES (?, ?)", about.items())
        return made

    @classmethod
    def reopen(cls, path: Path) -> RecordingWriter:
        """The recording at a path, to go on with. Raises RecordingError as well, when it is none."""
        database = schema.reopen(path)
        try:
            return cls(database, [row[0] for row in database.execute("SELECT id FROM series_sets")])
        except BaseException:
            database.close()
            raise

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing."""
        declared = set(self._declared)
        self.database.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.database.execute("COMMIT")
        except BaseException:
            self._declared = declared
            with suppress(sqlite3.Error):
                if self.database.in_transaction:
                    self.database.execute("ROLLBACK")
            raise

    def add_batch(self, now: Now, sampled: Sampled) -> None:
        """What a sampler gave at `now`."""
        series_set, batch = sampled
        self._declare(series_set)
        payload = encode_samples([batch]).samples.batches[0].SerializeToString()
        row = (now.wall, now.mono, series_set.sampler, series_set.id, zlib.compress(payload, _LEVEL))
        self.database.execute("INSERT INTO batches VALUES (?, ?, ?, ?, ?)", row)

    def add_event(self, event: Event) -> None:
        """Something that happened."""
        payload = encode_events([event]).events.events[0].SerializeToString()
        self.database.execute("INSERT INTO events VALUES (?, ?)", (event.time_unix_ns, payload))

    def add_layout(self, layout: int, channels: Sequence[StepChannel]) -> None:
        """What the columns of a layout's steps are, in their order."""
        rows = [(layout, place, msgspec.json.encode(channel).decode()) for place, channel in enumerate(channels)]
        self.database.executemany("INSERT INTO channels VALUES (?, ?, ?)", rows)

    def add_steps(self, start_unix_ns: int, end_unix_ns: int, layout: int, block: bytes) -> None:
        """A block of the engine, with the wall time of its first and last reading."""
        self.database.execute("INSERT INTO steps VALUES (?, ?, ?, ?)", (start_unix_ns, end_unix_ns, layout, block))

    def forget_set(self, identifier: bytes) -> None:
        """Remove a series set that no batch needs any more."""
        self.database.execute("DELETE FROM series_sets WHERE id = ?", (identifier,))
        self._declared.discard(identifier)

    def close(self) -> None:
        """Close the file."""
        self.database.close()

    def _declare(self, series_set: SeriesSet) -> None:
        if series_set.id not in self._declared:
            declaration = encode_series_set(series_set).series_set.SerializeToString()
            self.database.execute("INSERT INTO series_sets VALUES (?, ?)", (series_set.id, declaration))
            self._declared.add(series_set.id)

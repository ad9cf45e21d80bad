"""The journal of evidence: what samplers gave and what happened, the oldest given up for the new.

Synchronous and used from one thread. Methods raise sqlite3.Error when the disk refuses: what they were to keep is lost
then, and nothing else.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from fabricscope.clock import NANOSECONDS
from fabricscope.model import Event, Now, Sampled
from probes.recorder import schema
from probes.recorder.schema import RecordingError
from probes.recorder.writer import RecordingWriter

DAMAGED = ".damaged"
"""Suffix of a file that could not be gone on with; the last one is kept."""

CHECKPOINT_NS = 5 * NANOSECONDS
"""Shortest time between two moves of what was appended from the log into the file, where a plain copy has it."""
_EVICTED = 64
"""Batches, and events, that go at a time."""
_FREE = 256
"""Pages that may be free in a file that is larger than its bound: making room frees some, which are used again."""
_VACUUMED = 256
"""Pages that the file is made shorter by at a time."""
_LOOKED_BACK = 1_000_000
"""Rows that are looked at to find the beginning of the last minutes."""


class Evidence(NamedTuple):
    """What is to be kept of one round of samplers."""

    now: Now
    batches: Sequence[Sampled]
    events: Sequence[Event]


class Journal:
    """The file, bounded in octets."""

    def __init__(self, path: Path, max_octets: int, host: str) -> None:
        """Open or make the file; one that is damaged is moved aside. Raises sqlite3.Error and OSError."""
        self._max_octets = max_octets
        self.moved_aside = ""
        """Why an older file was; empty when it was not."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._writer = self._opened(path, host)
        self._moved: int | None = None
        """When the log was last moved into the file (monotonic ns)."""
        self.dropped = 0
        """Batches and events that went for want of room."""
        try:
            self._writer.database.execute("PRAGMA journal_mode=WAL")
            self._writer.database.execute("PRAGMA synchronous=NORMAL")
        except BaseException:
            self._writer.close()
            raise

    def append(self, evidence: Evidence) -> None:
        """Keep a round. All of it or, when the disk refuses, nothing."""
        with self._writer.transaction():
            for sampled in evidence.batches:
                wall = sampled.batch.time_unix_ns
                self._writer.add_batch(Now(wall, evidence.now.mono), sampled)
            for event in evidence.events:
                self._writer.add_event(event)
        self._make_room()
        self._move_log(evidence.now.mono)

    def octets(self) -> int:
        """What the file uses."""
        size, pages, free = self._pages()
        return size * (pages - free)

    def copy_since(self, wall: int, into: RecordingWriter) -> None:
        """Write what was kept since a time (unix ns) into another recording."""
        database = self._writer.database
        first = self._first_since("batches", wall)
        rows = database.execute(
            "SELECT time_unix_ns, mono_ns, sampler, series_set, payload FROM batches WHERE rowid >= ?", (first,)
        )
        into.database.executemany("INSERT INTO batches VALUES (?, ?, ?, ?, ?)", rows)
        needed = [row[0] for row in into.database.execute("SELECT DISTINCT series_set FROM batches")]
        for identifier in needed:
            declaration = database.execute("SELECT id, declaration FROM series_sets WHERE id = ?", (identifier,))
            into.database.executemany("INSERT OR IGNORE INTO series_sets VALUES (?, ?)", declaration)
        first = self._first_since("events", wall)
        rows = database.execute("SELECT time_unix_ns, payload FROM events WHERE rowid >= ?", (first,))
        into.database.executemany("INSERT INTO events VALUES (?, ?)", rows)

    def close(self) -> None:
        """Put everything into the file and close it."""
        # The file then says that it has no log, so that a copy of a running probe's is known by its having none.
        # It does not where somebody reads it or the disk fails, and its log stays.
        with suppress(sqlite3.Error):
            self._writer.database.execute("PRAGMA journal_mode=DELETE")
        self._writer.close()

    def _opened(self, path: Path, host: str) -> RecordingWriter:
        if path.exists():
            try:
                return RecordingWriter.reopen(path)
            except (RecordingError, sqlite3.DatabaseError) as error:
                if isinstance(error, sqlite3.OperationalError):
                    # The disk, or somebody who has the file: it may be well.
                    raise
                self.moved_aside = str(error)
                path.replace(path.with_name(path.name + DAMAGED))
                for leftover in (schema.LOG, schema.SHARED):
                    schema.beside(path, leftover).unlink(missing_ok=True)
        return RecordingWriter.create(path, host=host, kind="evidence")

    def _move_log(self, mono: int) -> None:
        if self._moved is not None and mono - self._moved < CHECKPOINT_NS:
            return
        self._moved = mono
        # What was appended is kept in any case: it stays in the log until the disk takes it.
        with suppress(sqlite3.Error):
            self._writer.database.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def _make_room(self) -> None:
        while self.octets() > self._max_octets:
            with self._writer.transaction():
                gone = self._evict()
            if not gone:
                break
        size, pages, free = self._pages()
        if free > _FREE and size * pages > self._max_octets:
            # The bound was set lower than it was: the file shrinks to it, a little at a time.
            # `execute` would give back a single page.
            self._writer.database.executescript(f"PRAGMA incremental_vacuum({_VACUUMED})")

    def _evict(self) -> bool:
        """Drop some of the oldest; whether there was anything to drop."""
        database = self._writer.database
        batches = database.execute(
            "DELETE FROM batches WHERE rowid IN (SELECT rowid FROM batches ORDER BY rowid LIMIT ?)", (_EVICTED,)
        ).rowcount
        first = database.execute("SELECT rowid, time_unix_ns FROM batches ORDER BY rowid LIMIT 1").fetchone()
        # Events as old as the batches that went; the oldest ones when there are nothing but events.
        events = database.execute(
            "DELETE FROM events WHERE rowid IN (SELECT rowid FROM events ORDER BY rowid LIMIT ?) AND "
            "(? IS NULL OR time_unix_ns < ?)",
            (_EVICTED, first and first[1], first and first[1]),
        ).rowcount
        unused = "SELECT id FROM series_sets WHERE id NOT IN (SELECT DISTINCT series_set FROM batches)"
        for (identifier,) in database.execute(unused).fetchall():
            self._writer.forget_set(identifier)
        self.dropped += batches + events
        return batches + events > 0

    def _first_since(self, table: str, wall: int) -> int:
        """The row where the last minutes begin: the one after the latest that is older."""
        rows: Iterator[tuple[int, int]] = self._writer.database.execute(
            f"SELECT rowid, time_unix_ns FROM {table} ORDER BY rowid DESC LIMIT {_LOOKED_BACK}"  # noqa: S608  ours
        )
        first = 1 << 62
        for row, time in rows:
            if time < wall:
                break
            first = row
        return first

    def _pages(self) -> tuple[int, int, int]:
        """Octets of a page, pages of the file, and how many of these are free."""
        size, pages, free = (
            int(self._writer.database.execute(f"PRAGMA {name}").fetchone()[0])
            for name in ("page_size", "page_count", "freelist_count")
        )
        return size, pages, free

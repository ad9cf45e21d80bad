"""What was not acknowledged yet, on disk: SQLite in WAL mode, one file, bounded in bytes and age.

Synchronous and used from one thread. Age is measured in the spool's own time, which runs while a
probe runs and takes no notice of the wall clock: a clock that jumps ahead expires nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Annotated, NamedTuple

from msgspec import Meta, Struct

from fabricscope.codec import encode_series_set
from fabricscope.model import SeriesSet
from probes.message import Message, MessageKind, SpoolError
from probes.spool_file import open_spool, unusable

_ROW_OVERHEAD = 64
_ID_BYTES = 32
_BATCH = 64
_MAX_SETS = 64
"""Series sets kept for the messages to come, although none that is there needs them."""


class SpoolSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where and how much is kept for a collector that is away."""

    path: Annotated[
        str, Meta(min_length=1, description="File of the spool; its directory is made when it is not there.")
    ] = "/var/lib/fabricscope/spool.db"
    max_bytes: Annotated[
        int,
        Meta(
            ge=1 << 20,
            le=1 << 40,
            description="Bound on what is kept, in bytes of messages and of the names of their series; the file may "
            "take up to about 2.5 times that. When it is reached samples go first, events last.",
        ),
    ] = 256 << 20
    max_age_seconds: Annotated[
        float,
        Meta(
            gt=0,
            le=30 * 86400,
            description="Samples and flows older than this, in seconds of the probe's running time, are given up. "
            "Events never are.",
        ),
    ] = 86400.0


class Dropped(NamedTuple):
    """How much of a kind was given up, for one reason, since the spool was made."""

    kind: MessageKind
    reason: str
    messages: int
    items: int


class Spool:
    """The queue on disk. Sequences grow and are never used twice within an epoch.

    Methods raise SpoolError when the disk refuses; nothing of what they were to do is done then.
    """

    def __init__(self, settings: SpoolSettings, mono: int) -> None:
        """Open or make the spool; `mono` is the monotonic clock now, in ns.

        Raises SettingsError naming the path when it may not be written or is not a spool of ours, SpoolError
        when the disk is full, failing or has damaged it.
        """
        self._settings = settings
        self.bytes = self.messages = 0
        """What is kept, series sets included."""
        self.dropped: list[Dropped] = []
        """What was given up since the spool was made."""
        self._sets: dict[bytes, tuple[int, int]] = {}  # the size of each, and the last message that needs it
        self._counted = False
        """Whether these figures are those of the file: a transaction that failed leaves that open."""
        self._db = open_spool(settings.path)
        self._durable = True
        try:
            self._recount()
            self.epoch: str = self._db.execute("SELECT epoch FROM about").fetchone()[0]
            newest: int = self._db.execute("SELECT coalesce(max(time), 0) FROM messages").fetchone()[0]
        except sqlite3.Error as error:
            self._db.close()
            raise unusable(settings.path, error) from error
        self._offset = newest - mono

    def append(
        self, kind: MessageKind, payload: bytes, items: int, mono: int, series_sets: Iterable[SeriesSet] = ()
    ) -> int | None:
        """Keep a message; its sequence, or None when it had to be given up at once (and was counted).

        `series_sets` are those that it needs declared. Events are on the disk when this returns, samples
        are in the kernel's hands.
        """
        now = mono + self._offset
        needed = {series_set.id: series_set for series_set in series_sets}
        with self._transaction(durable=kind is MessageKind.EVENTS):
            self._expire(now)
            declarations = {
                identifier: encode_series_set(series_set).SerializeToString()
                for identifier, series_set in needed.items()
                if identifier not in self._sets
            }
            size = len(payload) + _ROW_OVERHEAD
            if not self._make_room(kind, size + sum(map(_set_size, declarations.values())), needed):
                self._count_dropped(kind, "full", 1, items)
                return None
            cursor = self._db.execute(
                "INSERT INTO messages (kind, time, items, size, series_sets, payload) VALUES (?, ?, ?, ?, ?, ?)",
                (kind, now, items, size, b"".join(needed), payload),
            )
            sequence = cursor.lastrowid or 0
            self.bytes += size
            self.messages += 1
            for identifier, declaration in declarations.items():
                self._db.execute("INSERT INTO series_sets VALUES (?, ?)", (identifier, declaration))
                self._sets[identifier] = (_set_size(declaration), 0)
                self.bytes += _set_size(declaration)
            for identifier in needed:
                self._sets[identifier] = (self._sets[identifier][0], sequence)
        return sequence

    def pending(self, after: int, max_bytes: int) -> list[Message]:
        """The messages after a sequence, in order: at most 64, and about `max_bytes`; at least one."""
        result: list[Message] = []
        total = 0
        with _translated():
            rows = self._db.execute(
                "SELECT sequence, kind, items, series_sets, payload FROM messages WHERE sequence > ? "
                "ORDER BY sequence LIMIT ?",
                (after, _BATCH),
            )
            for sequence, kind, items, sets, payload in rows:
                total += len(payload)
                if result and total > max_bytes:
                    break
                result.append(Message(sequence, MessageKind(kind), items, tuple(_split(sets)), payload))
            rows.close()
        return result

    def declaration(self, identifier: bytes) -> bytes | None:
        """The encoded declaration of a series set; None when no message needs it."""
        with _translated():
            row = self._db.execute("SELECT declaration FROM series_sets WHERE id = ?", (identifier,)).fetchone()
        return None if row is None else row[0]

    def acknowledge(self, sequence: int, durable_sequence: int, refused: Sequence[int] = ()) -> None:
        """Forget the samples up to `sequence`, flows and events up to `durable_sequence`.

        Those that were `refused` are dropped and counted at once, wherever they stand.
        """
        settled = {
            MessageKind.SAMPLES: sequence,
            MessageKind.FLOWS: durable_sequence,
            MessageKind.EVENTS: durable_sequence,
        }
        with self._transaction(durable=False):
            for refusal in set(refused):
                question = "SELECT kind, sequence, size, items, time FROM messages WHERE sequence = ?"
                for kind, *row in self._db.execute(question, (refusal,)).fetchall():
                    self._give_up(MessageKind(kind), "refused", [tuple(row)])
            for kind, last in settled.items():
                freed, count = self._db.execute(
                    "SELECT coalesce(sum(size), 0), count(*) FROM messages WHERE kind = ? AND sequence <= ?",
                    (kind, last),
                ).fetchone()
                if count:
                    self._db.execute("DELETE FROM messages WHERE kind = ? AND sequence <= ?", (kind, last))
                    self.bytes -= freed
                    self.messages -= count
            if len(self._sets) > _MAX_SETS:
                self._forget_sets(frozenset())
        with _translated():
            # After a long absence the file shrinks again, a little at a time.
            if self._db.execute("PRAGMA freelist_count").fetchone()[0] > 1024:
                # `execute` would give back a single page of the 256.
                self._db.executescript("PRAGMA incremental_vacuum(256)")

    def close(self) -> None:
        """Close the file; nothing is lost."""
        with _translated():
            self._db.close()

    @contextmanager
    def _transaction(self, *, durable: bool) -> Iterator[None]:
        """All or nothing. `durable` waits for the disk: worth it for events, not for samples every second."""
        with _translated():
            if durable != self._durable:
                self._db.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
                self._durable = durable
            if not self._counted:
                self._recount()
            self._db.execute("BEGIN IMMEDIATE")
            self._counted = False
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    if self._db.in_transaction:
                        self._db.execute("ROLLBACK")
                    self._recount()
                raise
            self._counted = True

    def _recount(self) -> None:
        """Find out what the file holds."""
        messages, self.messages = self._db.execute("SELECT coalesce(sum(size), 0), count(*) FROM messages").fetchone()
        sets = "SELECT id, length(declaration) FROM series_sets"
        self._sets = {identifier: (size + _ID_BYTES, 0) for identifier, size in self._db.execute(sets)}
        needs = "SELECT series_sets, max(sequence) FROM messages WHERE kind = ? GROUP BY series_sets"
        for needed, last in self._db.execute(needs, (MessageKind.SAMPLES,)):
            for identifier in self._sets.keys() & set(_split(needed)):
                size, before = self._sets[identifier]
                self._sets[identifier] = (size, max(before, last))
        self.bytes = messages + sum(size for size, _ in self._sets.values())
        self._read_dropped()
        self._counted = True

    def _read_dropped(self) -> None:
        rows = self._db.execute("SELECT kind, reason, messages, items FROM dropped ORDER BY kind, reason")
        self.dropped = [Dropped(MessageKind(kind), *rest) for kind, *rest in rows]

    def _expire(self, now: int) -> None:
        """Give up samples and flows beyond their age, some at a time."""
        limit = now - int(self._settings.max_age_seconds * 1e9)
        for kind in (MessageKind.SAMPLES, MessageKind.FLOWS):
            if expired := [row for row in self._oldest(kind, _BATCH) if row[3] < limit]:
                self._give_up(kind, "expired", expired)

    def _make_room(self, kind: MessageKind, size: int, needed: Iterable[bytes]) -> bool:
        """Free `size` bytes for a message of `kind`, at the expense of kinds that go no later than it."""
        if size > self._settings.max_bytes:
            return False
        spare = frozenset(needed)
        for victim in MessageKind:
            while self.bytes + size > self._settings.max_bytes:
                if self._forget_sets(spare):
                    continue
                rows = self._oldest(victim, 1) if victim <= kind else []
                if not rows:
                    break
                self._give_up(victim, "full", rows)
        return self.bytes + size <= self._settings.max_bytes

    def _oldest(self, kind: MessageKind, count: int) -> list[tuple[int, ...]]:
        """Sequence, size, items and time of the oldest messages of a kind."""
        question = "SELECT sequence, size, items, time FROM messages WHERE kind = ? ORDER BY sequence LIMIT ?"
        return self._db.execute(question, (kind, count)).fetchall()

    def _give_up(self, kind: MessageKind, reason: str, rows: list[tuple[int, ...]]) -> None:
        self._db.executemany("DELETE FROM messages WHERE sequence = ?", [(row[0],) for row in rows])
        self._count_dropped(kind, reason, len(rows), sum(row[2] for row in rows))
        self.bytes -= sum(row[1] for row in rows)
        self.messages -= len(rows)

    def _forget_sets(self, spare: frozenset[bytes]) -> bool:
        """Remove the series sets that no message needs any more; whether there were any."""
        oldest = self._oldest(MessageKind.SAMPLES, 1)
        gone = [
            identifier
            for identifier, (_, last) in self._sets.items()
            if identifier not in spare and (not oldest or last < oldest[0][0])
        ]
        self._db.executemany("DELETE FROM series_sets WHERE id = ?", [(identifier,) for identifier in gone])
        self.bytes -= sum(self._sets.pop(identifier)[0] for identifier in gone)
        return bool(gone)

    def _count_dropped(self, kind: MessageKind, reason: str, messages: int, items: int) -> None:
        self._db.execute(
            "INSERT INTO dropped VALUES (?, ?, ?, ?) ON CONFLICT (kind, reason) "
            "DO UPDATE SET messages = messages + excluded.messages, items = items + excluded.items",
            (kind, reason, messages, items),
        )
        self._read_dropped()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise SpoolError(str(error)) from error


def _set_size(declaration: bytes) -> int:
    return len(declaration) + _ID_BYTES


def _split(identifiers: bytes) -> Iterator[bytes]:
    for start in range(0, len(identifiers), _ID_BYTES):
        yield identifiers[start : start + _ID_BYTES]

"""The spool's file: its tables, and whether what stands at a path may be used as one."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

from fabricscope.settings import SettingsError
from probes.message import SpoolError

_APPLICATION = 0x66736370
"""SQLite's application_id: "fscp"."""
_SCHEMA_VERSION = 1
_SCHEMA = """
CREATE TABLE about (epoch TEXT NOT NULL);
CREATE TABLE messages (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    kind INTEGER NOT NULL,
    time INTEGER NOT NULL,
    items INTEGER NOT NULL,
    size INTEGER NOT NULL,
    series_sets BLOB NOT NULL,
    payload BLOB NOT NULL
);
CREATE INDEX messages_by_kind ON messages (kind, sequence);
CREATE TABLE series_sets (id BLOB PRIMARY KEY, declaration BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE dropped (
    kind INTEGER NOT NULL, reason TEXT NOT NULL, messages INTEGER NOT NULL, items INTEGER NOT NULL,
    PRIMARY KEY (kind, reason)
) WITHOUT ROWID;
INSERT INTO sqlite_sequence VALUES ('messages', 0);
INSERT INTO about VALUES (lower(hex(randomblob(16))));
"""
_UNSYNCED = 1 << 20
"""More messages than can be written between two times that the disk is waited for."""
_DISK_ERRNOS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO}
_DISK_CODES = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT}
"""What a disk may come to say of a spool that was well: it is full, read-only, failing, or has damaged the file."""


def open_spool(setting: str) -> sqlite3.Connection:
    """The database at a path, made when nothing is there; held by this connection alone, in autocommit.

    Raises, naming the path and the remedy, SettingsError when it may not be written or is no spool of ours, and
    SpoolError when the disk is to blame: it is full, its file system is read-only, or the file is damaged.
    """
    path = Path(setting)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # SQLite would open a file that is read-only, and says "disk I/O error" for much that has a name.
        path.open("ab").close()
        database = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=1.0)
        try:
            _prepare(database, setting)
        except BaseException:
            database.close()
            raise
    except (OSError, sqlite3.Error) as error:
        raise unusable(setting, error) from error
    return database


def unusable(setting: str, error: OSError | sqlite3.Error) -> SettingsError | SpoolError:
    """What to tell the operator when the file at a path cannot be used: SpoolError when the disk is to blame."""
    text = f"probe.spool.path: {setting!r} cannot be used as a spool: {error}; {_remedy(error)}"
    if isinstance(error, OSError):
        return SpoolError(text) if error.errno in _DISK_ERRNOS else SettingsError(text)
    # The low octet is the kind of error. What Python's own module complains of has none.
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    return SpoolError(text) if code in _DISK_CODES else SettingsError(text)


def _prepare(database: sqlite3.Connection, setting: str) -> None:
    # One probe at a time: a second one would use the same sequences.
    database.execute("PRAGMA locking_mode=EXCLUSIVE")
    new = _is_new(database, setting)
    if new:
        database.execute("PRAGMA auto_vacuum=INCREMENTAL")
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA wal_autocheckpoint=500")
    database.execute("PRAGMA synchronous=FULL")
    if new:
        database.executescript(
            f"BEGIN EXCLUSIVE; {_SCHEMA} "
            f"PRAGMA application_id={_APPLICATION}; PRAGMA user_version={_SCHEMA_VERSION}; COMMIT;"
        )
    # After a power cut the disk may have forgotten the last messages, which a collector may have seen:
    # their sequences are not used again. This shows a read-only file and a full disk at the start, too.
    database.execute("UPDATE sqlite_sequence SET seq = seq + ? WHERE name = 'messages'", (_UNSYNCED,))


def _is_new(database: sqlite3.Connection, setting: str) -> bool:
    """Whether there is nothing in the file. Raises SettingsError when what is there is not ours."""
    application, version, tables = (
        database.execute(question).fetchone()[0]
        for question in ("PRAGMA application_id", "PRAGMA user_version", "SELECT count(*) FROM sqlite_master")
    )
    if application == version == tables == 0:
        return True
    if application != _APPLICATION:
        raise SettingsError(f"probe.spool.path: {setting!r} is a database of another program; name another path")
    if version != _SCHEMA_VERSION:
        raise SettingsError(
            f"probe.spool.path: {setting!r} was written by another version of fabricscope (schema {version}, "
            f"this one knows {_SCHEMA_VERSION}); move it away or name another path"
        )
    return False


def _remedy(error: OSError | sqlite3.Error) -> str:
    text = str(error)
    if "locked" in text:
        return "another probe has it: stop that one, or name another path"
    if "not a database" in text or "malformed" in text:
        return "it is no spool, or a damaged one: move it away, or name another path"
    if "Read-only file system" in text:
        return "mount it writable, or name a path on another disk"
    if "full" in text or "No space" in text or "quota" in text:
        return "free some space, or name a path on another disk"
    return "make it and its directory writable for this user, or name another path"

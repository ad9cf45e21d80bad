"""The file of a recording: its tables, and whether what stands at a path is one.

One SQLite file, suffix `.fsrec`. A recording may come from anywhere (a ticket, a colleague): what is in its schema is
compared with ours word for word before anything of it runs, so that no view or trigger of somebody else's does.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from urllib.parse import quote

from probes.sources import sysfs

SUFFIX = ".fsrec"
FORMAT = "fabricscope-recording"
VERSION = 1

_APPLICATION = 0x66737263
"""SQLite's application_id: "fsrc"."""
_TABLES = (
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT)",
    "CREATE TABLE series_sets (id BLOB PRIMARY KEY, declaration BLOB)",
    "CREATE TABLE batches (time_unix_ns INTEGER, mono_ns INTEGER, sampler TEXT, series_set BLOB, payload BLOB)",
    "CREATE TABLE events (time_unix_ns INTEGER, payload BLOB)",
    "CREATE TABLE channels (layout INTEGER, position INTEGER, description TEXT, PRIMARY KEY (layout, position))",
    "CREATE TABLE steps (start_unix_ns INTEGER, end_unix_ns INTEGER, layout INTEGER, payload BLOB)",
)
"""
meta         format, version, host, software_version, kind (evidence, flight), trigger (an event, as JSON)
series_sets  a v1 SeriesSet, under the hash of its content
batches      one sampler's tick: a v1 SampleBatch, deflated (zlib); rows are in the order in which they were taken
events       a v1 Event
channels     what the columns of a layout's steps are, as JSON
steps        a block of the engine (probes/engine/blocks.py)
"""
_PAGE_LIMIT = 64 << 20
"""No value in a recording is larger."""


class RecordingError(Exception):
    """A file that is no recording, or a damaged one; says which, why, and what to do."""


def create(path: Path) -> sqlite3.Connection:
    """An empty recording at a path where nothing is, in autocommit. Raises sqlite3.Error."""
    database = _connected(path, "rwc")
    try:
        database.execute("PRAGMA auto_vacuum=INCREMENTAL")
        database.executescript(
            f"BEGIN EXCLUSIVE; {'; '.join(_TABLES)}; PRAGMA application_id={_APPLICATION}; "
            f"PRAGMA user_version={VERSION}; COMMIT;"
        )
    except BaseException:
        database.close()
        raise
    return database


def reopen(path: Path) -> sqlite3.Connection:
    """A recording to go on with. Raises RecordingError when it is none, sqlite3.Error when the disk refuses."""
    return _checked(_connected(path, "rw"), path)


def open_read_only(path: Path) -> sqlite3.Connection:
    """A recording to be read. Raises RecordingError for anything else."""
    if not path.exists():
        raise RecordingError(f"{path}: there is no such file; `fabricscope recorder list` names the recordings")
    if path.is_dir():
        raise RecordingError(f"{path}: is a directory; name a file in it that ends in {SUFFIX}")
    try:
        return _checked(_connected(path, "ro"), path)
    except sqlite3.OperationalError as error:
        if path.with_name(f"{path.name}-wal").exists():
            raise unusable(path, error) from error
    except sqlite3.Error as error:
        raise unusable(path, error) from error
    try:
        # A journal that nobody writes to, where this user may not make the files that reading it needs.
        return _checked(_connected(path, "ro&immutable=1"), path)
    except sqlite3.Error as error:
        raise unusable(path, error) from error


def unusable(path: Path, error: Exception) -> RecordingError:
    """What to tell a person when SQLite, or Python reading its complaint, stumbles over a file."""
    # SQLite quotes what it stumbled over, whatever that is.
    text = "the schema is no text" if isinstance(error, UnicodeDecodeError) else sysfs.printable(str(error))
    if "not a database" in text:
        return RecordingError(f"{path}: is no recording of fabricscope ({text}); name a file that ends in {SUFFIX}")
    if "locked" in text or "unable to open" in text:
        return RecordingError(f"{path}: cannot be opened ({text}); copy it to where this user may read it")
    return RecordingError(f"{path}: is damaged ({text}); what comes after the damage cannot be read")


def _connected(path: Path, mode: str) -> sqlite3.Connection:
    # SQLite's own escapes of a path are those of a URI.
    address = f"file:{quote(str(path.absolute()))}?mode={mode}"
    database = sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False, timeout=1.0)
    database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _PAGE_LIMIT)
    return database


def _checked(database: sqlite3.Connection, path: Path) -> sqlite3.Connection:
    try:
        database.execute("PRAGMA trusted_schema=OFF")
        database.execute("PRAGMA cell_size_check=ON")
        complaint = _complaint(database)
    except UnicodeDecodeError as error:
        database.close()
        raise unusable(path, error) from error
    except BaseException:
        database.close()
        raise
    if complaint:
        database.close()
        raise RecordingError(f"{path}: {complaint}")
    return database


def _complaint(database: sqlite3.Connection) -> str:
    """Why a database is no recording; empty when it is one."""
    application, version = (
        database.execute(question).fetchone()[0] for question in ("PRAGMA application_id", "PRAGMA user_version")
    )
    if application != _APPLICATION:
        return f"is a database of another program; name a file that ends in {SUFFIX}"
    if version != VERSION:
        return (
            f"has version {version} of the format, this fabricscope reads {VERSION}; "
            "read it with the version that wrote it"
        )
    found = database.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL LIMIT 100").fetchall()
    if {row[0] for row in found} != set(_TABLES):
        return "has other tables than a recording; it was changed after it was written"
    return ""

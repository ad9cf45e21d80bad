"""The file of a recording: its tables, and whether what stands at a path is one.

One SQLite file, suffix `.fsrec`. A recording may come from anywhere (a ticket, a colleague): what is in its schema is
compared with ours word for word before anything of it runs, so that no view or trigger of somebody else's does.
"""

from __future__ import annotations

import shutil
import sqlite3
import stat
from pathlib import Path
from tempfile import TemporaryDirectory
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
LOG, SHARED = "-wal", "-shm"
"""Suffixes of the files beside a journal that is being written: what is not in it yet, and an index of that."""
_LOGGED = b"\2\2"
"""Octets 18 and 19 of a database that has, or had, such a log."""


_COPY = "become a user who may read it, or have it copied by one with `fabricscope recorder save`"


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
    """A recording to be read, leaving what is beside it as it is. Raises RecordingError for anything else."""
    try:
        if lacks_log(path):
            # SQLite would make a log and its index, and leave them behind.
            return _checked(_connected(path, "ro&immutable=1"), path)
        if beside(path, LOG).exists() and not beside(path, SHARED).exists():
            return _apart(path)
        return _checked(_connected(path, "ro"), path)
    except OSError as error:
        raise RecordingError(f"{path}: cannot be read: {error.strerror or error}; {_COPY}") from error
    except sqlite3.Error as error:
        raise unusable(path, error) from error


def lacks_log(path: Path) -> bool:
    """Whether a file was copied from a running probe without its log. Raises RecordingError when it cannot be read.

    A probe that ends puts everything into the file itself, and says so in it.
    """
    return _header(path)[18:20] == _LOGGED and not beside(path, LOG).exists()


def beside(path: Path, suffix: str) -> Path:
    """The file that SQLite keeps beside another."""
    return path.with_name(path.name + suffix)


def save(database: sqlite3.Connection, path: Path) -> None:
    """Copy a recording whole, to a path where nothing is; the original may be written to meanwhile.

    Raises sqlite3.Error.
    """
    copy = _connected(path, "rwc")
    try:
        database.backup(copy)
        # The original's file may say that it has a log; the copy has none.
        copy.execute("PRAGMA journal_mode=DELETE")
    finally:
        copy.close()


def unusable(path: Path, error: Exception) -> RecordingError:
    """What to tell a person when SQLite, or Python reading its complaint, stumbles over a file."""
    # SQLite quotes what it stumbled over, whatever that is.
    text = "the schema is no text" if isinstance(error, UnicodeDecodeError) else sysfs.printable(str(error))
    if "not a database" in text:
        return RecordingError(f"{path}: is no recording of fabricscope ({text}); name a file that ends in {SUFFIX}")
    if "locked" in text or "unable to open" in text:
        return RecordingError(f"{path}: cannot be opened ({text}); {_COPY}")
    return RecordingError(f"{path}: is damaged ({text}); what comes after the damage cannot be read")


def _header(path: Path) -> bytes:
    """The first octets of a file. Raises RecordingError when it is no file with something in it."""
    try:
        kind = path.stat().st_mode
        if stat.S_ISDIR(kind):
            raise RecordingError(f"{path}: is a directory; name a file in it that ends in {SUFFIX}")
        if not stat.S_ISREG(kind):
            raise RecordingError(f"{path}: is no regular file; name one that ends in {SUFFIX}")
        with path.open("rb") as file:
            header = file.read(100)
    except FileNotFoundError as error:
        raise RecordingError(
            f"{path}: there is no such file; `fabricscope recorder list` names the recordings"
        ) from error
    except PermissionError as error:
        raise RecordingError(f"{path}: cannot be read: {error.strerror}; {_COPY}") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise RecordingError(f"{path}: cannot be read: {reason}; name a file that ends in {SUFFIX}") from error
    if not header:
        raise RecordingError(f"{path}: is empty; nothing was written to it, or its copy failed")
    return header


def _apart(path: Path) -> sqlite3.Connection:
    """A copied journal with its copied log, read elsewhere: reading the two makes an index beside them.

    The folder is gone at once; its files are as long as they are open. Raises OSError and sqlite3.Error.
    """
    with TemporaryDirectory(prefix="fabricscope-") as folder:
        place = Path(folder, path.name)
        for suffix in ("", LOG):
            shutil.copyfile(beside(path, suffix), beside(place, suffix))
        return _checked(_connected(place, "ro"), path)


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

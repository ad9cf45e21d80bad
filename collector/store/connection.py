"""One connection to ClickHouse: the embedded engine (chDB) or a server, chosen by DSN.

Everything that clickhouse-connect raises leaves here as a StoreError that says what to do.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import SplitResult, unquote, urlsplit

from msgspec import Meta, Struct

from collector.store.errors import RowsRefusedError, StoreError, StoreUnavailableError

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

_EMBEDDED = "chdb"
_SCHEMES = (_EMBEDDED, "http", "https")

_ENGINE_OPTIONS = {"mark_cache_size": 64 << 20}
"""Bounds the embedded engine's cache of index marks, which otherwise may take 5 GiB."""

_SESSION = {
    # An insert is answered when its rows are stored, not when they are queued on the server.
    "async_insert": 0,
    "max_threads": 2,
    "max_memory_usage": 1 << 30,
    "max_execution_time": 20,
}
"""Settings of every statement: bounds in threads, bytes and seconds."""

_SERVER_OPTIONS: dict[str, Any] = {
    "connect_timeout": 5,
    "send_receive_timeout": 30,
    # Statements stand alone, so that a load balancer may spread them.
    "autogenerate_session_id": False,
}

_REMEDIES = {
    159: "it took too long; ask for a shorter time range or fewer hosts",
    241: "it needed too much memory; ask for a shorter time range or fewer hosts",
    243: "the disk of the store is full; free space or shorten collector.store.events_retention_days",
    252: "too many unmerged parts; the store's disk is too slow for the events that arrive",
    497: "the user of collector.store.dsn lacks a right; grant it SELECT, INSERT, CREATE and ALTER on the database",
    516: "the user or password is wrong; check collector.store.dsn and collector.store.password_file",
}
"""What to do about ClickHouse's numbered errors."""

_LASTING = {497, 516}
"""Those of them that an operator must see to before anything works."""

_NEVER_FITS = {
    321,  # VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE
    407,  # DECIMAL_OVERFLOW, of a DateTime64, too
    469,  # VIOLATED_CONSTRAINT, one that an operator put on the table
    691,  # UNKNOWN_ELEMENT_OF_ENUM
}
"""ClickHouse's errors that are about the values of these rows, and no others.

Short on purpose, since a probe deletes what is refused. Complaints about types, columns or the format of the
insert (TYPE_MISMATCH, CANNOT_READ_ALL_DATA) are the same for every row: the table was altered, or the body cut.
"""

_STATUS = re.compile(r"HTTP driver received HTTP status (\d{3})\b")
"""How clickhouse-connect begins its message about an answer without a ClickHouse error: a proxy's."""

_DENIED = {"401", "403"}
"""Statuses of such answers that an operator must see to."""

# It writes tracebacks of its own for what is raised, and reported, anyway.
logging.getLogger("clickhouse_connect").setLevel(logging.CRITICAL)


class StoreSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where events are kept, and for how long."""

    dsn: Annotated[
        str | None,
        Meta(
            description="Store to use: chdb:///absolute/path for the embedded engine, or a ClickHouse server as "
            "https://user@host:8443 or http://user@host:8123. None: embedded, below collector.data_dir.",
        ),
    ] = None
    password_file: Annotated[
        str | None, Meta(description="File with the password of the user in `dsn`, on its first line.")
    ] = None
    database: Annotated[
        str,
        Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$", description="Database to use; made when it is not there."),
    ] = "fabricscope"
    events_retention_days: Annotated[
        int, Meta(ge=1, le=3650, description="Days after which an event is deleted, counted from its arrival.")
    ] = 90
    flows_retention_days: Annotated[
        int, Meta(ge=1, le=3650, description="Days after which a flow record is deleted, counted from its arrival.")
    ] = 14

    @property
    def embedded(self) -> bool:
        """Whether the engine runs in this process: it then opens at once or not at all, and loads chDB."""
        return self.dsn is None or urlsplit(self.dsn).scheme == _EMBEDDED

    def __post_init__(self) -> None:
        """Check the DSN, whose parts the types cannot bound."""
        if self.dsn is None:
            return
        try:
            parts = urlsplit(self.dsn)
            _ = parts.port
        except ValueError as error:
            raise ValueError(f"dsn is no URL ({error}); expected one such as https://user@host:8443") from error
        if parts.scheme not in _SCHEMES:
            raise ValueError(f"dsn begins with {parts.scheme + ':'!r}; expected one of {', '.join(_SCHEMES)}")
        if parts.password is not None:
            raise ValueError("dsn holds a password, which would be shown with the settings; put it in password_file")
        if parts.scheme == _EMBEDDED:
            if parts.netloc or not parts.path.startswith("/") or parts.path == "/":
                raise ValueError("dsn of the embedded store needs an absolute path: chdb:///var/lib/fabricscope/store")
        elif not parts.hostname or parts.path not in ("", "/"):
            raise ValueError("dsn of a server is scheme, user, host and port alone; `database` names the database")


class Connection:
    """Runs statements for one thread at a time."""

    def __init__(self, settings: StoreSettings, data_directory: Path) -> None:
        """Connect; without a DSN to the embedded store in `data_directory`/store.

        Raises StoreUnavailableError when a server does not answer, StoreError for what an operator must change.
        """
        dsn = settings.dsn or f"{_EMBEDDED}://{(data_directory / 'store').absolute()}"
        parts = urlsplit(dsn)
        if settings.embedded:
            self.place = f"store {unquote(parts.path)}"
            self._client = _open_embedded(Path(unquote(parts.path)), self.place)
        else:
            self.place = f"store {parts.scheme}://{parts.hostname}:{parts.port or ''}".rstrip(":")
            self._client = _open_server(dsn, parts, settings, self.place)

    def use(self, database: str) -> None:
        """Make `database` when it is not there, and run what follows in it."""
        # Asked first: a user without the right to create databases may use one that exists.
        if not self.command("EXISTS DATABASE {name:Identifier}", {"name": database}):
            self.command("CREATE DATABASE IF NOT EXISTS {name:Identifier}", {"name": database})
        self._client.database = database

    def command(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Any:
        """Run a statement that gives one value or none."""
        with _translated(self.place):
            return self._client.command(sql, parameters=dict(parameters or {}))

    def query(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Sequence[Sequence[Any]]:
        """The rows of a SELECT. Values belong in `parameters`, never in `sql`."""
        with _translated(self.place):
            return self._client.query(sql, parameters=dict(parameters or {})).result_rows

    def insert(self, table: str, columns: Mapping[str, str], rows: Sequence[Sequence[Any]]) -> None:
        """Store `rows` in one insert; `columns` are names and ClickHouse types.

        Raises RowsRefusedError when a value does not fit its column, StoreUnavailableError otherwise.
        """
        with _translated(self.place), _refused(self.place):
            self._client.insert(
                table, rows, column_names=list(columns), column_type_names=list(columns.values()), column_oriented=False
            )

    def close(self) -> None:
        """Give the engine or the sockets back; another process may then use the directory."""
        self._client.close()


def _open_embedded(path: Path, place: str) -> Client:
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise StoreError(
            f"{place}: cannot make the directory: {error.strerror}; make it, or set collector.data_dir"
        ) from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise StoreError(f"{place}: not writable for this user; change its owner, or set collector.data_dir")
    _refuse_in_use(path, place)
    try:
        import clickhouse_connect
    except ImportError as error:
        raise StoreError(
            f"{place}: {error.name} is not installed; install fabricscope with the extra: fabricscope[store]"
        ) from error
    with _translated(place, connecting=True):
        try:
            # As arguments, since a DSN cannot hold every path.
            return clickhouse_connect.get_client(
                interface=_EMBEDDED, path=str(path), settings=dict(_SESSION), chdb_options=dict(_ENGINE_OPTIONS)
            )
        except ImportError as error:
            raise StoreError(f"{place}: {error}") from error


def _refuse_in_use(path: Path, place: str) -> None:
    """Raise StoreError when another process has the engine's lock: chDB itself gives no reason."""
    try:
        with (path / "status").open("rb") as status:
            fcntl.flock(status, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return
    except BlockingIOError as error:
        first = (path / "status").read_bytes()[:64].splitlines()[:1]
        owner = b"".join(first).decode(errors="replace").replace("PID:", "process").strip()
        if owner == f"process {os.getpid()}":
            return
        raise StoreError(
            f"{place}: in use by {owner or 'another process'}; stop that one, or give this collector another "
            "collector.data_dir"
        ) from error
    except OSError as error:
        raise StoreError(f"{place}: cannot be read: {error.strerror}; check the owner of the directory") from error


def _open_server(dsn: str, parts: SplitResult, settings: StoreSettings, place: str) -> Client:
    import clickhouse_connect

    password = ""
    if settings.password_file is not None:
        try:
            password = Path(settings.password_file).read_text().split("\n", 1)[0]
        except (OSError, UnicodeDecodeError) as error:
            raise StoreError(
                f"collector.store.password_file {settings.password_file}: cannot be read: {error}"
            ) from error
    with _translated(place, connecting=True):
        # The interface is named since the DSN's scheme alone does not switch TLS on.
        return clickhouse_connect.get_client(
            dsn=dsn, interface=parts.scheme, password=password, settings=dict(_SESSION), **_SERVER_OPTIONS
        )


@contextlib.contextmanager
def _translated(place: str, *, connecting: bool = False) -> Iterator[None]:
    """Turn what clickhouse-connect raises into a StoreError.

    Whatever it is, it is taken to pass by, so that events are kept. Except, while `connecting`: a refused
    user, an engine that does not start, an option of the DSN that does not exist.
    """
    from clickhouse_connect.driver import exceptions

    try:
        yield
    except StoreError:
        raise
    except exceptions.OperationalError as error:
        raise StoreUnavailableError(f"{place}: no answer: {_reason(error)}") from error
    except exceptions.DatabaseError as error:
        match = _STATUS.match(str(error)) if error.code is None else None
        denied = match is not None and match[1] in _DENIED
        if match is not None:
            remedy = f"HTTP status {match[1]} and no word of ClickHouse; check collector.store and the proxy in between"
        else:
            remedy = _REMEDIES.get(error.code or 0) or _reason(error)
        lasting = denied or error.code in _LASTING or isinstance(error, exceptions.ProgrammingError)
        raise (StoreError if connecting and lasting else StoreUnavailableError)(f"{place}: {remedy}") from error
    except OSError as error:
        raise StoreUnavailableError(f"{place}: {error.strerror or error}") from error
    except Exception as error:
        raise StoreUnavailableError(f"{place}: {type(error).__name__}: {_reason(error)}") from error


@contextlib.contextmanager
def _refused(place: str) -> Iterator[None]:
    """Turn what is known to be about the values of the rows, here or on the server, into RowsRefusedError."""
    from clickhouse_connect.driver import exceptions

    try:
        yield
    except exceptions.DatabaseError as error:
        if error.code in _NEVER_FITS or isinstance(error, exceptions.DataError):
            raise RowsRefusedError(f"{place}: a value does not fit its column: {_reason(error)}") from error
        raise
    except (UnicodeEncodeError, OverflowError) as error:
        raise RowsRefusedError(f"{place}: a value does not fit its column: {_reason(error)}") from error


def _reason(error: BaseException) -> str:
    """The system's own words when they are the cause, else the first line of what was raised."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        cause = cause.__cause__ or cause.__context__
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300]

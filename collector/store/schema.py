"""Brings a database to the schema of this code: numbered SQL files, applied once each and in order.

A migration is a file `migrations/NNNN_name.sql`; each of its statements ends with `;` at the end of
a line. ClickHouse has no transactions for them, so each statement must do no harm when it is run
again (`IF NOT EXISTS`): a migration that was interrupted starts over. One that was applied is never
changed: a further one corrects it.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from collector.store.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from collector.store.connection import Connection

MIGRATIONS = Path(__file__).parent / "migrations"

_FILE = re.compile(r"(?P<version>\d{4})_(?P<name>[a-z0-9_]+)\.sql")
_STATEMENT_END = re.compile(r";[ \t]*$", re.MULTILINE)
_COMMENT = re.compile(r"^\s*--.*$", re.MULTILINE)

# Two collectors that start on one server at the same time may both record a migration: one row stays.
_RECORD_TABLE = """
CREATE TABLE IF NOT EXISTS schema_migrations
(version UInt32, name String, checksum String, applied_time DateTime DEFAULT now())
ENGINE = ReplacingMergeTree ORDER BY version
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
"""


class Migration(NamedTuple):
    """One step of the schema."""

    version: int
    name: str
    checksum: str
    """SHA-256 of the file, in hexadecimal."""
    statements: tuple[str, ...]


def load(directory: Path = MIGRATIONS) -> list[Migration]:
    """The migrations in `directory`, in order. Raises StoreError for a file out of line."""
    migrations = []
    for expected, path in enumerate(sorted(directory.glob("*.sql")), start=1):
        match = _FILE.fullmatch(path.name)
        if match is None or int(match["version"]) != expected:
            raise StoreError(f"migration {path.name}: expected a name such as {expected:04d}_what_it_does.sql")
        content = path.read_bytes()
        text = _COMMENT.sub("", content.decode())
        statements = tuple(part.strip() for part in _STATEMENT_END.split(text) if part.strip())
        migrations.append(Migration(expected, match["name"], hashlib.sha256(content).hexdigest(), statements))
    return migrations


def migrate(connection: Connection, migrations: Sequence[Migration]) -> list[Migration]:
    """Apply what is not applied yet, and return it.

    Raises StoreError when an applied migration was changed, or the database is newer than this code.
    """
    connection.command(_RECORD_TABLE)
    rows = connection.query("SELECT version, name, checksum FROM schema_migrations FINAL ORDER BY version")
    for version, name, checksum in rows:
        if version > len(migrations):
            raise StoreError(
                f"{connection.place}: its schema is at version {version} ({name}), this program knows "
                f"{len(migrations)}; run the newer version again, or give this one another database"
            )
        known = migrations[version - 1]
        if (known.name, known.checksum) != (name, checksum):
            raise StoreError(
                f"{connection.place}: migration {version:04d}_{name} was applied with other content than this program "
                f"has in {known.version:04d}_{known.name}; install the release that made the database"
            )
    applied = {version for version, _, _ in rows}
    todo = [migration for migration in migrations if migration.version not in applied]
    for migration in todo:
        for statement in migration.statements:
            connection.command(statement)
        connection.insert(
            "schema_migrations",
            {"version": "UInt32", "name": "String", "checksum": "String"},
            [(migration.version, migration.name, migration.checksum)],
        )
    return todo


def set_retention(connection: Connection, table: str, days: int) -> bool:
    """Make the rows of `table` go `days` after their `received_time`; whether that changed anything.

    `table` is a name from this code, never from input: ClickHouse takes no parameters in a TTL.
    """
    clause = f"TTL toDateTime(received_time) + toIntervalDay({days:d})"
    rows = connection.query(
        "SELECT position(engine_full, {clause:String}) > 0 FROM system.tables "
        "WHERE database = currentDatabase() AND name = {table:String}",
        {"clause": f"{clause} ", "table": table},
    )
    if rows[0][0]:
        return False
    connection.command(f"ALTER TABLE {table} MODIFY {clause}")
    return True

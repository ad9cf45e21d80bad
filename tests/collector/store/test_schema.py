from __future__ import annotations

import time
from pathlib import Path

import pytest

from collector.store import EventFilter, Store, StoreError, StoreSettings
from collector.store.connection import Connection
from collector.store.schema import Migration, load, migrate, set_retention
from tests.collector.store.rows import SECOND, row

ONE = Migration(1, "one", "aa", ("CREATE TABLE IF NOT EXISTS one (x UInt8) ENGINE = MergeTree ORDER BY x",))
TWO = Migration(2, "two", "bb", ("ALTER TABLE one ADD COLUMN IF NOT EXISTS y UInt8", "INSERT INTO one VALUES (1, 2)"))


@pytest.fixture
def connection(tmp_path: Path):  # type: ignore[no-untyped-def]
    made = Connection(StoreSettings(), tmp_path)
    made.use("fabricscope")
    yield made
    made.close()


def test_migrations_are_applied_in_order_and_once(connection: Connection) -> None:
    assert migrate(connection, [ONE]) == [ONE]
    assert migrate(connection, [ONE, TWO]) == [TWO]
    assert migrate(connection, [ONE, TWO]) == []
    assert connection.query("SELECT x, y FROM one") == [(1, 2)]


def test_a_changed_migration_is_an_error_that_names_it(connection: Connection) -> None:
    migrate(connection, [ONE, TWO])
    with pytest.raises(StoreError, match=r"0002_two was applied with other content .*install the release"):
        migrate(connection, [ONE, TWO._replace(checksum="cc")])


def test_a_newer_database_is_an_error(connection: Connection) -> None:
    migrate(connection, [ONE, TWO])
    with pytest.raises(StoreError, match=r"version 2 \(two\), this program knows 1"):
        migrate(connection, [ONE])


def test_a_migration_that_fails_is_not_recorded(connection: Connection) -> None:
    broken = Migration(1, "one", "aa", (*ONE.statements, "CREATE NONSENSE"))
    with pytest.raises(StoreError):
        migrate(connection, [broken])
    assert migrate(connection, [ONE]) == [ONE]


def test_our_migrations_are_in_line_and_harmless_when_run_again(connection: Connection) -> None:
    ours = load()
    assert [migration.version for migration in ours] == list(range(1, len(ours) + 1))
    migrate(connection, ours)
    for migration in ours:
        for statement in migration.statements:
            connection.command(statement)


def test_statements_are_split_and_comments_left_out(tmp_path: Path) -> None:
    (tmp_path / "0001_first.sql").write_text("-- why;\nSELECT 1;\n\nSELECT 'a;b'\n  , 2 ;\n")
    (migration,) = load(tmp_path)
    assert migration.statements == ("SELECT 1", "SELECT 'a;b'\n  , 2")
    assert migration.name == "first"


@pytest.mark.parametrize("name", ["0002_gap.sql", "one.sql", "0001-dash.sql"])
def test_a_misnamed_file_is_an_error(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("SELECT 1;")
    with pytest.raises(StoreError, match=f"{name}: expected a name such as 0001_"):
        load(tmp_path)


def test_retention_is_changed_only_when_the_setting_is(store: Store) -> None:
    connection = store._writing
    assert connection is not None
    assert set_retention(connection, "events", 90) is False
    assert set_retention(connection, "events", 9) is True
    assert set_retention(connection, "events", 90) is True


def test_old_events_go_by_their_arrival_and_not_by_their_own_time(store: Store) -> None:
    now = time.time_ns()  # the engine has its own clock
    store.insert([row(1, received=now - 91 * 86400 * SECOND), row(2, received=now, time_unix_ns=1)])
    connection = store._writing
    assert connection is not None
    connection.command("OPTIMIZE TABLE events FINAL")
    assert [stored.origin.sequence for stored in store.events(EventFilter(), None, 10).events] == [2]

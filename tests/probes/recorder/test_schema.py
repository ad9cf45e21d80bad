from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from probes.recorder import schema
from probes.recorder.schema import RecordingError
from tests.probes.recorder.made import write_recording


def complaint(path: Path) -> str:
    with pytest.raises(RecordingError) as caught:
        schema.open_read_only(path).close()
    return str(caught.value)


def test_what_was_made_can_be_opened_and_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / "a.fsrec"
    schema.create(path).close()
    schema.reopen(path).close()
    schema.open_read_only(path).close()


def test_it_is_opened_for_reading_alone(tmp_path: Path) -> None:
    database = schema.open_read_only(write_recording(tmp_path / "a.fsrec"))
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        database.execute("DELETE FROM events")
    database.close()


def test_what_is_not_there_or_a_directory(tmp_path: Path) -> None:
    assert "no such file" in complaint(tmp_path / "absent.fsrec")
    assert "is a directory" in complaint(tmp_path)


@pytest.mark.parametrize(
    "content", [b"", b"It was a dark and stormy night. " * 100, b"SQLite format 3\0" + bytes(4096)]
)
def test_files_that_are_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.fsrec"
    path.write_bytes(content)
    assert complaint(path).startswith(f"{path}: ")


def test_a_database_of_another_program(tmp_path: Path) -> None:
    path = tmp_path / "a.fsrec"
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT)")
    database.close()
    assert "database of another program" in complaint(path)


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("CREATE VIEW extra AS SELECT 1", "other tables"),
        ("CREATE TRIGGER extra AFTER INSERT ON events BEGIN SELECT 1; END", "other tables"),
        ("CREATE TABLE extra (a)", "other tables"),
        ("DROP TABLE events", "other tables"),
        ("PRAGMA user_version = 2", "version 2 of the format"),
        ("PRAGMA application_id = 7", "database of another program"),
    ],
)
def test_tables_that_are_not_ours_are_never_read(tmp_path: Path, statement: str, expected: str) -> None:
    path = write_recording(tmp_path / "a.fsrec")
    database = sqlite3.connect(path)
    database.execute(statement)
    database.commit()
    database.close()
    assert expected in complaint(path)


def test_a_view_in_place_of_a_table(tmp_path: Path) -> None:
    path = write_recording(tmp_path / "a.fsrec")
    database = sqlite3.connect(path)
    database.execute("DROP TABLE events")
    database.execute("CREATE VIEW events AS SELECT 1 AS time_unix_ns, x'' AS payload")
    database.commit()
    database.close()
    assert "other tables" in complaint(path)


def test_a_journal_without_its_companions_where_nothing_may_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_recording(tmp_path / "a.fsrec")
    connected, modes = schema._connected, []

    def refusing(where: Path, mode: str) -> sqlite3.Connection:
        modes.append(mode)
        if mode == "ro":
            raise sqlite3.OperationalError("unable to open database file")
        return connected(where, mode)

    monkeypatch.setattr(schema, "_connected", refusing)
    schema.open_read_only(path).close()
    assert modes == ["ro", "ro&immutable=1"]
    # With a journal that is being written, what is in the file alone would be a lie.
    path.with_name("a.fsrec-wal").touch()
    assert "copy it to where this user may read it" in complaint(path)

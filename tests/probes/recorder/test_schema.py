from __future__ import annotations

import errno
import os
import shutil
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
    (tmp_path / "file").touch()
    assert "Not a directory" in complaint(tmp_path / "file" / "a.fsrec")
    os.mkfifo(tmp_path / "pipe")
    assert "is no regular file" in complaint(tmp_path / "pipe")
    assert "is empty" in complaint(tmp_path / "file")


@pytest.mark.parametrize("refusing", ["stat", "open"])
def test_what_this_user_may_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusing: str) -> None:
    path = write_recording(tmp_path / "a.fsrec")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(Path, refusing, refuse)
        said = complaint(path)
    assert said.startswith(f"{path}: cannot be read: Permission denied; become a user who may")


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


def journal(path: Path) -> sqlite3.Connection:
    """A recording that is being written to, with an event that is in its log alone."""
    schema.create(path).close()
    database = schema.reopen(path)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("INSERT INTO events VALUES (1, x'')")
    return database


def contents(path: Path) -> tuple[int, list[str]]:
    """How many events a file tells of, and what there is beside it afterwards."""
    database = schema.open_read_only(path)
    count = database.execute("SELECT count(*) FROM events").fetchone()[0]
    database.close()
    return count, sorted(file.name for file in path.parent.iterdir())


@pytest.mark.parametrize(
    ("copied", "events"), [(("",), 0), (("", "-wal"), 1), (("", "-wal", "-shm"), 1)], ids=["alone", "log", "all"]
)
def test_reading_a_copy_of_a_journal_leaves_what_is_beside_it(
    tmp_path: Path, copied: tuple[str, ...], events: int
) -> None:
    live, place = tmp_path / "live.fsrec", tmp_path / "copy" / "live.fsrec"
    place.parent.mkdir()
    database = journal(live)
    for suffix in copied:
        shutil.copyfile(schema.beside(live, suffix), schema.beside(place, suffix))
    assert contents(place) == (events, sorted(f"live.fsrec{suffix}" for suffix in copied))
    assert schema.lacks_log(place) == (copied == ("",))
    assert not schema.lacks_log(live)
    assert contents(live)[0] == 1
    database.close()


def test_a_journal_that_cannot_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> sqlite3.Connection:
        raise sqlite3.OperationalError("unable to open database file")

    path = tmp_path / "a.fsrec"
    database = journal(path)
    with monkeypatch.context() as patch:
        patch.setattr(schema, "_connected", refuse)
        assert "become a user who may read it" in complaint(path)
    database.close()


def test_a_journal_is_saved_whole(tmp_path: Path) -> None:
    database = journal(tmp_path / "a.fsrec")
    reader = schema.open_read_only(tmp_path / "a.fsrec")
    saved = tmp_path / "copy" / "b.fsrec"
    saved.parent.mkdir()
    schema.save(reader, saved)
    reader.close()
    database.close()
    assert not schema.lacks_log(saved)
    assert contents(saved) == (1, ["b.fsrec"])

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from fabricscope.settings import SettingsError
from probes.message import SpoolError
from probes.spool_file import open_spool, unusable
from tests.probes.made import damage


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "made" / "on" / "the way" / "spool.db")


@pytest.fixture
def ordinary_user(tmp_path: Path) -> Iterator[None]:
    """Root may write everything; this test is to run as somebody who may not."""
    if os.geteuid() != 0:
        yield
        return
    for place in [tmp_path, *tmp_path.parents[:2]]:
        place.chmod(0o755)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def complaint(path: str) -> str:
    with pytest.raises(SettingsError) as caught:
        open_spool(path)
    text = str(caught.value)
    assert text.startswith(f"probe.spool.path: {path!r} ")
    return text


def sequence(database: sqlite3.Connection) -> int:
    return int(database.execute("SELECT seq FROM sqlite_sequence").fetchone()[0])


def test_makes_a_file_in_write_ahead_mode_and_finds_it_again(path: str) -> None:
    first = open_spool(path)
    epoch = first.execute("SELECT epoch FROM about").fetchone()
    assert first.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    first.close()
    second = open_spool(path)
    assert second.execute("SELECT epoch FROM about").fetchone() == epoch
    second.close()


def test_every_spool_has_an_epoch_of_its_own(tmp_path: Path) -> None:
    epochs = set()
    for name in "ab":
        database = open_spool(str(tmp_path / name))
        epochs.add(database.execute("SELECT epoch FROM about").fetchone()[0])
        database.close()
    assert len(epochs) == 2
    assert {len(epoch) for epoch in epochs} == {32}


def test_sequences_that_a_power_cut_may_have_taken_are_not_used_again(path: str) -> None:
    first = open_spool(path)
    before = sequence(first)
    first.close()
    second = open_spool(path)
    assert sequence(second) > before + 100_000
    second.close()


def test_another_probe_has_it(path: str) -> None:
    first = open_spool(path)
    assert "stop that one" in complaint(path)
    first.close()


def test_a_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "File exists" in complaint(str(tmp_path / "file" / "spool.db"))


def test_a_directory_in_its_place(tmp_path: Path) -> None:
    assert "Is a directory" in complaint(str(tmp_path))


@pytest.mark.usefixtures("ordinary_user")
def test_a_directory_that_is_read_only(tmp_path: Path) -> None:
    place = tmp_path / "place"
    os.seteuid(os.getuid())
    place.mkdir(mode=0o555)
    os.seteuid(65534 if os.getuid() == 0 else os.getuid())
    text = complaint(str(place / "spool.db"))
    assert "make it and its directory writable for this user" in text


@pytest.mark.usefixtures("ordinary_user")
def test_a_file_that_is_read_only(tmp_path: Path) -> None:
    path = str(tmp_path / "spool.db")
    os.seteuid(os.getuid())
    open_spool(path).close()
    Path(path).chmod(0o444)
    tmp_path.chmod(0o777)
    os.seteuid(65534 if os.getuid() == 0 else os.getuid())
    assert "Permission denied" in complaint(path)


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    file = tmp_path / "spool.db"
    file.write_bytes(b"It was a dark and stormy night. " * 100)
    assert "file is not a database; it is no spool, or a damaged one: move it away" in complaint(str(file))
    assert file.read_bytes().startswith(b"It was")


def test_a_database_of_another_program_is_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "spool.db"
    other = sqlite3.connect(file)
    other.execute("CREATE TABLE passwords (x)")
    other.commit()
    other.close()
    before = file.read_bytes()
    assert "a database of another program" in complaint(str(file))
    assert file.read_bytes() == before


def test_one_of_a_newer_version(path: str) -> None:
    first = open_spool(path)
    first.execute("PRAGMA user_version=99")
    first.close()
    assert "another version of fabricscope (schema 99, this one knows 1); move it away" in complaint(path)


# --- the disk


def sqlite_says(statement: str, before: str = "") -> sqlite3.Error:
    """What SQLite says to a statement, after another one."""
    database = sqlite3.connect(":memory:")
    database.execute(before)
    with pytest.raises(sqlite3.Error) as caught:
        database.execute(statement)
    database.close()
    return caught.value


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "free some space"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "free some space"),
        (OSError(errno.EROFS, "Read-only file system"), "mount it writable"),
        (sqlite_says("CREATE TABLE a (b)", before="PRAGMA max_page_count=1"), "free some space"),
    ],
)
def test_that_a_disk_is_to_blame_is_told_apart(error: OSError | sqlite3.Error, remedy: str) -> None:
    told = unusable("/x", error)
    assert isinstance(told, SpoolError)
    assert remedy in str(told)


def test_what_is_no_fault_of_the_disk_is_one_of_the_settings() -> None:
    assert isinstance(unusable("/x", PermissionError(errno.EACCES, "Permission denied")), SettingsError)
    assert isinstance(unusable("/x", sqlite_says("SELECT x")), SettingsError)
    assert isinstance(unusable("/x", sqlite3.ProgrammingError("closed")), SettingsError)


def test_a_damaged_spool_is_left_where_it_is(tmp_path: Path) -> None:
    file = tmp_path / "spool.db"
    open_spool(str(file)).close()
    damage(file)
    before = file.read_bytes()
    with pytest.raises(SpoolError, match=r"malformed; it is no spool, or a damaged one: move it away"):
        open_spool(str(file))
    assert file.read_bytes() == before

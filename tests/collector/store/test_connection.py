from __future__ import annotations

import fcntl
import os
import socket
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from collector.store import RowsRefusedError, Store, StoreError, StoreSettings, StoreUnavailableError
from collector.store.connection import Connection
from tests.collector.store.rows import row


@pytest.mark.parametrize(
    ("dsn", "message"),
    [
        ("postgres://db:5432", "begins with 'postgres:'; expected one of chdb, http, https"),
        ("store", "begins with ':'"),
        ("chdb://relative/path", "absolute path"),
        ("chdb:///", "absolute path"),
        ("https://user:secret@db:8443", "put it in password_file"),
        ("https://db:8443/events", "`database` names the database"),
        ("https://db:port", "is no URL"),
    ],
)
def test_a_dsn_that_cannot_be_used_is_explained(dsn: str, message: str) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert({"dsn": dsn}, StoreSettings)
    assert message in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("dsn", ["chdb:///var/lib/store", "http://127.0.0.1:8123", "https://me@db.example"])
def test_dsns_that_can_be_used(dsn: str) -> None:
    assert msgspec.convert({"dsn": dsn}, StoreSettings).dsn == dsn


def test_without_a_server_the_engine_is_embedded() -> None:
    dsns = (None, "chdb:///var/lib/store", "http://127.0.0.1:8123", "https://me@db.example")
    assert [StoreSettings(dsn=dsn).embedded for dsn in dsns] == [True, True, False, False]


@pytest.mark.parametrize("field", [{"database": "a b"}, {"database": "x`; DROP"}, {"events_retention_days": 0}])
def test_bounds(field: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(field, StoreSettings)


def test_a_directory_that_another_process_uses_is_named_with_the_process(tmp_path: Path) -> None:
    place = tmp_path / "store"
    place.mkdir()
    script = (
        "import fcntl,os,sys\n"
        "f=open(sys.argv[1],'w'); f.write(f'PID: {os.getpid()}\\n'); f.flush()\n"
        "fcntl.flock(f, fcntl.LOCK_EX); print('locked', flush=True); sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, place / "status"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "locked\n"
        with pytest.raises(
            StoreError, match=rf"{place}: in use by process {other.pid}; .*collector.data_dir"
        ) as caught:
            Connection(StoreSettings(), tmp_path)
        assert not isinstance(caught.value, StoreUnavailableError)
        other.communicate()


def test_the_engine_holds_the_lock_that_is_looked_at(store: Store, tmp_path: Path) -> None:
    with (tmp_path / "store" / "status").open() as status:
        assert status.readline() == f"PID: {os.getpid()}\n"
        with pytest.raises(BlockingIOError):
            fcntl.flock(status, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"cannot make the directory: Not a directory; .*collector\.data_dir"):
        Connection(StoreSettings(), tmp_path / "file")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_directory_is_named(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir(mode=0o500)
    with pytest.raises(StoreError, match="not writable for this user"):
        Connection(StoreSettings(), tmp_path)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_server_that_is_down_may_come_back(scheme: str, tmp_path: Path) -> None:
    with socket.socket() as taken:  # bound and not listening: nobody answers there
        taken.bind(("127.0.0.1", 0))
        dsn = f"{scheme}://me@127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(StoreUnavailableError, match=f"store {scheme}://127.0.0.1:.*no answer: Connection refused"):
            Connection(StoreSettings(dsn=dsn), tmp_path)


def test_a_password_file_that_is_missing_is_named(tmp_path: Path) -> None:
    settings = StoreSettings(dsn="http://127.0.0.1:9", password_file=str(tmp_path / "none"))
    with pytest.raises(StoreError, match=r"password_file .*none: cannot be read"):
        Connection(settings, tmp_path)


def test_a_value_that_does_not_fit_its_column_is_refused_for_good(store: Store) -> None:
    for bad in (row(-1), row(1, time_unix_ns=1 << 63), row(1, message="\ud800"), row(1, position=1 << 32)):
        with pytest.raises(RowsRefusedError):
            store.insert([bad])


def test_a_statement_that_takes_too_long_is_stopped_with_advice(store: Store) -> None:
    connection = store._reading
    assert connection is not None
    with pytest.raises(StoreUnavailableError, match="took too long; ask for a shorter time range"):
        connection.query(
            "SELECT sleepEachRow(0.01) FROM numbers(1000) SETTINGS max_execution_time = 0.02, max_block_size = 1"
        )

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from collector.store import (
    EventFilter,
    RowsRefusedError,
    Store,
    StoreError,
    StoreSettings,
    StoreUnavailableError,
)
from tests.collector.store.rows import row

REPOSITORY = Path(__file__).parents[3]


def sequences(store: Store, limit: int = 10) -> list[int]:
    """The messages of the newest events."""
    return [stored.origin.sequence for stored in store.events(EventFilter(), None, limit).events]


INSERT_UNTIL_KILLED = """
import sys
from pathlib import Path
from collector.store import Store, StoreSettings
from tests.collector.store.rows import row

store = Store(StoreSettings(), Path(sys.argv[1]))
store.open()
sequence = 0
while True:
    sequence += 1
    store.insert([row(sequence, position) for position in range(50)])
    print(sequence, flush=True)
"""


def test_what_was_inserted_is_there_after_a_reopen(tmp_path: Path) -> None:
    store = Store(StoreSettings(), tmp_path)
    for sequence in (1, 2):
        store.open()
        store.insert([row(sequence)])
        store.close()
    store.open()
    assert sequences(store) == [2, 1]
    store.close()


def test_before_it_is_open_a_store_is_unavailable(tmp_path: Path) -> None:
    store = Store(StoreSettings(), tmp_path)
    assert not store.is_open
    for use in (store.ping, lambda: store.insert([row()]), lambda: sequences(store)):
        with pytest.raises(StoreUnavailableError, match="not open yet"):
            use()


def test_a_message_becomes_one_part_whatever_its_times(store: Store) -> None:
    day = 86400 * 1_000_000_000
    store.insert([row(1, position, time_unix_ns=position * day) for position in range(10_000)])
    connection = store._writing
    assert connection is not None
    parts = "SELECT count(), max(rows) FROM system.parts WHERE table = 'events' AND active AND database = 'fabricscope'"
    assert connection.query(parts) == [(1, 10_000)]


def test_kill_9_loses_nothing_that_was_durable_and_keeps_messages_whole(tmp_path: Path) -> None:
    acknowledged = 0
    for rounds in range(2):
        with subprocess.Popen(
            [sys.executable, "-c", INSERT_UNTIL_KILLED, tmp_path],
            stdout=subprocess.PIPE,
            text=True,
            cwd=REPOSITORY,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        ) as victim:
            assert victim.stdout is not None
            for _ in range(10 + rounds):
                acknowledged = max(acknowledged, int(victim.stdout.readline()))
            victim.send_signal(signal.SIGKILL)
            acknowledged = max([acknowledged, *map(int, victim.stdout.read().split())])
    store = Store(StoreSettings(), tmp_path)
    store.open()
    events = store.events(EventFilter(), None, 1000).events
    durable = max(stored.origin.sequence for stored in events)
    assert acknowledged <= durable <= acknowledged + 1, "one insert may have been under way"
    assert len(events) == durable * 50
    assert {(stored.origin.sequence, stored.origin.position) for stored in events} == {
        (sequence, position) for sequence in range(1, durable + 1) for position in range(50)
    }
    store.close()


FILL_A_SMALL_DISK = """
import os, sys
from pathlib import Path
from collector.store import Store, StoreSettings, StoreUnavailableError
from tests.collector.store.rows import row
from tests.collector.store.test_store import sequences

place = Path(sys.argv[1])
(place / "ballast").write_bytes(bytes(8 << 20))
store = Store(StoreSettings(), place)
store.open()
stored = 0
try:
    while stored < 400:
        store.insert([row(stored + 1, position, message=os.urandom(1000).hex()) for position in range(500)])
        stored += 1
except StoreUnavailableError as error:
    print(error)
(place / "ballast").unlink()
print(sequences(store, 1000) == [stored] * 500 + [stored - 1] * 500)
store.insert([row(stored + 1)])
print(sequences(store, 2) == [stored + 1, stored])
"""


@pytest.mark.needs_root
@pytest.mark.needs_program("unshare", package="util-linux")
def test_a_full_disk_is_an_error_that_passes_and_costs_nothing_stored(tmp_path: Path) -> None:
    mount_and_run = f'mount -t tmpfs -o size=24m none {tmp_path} && exec {sys.executable} -c "$0" {tmp_path}'
    outcome = subprocess.run(
        ["unshare", "--mount", "sh", "-c", mount_and_run, FILL_A_SMALL_DISK],
        capture_output=True,
        text=True,
        check=True,
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )
    message, whole, again = outcome.stdout.splitlines()
    assert "the disk of the store is full; free space" in message
    assert (whole, again) == ("True", "True")


@contextmanager
def server(directory: Path, port: int = 0) -> Iterator[int]:
    """A ClickHouse server's stand-in, and its port."""
    command = [sys.executable, "-m", "tests.collector.store.http_engine", str(directory), str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.kill()


def test_a_server_is_used_as_the_embedded_engine_is_and_may_go_and_come_back(tmp_path: Path) -> None:
    with server(tmp_path / "server") as port:
        store = Store(StoreSettings(dsn=f"http://default@127.0.0.1:{port}?compress=false"), tmp_path)
        store.open()
        for _ in range(2):
            store.insert([row(1), row(2, message="tab\tquote' {x:String} \\")])
        found = store.events(EventFilter(subject=(("device", "eth2"),), text="tab\tquote'"), None, 10).events
        assert found == [row(2, message="tab\tquote' {x:String} \\")]
        assert sequences(store) == [2, 1]
    for use in (store.ping, lambda: store.insert([row(3)])):
        with pytest.raises(StoreUnavailableError, match=f"store http://127.0.0.1:{port}: no answer"):
            use()
    with server(tmp_path / "server", port):
        store.insert([row(3)])
        assert sequences(store) == [3, 2, 1]
    store.close()
    assert not list(tmp_path.glob("store")), "nothing is kept here"


HTML = "<html>\n<h1>something is wrong</h1>\n</html>\n"


def test_only_what_clickhouse_says_about_the_rows_refuses_them(tmp_path: Path) -> None:
    answer = tmp_path / "server.answer"
    with server(tmp_path / "server") as port:
        settings = StoreSettings(dsn=f"http://default@127.0.0.1:{port}?compress=false")
        store = Store(settings, tmp_path)
        for status in (502, 500, 404, "403 243"):
            answer.write_text(f"{status}\n{HTML}")
            with pytest.raises(StoreUnavailableError):
                store.open()
        for status in (401, 403, "403 516"):
            answer.write_text(f"{status}\n{HTML}")
            with pytest.raises(StoreError, match=r"check collector\.store") as caught:
                store.open()
            assert not isinstance(caught.value, StoreUnavailableError)
        assert not store.is_open

        answer.unlink()
        store.open()
        # 27: the body was cut; 53: a column's type was altered; 497: a right was taken away; 1002: anything.
        for status in (502, 500, 401, 403, 404, 413, "400 27", "500 53", "403 497", "500 1002"):
            answer.write_text(f"{status}\n{HTML}")
            for use in (lambda: store.insert([row(1)]), store.ping, lambda: sequences(store)):
                with pytest.raises(StoreUnavailableError):
                    use()
        for error in (321, 407, 469, 691):
            answer.write_text(f"400 {error}\nCode: {error}. DB::Exception: too large")
            with pytest.raises(RowsRefusedError, match="does not fit its column"):
                store.insert([row(1)])
            with pytest.raises(StoreUnavailableError):
                store.ping()
        with pytest.raises(RowsRefusedError):
            store.insert([row(-1)])

        answer.unlink()
        store.insert([row(1)])
        assert sequences(store) == [1]
        store.close()

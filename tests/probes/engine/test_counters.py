"""Counter files, in the Rust engine and its plain-Python twin."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.engine import counters
from tests.fixtures.descriptors import open_files
from tests.probes.engine.conftest import native, needs_native


class CounterFiles(Protocol):
    def __init__(self, paths: Sequence[str]) -> None: ...
    def __len__(self) -> int: ...
    def read(self) -> list[int | str]: ...
    def changes(self) -> list[tuple[int, int | str]]: ...
    def close(self) -> None: ...


@pytest.fixture
def files_of(engine: Any) -> type[CounterFiles]:
    found: type[CounterFiles] = engine.CounterFiles
    return found


def write(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    return str(path)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"0\n", 0),
        (b"42", 42),
        (b" \t007\r\n\x00", 7),
        (b"18446744073709551615\n", (1 << 64) - 1),
        (b"18446744073709551616\n", "not a number: 18446744073709551616"),
        (b"N/A (no PMA)\n", "not a number: N/A (no PMA)"),
        (b"", "not a number: "),
        (b"-1\n", "not a number: -1"),
        (b"+1\n", "not a number: +1"),
        (b"1_000\n", "not a number: 1_000"),
        (b"0x10\n", "not a number: 0x10"),
        (b"1\n2\n", "not a number: 1?2"),
        ("\u0663".encode(), "not a number: ??"),
        (b"\xff\xfe", "not a number: ??"),
        (b"x" * 33, "not a number: " + "x" * 32),
        (b"0" * 64, 0),
        (b"0" * 65, "not a number: " + "0" * 32),
        (b"1" + b" " * 64, "not a number: 1"),
    ],
)
def test_reads_one_unsigned_decimal(
    files_of: type[CounterFiles], tmp_path: Path, content: bytes, expected: int | str
) -> None:
    assert files_of([write(tmp_path / "counter", content)]).read() == [expected]


def test_reads_from_the_start_each_time(files_of: type[CounterFiles], tmp_path: Path) -> None:
    path = tmp_path / "symbol_error"
    files = files_of([write(path, b"123\n")])
    assert files.read() == [123]
    path.write_bytes(b"9\n")
    assert files.read() == [9]


def test_keeps_the_order_and_tells_errors_by_name(files_of: type[CounterFiles], tmp_path: Path) -> None:
    good = write(tmp_path / "good", b"1\n")
    paths = [str(tmp_path / "absent"), good, str(tmp_path), f"{good}/below", good]
    files = files_of(paths)
    assert len(files) == 5
    assert files.read() == ["ENOENT", 1, "EISDIR", "ENOTDIR", 1]


def test_finds_a_file_that_appears_later(files_of: type[CounterFiles], tmp_path: Path) -> None:
    path = tmp_path / "late"
    files = files_of([str(path)])
    assert files.read() == ["ENOENT"]
    path.write_bytes(b"5\n")
    assert files.read() == [5]


def test_opens_again_what_went_away_under_an_open_descriptor(files_of: type[CounterFiles], tmp_path: Path) -> None:
    path = tmp_path / "gone"
    files = files_of([write(path, b"5\n")])
    assert files.read() == [5]
    os.close(next(descriptor for descriptor, target in open_files().items() if target == str(path)))
    assert files.read() == ["EBADF"]
    assert files.read() == [5]


def test_holds_one_descriptor_for_a_file_until_it_is_closed(files_of: type[CounterFiles], tmp_path: Path) -> None:
    paths = [write(tmp_path / name, b"5\n") for name in ("a", "b")]
    files = files_of(paths)
    assert held(paths) == 0
    files.read()
    files.read()
    assert held(paths) == 2
    files.close()
    assert held(paths) == 0
    assert files.read() == [5, 5]
    del files
    assert held(paths) == 0


def test_tells_what_changed_since_it_told_last(files_of: type[CounterFiles], tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("a", "b", "absent")]
    files = files_of([write(paths[0], b"1\n"), write(paths[1], b"2\n"), str(paths[2])])
    assert files.changes() == [(0, 1), (1, 2), (2, "ENOENT")]
    assert files.changes() == []
    write(paths[1], b"3\n")
    assert files.read() == [1, 3, "ENOENT"]
    assert files.changes() == [(1, 3)]
    write(paths[0], b"01\n")
    write(paths[2], b"N/A\n")
    assert files.changes() == [(2, "not a number: N/A")]
    files.close()
    assert files.changes() == [(0, 1), (1, 3), (2, "not a number: N/A")]


def test_is_not_held_up_by_a_pipe(files_of: type[CounterFiles], tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert files_of([str(tmp_path / "pipe")]).read() == ["ESPIPE"]


def test_takes_names_that_are_not_utf8(files_of: type[CounterFiles], tmp_path: Path) -> None:
    path = os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe")
    Path(path).write_bytes(b"3\n")
    assert files_of([path]).read() == [3]


def test_refuses_a_path_with_a_nul(files_of: type[CounterFiles]) -> None:
    with pytest.raises(ValueError, match="null byte"):
        files_of(["a\0b"])


def test_no_files_are_no_values(files_of: type[CounterFiles]) -> None:
    files = files_of([])
    assert len(files) == 0
    assert files.read() == []


def test_can_be_read_by_several_threads(files_of: type[CounterFiles], tmp_path: Path) -> None:
    files = files_of([write(tmp_path / str(n), b"%d\n" % n) for n in range(50)])
    files.read()
    seen: list[list[int | str]] = []

    def reader() -> None:
        seen.extend(files.read() for _ in range(50))

    threads = [threading.Thread(target=reader) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [list(range(50))] * 200


@pytest.fixture(scope="module")
def hostile_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile") / "counter"


@needs_native
@given(
    content=st.one_of(
        st.binary(max_size=100),
        st.integers(min_value=0, max_value=1 << 70).map(lambda n: b"%d\n" % n),
        st.text(alphabet="0123456789 \t\r\n\0+-_.x", max_size=100).map(str.encode),
    )
)
def test_any_bytes_give_the_same_in_both(hostile_file: Path, content: bytes) -> None:
    path = write(hostile_file, content)
    (value,) = counters.CounterFiles([path]).read()
    assert native().CounterFiles([path]).read() == [value]
    if isinstance(value, int):
        assert 0 <= value < 1 << 64
        assert int(content.strip(b" \t\r\n\0")) == value
    else:
        assert value.startswith("not a number: ")
        assert value.isascii()
        assert value.isprintable()
        assert len(value) <= 46


def held(paths: list[str]) -> int:
    return sum(target in paths for target in open_files().values())

"""Text files, in the Rust engine and its plain-Python twin."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.engine import texts
from probes.engine.texts import MAX_BYTES, TOO_LONG, Content
from tests.fixtures.descriptors import open_files
from tests.probes.engine.conftest import native, needs_native


class TextFiles(Protocol):
    def __init__(self, paths: Sequence[str]) -> None: ...
    def __len__(self) -> int: ...
    def changes(self) -> list[tuple[int, Content]]: ...
    def close(self) -> None: ...


@pytest.fixture
def files_of(engine: Any) -> type[TextFiles]:
    found: type[TextFiles] = engine.TextFiles
    return found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "attribute"
    file.write_bytes(b"one\n")
    return file


def is_open(path: Path) -> bool:
    return str(path) in open_files().values()


def test_a_change_is_told_once_and_in_the_order_of_the_paths(files_of: type[TextFiles], tmp_path: Path) -> None:
    paths = [tmp_path / name for name in "abc"]
    for each in paths:
        each.write_text(each.name)
    files = files_of([str(each) for each in paths])
    assert len(files) == 3
    assert files.changes() == [(0, b"a"), (1, b"b"), (2, b"c")]
    assert files.changes() == []
    paths[2].write_bytes(b"d")
    paths[0].write_bytes(b"")
    assert files.changes() == [(0, b""), (2, b"d")]


def test_a_file_stays_open_and_is_read_from_its_beginning(files_of: type[TextFiles], path: Path) -> None:
    files = files_of([str(path)])
    assert not is_open(path)
    assert files.changes() == [(0, b"one\n")]
    path.write_bytes(b"two\n")
    assert files.changes() == [(0, b"two\n")]
    assert is_open(path)
    files.close()
    assert not is_open(path)
    assert files.changes() == [(0, b"two\n")]
    del files
    assert not is_open(path)


def test_what_is_not_there_and_comes(files_of: type[TextFiles], tmp_path: Path, path: Path) -> None:
    files = files_of([str(tmp_path / "later"), str(path / "below")])
    assert files.changes() == [(0, None), (1, None)]
    assert files.changes() == []
    (tmp_path / "later").write_bytes(b"now")
    assert files.changes() == [(0, b"now")]


def test_more_than_a_page_is_refused(files_of: type[TextFiles], path: Path) -> None:
    path.write_bytes(b"x" * MAX_BYTES)
    files = files_of([str(path)])
    assert files.changes() == [(0, b"x" * MAX_BYTES)]
    for _ in range(2):
        path.write_bytes(b"x" * (MAX_BYTES + 1))
        assert files.changes() == [(0, "longer than 4096 octets")]
        assert files.changes() == []
        path.write_bytes(b"short")
        assert files.changes() == [(0, b"short")]


def test_what_cannot_be_read_says_why(files_of: type[TextFiles], tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    files = files_of([str(tmp_path), str(tmp_path / "pipe")])
    assert files.changes() == [(0, "EISDIR"), (1, "ESPIPE")]
    assert files.changes() == []


def test_refuses_a_path_with_a_nul(files_of: type[TextFiles]) -> None:
    with pytest.raises(ValueError, match="null byte"):
        files_of(["a\0b"])


def test_takes_names_that_are_not_utf8(files_of: type[TextFiles], tmp_path: Path) -> None:
    path = os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe")
    Path(path).write_bytes(b"3\n")
    assert files_of([path]).changes() == [(0, b"3\n")]


def failing(numbers: list[int]) -> Callable[[int, int, int], bytes]:
    """An os.pread that fails in these ways first."""
    read = os.pread

    def pread(descriptor: int, length: int, offset: int) -> bytes:
        if numbers:
            raise OSError(numbers.pop(0), "refused")
        return read(descriptor, length, offset)

    return pread


def test_a_device_that_came_back_is_read_at_once(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = texts.TextFiles([str(path)])
    files.changes()
    path.write_bytes(b"two\n")
    monkeypatch.setattr(os, "pread", failing([errno.ENODEV]))
    assert files.changes() == [(0, b"two\n")]


def test_a_device_that_is_gone_is_absent(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = texts.TextFiles([str(path)])
    files.changes()
    monkeypatch.setattr(os, "pread", failing([errno.ENODEV, errno.ENXIO]))
    assert files.changes() == [(0, None)]
    assert files.changes() == [(0, b"one\n")]
    path.unlink()
    monkeypatch.setattr(os, "pread", failing([errno.ESTALE]))
    assert files.changes() == [(0, None)]


def test_other_errors_are_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "pread", failing([errno.EINVAL, 9999]))
    files = texts.TextFiles([str(path)])
    assert files.changes() == [(0, "EINVAL")]
    assert files.changes() == [(0, "errno 9999")]
    assert files.changes() == [(0, b"one\n")]


@pytest.fixture(scope="module")
def hostile_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile") / "attribute"


@needs_native
@given(contents=st.lists(st.one_of(st.binary(max_size=100), st.just(b"x" * 5000)), max_size=4))
def test_any_octets_give_the_same_in_both(hostile_file: Path, contents: list[bytes]) -> None:
    pair = texts.TextFiles([str(hostile_file)]), native().TextFiles([str(hostile_file)])
    last: Content = None
    hostile_file.unlink(missing_ok=True)
    assert [files.changes() for files in pair] == [[(0, None)]] * 2
    for octets in contents:
        hostile_file.write_bytes(octets)
        content = octets if len(octets) <= MAX_BYTES else TOO_LONG
        assert [files.changes() for files in pair] == [[(0, content)] if content != last else []] * 2
        last = content

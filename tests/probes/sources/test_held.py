from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from probes.sources.held import MAX_BYTES, HeldFile, HeldValue
from probes.sources.sysfs import Unreadable, parse_int
from tests.fixtures.descriptors import open_files


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "attribute"
    file.write_bytes(b"one\n")
    return file


def is_open(path: Path) -> bool:
    return str(path) in open_files().values()


def test_it_stays_open_and_is_read_from_its_beginning(path: Path) -> None:
    held = HeldFile(path)
    assert not is_open(path)
    assert held.read() == b"one\n"
    path.write_bytes(b"two\n")
    assert held.read() == b"two\n"
    assert is_open(path)
    held.close()
    assert not is_open(path)
    assert held.read() == b"two\n"
    held.close()


def test_an_attribute_that_is_not_there_and_comes(tmp_path: Path) -> None:
    held = HeldFile(tmp_path / "later")
    assert held.read() is None
    (tmp_path / "later").write_bytes(b"now")
    assert held.read() == b"now"


def test_more_than_a_page_is_refused(path: Path) -> None:
    path.write_bytes(b"x" * MAX_BYTES)
    held = HeldFile(path)
    assert held.read() == b"x" * MAX_BYTES
    path.write_bytes(b"x" * (MAX_BYTES + 1))
    with pytest.raises(Unreadable, match="longer than 4096 octets"):
        held.read()


def test_what_cannot_be_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(Unreadable) as caught:
        HeldFile(tmp_path).read()
    assert (caught.value.path, caught.value.reason) == (tmp_path, "EISDIR")


def failing(numbers: list[int]) -> Callable[[int, int, int], bytes]:
    """An os.pread that fails in these ways first."""
    read = os.pread

    def pread(descriptor: int, length: int, offset: int) -> bytes:
        if numbers:
            raise OSError(numbers.pop(0), "refused")
        return read(descriptor, length, offset)

    return pread


def test_a_device_that_came_back_is_read_at_once(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = HeldFile(path)
    held.read()
    monkeypatch.setattr(os, "pread", failing([errno.ENODEV]))
    assert held.read() == b"one\n"


def test_a_device_that_is_gone_is_absent(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = HeldFile(path)
    held.read()
    monkeypatch.setattr(os, "pread", failing([errno.ENODEV, errno.ENODEV]))
    assert held.read() is None
    path.unlink()
    monkeypatch.setattr(os, "pread", failing([errno.ENODEV]))
    assert held.read() is None


def test_other_errors_are_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "pread", failing([errno.EINVAL]))
    with pytest.raises(Unreadable) as caught:
        HeldFile(path).read()
    assert caught.value.reason == "EINVAL"


def test_nothing_is_left_open_by_what_is_forgotten(path: Path) -> None:
    held = HeldFile(path)
    held.read()
    del held
    assert not is_open(path)


def test_text_that_did_not_change_is_not_parsed_again(path: Path) -> None:
    parsed: list[str] = []

    def parse(text: str) -> int | None:
        parsed.append(text)
        return parse_int(text)

    value = HeldValue(path, parse, "a count")
    for text in (b"7\n", b"7\n", b"8\n", b"7\n"):
        path.write_bytes(text)
        assert value.read() == int(text)
    assert parsed == ["7", "8", "7"]
    value.close()
    assert not is_open(path)


def test_text_without_a_meaning_is_unreadable_each_time(path: Path) -> None:
    value = HeldValue(path, parse_int, "a count")
    for _ in range(2):
        with pytest.raises(Unreadable, match="attribute: not a count: one"):
            value.read()
    path.write_bytes(b"1")
    assert value.read() == 1


def test_a_value_that_is_not_there(tmp_path: Path) -> None:
    assert HeldValue(tmp_path / "later", parse_int, "a count").read() is None

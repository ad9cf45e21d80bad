from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.sources import sysfs


def attribute(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "attribute"
    path.write_bytes(content)
    return path


def test_text_comes_without_the_white_space_around_it(tmp_path: Path) -> None:
    assert sysfs.read_text(attribute(tmp_path, b" 4: ACTIVE \n\0")) == "4: ACTIVE"


def test_absent_is_none(tmp_path: Path) -> None:
    path = tmp_path / "absent"
    assert sysfs.read_text(path) is None
    assert sysfs.read_int(path) is None
    assert sysfs.read_text(attribute(tmp_path, b"") / "below") is None


@pytest.mark.parametrize("number", [errno.ENODEV, errno.ENXIO])
def test_a_device_that_goes_while_it_is_read_is_absent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    path = attribute(tmp_path, b"1")
    monkeypatch.setattr(os, "read", failing(number))
    assert sysfs.read_text(path) is None


def test_what_is_there_and_cannot_be_read_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(sysfs.Unreadable, match="EISDIR") as caught:
        sysfs.read_text(tmp_path)
    assert caught.value.path == tmp_path
    path = attribute(tmp_path, b"1")
    monkeypatch.setattr(os, "read", failing(errno.EINVAL))
    with pytest.raises(sysfs.Unreadable, match="attribute: EINVAL") as caught:
        sysfs.read_int(path)
    assert caught.value.reason == "EINVAL"


def test_reading_is_bounded(tmp_path: Path) -> None:
    assert sysfs.read_text(attribute(tmp_path, b"x" * sysfs.MAX_BYTES)) == "x" * sysfs.MAX_BYTES
    with pytest.raises(sysfs.Unreadable, match="longer than 65536 octets"):
        sysfs.read_text(attribute(tmp_path, b"x" * (sysfs.MAX_BYTES + 1)))


def test_a_pipe_without_a_writer_is_empty_not_a_wait(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert sysfs.read_text(tmp_path / "pipe") == ""


def test_a_name_with_a_nul_is_unreadable(tmp_path: Path) -> None:
    with pytest.raises(sysfs.Unreadable, match="not a path"):
        sysfs.read_text(tmp_path / "a\0b")


@pytest.mark.parametrize(
    ("text", "base", "expected"),
    [
        ("10", 10, 10),
        ("-1", 10, -1),
        ("0x1f", 16, 31),
        ("0x1f", 0, 31),
        ("1f", 10, None),
        ("", 10, None),
        ("1_0", 10, None),
        ("\u0663", 10, None),
        ("1 2", 10, None),
        ("9" * 41, 10, None),
    ],
)
def test_numbers_are_ascii_and_short(text: str, base: int, expected: int | None) -> None:
    assert sysfs.parse_int(text, base) == expected


def test_a_number_that_is_none_says_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(sysfs.Unreadable, match=r"not a number: N/A \(no PMA\)"):
        sysfs.read_int(attribute(tmp_path, b"N/A (no PMA)\n"))


def test_labels_are_one_short_printable_line(tmp_path: Path) -> None:
    assert sysfs.read_label(attribute(tmp_path, b"28.43\x07\nmore\n")) == "28.43?"
    assert sysfs.read_label(attribute(tmp_path, b"x" * 300)) == "x" * sysfs.MAX_LABEL
    assert sysfs.read_label(attribute(tmp_path, b"\n")) == ""
    assert sysfs.read_label(tmp_path / "absent") == ""
    assert sysfs.read_label(tmp_path) == ""


def test_a_link_is_named_by_its_end(tmp_path: Path) -> None:
    (tmp_path / "driver").symlink_to("../../bus/pci/drivers/mlx5_core")
    assert sysfs.read_link_name(tmp_path / "driver") == "mlx5_core"
    assert sysfs.read_link_name(tmp_path / "absent") == ""
    assert sysfs.read_link_name(attribute(tmp_path, b"no link")) == ""


def test_entries_are_sorted_and_none_when_absent(tmp_path: Path) -> None:
    for name in ("b", "a", "c"):
        (tmp_path / name).touch()
    assert sysfs.entries(tmp_path) == ["a", "b", "c"]
    assert sysfs.entries(tmp_path / "absent") == []
    assert sysfs.entries(tmp_path / "a") == []


def test_entries_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sysfs, "MAX_ENTRIES", 2)
    for name in ("a", "b", "c"):
        (tmp_path / name).touch()
    with pytest.raises(sysfs.Unreadable, match="more than 2 entries"):
        sysfs.entries(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may list every directory")
def test_a_directory_that_may_not_be_listed_says_so(tmp_path: Path) -> None:
    tmp_path.chmod(0)
    with pytest.raises(sysfs.Unreadable, match="EACCES"):
        sysfs.entries(tmp_path)


@pytest.fixture(scope="module")
def hostile_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile") / "attribute"


@given(content=st.binary(max_size=600))
def test_any_bytes_give_a_value_or_a_typed_error(hostile_file: Path, content: bytes) -> None:
    hostile_file.write_bytes(content)
    assert isinstance(sysfs.read_text(hostile_file), str)
    label = sysfs.read_label(hostile_file)
    assert len(label) <= sysfs.MAX_LABEL
    assert label.isprintable()
    try:
        assert isinstance(sysfs.read_int(hostile_file), int)
    except sysfs.Unreadable as error:
        assert error.reason.isprintable()


def failing(number: int) -> object:
    def read(descriptor: int, size: int) -> bytes:
        raise OSError(number, os.strerror(number))

    return read

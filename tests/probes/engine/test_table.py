"""The table of interfaces: the twin's own module. That Rust reads the same is seen in test_fast.py."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.engine.table import MAX_COLUMNS, Table, parse
from tests.fixtures.descriptors import open_files

HEAD = b"""Inter-|   Receive                 |  Transmit
 face |bytes    packets errs drop |bytes    packets errs drop fifo colls carrier compressed
"""
TEXT = HEAD + b"    lo: 11 12 0 0 0 0 0 0 13 14\n  eth0:7 x 18446744073709551615 18446744073709551616 -1\nlo: 9 9\n"


def test_cells_are_found_by_line_and_column() -> None:
    cells = [(b"eth0", 0), (b"lo", 9), (b"eth0", 1), (b"eth0", 2), (b"eth0", 3), (b"eth0", 4), (b"lo", 10), (b"x", 0)]
    assert parse(TEXT, cells) == [7, 14, None, (1 << 64) - 1, None, None, None, None]


def test_a_file_is_kept_open_and_read_from_its_start(tmp_path: Path) -> None:
    path = tmp_path / "dev"
    path.write_bytes(TEXT)
    table = Table(str(path), [("lo", 0)])
    assert table.read() == [11]
    path.write_bytes(HEAD + b"lo: 12\n")
    assert table.read() == [12]
    assert str(path) in open_files().values()
    table.close()
    assert str(path) not in open_files().values()
    path.unlink()
    assert table.read() == errno.ENOENT


def test_a_table_longer_than_one_read(tmp_path: Path) -> None:
    path = tmp_path / "dev"
    path.write_bytes(HEAD + b"".join(b"veth%d: %d\n" % (number, number) for number in range(10_000)))
    assert Table(str(path), [("veth9999", 0), ("veth0", 0)]).read() == [9999, 0]


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="null byte"):
        Table("a\0b", [])
    with pytest.raises(ValueError, match="column"):
        Table("x", [("lo", MAX_COLUMNS)])


@given(st.one_of(st.binary(max_size=200), st.text("lo: 0123456789\n-x", max_size=200).map(str.encode)))
def test_any_bytes_give_numbers_or_none(text: bytes) -> None:
    for value in parse(text, [(b"lo", 0), (b"lo", 1), (b"", 0)]):
        assert value is None or 0 <= value < 1 << 64

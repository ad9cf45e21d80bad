from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.sources.net_dev import interfaces, parse
from probes.sources.sysfs import MAX_BYTES, Unreadable

TEXT = """Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier
    lo: 6241276   21625    0    0    0     0          0         0  6241276   21625    0    0    0     0       0
  eth0:757406301   36396    0    0    0     0          0         0  1734192   19555    0    0    0     0       0
"""


def test_each_line_is_an_interface(tmp_path: Path) -> None:
    path = tmp_path / "dev"
    path.write_text(TEXT)
    assert interfaces(path) == {"lo", "eth0"}
    assert interfaces(tmp_path / "absent") == set()


def test_a_file_that_is_too_long(tmp_path: Path) -> None:
    path = tmp_path / "dev"
    path.write_text("x" * (MAX_BYTES + 1))
    with pytest.raises(Unreadable):
        interfaces(path)


@given(st.text())
def test_any_text_has_names_or_none(text: str) -> None:
    assert all("\n" not in name for name in parse(text))

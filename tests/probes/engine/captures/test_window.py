from __future__ import annotations

from pathlib import Path

import pytest

from probes.engine.captures.stream import CaptureError, Stream
from probes.engine.captures.window import NotYetError, Window, without_check


def test_records_are_there_or_come_later_or_never(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"abcdefgh")
    window = Window(Stream(str(path), follow=False))
    assert window.need("record", 8)
    assert window.peek(3) == b"abc"
    window.pass_over(6)
    assert (window.available(), window.left(2), window.left(3)) == (2, None, 2)
    with pytest.raises(CaptureError, match=r"ends inside the record at octet 6: 2 of 3 octets"):
        window.need("record", 3)
    assert "damaged at octet 6: odd" in str(window.damaged("odd"))
    window.pass_over(2)
    assert not window.need("record", 1)
    with pytest.raises(NotYetError):
        Window(Stream(str(path), follow=True)).left(9)


def test_lengths_without_a_check_sequence() -> None:
    assert without_check(60, 64, 4) == (60, 60)
    assert without_check(64, 64, 4) == (60, 60)
    assert without_check(64, 60, 0) == (64, 64)
    assert without_check(2, 2, 4) == (0, 0)

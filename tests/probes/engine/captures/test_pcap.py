from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from probes.engine.captures.pcap import magic
from tests.probes.engine.captures.made import pcap


@pytest.mark.parametrize(
    ("made", "fraction"),
    [
        ({}, 5000),
        ({"order": ">"}, 5000),
        ({"magic": 0xA1B23C4D}, 5),
        ({"magic": 0xA1B2CD34}, 5000),
        ({"minor": 2}, 5000),
        ({"minor": 543}, 5000),
    ],
)
def test_every_variant(engine: Any, tmp_path: Path, made: dict[str, Any], fraction: int) -> None:
    path = tmp_path / "made.pcap"
    path.write_bytes(pcap(b"abc", b"defg", **made))
    file = engine.CaptureFile(str(path))
    second = 1_000_000_000 + fraction
    assert file.frames(9) == [(fraction, 3, 1, b"abc", None), (second, 4, 1, b"defg", None)]


@pytest.mark.parametrize(
    ("octets", "wrong"),
    [
        (pcap(b"x" * 300_000), "300000 octets, more than 262144"),
        (b"\xd4\xc3\xb2\xa1\3\0\4\0" + bytes(16), "version 3.4, not 2"),
        (pcap()[:20], "ends inside the file header"),
        (pcap(b"abc")[:30], "ends inside the record header"),
        (b"", "is empty"),
        (b"ab", "neither pcap nor"),
        (b"GET / HTTP", "begins with 47 45 54 20"),
    ],
)
def test_what_is_wrong(engine: Any, tmp_path: Path, octets: bytes, wrong: str) -> None:
    path = tmp_path / "made.pcap"
    path.write_bytes(octets)
    with pytest.raises(ValueError, match=wrong):
        engine.CaptureFile(str(path)).frames(9)


def test_check_sequences_are_taken_off(engine: Any, tmp_path: Path) -> None:
    path = tmp_path / "made.pcap"
    path.write_bytes(pcap(b"abcdefgh", link=1 | 1 << 26 | 2 << 28))
    assert engine.CaptureFile(str(path)).frames(1) == [(5000, 4, 1, b"abcd", None)]
    assert magic(b"abc") is None

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from probes.engine.captures.stream import CaptureError, Stream


def everything(stream: Stream) -> bytes:
    read = b""
    while octets := stream.read(100):
        read += octets
    return read


def test_plain_and_packed_octets_and_how_many_were_read(tmp_path: Path) -> None:
    content = bytes(range(256)) * 9
    for name, written in (("plain", content), ("packed", gzip.compress(content)), ("tiny", b"ab")):
        path = tmp_path / name
        path.write_bytes(written)
        stream = Stream(str(path), follow=False)
        assert everything(stream) == (b"ab" if name == "tiny" else content)
        assert (stream.taken, stream.size()) == (len(written), len(written))
        assert stream.read(9) is None
        stream.close()


def test_a_file_that_grows_and_one_that_became_shorter(tmp_path: Path) -> None:
    path = tmp_path / "growing"
    path.write_bytes(b"first")
    stream = Stream(str(path), follow=True)
    assert everything(stream) == b"first"
    with path.open("ab") as file:
        file.write(b"second")
    assert everything(stream) == b"second"
    path.write_bytes(b"")
    with pytest.raises(CaptureError, match="became shorter, from 11 to 0"):
        stream.read(1)


def test_what_cannot_be_opened_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none: cannot be opened.*give the path"):
        Stream(str(tmp_path / "none"), follow=False)
    with pytest.raises(CaptureError, match="is a directory"):
        Stream(str(tmp_path), follow=False)

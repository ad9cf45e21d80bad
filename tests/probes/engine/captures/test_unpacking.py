from __future__ import annotations

import gzip
import importlib
import zlib
from importlib import import_module
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.engine.captures import unpacking
from probes.engine.captures.unpacking import Gzip, PackingError


def unpacked(unpacker: Any, packed: bytes, step: int) -> bytes:
    made = b""
    for at in range(0, len(packed), step):
        unpacker.pending += packed[at : at + step]
        while octets := unpacker.unpack(7):
            made += octets
    return made


@given(st.lists(st.binary(max_size=200), min_size=1, max_size=3), st.integers(1, 50))
def test_members_one_after_another_in_slices(members: list[bytes], step: int) -> None:
    unpacker = Gzip()
    packed = b"".join(gzip.compress(member, mtime=0) for member in members) + bytes(9)
    assert unpacked(unpacker, packed, step) == b"".join(members)
    assert unpacker.complete()


def test_a_header_with_everything_in_it() -> None:
    body = gzip.compress(b"hello", mtime=0)[10:]
    header = b"\x1f\x8b\x08\x1e" + bytes(6) + b"\3\0abc" + b"name\0" + b"comment\0" + b"\0\0"
    assert unpacked(Gzip(), header + body, 1) == b"hello"


@pytest.mark.parametrize(
    ("packed", "wrong"),
    [
        (gzip.compress(b"hello", mtime=0)[:-1] + b"x", "check value"),
        (gzip.compress(b"hello", mtime=0) + b"x" * 10, "begins with 1f 8b 08, not 78 78 78"),
        (b"\x1f\x8b\x08" + bytes(7) + b"\xff" * 9, "invalid"),
        (b"\x1f\x8b\x08\x08" + bytes(6) + b"n" * (2 << 20), "header"),
    ],
)
def test_what_contradicts_itself(packed: bytes, wrong: str) -> None:
    with pytest.raises(PackingError, match=wrong):
        unpacked(Gzip(), packed, 1 << 22)


def test_zstd_with_a_library_and_without(monkeypatch: pytest.MonkeyPatch) -> None:
    library = import_module("backports.zstd")
    frame = library.compress(b"hello" * 99)
    skippable = b"\x53\x2a\x4d\x18\4\0\0\0abcd"
    unpacker = unpacking.zstd()
    assert unpacked(unpacker, frame + skippable + frame, 5) == b"hello" * 198
    assert unpacker.complete()
    with pytest.raises(PackingError, match="begins with 28 b5 2f fd, not"):
        unpacked(unpacking.zstd(), frame + b"rest", 999)
    assert all(unpacking.begins_zstd(octets) for octets in (frame, skippable))
    assert not unpacking.begins_zstd(zlib.compress(b"x"))

    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(PackingError, match=r"needs the Rust engine, Python 3\.14 or"):
        unpacking.zstd()

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest

from tests.probes.engine.captures.made import block, interface, option, packet, section


def opened(engine: Any, path: Path, octets: bytes) -> Any:
    path.write_bytes(octets)
    return engine.CaptureFile(str(path))


@pytest.mark.parametrize("order", ["<", ">"])
def test_sections_interfaces_and_packets(engine: Any, tmp_path: Path, order: str) -> None:
    about = option(2, b"nic0", order) + option(9, b"\x09", order) + option(14, struct.pack(order + "q", 3), order)
    statistics = block(5, struct.pack(order + "III", 0, 0, 0) + option(5, struct.pack(order + "Q", 42), order), order)
    made = section(order) + interface(about, snap=99, order=order) + packet(b"abcde", order=order) + statistics
    file = opened(engine, tmp_path / "made", made + block(77, b"unknown", order) + section("<") + interface(link=101))
    assert file.frames(9) == [(3_000_000_007, 5, 1, b"abcde", None)]
    assert file.interfaces() == [("nic0", 1, 99, 42), ("", 101, 0, None)]
    assert file.counts() == (1, 0, 42)
    assert file.ended()


def test_simple_and_old_packets_and_losses(engine: Any, tmp_path: Path) -> None:
    flags = option(2, struct.pack("<I", 4 << 5)) + option(4, struct.pack("<Q", 3))
    old = block(2, struct.pack("<HHIIII", 0, 5, 0, 9, 4, 4) + b"abcd")
    made = (
        section()
        + interface(snap=6)
        + packet(b"abcdefgh", options=flags)
        + block(3, struct.pack("<I", 7) + b"12345678")
    )
    file = opened(engine, tmp_path / "made", made + old)
    assert [frame[1:4] for frame in file.frames(9)] == [(4, 1, b"abcd"), (7, 1, b"123456"), (4, 1, b"abcd")]
    assert file.counts() == (3, 0, 8)


@pytest.mark.parametrize(
    ("octets", "wrong"),
    [
        (section(major=2), "a section of pcapng 2, not 1"),
        (section() + packet(b"x"), "interface 0, where 0 were described"),
        (section()[:-4] + b"\0\0\0\1", "octets by its beginning and 16777216 by its end"),
        (section() + interface()[:-1], "ends inside the block"),
        (section() + struct.pack("<III", 1, 4, 0), "a block of 4 octets, less than 12"),
        (section() + block(1, b""), "is too short"),
        (section() + struct.pack("<III", 6, 1 << 20, 0), "a packet block of 1048576 octets"),
        (
            section() + interface() + block(6, struct.pack("<IIIII", 0, 0, 0, 99, 99)),
            "a packet of 99 octets in a block",
        ),
        (b"\n\r\r\n" + bytes(8), "byte-order magic 00000000"),
        (section() + struct.pack("<III", 99, 1 << 30, 0), "ends inside the block"),
    ],
)
def test_what_is_wrong(engine: Any, tmp_path: Path, octets: bytes, wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        opened(engine, tmp_path / "made", octets).frames(9)

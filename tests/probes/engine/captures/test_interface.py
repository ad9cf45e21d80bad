from __future__ import annotations

import pytest

from probes.engine.captures.interface import Interface, described, options
from tests.probes.engine.captures.made import option


@pytest.mark.parametrize(
    ("resolution", "stamp", "ns"),
    [(6, 5, 5000), (9, 5, 5), (12, 5000, 5), (0x8A, 1024, 10**9), (0, 2, 2 * 10**9), (127, 1 << 60, 0), (0xFF, 1, 0)],
)
def test_time_stamps_of_every_resolution(resolution: int, stamp: int, ns: int) -> None:
    interface = Interface(1, 0)
    interface.resolution = resolution
    assert interface.time(stamp) == ns
    interface.offset_s = -(1 << 60)
    assert interface.time(stamp) == 0


def test_what_is_said_of_one() -> None:
    body = (
        bytes(8)
        + option(2, b"x" * 99)
        + option(13, b"\x20")
        + option(14, b"\xff" * 8)
        + option(0, b"")
        + option(2, b"y")
    )
    interface = described("little", body, 1, 0)
    assert (interface.name, interface.check_octets, interface.offset_s) == ("x" * 64, 4, -1)
    assert list(options("little", b"\2\0\x09\0abc", 0)) == []
    interface.lose(0)
    assert interface.dropped is None
    interface.lose(3)
    assert interface.dropped == 3

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from probes.engine import twin
from tests.probes.engine.captures.made import interface, option, packet, pcap, section
from tests.probes.engine.conftest import native, needs_native

FILES = [
    pcap(b"abc", bytes(60), b"x"),
    pcap(b"abc", bytes(60), order=">", magic=0xA1B23C4D),
    section() + interface(option(9, b"\6")) + packet(b"abc") + packet(bytes(60), options=option(4, bytes(8))),
]


def test_a_file_that_grows_is_waited_for(engine: Any, tmp_path: Path) -> None:
    path, octets = tmp_path / "growing.pcap", pcap(b"abc", b"defg")
    path.write_bytes(octets[:10])
    file = engine.CaptureFile(str(path), follow=True)
    for end, count in ((30, 0), (43, 1), (50, 0), (len(octets), 1)):
        path.write_bytes(octets[:end])
        assert len(file.frames(9)) == count
    assert not file.ended()
    assert file.position() == (len(octets), len(octets))


def test_filters_by_link_type_and_a_snap_length(engine: Any, tmp_path: Path) -> None:
    path = tmp_path / "made"
    path.write_bytes(section() + interface() + interface(link=101) + packet(b"abcdef") + packet(b"ghijkl", 1))
    file = engine.CaptureFile(str(path), snap=4, filter=[(1, [(0x06, 0, 0, 5)])])
    assert [frame[1:4] for frame in file.frames(9)] == [(6, 1, b"abcd")]
    assert file.counts() == (2, 1, None)
    assert engine.CaptureFile(str(path), snap=4).skip(9) == (2, 8)
    with pytest.raises(ValueError, match="0 instructions"):
        engine.CaptureFile(str(path), filter=[(1, [])])


@needs_native
@given(
    octets=st.sampled_from(FILES),
    changes=st.lists(st.tuples(st.integers(0, 160), st.integers(0, 255)), max_size=3),
    cut=st.integers(0, 160),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_damaged_files_are_read_alike(octets: bytes, changes: list[tuple[int, int]], cut: int, tmp_path: Path) -> None:
    made = bytearray(octets)
    for at, octet in changes:
        if at < len(made):
            made[at] = octet
    path = tmp_path / "made"
    path.write_bytes(bytes(made[: len(made) - cut // 4]))
    said = []
    for engine in (native(), twin):
        file = engine.CaptureFile(str(path))
        try:
            frames, error = file.frames(99), ""
            file.frames(99)
        except ValueError as wrong:
            error = str(wrong)
        said.append((frames if file.counts()[0] else [], error, file.counts(), file.interfaces(), file.ended()))
        file.close()
    assert said[0] == said[1]

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.sources.nvml.wire import HEADER, MAX_PART, Frames, WireError, packed


@given(st.lists(st.tuples(st.binary(max_size=50), st.binary(max_size=50)), max_size=5), st.integers(1, 40))
def test_frames_come_back_however_the_pipe_cuts_them(frames: list[tuple[bytes, bytes]], step: int) -> None:
    octets = b"".join(packed(*frame) for frame in frames)
    reader, found = Frames(), []
    for start in range(0, len(octets), step):
        reader.feed(octets[start : start + step])
        while (frame := reader.take()) is not None:
            found.append(frame)
    assert found == frames
    assert reader.take() is None


@given(st.binary(max_size=200))
def test_any_octets_are_frames_or_an_error(octets: bytes) -> None:
    reader = Frames()
    reader.feed(octets)
    try:
        while (frame := reader.take()) is not None:
            assert HEADER.size + len(frame[0]) + len(frame[1]) <= len(octets)
    except WireError as error:
        assert "claims" in str(error)


def test_a_frame_that_claims_too_much_is_refused_before_it_is_awaited() -> None:
    reader = Frames()
    reader.feed(HEADER.pack(MAX_PART + 1, 0))
    with pytest.raises(WireError, match="claims 4194305"):
        reader.take()


def test_too_large_a_frame_is_not_sent() -> None:
    with pytest.raises(WireError, match="each part has"):
        packed(b"", bytes(MAX_PART + 1))

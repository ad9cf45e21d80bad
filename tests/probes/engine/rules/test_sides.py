from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from probes.engine.rules.sides import MAX_OCTETS, Message, SideOctets


def test_a_stream_is_put_together_by_number() -> None:
    side = SideOctets()
    assert side.segment(b"abc", 3, 100, 100)
    assert not side.segment(b"ghi", 3, 106, 100)
    assert not side.segment(b"abc", 3, 100, 100)
    assert side.segment(b"bcdef", 5, 101, 100)
    assert side.message(0) == Message(b"abcdefghi", 9, 3, True)
    assert side.message(1) is None


def test_a_beginning_that_turns_out_to_be_none() -> None:
    side = SideOctets()
    side.segment(b"def", 3, 103, None)
    assert side.segment(b"abc", 3, 100, None)
    assert (side.octets, side.began_earlier) == (b"abcdef", True)
    assert not side.segment(b"x", 1, 99, None)
    assert not side.segment(b"xyz", 3, 90, 100)


def test_datagrams_stand_apart_and_are_bounded() -> None:
    side = SideOctets()
    assert side.datagram(b"ab", 5)
    assert side.datagram(b"cde", 3)
    assert (side.messages(), side.message(1)) == (2, Message(b"cde", 3, 5, False))
    assert side.datagram(bytes(3000), 3000)
    assert side.full()
    assert not side.datagram(b"x", 1)


@given(st.lists(st.tuples(st.integers(0, 2**32 - 1) | st.integers(90, 130), st.binary(max_size=60))), st.booleans())
def test_any_segments(segments: list[tuple[int, bytes]], known: bool) -> None:
    side = SideOctets()
    for number, payload in segments:
        before = len(side.octets)
        grown = side.segment(payload, len(payload), number, 100 if known else None)
        assert not (grown and len(side.octets) <= before and not side.began_earlier)
        side.began_earlier = False
    assert len(side.octets) <= MAX_OCTETS

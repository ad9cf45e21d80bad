from __future__ import annotations

import pytest

from probes.engine.packets.fragments import DecoderLimits, Fragments
from probes.engine.packets.span import Span
from probes.engine.packets.walk import Piece


def piece(offset: int, octets: bytes, *, more: bool = True, key: str = "a", wire: int | None = None) -> Piece:
    return Piece((key,), offset, more, 17, Span(octets, len(octets) if wire is None else wire))


def test_the_last_missing_part_yields_the_whole_in_any_order() -> None:
    fragments = Fragments(DecoderLimits())
    assert fragments.add(piece(16, b"end", more=False), 1)[1] is None
    assert fragments.add(piece(0, b"01234567"), 2)[1] is None
    assert fragments.add(piece(0, b"01234567"), 2)[1] is None
    assert fragments.add(piece(8, b"89abcdef"), 3)[1] == b"0123456789abcdefend"
    assert fragments.counts.reassembled == 1
    # A first part of a packet that is settled begins another one.
    assert fragments.add(piece(0, b"01234567"), 4)[0] == 1


@pytest.mark.parametrize(
    "second",
    [
        piece(0, b"x" * 16),
        piece(8, b"ragged"),
        piece(8, b"", more=True),
        piece(8, b"12345678", wire=9),
        piece(1 << 16, b"12345678"),
    ],
)
def test_parts_that_contradict_end_the_attempt(second: Piece) -> None:
    fragments = Fragments(DecoderLimits())
    fragments.add(piece(8, b"01234567"), 1)
    if second.offset == 8:
        fragments.add(piece(0, b"01234567"), 1)
    fragments.add(second, 2)
    assert fragments.counts.unusable == 1
    assert fragments.add(piece(16, b"end", more=False), 3)[1] is None


def test_memory_has_bounds() -> None:
    fragments = Fragments(DecoderLimits(fragmented_packets=2, octets=20, age_ns=10))
    fragments.add(piece(0, b"01234567", key="a"), 1)
    fragments.add(piece(0, b"01234567", key="b"), 1)
    fragments.add(piece(0, b"01234567", key="c"), 1)
    assert fragments.counts.incomplete == 1
    fragments.add(piece(8, b"01234567", key="c"), 1)
    assert fragments.counts.incomplete == 2
    # Too old to belong to it.
    assert fragments.add(piece(8, b"x", more=False, key="c"), 99)[1] is None

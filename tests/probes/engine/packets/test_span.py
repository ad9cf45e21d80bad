from __future__ import annotations

from struct import Struct

import pytest

from probes.engine.packets.packet import Reason, Undecodable
from probes.engine.packets.span import Span

BAD = Reason.BAD_LINK_HEADER


def test_what_was_cut_off_is_truncated_and_what_never_was_there_is_bad() -> None:
    span = Span.captured(b"abcd", 10)
    assert span.read(Struct(">H"), BAD) == (0x6162,)
    with pytest.raises(Undecodable, match="truncated"):
        span.skip(6, BAD)
    with pytest.raises(Undecodable, match="bad-link-header"):
        span.read(Struct("11s"), BAD)
    assert Span.captured(b"abcd", 2).wire == 4


def test_parts_of_it() -> None:
    span = Span(b"abcdef", 9)
    assert (span.past(7).octets, span.past(7).wire) == (b"", 2)
    assert (span.limit(3).octets, span.limit(3).wire) == (b"abc", 3)
    assert (span.told(12).octets, span.told(12).wire) == (b"abcdef", 12)
    assert (span.skip(2, BAD).octets, span.skip(2, BAD).wire) == (b"cdef", 7)
    assert (span.octet(5), span.octet(6), span.number(4), span.number(5)) == (0x66, None, 0x6566, None)

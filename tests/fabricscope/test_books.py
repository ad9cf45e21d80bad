from __future__ import annotations

import msgspec
import pytest

from fabricscope.books import Books, Count, FlowCounts, Mirror, decode_books

NOTHING = Count(0, 0)


def books(*mirrors: Mirror) -> Books:
    flows = FlowCounts(1, (1, 0, 0, 0, 0), 0, 1, 1, 0, 0, 0)
    undecodable = {"truncated": Count(2, 200)}
    types = {0x88CC: NOTHING}
    counted = Count(1, 100)
    return Books(Count(3, 300), undecodable, counted, NOTHING, NOTHING, 0, 0, [1], flows, types, {}, list(mirrors), 0)


def mirror(seen: int, missing: int) -> Mirror:
    return Mirror(bytes(16), bytes(16), 4, 7, seen, missing, 0, 0, 0, seen / (seen + missing))


def test_books_are_read_as_they_are_written() -> None:
    made = books(mirror(3, 1))
    assert decode_books(msgspec.msgpack.encode(made)) == made


def test_anything_else_is_refused() -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_books(b"\x80")


def test_visibility_goes_over_all_mirrors() -> None:
    assert books().visibility == 1
    assert books(mirror(3, 1), mirror(1, 3)).visibility == 0.5

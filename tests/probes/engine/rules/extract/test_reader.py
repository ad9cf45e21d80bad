from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.engine.rules.extract.reader import MAX_TEXT, EndError, Fields, Reader, colons, printable, trim, word


def test_what_is_not_there_is_not_read() -> None:
    reader = Reader(b"\0\2ab\3cd")
    assert (reader.counted(2), reader.left()) == (b"ab", 3)
    with pytest.raises(EndError):
        reader.counted(1)
    assert reader.take_at_most(9) == b"cd"
    for ask in (lambda: reader.number(1), lambda: reader.until(0), lambda: reader.take(-1)):
        with pytest.raises(EndError):
            ask()
    assert (Reader(b"a\0b").until(0), Reader(b"\1\2").little(2)) == (b"a", 0x0201)


def test_the_first_value_of_a_name_stays() -> None:
    fields = Fields()
    for value in (b"", None, b"one", b"two"):
        fields.octets("name", value)
    fields.value("number", 5)
    assert fields.all == {"name": "one", "number": "5"}
    assert (colons(b"\1\2"), word({1: "one"}, 1), word({}, 2), trim(b" \x0ba ")) == ("01:02", "one", "2", b"\x0ba")


@given(st.binary(max_size=400))
def test_text_is_printable_and_bounded(octets: bytes) -> None:
    text = printable(octets)
    assert len(text) <= MAX_TEXT
    assert text.isascii()
    assert all(character.isprintable() for character in text)

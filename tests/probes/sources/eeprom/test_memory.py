from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.sources.eeprom.memory import (
    DIAGNOSTICS,
    MAIN,
    EepromError,
    Image,
    Span,
    date,
    need,
    signed,
    sums_to,
    take,
    text,
    unsigned,
)

IMAGE = Image(
    {
        (MAIN, 0, None): bytes(range(128)),
        (MAIN, 0, 0): bytes(range(128, 256)),
        (MAIN, 1, 0x11): b"\x11" * 128,
        (DIAGNOSTICS, 0, None): b"\xa2" * 64,
    }
)


class Short:
    """A driver that gives less than was asked for."""

    def read(self, span: Span) -> bytes | None:
        return bytes(span.length - 1)


@pytest.mark.parametrize(
    ("span", "content"),
    [
        (Span(2, 3), b"\2\3\4"),
        (Span(126, 2), b"\x7e\x7f"),
        (Span(128, 2), b"\x80\x81"),
        (Span(2, 1, page=0x11, bank=1), b"\2"),
        (Span(128, 2, page=0x11, bank=1), b"\x11\x11"),
        (Span(128, 2, page=0x11), None),
        (Span(128, 2, page=2), None),
        (Span(62, 2, address=DIAGNOSTICS), b"\xa2\xa2"),
        (Span(62, 3, address=DIAGNOSTICS), None),
    ],
)
def test_an_image_gives_what_it_has(span: Span, content: bytes | None) -> None:
    assert take(IMAGE, span) == content


def test_what_every_module_has_must_be_there() -> None:
    assert need(IMAGE, Span(0, 1)) == b"\0"
    with pytest.raises(EepromError, match="page 02h bank 0 bytes 128-135: the module has no such page"):
        need(IMAGE, Span(128, 8, page=2))
    with pytest.raises(EepromError, match=r"A2h bank 0 bytes 100-109"):
        need(IMAGE, Span(100, 10, address=DIAGNOSTICS))


def test_a_driver_that_gives_less_is_refused() -> None:
    with pytest.raises(EepromError, match="7 bytes came where 8 were asked for"):
        take(Short(), Span(0, 8))


def test_checksums_are_the_lower_byte_of_the_sum() -> None:
    assert sums_to(b"\xff\x02", 1)
    assert not sums_to(b"\xff\x02", 2)


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"LO-1    ", "LO-1"), (b"\0\0\0\0", ""), (b"\xff\xff", ""), (b"a\x1b[b\xe9", "a?[b?"), (b" x y\0", "x y")],
)
def test_texts_are_printable_and_short(content: bytes, words: str) -> None:
    assert text(content) == words


@pytest.mark.parametrize(
    ("content", "day"),
    [
        (b"230325  ", "2023-03-25"),
        (b"221208A1", "2022-12-08 A1"),
        (b"\0\0\0\0\0\0\0\0", ""),
        (b"2303", ""),
        (b"23-3-25 ", ""),
    ],
)
def test_dates(content: bytes, day: str) -> None:
    assert date(content) == day


@given(st.binary(max_size=32))
def test_any_bytes_are_a_printable_text_and_a_date(content: bytes) -> None:
    assert text(content).isprintable()
    assert len(text(content)) <= len(content)
    assert date(content).isprintable()


def test_numbers_are_big_endian() -> None:
    assert (unsigned(b"\0\xff\x80", 1), signed(b"\0\xff\x80", 1)) == (0xFF80, -128)

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.api.times import format_time, parse_time

SECOND = 1_000_000_000


@given(st.integers(0, (1 << 63) - 1))
def test_what_is_shown_can_be_asked_for_to_the_nanosecond(unix_ns: int) -> None:
    assert parse_time(format_time(unix_ns)) == unix_ns


@pytest.mark.parametrize(
    ("text", "unix_ns"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01t00:00:01.5z", SECOND * 3 // 2),
        ("1970-01-01 02:00:00+02:00", 0),
        ("1969-12-31T23:00:00.000000001-01:00", 1),
        ("0", 0),
        ("12.000000001", 12 * SECOND + 1),
    ],
)
def test_forms(text: str, unix_ns: int) -> None:
    assert parse_time(text) == unix_ns


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "-1",
        "1e9",
        "1969-12-31T23:59:59Z",
        "2263-01-01T00:00:00Z",
        "2026-02-30T00:00:00Z",
        "2026-01-01T23:59:60Z",
        "2026-01-01T00:00:00",
        "2026-01-01T00:00:00Z\n",
        "2026-01-01T00:00:00.1234567890Z",
        "\uff11\uff12",
        "2026-01-01T00:00:00+99:99",
    ],
)
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match=r"neither RFC 3339|before 1970|month|day|second|offset"):
        parse_time(text)


@given(st.text(max_size=40))
def test_any_text_is_a_time_or_a_value_error(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert 0 <= parse_time(text) < 1 << 63

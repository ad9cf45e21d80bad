"""Each bound holds at its edge, and its refusal names the thing."""

from __future__ import annotations

import re

import pytest

from fabricscope.codec import bounds
from fabricscope.codec.bounds import Refused
from fabricscope.v1 import stream_pb2


def test_a_refusal_has_the_wires_reason_and_words() -> None:
    refused = bounds.invalid("no good")
    assert refused.reason == stream_pb2.REFUSAL_REASON_INVALID
    assert refused.detail == str(refused) == "no good"


def test_a_name_may_be_as_long_as_the_bound() -> None:
    longest = "a" * bounds.MAX_NAME
    assert bounds.checked(bounds.LABEL_NAME, longest, "label") == longest
    with pytest.raises(Refused, match=r"^label 'a{80}' is longer than 253 or does not match"):
        bounds.checked(bounds.LABEL_NAME, longest + "a", "label")


@pytest.mark.parametrize(
    ("pattern", "good", "bad"),
    [
        (bounds.METRIC_NAME, ["a", "_a", "a:b", "A9"], ["", "9a", "a-b", "a b", "a\n", "é"]),
        (bounds.LABEL_NAME, ["a", "_a", "A9"], ["", "__a", "9a", "a:b", "a\n", "\u0661"]),
        (
            bounds.HOST_NAME,
            ["n", "node7", "n-7.rack_1.example", "10.0.0.7"],
            ["", "-n", "n-", ".n", "n/7", "n\x00", "::1"],
        ),
        (bounds.EVENT_KIND, ["a", "ethernet.down", "a_1.b"], ["", ".a", "a.", "a..b", "A", "a-b", "a\n"]),
    ],
)
def test_names_are_those_of_the_reference(pattern: re.Pattern[str], good: list[str], bad: list[str]) -> None:
    for name in good:
        assert bounds.checked(pattern, name, "name") == name
    for name in bad:
        with pytest.raises(Refused):
            bounds.checked(pattern, name, "name")


def test_a_kind_made_to_be_slow_is_not() -> None:
    with pytest.raises(Refused):
        bounds.checked(bounds.EVENT_KIND, "a." * 1_000_000, "kind")


def test_text_is_counted_in_characters() -> None:
    assert bounds.bounded("é" * bounds.MAX_TEXT, "text")
    with pytest.raises(Refused, match="help is 4097 characters long; at most 4096 are taken"):
        bounds.bounded("é" * (bounds.MAX_TEXT + 1), "help")


def test_a_map_is_bounded_in_entries_keys_and_values() -> None:
    full = {str(i): "" for i in range(bounds.MAX_LABELS)}
    assert bounds.bounded_map(full, "labels") == full
    for bad in (full | {"more": ""}, {"x" * 4097: ""}, {"": "x" * 4097}):
        with pytest.raises(Refused, match=r"^labels "):
            bounds.bounded_map(bad, "labels")


def test_time_ends_where_a_signed_column_does() -> None:
    assert bounds.point_in_time((1 << 63) - 1, "time") == (1 << 63) - 1
    with pytest.raises(Refused, match="time is 9223372036854775808, which is beyond the year 2262"):
        bounds.point_in_time(1 << 63, "time")

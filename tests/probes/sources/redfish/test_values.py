from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.sources.redfish import values
from tests.probes.sources.redfish.strategies import documents


def none_of(*wrong: Any) -> list[tuple[Any, None]]:
    return [(value, None) for value in wrong]


@pytest.mark.parametrize(
    ("link", "path"),
    [
        ("/redfish/v1", "/redfish/v1"),
        ("/redfish/v1/", "/redfish/v1"),
        ("/redfish/v1/Chassis/1U/", "/redfish/v1/Chassis/1U"),
        ("/redfish/v1/Chassis/1U/Power#/PowerSupplies/0", "/redfish/v1/Chassis/1U/Power"),
        ("/redfish/v1/Chassis/Rack%201", "/redfish/v1/Chassis/Rack%201"),
        ({"@odata.id": "/redfish/v1/Systems"}, "/redfish/v1/Systems"),
        ("/redfish/v1/../v1/Chassis", None),
        ("/redfish/v1/%2e%2e/admin", None),
        ("/redfish/v1/%252e%252e/admin", None),
        ("/redfish/v1/a%2fb", None),
        ("/redfish/v1/a%5cb", None),
        ("/redfish/v1/a%0d%0aHost:x", None),
        ("/redfish/v1//evil.example/x", None),
        ("/redfish/v1/Chassis?only", None),
        ("/redfish/v10/Chassis", None),
        ("/redfish/v2/Chassis", None),
        ("//evil.example/redfish/v1/Chassis", None),
        ("https://evil.example/redfish/v1/Chassis", None),
        ("/redfish/v1/Chassis\r\nX: y", None),
        ("/redfish/v1/" + "/".join("a" * 25), None),
        ("/redfish/v1/" + "a" * 600, None),
        ("", None),
        (None, None),
        (7, None),
        ({"@odata.id": ["/redfish/v1"]}, None),
    ],
)
def test_links_lead_below_the_root_or_nowhere(link: Any, path: str | None) -> None:
    assert values.path(link) == path


@pytest.mark.parametrize(
    ("value", "number"),
    [
        *((1, 1.0), (2.5, 2.5), ("5500", 5500.0), ("-1e3", -1000.0)),
        *none_of(True, None, "", "N/A", "1_0", "inf", "nan", math.inf, math.nan, 10**400, [], {}, "9" * 41),
    ],
)
def test_numbers(value: Any, number: float | None) -> None:
    assert values.number(value) == number


@pytest.mark.parametrize(
    ("value", "count"),
    [
        (0, 0),
        (7.0, 7),
        ("18446744073709551615", (1 << 64) - 1),
        *none_of(-1, 1 << 64, 1.5, True, None, "x", "-1", math.inf, []),
    ],
)
def test_counts(value: Any, count: int | None) -> None:
    assert values.counter(value) == count


@pytest.mark.parametrize(
    ("value", "nanoseconds"),
    [
        ("PT0S", 0),
        ("PT1M", 60_000_000_000),
        ("PT23H59M34.146524704S", 86_374_146_524_704),
        ("P1DT1H", 90_000_000_000_000),
        ("P2D", 172_800_000_000_000),
        ("PT0.1234567890123S", 123_456_789),
        *none_of("", "P", "PT", "P1DT", "P1Y", "-PT1S", "PT1,5S", "1S", 5, None, "PT" + "9" * 99 + "S"),
    ],
)
def test_durations(value: Any, nanoseconds: int | None) -> None:
    assert values.nanoseconds(value) == nanoseconds


@pytest.mark.parametrize(
    ("value", "label"),
    [
        (" Fan 1 ", "Fan 1"),
        (7, "7"),
        ("a\x1bb\n", "a?b"),
        (True, ""),
        (None, ""),
        (1 << 99, ""),
        ("x" * 200, "x" * 128),
    ],
)
def test_labels(value: Any, label: str) -> None:
    assert values.text(value) == label


@pytest.mark.parametrize(
    ("name", "words"), [("NAKReceivedCount", "nak_received_count"), ("L0ToRecovery", "l0_to_recovery"), ("", "")]
)
def test_words(name: str, words: str) -> None:
    assert values.words(name) == words


@given(documents())
def test_any_value_is_what_it_should_be_or_none(value: Any) -> None:
    path = values.path(value)
    assert path is None or (path.startswith("/redfish/v1") and not {".", ".."} & set(path.split("/")))
    number = values.number(value)
    assert number is None or math.isfinite(number)
    count = values.counter(value)
    assert count is None or 0 <= count < 1 << 64
    duration = values.nanoseconds(value)
    assert duration is None or 0 <= duration < 1 << 64
    assert len(values.text(value)) <= 128
    assert all(isinstance(entry, dict) for entry in values.objects(value))
    assert values.reading(value) is None or math.isfinite(values.reading(value) or 0)


@given(st.text(alphabet="PTDHMS0123456789.-", max_size=70))
def test_any_duration_text_gives_nanoseconds_or_none(text: str) -> None:
    duration = values.nanoseconds(text)
    assert duration is None or (duration >= 0 and any(letter.isdigit() for letter in text))

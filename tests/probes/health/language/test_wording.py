from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.health.language import wording
from probes.health.language.vocabulary import Condition, Limit, Source


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (50_000_000_000, "bytes_per_second", "400 Gbit/s (50 GB/s)"),
        (0.0005, "watts", "0.5 mW (-3.01 dBm)"),
        (700, "watts", "700 W"),
        (16e9, "transfers_per_second", "16 GT/s"),
        (71.5, "celsius", "71.5 °C"),
        (3600 * 50, "seconds", "2.08 d"),
        (0.02, "seconds", "20 ms"),
        (3e-9, "ratio", "3e-09"),
        (4, "lanes", "4 lanes"),
        (2, "", "2"),
        (1500, "bytes", "1.5 kB"),
    ],
)
def test_quantities(value: float, unit: str, shown: str) -> None:
    assert wording.quantity(value, unit) == shown


@given(st.floats(), st.sampled_from(["", "watts", "seconds", "bytes_per_second", "ratio"]))
def test_any_number_can_be_said(value: float, unit: str) -> None:
    assert wording.quantity(value, unit)


@given(st.integers())
def test_any_time_can_be_said(unix_ns: int) -> None:
    assert wording.moment(unix_ns).endswith("Z")


def test_names_of_devices_are_quoted_for_a_shell() -> None:
    assert wording.filled("ethtool {device}", {"device": "eth0"}) == "ethtool eth0"
    assert wording.filled("ethtool {device}", {"device": "x; rm -rf /"}) == "ethtool 'x; rm -rf /'"


def test_parts_of_rules() -> None:
    speed = Source(metric="speed", labels={"a": ("x", "y")})
    assert wording.source(speed) == 'speed{a=~"x|y"}'
    assert wording.source(Source(metric="m", over="max", window="1d", times=0.5)) == "max of 0.5 x m over 1d"
    assert wording.limit(Limit(product=(Source(metric="m"), Source(metric="n")), times=1e-12)) == "1e-12 x m x n"
    assert wording.limit(Limit(value=3)) == "3"
    either = Condition(any=(Condition(metric="m", above=1), Condition(metric="n")))
    assert wording.condition(either) == "m above 1 or there is n"
    assert wording.thing({"device": "eth0", "lane": ""}) == "device eth0"

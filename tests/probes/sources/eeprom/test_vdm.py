from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.sources.eeprom import vdm
from probes.sources.eeprom.memory import EepromError, Image
from probes.sources.eeprom.module import Observed
from tests.fixtures.eeprom import Builder, f16
from tests.probes.sources.eeprom.strategies import noise


def observed(built: Builder, banks: int = 1) -> list[Observed]:
    image = built.image()
    return list(vdm.observe(image, vdm.find_groups(image, range(banks))))


@pytest.mark.parametrize(
    ("mantissa", "exponent", "value"),
    [(24, 18, 2.4e-5), (1, 0, 1e-24), (2047, 24, 2047.0), (5, 26, 500.0), (0, 31, 0.0)],
)
def test_decimal_floating_point_numbers(mantissa: int, exponent: int, value: float) -> None:
    assert vdm.f16(f16(mantissa, exponent).to_bytes(2, "big"), 0) == value


def test_what_is_observed_and_of_which_lane() -> None:
    built = Builder().put(128, b"\x00", page=0x2F)
    built.put(128, bytes((0x20, 5, 0x37, 6, 0x0F, 15, 0x00, 7, 0x01, 4)), page=0x20)
    built.words(128, 22 * 256, 23 * 256 + 128, f16(3, 19), 4 * 256, -2 * 256, page=0x24)
    assert observed(built) == [
        Observed("snr", "current", "media", 1, 22.0),
        Observed("snr", "current", "host", 8, 23.5),
        Observed("bit_error_ratio", "current", "media", 0, 3e-5),
        Observed("level_transition", "current", "media", 1, 4.0),
        Observed("laser_temperature", "current", "media", 2, -2.0),
    ]


@pytest.mark.parametrize(
    ("kind", "name", "statistic", "side"),
    [
        (9, "bit_error_ratio", "minimum", "media"),
        (12, "bit_error_ratio", "maximum", "host"),
        (13, "bit_error_ratio", "average", "media"),
        (16, "bit_error_ratio", "current", "host"),
        (17, "frame_error_ratio", "minimum", "media"),
        (24, "frame_error_ratio", "current", "host"),
    ],
)
def test_kinds_by_number(kind: int, name: str, statistic: str, side: str) -> None:
    built = Builder().put(128, bytes((0, kind)), page=0x20).words(128, f16(7, 20), page=0x24)
    assert observed(built) == [Observed(name, statistic, side, 1, 7e-4)]


@pytest.mark.parametrize(
    ("raw", "value"),
    [(f16(1, 24), 1.0), (f16(999, 21), 0.999), (f16(1001, 21), None), (f16(2, 24), None), (0xFFFF, None)],
)
@pytest.mark.parametrize("kind", [15, 23])
def test_a_ratio_above_1_is_none(kind: int, raw: int, value: float | None) -> None:
    built = Builder().put(128, bytes((0, kind)), page=0x20).words(128, raw, page=0x24)
    assert [one.value for one in observed(built)] == [value]


def test_what_is_of_no_interest_is_not_read() -> None:
    built = Builder().put(128, bytes((0, 2, 0, 100, 0, 0)), page=0x20).words(128, 1, 2, 3, page=0x24)
    assert observed(built) == []


def test_only_the_bytes_between_the_first_and_the_last_are_read() -> None:
    built = Builder().put(132, bytes((0, 5, 0, 2, 1, 5)), page=0x20)
    (group,) = vdm.find_groups(built.image(), range(1))
    assert (group.span.offset, group.span.length, group.span.page) == (132, 6, 0x24)


def test_banks_have_lanes_of_their_own_and_the_control_says_how_many_groups() -> None:
    built = Builder().put(128, b"\x01", page=0x2F)
    for bank in (0, 1):
        built.put(128, bytes((0, 5)), page=0x21, bank=bank).words(128, 256 * (bank + 1), page=0x25, bank=bank)
        built.put(128, bytes((0, 6)), page=0x22, bank=bank)
    assert observed(built, banks=2) == [
        Observed("snr", "current", "media", 1, 1.0),
        Observed("snr", "current", "media", 9, 2.0),
    ]


def test_a_thing_that_is_said_twice_counts_once() -> None:
    built = Builder().put(128, bytes((0, 5, 0, 5, 0x0E, 15, 0x0F, 15)), page=0x20).words(128, 256, 512, page=0x24)
    assert [(one.name, one.lane, one.value) for one in observed(built)] == [
        ("snr", 1, 1.0),
        ("bit_error_ratio", 0, 0.0),
    ]


def test_values_that_are_not_there_are_absent() -> None:
    assert observed(Builder().put(128, bytes((0, 5)), page=0x20)) == []


@given(noise(0x18))
def test_any_bytes_give_each_thing_once(image: Image) -> None:
    try:
        found = list(vdm.observe(image, vdm.find_groups(image, range(4))))
    except EepromError:
        return
    keys = [one[:4] for one in found]
    assert len(keys) == len(set(keys))
    assert all(one.value is None or math.isfinite(one.value) for one in found)


@given(st.binary(min_size=2, max_size=2))
def test_any_two_bytes_are_a_number(content: bytes) -> None:
    assert 0 <= vdm.f16(content, 0) <= 2047e7

from __future__ import annotations

import pytest

from probes.sources.eeprom.module import LEVELS, Flag, Thresholds
from probes.sources.eeprom.monitors import amperes, celsius, lane_flags, level_flags, thresholds, volts, watts


def test_units() -> None:
    assert celsius(b"\x19\x80", 0) == 25.5
    assert celsius(b"\xff\x80", 0) == -0.5
    assert volts(b"\x80\xe8", 0) == 3.3
    assert amperes(b"\x0d\xac", 0) == 0.007
    assert watts(b"\x27\x10", 0) == 0.001


def test_thresholds_stand_in_the_order_of_the_levels() -> None:
    content = bytes.fromhex("00 4b00 fb00 4600 0100")
    assert thresholds(content, 1, celsius) == Thresholds(75.0, -5.0, 70.0, 1.0)


@pytest.mark.parametrize("content", [bytes(8), b"\xff" * 8])
def test_thresholds_of_nothing_but_zeros_or_ones_are_none(content: bytes) -> None:
    assert thresholds(content, 0, watts) is None


def test_thresholds_that_are_no_numbers_are_none() -> None:
    assert thresholds(bytes(range(8)), 0, lambda content, at: float("nan")) is None
    assert thresholds(bytes(range(8)), 0, lambda content, at: float("inf")) is None


def test_flags_of_a_quantity_from_the_lowest_bit_on() -> None:
    assert level_flags("bias", 3, 0b1001) == [
        Flag("bias_high_alarm", 3, True),
        Flag("bias_low_alarm", 3, False),
        Flag("bias_high_warning", 3, False),
        Flag("bias_low_warning", 3, True),
    ]
    assert [flag.name for flag in level_flags("bias", 1, 0b0001, reversed(LEVELS)) if flag.raised] == [
        "bias_low_warning"
    ]


def test_flags_by_lane() -> None:
    assert lane_flags("receive_los", (1, 3), 0b100) == [Flag("receive_los", 1, False), Flag("receive_los", 3, True)]

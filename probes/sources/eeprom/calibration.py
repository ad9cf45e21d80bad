"""From what an SFP's converters give to volts, watts and so on. SFF-8472 revision 12.4, sections 9.3 and 9.4.

Modules that calibrate themselves give real units. The others give raw ones and the constants to make real ones of
them, at A2h bytes 56-91; these apply to their thresholds as well.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import NamedTuple

from probes.sources.eeprom.memory import signed, unsigned
from probes.sources.eeprom.monitors import amperes, celsius, volts, watts

Unit = Callable[[bytes, int], float]
"""The value at an offset in bytes."""


class Calibration(NamedTuple):
    """What makes a real value of the bytes of each quantity; it may be infinite or no number at all."""

    temperature: Unit
    supply: Unit
    bias: Unit
    transmit_power: Unit
    receive_power: Unit


INTERNAL = Calibration(celsius, volts, amperes, watts, watts)


def external(page: bytes) -> Calibration:
    """The calibration by the constants in A2h bytes 0-95."""
    # Bytes 56-75: the receive power's coefficients, the fourth power's first.
    coefficients = struct.unpack_from(">5f", page, 56)

    def receive_power(content: bytes, offset: int) -> float:
        raw, value = unsigned(content, offset), 0.0
        for coefficient in coefficients:
            value = value * raw + coefficient
        return value / 10_000_000

    return Calibration(
        temperature=_line(page, 84, signed, 256),
        supply=_line(page, 88, unsigned, 10_000),
        bias=_line(page, 76, unsigned, 500_000),
        transmit_power=_line(page, 80, unsigned, 10_000_000),
        receive_power=receive_power,
    )


def _line(page: bytes, at: int, raw: Callable[[bytes, int], int], per_unit: int) -> Unit:
    """Slope (unsigned, 8 bits of it behind the point) and offset (signed, in the unit of the raw value)."""
    slope, offset = unsigned(page, at) / 256, signed(page, at + 2)
    return lambda content, place: (slope * raw(content, place) + offset) / per_unit

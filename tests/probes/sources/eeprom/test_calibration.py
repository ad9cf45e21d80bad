from __future__ import annotations

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.sources.eeprom.calibration import INTERNAL, external


def constants(*, receive: tuple[float, ...] = (0, 0, 0, 1, 0), **lines: tuple[int, int]) -> bytes:
    """A2h bytes 0-95; lines are a slope in 1/256 and an offset."""
    page = bytearray(96)
    page[56:76] = struct.pack(">5f", *receive)
    for at, name in ((76, "bias"), (80, "transmit_power"), (84, "temperature"), (88, "supply")):
        page[at : at + 4] = struct.pack(">Hh", *lines.get(name, (256, 0)))
    return bytes(page)


def test_a_module_that_calibrates_itself_gives_real_values() -> None:
    assert INTERNAL.supply(b"\x80\xe8", 0) == 3.3


def test_slope_and_offset() -> None:
    units = external(constants(supply=(512, 200), temperature=(128, -256), bias=(384, -10), transmit_power=(1, 0)))
    raw = struct.pack(">H", 1000)
    assert units.supply(raw, 0) == (2 * 1000 + 200) / 10_000
    assert units.temperature(struct.pack(">h", -512), 0) == (-256 - 256) / 256
    assert units.bias(raw, 0) == (1500 - 10) / 500_000
    assert units.transmit_power(raw, 0) == pytest.approx(1000 / 256 / 1e7)


def test_the_received_power_is_a_polynomial_of_the_fourth_degree() -> None:
    units = external(constants(receive=(0.5, 0.25, 2, 3, 4)))
    expected = 0.5 * 10**4 + 0.25 * 10**3 + 2 * 10**2 + 3 * 10 + 4
    assert units.receive_power(struct.pack(">H", 10), 0) == pytest.approx(expected / 1e7)


@given(st.binary(min_size=96, max_size=96), st.binary(min_size=2, max_size=2))
def test_any_constants_give_a_float(page: bytes, raw: bytes) -> None:
    units = external(page)
    values = [unit(raw, 0) for unit in units]
    assert all(isinstance(value, float) for value in values)
    # Lines stay finite; a polynomial need not.
    assert all(math.isfinite(value) for value in values[:4])

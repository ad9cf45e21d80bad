from __future__ import annotations

import ctypes
import math
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.sources.nvml import values
from tests.fixtures.nvml.bindings import pynvml
from tests.fixtures.nvml.fake import DOUBLE, INT, LONG_LONG, UINT, ULONG, ULONG_LONG, USHORT


def entry(kind: int, member: str, value: Any, code: int = 0) -> tuple[int, int]:
    """Descriptor and bits of a value as the library writes it, by the bindings' own structure."""
    array = (pynvml.c_nvmlFieldValue_t * 1)()
    array[0].valueType, array[0].nvmlReturn = kind, code
    setattr(array[0].value, member, value)
    descriptors, bits = values.decoded(values.packed(memoryview(bytes(array)).cast("Q")))
    return descriptors[0], bits[0]


def test_the_layout_is_that_of_the_bindings() -> None:
    assert ctypes.sizeof(pynvml.c_nvmlFieldValue_t) == 40
    descriptor, bits = entry(ULONG_LONG, "ullVal", 77, code=15)
    assert (descriptor, bits) == (ULONG_LONG | 15 << 32, 77)
    assert values.code(descriptor) == 15
    assert entry(ULONG_LONG, "ullVal", 1)[0] == values.COUNTER


@pytest.mark.parametrize(
    ("kind", "member", "value"),
    [
        (DOUBLE, "dVal", 2.5),
        (UINT, "uiVal", 0xFFFF_FFFE),
        (ULONG, "ulVal", 1 << 40),
        (ULONG_LONG, "ullVal", (1 << 63) + 1),
        (LONG_LONG, "sllVal", -5),
        (INT, "siVal", -2),
        (USHORT, "usVal", 0xFFFF),
        (UINT, "uiVal", 0),
    ],
)
def test_each_type(kind: int, member: str, value: float) -> None:
    assert values.number(*entry(kind, member, value)) == value


@pytest.mark.parametrize(
    ("kind", "member", "value"),
    [
        (ULONG_LONG, "ullVal", 9223372036854775794),
        (ULONG_LONG, "ullVal", 9223372036854775792),
        (ULONG_LONG, "ullVal", (1 << 64) - 1),
        (ULONG, "ulVal", 9223372036854775795),
        (LONG_LONG, "sllVal", 9223372036854775794),
        (LONG_LONG, "sllVal", -1),
        (INT, "siVal", -1),
        (INT, "siVal", 0x7FFFFFF2),
        (UINT, "uiVal", 0xFFFF_FFFF),
        (UINT, "uiVal", 2147483632),
        (DOUBLE, "dVal", 140737488355330.0),
        (DOUBLE, "dVal", math.nan),
        (DOUBLE, "dVal", math.inf),
        (99, "ullVal", 1),
    ],
)
def test_a_sentinel_is_no_value(kind: int, member: str, value: float) -> None:
    assert values.number(*entry(kind, member, value)) is None


def test_minus_one_is_a_number_where_it_is_said_to_be() -> None:
    assert values.number(*entry(INT, "siVal", -1), minus_one=True) == -1


def test_what_is_narrower_leaves_the_rest_of_the_union_aside() -> None:
    array = (pynvml.c_nvmlFieldValue_t * 1)()
    array[0].value.ullVal = (1 << 64) - 1
    array[0].valueType, array[0].value.uiVal = UINT, 7
    ((descriptor,), (bits,)) = values.decoded(values.packed(memoryview(bytes(array)).cast("Q")))
    assert values.number(descriptor, bits) == 7
    assert values.narrow(descriptor)
    assert not values.narrow(values.COUNTER)


@pytest.mark.parametrize(
    ("packed", "ratio"),
    [
        (15 << 8 | 255, 0.0),
        (3 << 8 | 12, 3e-12),
        (1 << 8 | 5, 1e-5),
        (12 << 8, 12.0),
        (0, 0.0),
        (15 << 8 | 254, 15e-254),
    ],
)
def test_bit_error_ratios_are_unpacked(packed: int, ratio: float) -> None:
    assert values.bit_error_ratio(packed) == pytest.approx(ratio, rel=1e-12, abs=0)


@given(st.integers(0, (1 << 64) - 1), st.integers(0, (1 << 64) - 1))
def test_any_entry_is_a_finite_number_or_none(descriptor: int, bits: int) -> None:
    value = values.number(descriptor, bits)
    assert value is None or math.isfinite(value)
    assert math.isfinite(values.bit_error_ratio(bits))


def test_of_each_entry_the_last_sixteen_octets_are_passed_on() -> None:
    array = bytes(range(120))
    packed = values.packed(memoryview(array).cast("Q"))
    assert packed == array[24:40] + array[64:80] + array[104:120]
    assert len(packed) == 3 * values.ENTRY
    assert values.packed(memoryview(b"").cast("Q")) == b""


@given(st.binary(max_size=400))
def test_any_octets_are_entries_or_an_error(raw: bytes) -> None:
    try:
        descriptors, bits = values.decoded(raw)
    except ValueError as error:
        assert "no array" in str(error)
    else:
        assert len(descriptors) == len(bits) == len(raw) // values.ENTRY
        assert raw == b"" or struct.unpack_from("=Q", raw, 8)[0] == bits[0]

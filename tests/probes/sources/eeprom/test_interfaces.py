from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.sources.eeprom import interfaces


@pytest.mark.parametrize(
    ("media_type", "number", "name"),
    [
        (interfaces.SINGLE_MODE, 0x1C, "400GBASE-DR4"),
        (interfaces.MULTIMODE, 0x1C, "128GFC-MM"),
        (interfaces.PASSIVE_COPPER, 0x01, "copper cable"),
        (interfaces.BASE_T, 0x04, "10GBASE-T"),
        (interfaces.SINGLE_MODE, 0xC1, "vendor specific"),
        (interfaces.SINGLE_MODE, 0x00, ""),
        (9, 0x1C, ""),
    ],
)
def test_what_a_number_means_goes_by_the_type_of_media(media_type: int, number: int, name: str) -> None:
    assert interfaces.media_name(media_type, number) == name


def test_electrical_interfaces() -> None:
    assert interfaces.host_name(0x11) == "400GAUI-8 C2M"
    assert interfaces.host_name(0x32) == "InfiniBand NDR"
    assert interfaces.host_name(0x00) == ""
    assert interfaces.host_name(0xF0) == "vendor specific"


@given(st.integers(0, 255), st.integers(0, 255))
def test_any_numbers_have_a_name_or_none(media_type: int, number: int) -> None:
    assert interfaces.media_name(media_type, number).isprintable()
    assert interfaces.host_name(number).isprintable()

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from probes.sources.eeprom import applications
from probes.sources.eeprom.interfaces import PASSIVE_COPPER, SINGLE_MODE
from probes.sources.eeprom.module import Application

DR4 = bytes((0x11, 0x1C, 0x84, 0x01))
FR1 = bytes((0x0D, 0x15, 0x21, 0x55))


def test_applications_of_both_pages() -> None:
    options = bytes((0x01, 0x0F, *(0,) * 6, 0x11))
    found = applications.parse(SINGLE_MODE, DR4 + FR1 + b"\xff" * 24, bytes((0x50, 0x1D, 0x44, 0x11)), options)
    assert found == (
        Application(1, "400GAUI-8 C2M", "400GBASE-DR4", 8, 4, 0x01, 0x01),
        Application(2, "100GAUI-2 C2M", "100GBASE-FR1", 2, 1, 0x55, 0x0F),
        Application(9, "400GAUI-4-L C2M", "400GBASE-FR4", 4, 4, 0x11, 0x11),
    )
    assert applications.host_lanes(found) == (1, 2, 3, 4, 5, 6, 7, 8)
    assert applications.media_lanes(found, 0) == (1, 2, 3, 4, 5, 6, 7, 8)
    assert applications.media_lanes(found[:2], 0) == (1, 2, 3, 4)


def test_an_application_without_a_host_interface_is_none() -> None:
    assert applications.parse(SINGLE_MODE, bytes(32), b"", None) == ()


def test_without_media_options_an_application_begins_at_the_first_lane() -> None:
    (found,) = applications.parse(PASSIVE_COPPER, bytes((0x1D, 0x01, 0x88, 0x01, 0xFF)), b"", None)
    assert found.media_options is None
    assert applications.media_lanes([found], 0) == (1, 2, 3, 4, 5, 6, 7, 8)


def test_lanes_that_the_module_says_it_does_not_have() -> None:
    found = applications.parse(SINGLE_MODE, bytes((0x50, 0x1D, 0x44, 0x11)), b"", b"\x11")
    assert applications.media_lanes(found, 0xF0) == (1, 2, 3, 4)
    assert applications.media_lanes(found, 0xFF) == (1, 2, 3, 4, 5, 6, 7, 8)
    assert applications.media_lanes([], 0xFC) == (1, 2)


@given(st.binary(max_size=32), st.binary(max_size=28), st.binary(max_size=15), st.integers(0, 255))
def test_any_bytes_give_lanes_of_a_bank(first: bytes, more: bytes, options: bytes, unsupported: int) -> None:
    found = applications.parse(SINGLE_MODE, first, more, options)
    assert set(applications.host_lanes(found)) <= set(range(1, 9))
    assert set(applications.media_lanes(found, unsupported)) <= set(range(1, 9))

from __future__ import annotations

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.sources.eeprom import sff8472
from probes.sources.eeprom.memory import DIAGNOSTICS, EepromError, Image, Span
from probes.sources.eeprom.module import Measurement
from probes.sources.eeprom.sff8472 import Sfp
from tests.fixtures.eeprom import Builder, sfp28_sr, sfp_plus_external
from tests.probes.sources.eeprom.strategies import damaged, noise


def raised(now: Measurement) -> list[tuple[str, int]]:
    return [(flag.name, flag.lane) for flag in now.flags if flag.raised]


def module(built: Builder) -> tuple[Sfp, Measurement]:
    image = built.image()
    found = sff8472.identify(image)
    return found, found.measure(image)


def test_a_module_that_calibrates_itself() -> None:
    found, now = module(sfp28_sr())
    identity = found.identity
    assert (identity.form_factor, identity.media, identity.connector) == ("SFP28", "25GBASE-SR", "LC")
    assert (identity.vendor, identity.part, identity.serial) == ("Lumen Optics", "LO-SR-25", "SFP00001")
    assert (identity.date, identity.oui, identity.technology) == ("2024-01-05", "00:11:22", "850 nm")
    assert identity.lengths == {"OM4": 100.0, "OM3": 70.0}
    assert (now.temperature, now.supply) == (40.0, 3.3)
    assert (now.bias, now.transmit_power, now.receive_power) == ({1: 0.007}, {1: 0.0006}, {1: 0.0005})
    assert found.thresholds["temperature"] == (75.0, -5.0, 70.0, 2.0)
    assert found.thresholds["receive_power"] == (0.001, 0.0001, 0.0008, 0.00016)
    assert raised(now) == []
    assert len(now.flags) == 23


def test_raw_values_and_limits_become_real_by_the_modules_constants() -> None:
    (ours, now), (real, expected) = module(sfp_plus_external()), module(sfp28_sr())
    assert ours.identity.form_factor == "SFP+"
    assert ours.identity.media == "10GBASE-SR"
    assert (now.temperature, now.supply, now.bias) == (expected.temperature, expected.supply, expected.bias)
    assert now.transmit_power == expected.transmit_power
    assert now.receive_power[1] == pytest.approx(expected.receive_power[1])
    for quantity, limits in real.thresholds.items():
        assert ours.thresholds[quantity] == pytest.approx(limits)


def test_constants_that_give_no_number_leave_the_value_out() -> None:
    built = sfp_plus_external().put(56, struct.pack(">5f", 0, 0, 0, math.inf, math.nan), address=DIAGNOSTICS)
    found, now = module(built)
    assert now.receive_power == {}
    assert "receive_power" not in found.thresholds
    assert now.bias == {1: 0.007}


def test_flags_by_their_bits() -> None:
    built = sfp28_sr().put(110, b"\x46", address=DIAGNOSTICS)
    built.put(112, b"\x81\x40", address=DIAGNOSTICS).put(116, b"\x08\x80", address=DIAGNOSTICS)
    assert raised(module(built)[1]) == [
        ("transmit_disabled", 1),
        ("transmit_fault", 1),
        ("receive_los", 1),
        ("temperature_high_alarm", 0),
        ("transmit_power_low_alarm", 1),
        ("receive_power_low_alarm", 1),
        ("bias_high_warning", 1),
        ("receive_power_high_warning", 1),
    ]


def test_flags_that_a_module_does_not_have_are_absent() -> None:
    built = sfp28_sr().put(93, b"\x10").put(110, b"\xff", address=DIAGNOSTICS)
    _found, now = module(built)
    assert [flag.name for flag in now.flags] == ["receive_los"]


def test_a_module_that_is_not_ready_has_no_values() -> None:
    _found, now = module(sfp28_sr().put(110, b"\x01", address=DIAGNOSTICS))
    assert (now.temperature, now.bias) == (None, {})


@pytest.mark.parametrize("changes", [{2: b"\x22", 36: b"\x16"}, {8: b"\x08", 36: b"\x08"}])
def test_copper_has_no_light_that_could_be_dark(changes: dict[int, bytes]) -> None:
    built = sfp28_sr().put(100, bytes(6), address=DIAGNOSTICS)
    for at, content in changes.items():
        built.put(at, content)
    found, now = module(built)
    assert (now.temperature, now.supply) == (40.0, 3.3)
    assert (now.receive_power, now.transmit_power, now.bias) == ({}, {}, {})
    assert set(found.thresholds) == {"temperature", "supply"}
    assert len(now.flags) == 11
    assert not [flag for flag in now.flags if flag.name.startswith(("receive_power", "transmit_power", "bias"))]


def test_a_module_without_diagnostics_is_not_asked_for_them() -> None:
    found, now = module(sfp28_sr().put(92, b"\x00"))
    assert now == Measurement()
    assert not found.thresholds


def test_diagnostics_that_the_driver_does_not_give_out_are_absent() -> None:
    halves = {where: bytes(half) for where, half in sfp28_sr().halves.items() if where[0] != DIAGNOSTICS}
    found = sff8472.identify(Image(halves))
    assert found.identity.vendor == "Lumen Optics"
    assert found.measure(Image(halves)) == Measurement()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({8: b"\x04", 12: b"\x67", 36: b"\x00"}, ("10GBASE-CR", True, "cable")),
        ({8: b"\x04", 36: b"\x00"}, ("25GBASE-CR", True, "cable")),
        ({8: b"\x04", 12: b"\x0d", 36: b"\x00"}, ("copper cable", True, "cable")),
        ({8: b"\x08", 12: b"\x67", 36: b"\x00"}, ("10G active cable", False, "cable")),
        ({2: b"\x22", 36: b"\x16"}, ("10GBASE-T", True, "copper")),
        ({6: b"\x08", 12: b"\x0d", 36: b"\x00"}, ("1000BASE-T", True, "copper")),
    ],
)
def test_cables_and_copper(changes: dict[int, bytes], expected: tuple[str, bool, str]) -> None:
    built = sfp28_sr()
    for at, content in changes.items():
        built.put(at, content)
    identity = sff8472.identify(built.image()).identity
    assert (identity.media, identity.copper, *identity.lengths) == expected
    assert identity.technology == ""


def test_lengths_over_single_mode_fibre() -> None:
    built = sfp28_sr().put(14, b"\x0a\x64").put(16, bytes(4))
    assert sff8472.identify(built.image()).identity.lengths == {"SMF": 10_000.0}
    assert sff8472.identify(built.put(14, b"\x28\xff").image()).identity.lengths == {"SMF": 40_000.0}


def test_wrong_checksums_are_told_and_cost_nothing_else() -> None:
    built = sfp28_sr().put(20, b"X").put(70, b"X").put(10, b"\x7f", address=DIAGNOSTICS)
    found = sff8472.identify(built.image())
    assert found.identity.bad_checksums == ("A0h bytes 0-62", "A0h bytes 64-94", "A2h bytes 0-94")
    assert found.identity.vendor == "Xumen Optics"
    assert not sff8472.identify(sfp28_sr().image()).identity.bad_checksums


def test_another_module_has_another_tag() -> None:
    tag = sff8472.identify(sfp28_sr("A").image()).tag
    assert tag.still(sfp28_sr("A").image())
    assert not tag.still(sfp28_sr("B").image())


@given(st.one_of(noise(0x03), damaged(sfp28_sr), damaged(sfp_plus_external)))
def test_any_bytes_give_a_module_or_an_eeprom_error(image: Image) -> None:
    try:
        found = sff8472.identify(image)
        now = found.measure(image)
    except EepromError as error:
        assert "no such page" in str(error)
        return
    values = [now.temperature, now.supply, *now.bias.values(), *now.receive_power.values()]
    assert all(math.isfinite(value) for value in values if value is not None)
    assert all(math.isfinite(value) for limits in found.thresholds.values() for value in limits)


def test_an_empty_memory_is_an_error() -> None:
    with pytest.raises(EepromError, match="bytes 0-95"):
        sff8472.identify(Image({}))
    assert Span(0, 96) == sff8472._WHAT_IT_IS

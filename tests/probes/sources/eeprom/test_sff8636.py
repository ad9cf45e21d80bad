from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.sources.eeprom import sff8636
from probes.sources.eeprom.memory import EepromError, Image
from probes.sources.eeprom.module import Measurement
from probes.sources.eeprom.sff8636 import Qsfp
from tests.fixtures.eeprom import Builder, qsfp28_dac, qsfp28_sr4
from tests.probes.sources.eeprom.strategies import damaged, noise


def module(built: Builder) -> tuple[Qsfp, Measurement]:
    image = built.image()
    found = sff8636.identify(image)
    return found, found.measure(image)


def raised(now: Measurement) -> list[tuple[str, int]]:
    return [(flag.name, flag.lane) for flag in now.flags if flag.raised]


def test_an_optical_module() -> None:
    found, now = module(qsfp28_sr4())
    identity = found.identity
    assert (identity.form_factor, identity.media, identity.connector) == ("QSFP28", "100GBASE-SR4", "MPO 1x12")
    assert (identity.vendor, identity.part, identity.revision) == ("Lumen Optics", "LO-SR4-28", "B")
    assert (identity.serial, identity.date, identity.technology) == ("SR400001", "2024-11-07 01", "850 nm VCSEL")
    assert identity.lengths == {"OM3": 70.0, "OM4": 100.0}
    assert not identity.copper
    assert (now.temperature, now.supply) == (31.0, 3.29)
    assert now.receive_power == {1: 0.0009, 2: 0.0, 3: 0.00092, 4: 0.00093}
    assert now.transmit_power == {1: 0.001, 2: 0.00101, 3: 0.00102, 4: 0.00103}
    assert now.bias == {1: 0.007, 2: 0.00702, 3: 0.00704, 4: 0.00706}
    assert found.thresholds["temperature"] == (75.0, -5.0, 70.0, 0.0)
    assert found.thresholds["supply"] == (3.63, 2.97, 3.465, 3.135)
    assert found.thresholds["bias"] == (0.015, 0.002, 0.014, 0.003)
    assert found.thresholds["transmit_power"].low_warning == 0.0001737


def test_a_dark_lane_is_zero_and_raises_its_flags() -> None:
    _found, now = module(qsfp28_sr4())
    assert raised(now) == [
        ("receive_los", 2),
        ("receive_lol", 2),
        ("receive_power_low_warning", 2),
        ("receive_power_low_alarm", 2),
    ]


def test_every_flag_has_its_bit() -> None:
    built = qsfp28_sr4().put(3, bytes((0x81, 0x42, 0x24, 0x80, 0x10))).put(9, bytes((0x80, 0, 0, 0x10, 0x01, 0x08)))
    built.put(86, b"\x04")
    assert raised(module(built)[1]) == [
        ("temperature_high_alarm", 0),
        ("supply_low_warning", 0),
        ("receive_los", 1),
        ("transmit_los", 4),
        ("transmit_fault", 2),
        ("transmit_equalizer_fault", 3),
        ("receive_lol", 3),
        ("transmit_lol", 2),
        ("transmit_disabled", 3),
        ("receive_power_high_alarm", 1),
        ("bias_low_warning", 3),
        ("transmit_power_low_warning", 2),
        ("transmit_power_high_alarm", 4),
    ]


def test_a_passive_cable_measures_nothing() -> None:
    found, now = module(qsfp28_dac())
    assert found.identity.copper
    assert (found.identity.media, found.identity.lengths) == ("100GBASE-CR4", {"cable": 3.0})
    assert now == Measurement()
    assert not found.thresholds


@pytest.mark.parametrize("technology", [0xC0, 0xD0, 0xE0, 0xF0])
def test_an_active_copper_cable_has_no_light_that_could_be_dark(technology: int) -> None:
    built = qsfp28_sr4().put(147, bytes((technology,))).put(192, b"\x08").put(34, bytes(24))
    found, now = module(built)
    assert (found.identity.media, found.identity.copper) == ("100G ACC", False)
    assert (now.temperature, now.supply) == (31.0, 3.29)
    assert (now.receive_power, now.transmit_power, now.bias) == ({}, {}, {})
    assert set(found.thresholds) == {"temperature", "supply"}
    assert ("receive_los", 2) in raised(now)
    assert not [flag for flag in now.flags if flag.name.startswith(("receive_power", "transmit_power", "bias"))]


def test_what_a_module_does_not_measure_is_absent_whatever_stands_there() -> None:
    found, now = module(qsfp28_sr4().put(220, b"\x38").put(193, bytes(3)))
    assert now.transmit_power == {}
    assert "transmit_power" not in found.thresholds
    names = {flag.name for flag in now.flags if not flag.name.endswith(("alarm", "warning"))}
    assert names == {"receive_los"}
    assert not {flag.name for flag in now.flags if flag.name.startswith("transmit_power")}


def test_older_modules_do_not_say_that_they_measure_the_temperature() -> None:
    assert module(qsfp28_sr4().put(220, b"\x0c"))[1].temperature == 31.0
    assert module(qsfp28_sr4().put(220, b"\x0c").put(22, bytes(2)))[1].temperature is None
    assert module(qsfp28_sr4().put(22, bytes(2)))[1].temperature == 0.0


@pytest.mark.parametrize(("at", "content"), [(2, b"\x01"), (26, bytes(2))])
def test_a_module_that_is_not_ready_has_no_values(at: int, content: bytes) -> None:
    assert module(qsfp28_sr4().put(at, content))[1] == Measurement()


def test_flat_memory_has_values_and_no_limits() -> None:
    found, now = module(qsfp28_sr4().put(2, b"\x04"))
    assert now.supply == 3.29
    assert not found.thresholds


@pytest.mark.parametrize(
    ("extended", "ethernet", "infiniband", "media"),
    [
        (0x06, 0x04, 0, "100G-CWDM4"),
        (0x00, 0x84, 0, "40GBASE-SR4"),
        (0x00, 0x00, 0x30, "InfiniBand HDR"),
        (0x00, 0x00, 0, ""),
    ],
)
def test_what_a_module_speaks(extended: int, ethernet: int, infiniband: int, media: str) -> None:
    built = qsfp28_sr4().put(192, bytes((extended,))).put(131, bytes((ethernet,))).put(164, bytes((infiniband,)))
    assert sff8636.identify(built.image()).identity.media == media


def test_copper_that_does_not_say_what_for_is_copper() -> None:
    assert sff8636.identify(qsfp28_dac().put(192, b"\0").image()).identity.media == "copper cable"


def test_an_active_optical_cable_has_a_length_of_its_own() -> None:
    built = qsfp28_sr4().put(130, b"\x23").put(146, b"\x0a")
    assert sff8636.identify(built.image()).identity.lengths == {"cable": 10.0}


def test_wrong_checksums_are_told_and_cost_nothing_else() -> None:
    found, now = module(qsfp28_sr4().put(148, b"X").put(196, b"X"))
    assert found.identity.bad_checksums == ("page 00h bytes 128-190", "page 00h bytes 192-222")
    assert (found.identity.serial, now.supply) == ("XR400001", 3.29)
    assert not module(qsfp28_sr4())[0].identity.bad_checksums


def test_another_module_has_another_tag() -> None:
    tag = sff8636.identify(qsfp28_sr4("A").image()).tag
    assert tag.still(qsfp28_sr4("A").image())
    assert not tag.still(qsfp28_sr4("B").image())


@given(st.one_of(noise(0x11), damaged(qsfp28_sr4), damaged(qsfp28_dac)))
def test_any_bytes_give_a_module_or_an_eeprom_error(image: Image) -> None:
    try:
        found = sff8636.identify(image)
        now = found.measure(image)
    except EepromError as error:
        assert "no such page" in str(error)
        return
    assert found.identity.vendor.isprintable()
    assert set(now.receive_power) in (set(), {1, 2, 3, 4})

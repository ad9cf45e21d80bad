from __future__ import annotations

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.sources.eeprom import cmis
from probes.sources.eeprom.cmis import Cmis
from probes.sources.eeprom.memory import EepromError, Image
from probes.sources.eeprom.module import Measurement, Observed
from tests.fixtures.eeprom import Builder, FakeModules, cmis_400g_dr4
from tests.probes.sources.eeprom.strategies import damaged, noise


def module(built: Builder) -> tuple[Cmis, Measurement]:
    image = built.image()
    found = cmis.identify(image)
    return found, found.measure(image)


def raised(now: Measurement) -> list[tuple[str, int]]:
    return [(flag.name, flag.lane) for flag in now.flags if flag.raised]


def test_what_a_module_measures() -> None:
    _found, now = module(cmis_400g_dr4())
    assert (now.temperature, now.supply, now.laser_temperature) == (45.5, 3.3, 50.0)
    assert now.receive_power == {1: 0.0008, 2: 0.000805, 3: 0.00081, 4: 0.000815}
    assert now.transmit_power == {1: 0.0012, 2: 0.00121, 3: 0.00122, 4: 0.00123}
    assert now.bias == pytest.approx({1: 0.08, 2: 0.08004, 3: 0.08008, 4: 0.08012})
    assert (now.state, now.fault) == (3, 0)
    assert now.data_paths == dict.fromkeys(range(1, 9), 4)
    assert Observed("bit_error_ratio", "current", "media", 0, 2.4e-5) in now.observed
    assert raised(now) == []


def test_its_limits() -> None:
    limits = module(cmis_400g_dr4())[0].thresholds
    assert limits["temperature"] == (75.0, -5.0, 70.0, 0.0)
    assert limits["supply"] == (3.465, 3.135, 3.43, 3.17)
    assert limits["laser_temperature"] == (80.0, 0.0, 75.0, 5.0)
    assert limits["bias"] == pytest.approx((0.13, 0.02, 0.12, 0.03))
    assert limits["transmit_power"] == (0.0031623, 0.0002512, 0.0025119, 0.0003162)
    assert limits["receive_power"].low_warning == 0.0001259


def test_limits_that_do_not_add_up_are_told_and_decoded_all_the_same() -> None:
    found, _now = module(cmis_400g_dr4())
    assert found.identity.bad_checksums == ()
    found, _now = module(cmis_400g_dr4().put(128, bytes((76,)), page=2))
    assert found.identity.bad_checksums == ("page 02h bytes 128-254",)
    assert found.thresholds["temperature"].high_alarm == 76.0
    found, _now = module(cmis_400g_dr4().put(150, b"X").put(254, b"X", page=2))
    assert found.identity.bad_checksums == ("page 00h bytes 128-221", "page 02h bytes 128-254")


def test_every_flag_has_its_bit() -> None:
    built = cmis_400g_dr4().put(8, bytes((0x06, 0x21, 0x80, 0)))
    for at, bits in ((135, 1), (136, 2), (137, 4), (138, 0x80), (147, 8), (148, 1)):
        built.put(at, bytes((bits,)), page=0x11)
    built.put(139, b"\x02\0\0\x01", page=0x11).put(143, b"\0\x04\0\0", page=0x11).put(149, b"\0\0\x08\xf0", page=0x11)
    built.put(130, b"\x01", page=0x10)
    assert sorted(raised(module(built)[1])) == sorted(
        [
            ("module_firmware_error", 0),
            ("data_path_firmware_error", 0),
            ("temperature_high_alarm", 0),
            ("supply_low_alarm", 0),
            ("laser_temperature_low_warning", 0),
            ("transmit_fault", 1),
            ("transmit_los", 2),
            ("transmit_lol", 3),
            ("transmit_equalizer_fault", 8),
            ("receive_los", 4),
            ("receive_lol", 1),
            ("transmit_power_high_alarm", 2),
            ("transmit_power_low_warning", 1),
            ("bias_low_alarm", 3),
            ("receive_power_high_warning", 4),
            ("transmit_disabled", 1),
        ]
    )


def test_lanes_of_other_banks_follow_those_of_the_first() -> None:
    built = cmis_400g_dr4(lanes=8, banks=2).words(186, 5_000, page=0x11, bank=1).put(147, b"\x80", page=0x11, bank=1)
    _found, now = module(built)
    assert set(now.receive_power) == set(range(1, 17))
    assert (now.receive_power[1], now.receive_power[9]) == (0.0008, 0.0005)
    assert raised(now) == [("receive_los", 16)]


def test_a_bank_that_is_not_there_has_no_lanes() -> None:
    halves = {where: bytes(half) for where, half in cmis_400g_dr4(lanes=8, banks=2).halves.items() if not where[1]}
    image = Image(halves)
    assert set(cmis.identify(image).measure(image).receive_power) == set(range(1, 9))


def test_what_a_module_does_not_offer_is_absent_whatever_stands_there() -> None:
    found, now = module(cmis_400g_dr4().put(157, bytes(4), page=1).put(155, b"\0", page=1))
    assert (now.temperature, now.supply, now.receive_power, now.transmit_power, now.bias) == (None, None, {}, {}, {})
    assert {flag.name for flag in now.flags} == {
        "module_state_changed",
        "module_firmware_error",
        "data_path_firmware_error",
    }
    assert not found.thresholds


def test_flat_memory_has_a_state_and_nothing_else() -> None:
    found, now = module(cmis_400g_dr4().put(2, b"\x80"))
    assert now == Measurement(state=3, fault=0)
    assert not found.thresholds


@pytest.mark.parametrize(("byte", "state"), [(0x02, 1), (0x0A, 5), (0x00, None), (0x0E, None)])
def test_states_without_a_meaning_are_absent(byte: int, state: int | None) -> None:
    assert module(cmis_400g_dr4().put(3, bytes((byte,))))[1].state == state


def test_a_data_path_in_a_state_without_a_meaning_is_absent() -> None:
    built = cmis_400g_dr4().put(128, bytes((0x14, 0x9A, 0x00, 0x07)), page=0x11)
    assert module(built)[1].data_paths == {1: 4, 2: 1, 7: 7}


def snr(sides: int, selected: int = 6, vdm: bool = False) -> Builder:
    built = cmis_400g_dr4(vdm=vdm).put(130, bytes((sides,)), page=0x13).put(128, bytes((selected,)), page=0x14)
    built.put(240, struct.pack("<4H", 21 * 256 + 64, 20 * 256, 22 * 256 + 32, 19 * 256), page=0x14)
    return built.put(208, bytes.fromhex("0018"), page=0x14)


def test_signal_to_noise_where_the_host_has_asked_for_it() -> None:
    _found, now = module(snr(0x20))
    assert now.observed == tuple(
        Observed("snr", "current", "media", lane, value) for lane, value in enumerate((21.25, 20.0, 22.125, 19.0), 1)
    )
    assert {one.side for one in module(snr(0x30))[1].observed} == {"media", "host"}
    assert module(snr(0x10))[1].observed[0] == Observed("snr", "current", "host", 1, 24.0)


@pytest.mark.parametrize("built", [snr(0x00), snr(0x30, selected=1)])
def test_no_signal_to_noise_where_it_is_not_shown(built: Builder) -> None:
    assert module(built)[1].observed == ()


def test_signal_to_noise_that_is_no_longer_shown() -> None:
    found = cmis.identify(snr(0x30).image())
    assert found.measure(snr(0x30, selected=1).image()).observed == ()


def test_diagnostics_have_it_where_there_are_any() -> None:
    found, _now = module(snr(0x30, vdm=True))
    assert found.snr_sides == ()
    assert found.groups


def test_a_measurement_takes_few_reads() -> None:
    source = FakeModules({"eth0": cmis_400g_dr4().image()})
    found = cmis.identify(source.memory("eth0"))
    source.reads.clear()
    assert found.tag.still(source.memory("eth0"))
    found.measure(source.memory("eth0"))
    assert [(span.page, span.offset, span.length) for _device, span in source.reads] == [
        (0x00, 148, 42),
        (0x00, 0, 42),
        (0x11, 128, 74),
        (0x10, 130, 1),
        (0x24, 128, 14),
    ]


@given(st.one_of(noise(0x18), damaged(cmis_400g_dr4), damaged(lambda: cmis_400g_dr4(lanes=8, banks=4))))
def test_any_bytes_give_a_module_or_an_eeprom_error(image: Image) -> None:
    try:
        found = cmis.identify(image)
        now = found.measure(image)
    except EepromError as error:
        assert "no such page" in str(error)
        return
    assert set(now.receive_power) <= set(range(1, 33))
    values = (*now.bias.values(), *(one.value for one in now.observed if one.value is not None))
    assert all(map(math.isfinite, values))
    keys = [(flag.name, flag.lane) for flag in now.flags]
    assert len(keys) == len(set(keys))

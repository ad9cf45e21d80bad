from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.sources.eeprom import advertisement
from probes.sources.eeprom.advertisement import AUX2, AUX3
from probes.sources.eeprom.memory import EepromError, Image
from tests.fixtures.eeprom import Builder, FakeModules, cmis_400g_dr4
from tests.probes.sources.eeprom.strategies import damaged, noise


def copper() -> Builder:
    """A passive cable of 2.5 m: flat memory."""
    made = Builder().put(0, bytes((0x18, 0x40, 0x80, 0x06))).put(85, bytes((0x03, 0x1D, 0x01, 0x88, 0x01, 0xFF)))
    return made.put(128, b"\x18").put(202, bytes((25, 0x23))).put(212, b"\x0a").sum(128, 221, 222)


def test_what_a_module_is() -> None:
    identity, _offers = advertisement.read(cmis_400g_dr4().image())
    assert (identity.standard, identity.form_factor, identity.media) == ("CMIS 5.1", "QSFP-DD", "400GBASE-DR4")
    assert (identity.vendor, identity.oui, identity.part) == ("Lumen Optics", "00:11:22", "LO-DR4-QDD")
    assert (identity.revision, identity.serial, identity.date) == ("A1", "DR400001", "2025-04-03 01")
    assert (identity.connector, identity.technology) == ("MPO 1x12", "1310 nm EML")
    assert (identity.firmware, identity.hardware, identity.lengths) == ("2.7", "1.4", {"SMF": 500.0})
    assert (identity.host_lanes, identity.media_lanes, identity.copper) == (8, 4, False)
    assert identity.bad_checksums == ()


def test_what_a_module_offers() -> None:
    _identity, offers = advertisement.read(cmis_400g_dr4().image())
    assert offers is not None
    assert (offers.banks, offers.media_lanes) == (1, (1, 2, 3, 4))
    assert (offers.temperature, offers.supply, offers.laser) == (True, True, AUX2)
    assert (offers.receive_power, offers.transmit_power, offers.bias) == (1, 1, 2)
    assert set(offers.host_flags) == {"transmit_los", "transmit_lol", "transmit_equalizer_fault"}
    assert set(offers.media_flags) == {"transmit_fault", "receive_los", "receive_lol"}
    assert (offers.vdm, offers.diagnostics, offers.transmit_disable) == (True, True, True)


@pytest.mark.parametrize(
    ("monitors", "kinds", "laser"),
    [(0x0B, 0x00, AUX2), (0x0B, 0x02, None), (0x1B, 0x02, AUX3), (0x13, 0x00, AUX3), (0x1B, 0x06, None), (0, 0, None)],
)
def test_which_monitor_is_the_lasers_temperature(monitors: int, kinds: int, laser: int | None) -> None:
    built = cmis_400g_dr4().put(159, bytes((monitors,)), page=1).put(145, bytes((kinds,)), page=1)
    _identity, offers = advertisement.read(built.image())
    assert offers is not None
    assert offers.laser == laser


@pytest.mark.parametrize(("lanes", "bias"), [(0x01, 1), (0x09, 2), (0x11, 4), (0x18, 0), (0x19, 1)])
def test_the_multiplier_of_the_bias(lanes: int, bias: int) -> None:
    _identity, offers = advertisement.read(cmis_400g_dr4().put(160, bytes((lanes,)), page=1).image())
    assert offers is not None
    assert offers.bias == bias


def test_lanes_of_all_banks_are_counted() -> None:
    identity, offers = advertisement.read(cmis_400g_dr4(lanes=8, banks=2).image())
    assert (identity.host_lanes, identity.media_lanes) == (16, 16)
    assert offers is not None
    assert offers.banks == 2


def test_a_passive_cable() -> None:
    identity, offers = advertisement.read(copper().image())
    assert offers is None
    assert (identity.media, identity.copper, identity.lengths) == ("400G-CR8", True, {"cable": 2.5})
    assert (identity.host_lanes, identity.media_lanes, identity.firmware) == (8, 8, "")


@pytest.mark.parametrize(("code", "metres"), [(0x05, 500.0), (0x4A, 10_000.0)])
def test_how_far_single_mode_fibre_may_go(code: int, metres: float) -> None:
    identity, _offers = advertisement.read(cmis_400g_dr4().put(132, bytes((code,)), page=1).image())
    assert identity.lengths["SMF"] == metres


def test_wrong_checksums_are_told() -> None:
    built = cmis_400g_dr4().put(150, b"X").put(131, b"\xee", page=1)
    assert advertisement.read(built.image())[0].bad_checksums == ("page 00h bytes 128-221", "page 01h bytes 130-254")


def test_asking_what_it_is_clears_no_flag() -> None:
    """Bytes 8-13 are cleared when they are read, and so would be lost to whoever measures."""
    source = FakeModules({"eth0": cmis_400g_dr4().image()})
    advertisement.read(source.memory("eth0"))
    low = [span for _device, span in source.reads if span.offset < 128]
    assert low
    assert not [span for span in low if span.offset <= 13 and span.offset + span.length > 8]


@given(st.one_of(noise(0x18), damaged(cmis_400g_dr4)))
def test_any_bytes_give_an_identity_or_an_eeprom_error(image: Image) -> None:
    try:
        identity, offers = advertisement.read(image)
    except EepromError:
        return
    assert identity.media_lanes <= 32
    assert offers is None or offers.banks in (1, 2, 4)

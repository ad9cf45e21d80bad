from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.sources import eeprom
from probes.sources.eeprom import EepromError
from probes.sources.eeprom.memory import MAIN, Image
from tests.fixtures.eeprom import Builder, cmis_400g_dr4, qsfp28_dac, qsfp28_sr4, sfp28_sr, sfp_plus_external
from tests.probes.sources.eeprom.strategies import noise


@pytest.mark.parametrize(
    ("built", "standard", "form_factor"),
    [
        (cmis_400g_dr4(), "CMIS 5.1", "QSFP-DD"),
        (qsfp28_sr4(), "SFF-8636", "QSFP28"),
        (qsfp28_dac(), "SFF-8636", "QSFP28"),
        (sfp28_sr(), "SFF-8472", "SFP28"),
        (sfp_plus_external(), "SFF-8472", "SFP+"),
        (cmis_400g_dr4().put(0, b"\x19"), "CMIS 5.1", "OSFP"),
        (cmis_400g_dr4().put(0, b"\x80"), "CMIS 5.1", "CPO"),
        (cmis_400g_dr4().put(0, b"\x91"), "CMIS 5.1", "91h"),
    ],
)
def test_the_identifier_says_what_the_memory_follows(built: Builder, standard: str, form_factor: str) -> None:
    identity = eeprom.identify(built.image()).identity
    assert (identity.standard, identity.form_factor) == (standard, form_factor)


def test_an_identifier_that_is_missing_is_repeated_in_the_page() -> None:
    assert eeprom.identify(qsfp28_sr4().put(0, b"\0").image()).identity.form_factor == "QSFP28"
    assert eeprom.identify(cmis_400g_dr4().put(0, b"\0").image()).identity.form_factor == "QSFP-DD"


@pytest.mark.parametrize(("identifier", "words"), [(0x06, "06h .XFP."), (0x55, "55h .55h."), (0xFF, "FFh")])
def test_modules_of_other_standards_are_refused_by_name(identifier: int, words: str) -> None:
    with pytest.raises(EepromError, match=words):
        eeprom.identify(Image({(MAIN, 0, None): bytes((identifier,)) + bytes(127)}))


@given(st.integers(0, 255).flatmap(noise))
def test_any_bytes_give_a_module_or_an_eeprom_error(image: Image) -> None:
    try:
        module = eeprom.identify(image)
        module.measure(image)
    except EepromError:
        return
    assert module.tag.still(image)

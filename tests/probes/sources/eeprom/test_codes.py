from __future__ import annotations

import pytest

from probes.sources.eeprom import codes


def test_identifiers_have_one_standard() -> None:
    assert not codes.CMIS & codes.SFF_8636
    assert not codes.CMIS & codes.SFF_8472
    assert set(codes.FORM_FACTORS) >= codes.CMIS | codes.SFF_8636 | codes.SFF_8472


@pytest.mark.parametrize(
    ("code", "single", "quad"),
    [
        (0x02, "25GBASE-SR", "100GBASE-SR4"),
        (0x0B, "25GBASE-CR", "100GBASE-CR4"),
        (0x06, "100G-CWDM4", "100G-CWDM4"),
        (0x16, "10GBASE-T", "10GBASE-T"),
        (0x00, "", ""),
        (0xEE, "", ""),
    ],
)
def test_a_code_means_other_things_in_modules_of_one_and_of_four_lanes(code: int, single: str, quad: str) -> None:
    assert (codes.extended_compliance(code, 1), codes.extended_compliance(code, 4)) == (single, quad)


def test_what_has_no_name() -> None:
    assert codes.form_factor(0x77) == "77h"
    assert codes.connector(0x77) == ""
    assert codes.technology(0xFF) == ""


def test_copper_is_told_by_its_technology() -> None:
    for code in range(256):
        copper = codes.technology(code).startswith("copper cable")
        assert copper == (codes.UNEQUALIZED <= code <= 0x0F or 0x12 <= code <= 0x14)

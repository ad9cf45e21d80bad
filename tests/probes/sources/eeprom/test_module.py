from __future__ import annotations

import dataclasses

import pytest

from probes.sources.eeprom.memory import Span
from probes.sources.eeprom.module import LEVELS, Identity, Measurement, Tag, Thresholds
from tests.fixtures.eeprom import qsfp28_sr4


def test_the_levels_are_those_of_thresholds() -> None:
    assert Thresholds._fields == LEVELS


def test_what_is_not_known_is_absent() -> None:
    now = Measurement()
    assert (now.temperature, now.supply, now.state) == (None, None, None)
    assert not now.receive_power
    assert not now.flags


def test_an_identity_does_not_change() -> None:
    identity = Identity(standard="CMIS 5.0", form_factor="OSFP")
    with pytest.raises(dataclasses.FrozenInstanceError):
        identity.vendor = "other"  # type: ignore[misc]


def test_a_tag_knows_a_module_again() -> None:
    one, other = qsfp28_sr4("A").image(), qsfp28_sr4("B").image()
    span = Span(196, 16)
    tag = Tag(span, one.read(span))
    assert tag.still(one)
    assert not tag.still(other)

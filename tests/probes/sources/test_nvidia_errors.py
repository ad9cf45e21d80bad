from __future__ import annotations

import pytest

from fabricscope.model import Severity
from probes.sources.nvidia_errors import SXIDS, XIDS, Meaning


@pytest.mark.parametrize("meaning", [*XIDS.values(), *SXIDS.values()], ids=lambda meaning: meaning.name)
def test_each_number_has_a_name_and_a_next_step(meaning: Meaning) -> None:
    assert meaning.name
    assert meaning.name == meaning.name.strip()
    assert meaning.action
    assert not meaning.action.endswith(".")


@pytest.mark.parametrize("number", [48, 62, 64, 74, 79, 95, 109, 119, 120, 136, 140, 143, 149])
def test_what_takes_a_gpu_out_of_service_is_critical(number: int) -> None:
    assert XIDS[number].severity is Severity.CRITICAL


@pytest.mark.parametrize("number", [45, 63])
def test_what_follows_or_heals_by_itself_is_not(number: int) -> None:
    assert XIDS[number].severity is Severity.INFO


def test_every_number_of_nvlink_is_there() -> None:
    assert {74, 136, 137, *range(144, 151), 155} <= XIDS.keys()
    assert {12028, 19084, 20034} <= SXIDS.keys()

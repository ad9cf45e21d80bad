from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from probes.sources.nvml import codes
from probes.sources.nvml.gpm import PcieRates, question
from tests.fixtures.nvml import fake
from tests.fixtures.nvml.bindings import GCC

Answers = Callable[[fake.Node], None]
pytestmark = GCC


def opened(nvml: Any) -> Any:
    nvml.nvmlInit()
    return nvml.nvmlDeviceGetHandleByIndex(0)


def test_an_average_needs_two_samples(nvml: Any, answers: Answers) -> None:
    answers(fake.plain_node(1))
    rates, handle = PcieRates(nvml, question(nvml)), opened(nvml)
    with pytest.raises(nvml.NVMLError) as caught:
        rates.read(handle)
    assert caught.value.value == codes.NO_DATA
    assert rates.read(handle) == [1000.0, 2000.0]
    answers(fake.plain_node(1).call(0, "gpm_rate", 5))
    assert rates.read(handle) == [5.0, 10.0]


def test_a_gpu_without_gpm_is_asked_once(nvml: Any, answers: Answers) -> None:
    answers(fake.plain_node(1).call(0, "gpm", 0))
    rates, handle = PcieRates(nvml, question(nvml)), opened(nvml)
    for node in (fake.plain_node(1).call(0, "gpm", 0), fake.plain_node(1)):
        answers(node)
        with pytest.raises(nvml.NVMLError_NotSupported):
            rates.read(handle)


def test_who_may_not_is_told_so(nvml: Any, answers: Answers) -> None:
    answers(fake.plain_node(1).call(0, "gpm_rate", 0, code=codes.NO_PERMISSION))
    rates, handle = PcieRates(nvml, question(nvml)), opened(nvml)
    for _ in range(2):
        with pytest.raises(nvml.NVMLError_NoPermission):
            rates.read(handle)


def test_a_failure_at_the_start_leaves_nothing_behind(
    nvml: Any, answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Any] = []
    allocate = nvml.nvmlGpmSampleAlloc

    def allocated() -> Any:
        made.append(allocate())
        return made[-1]

    monkeypatch.setattr(nvml, "nvmlGpmSampleAlloc", allocated)
    answers(fake.plain_node(1).call(0, "gpm_rate", 0, code=codes.UNKNOWN))
    rates, handle = PcieRates(nvml, question(nvml)), opened(nvml)
    for _ in range(5):
        with pytest.raises(nvml.NVMLError_Unknown):
            rates.read(handle)
    assert len(made) == 2


def test_a_failure_in_between_spoils_one_average(nvml: Any, answers: Answers) -> None:
    answers(fake.plain_node(1))
    rates, handle = PcieRates(nvml, question(nvml)), opened(nvml)
    with pytest.raises(nvml.NVMLError):
        rates.read(handle)
    answers(fake.plain_node(1).call(0, "gpm_rate", 0, code=codes.UNKNOWN))
    with pytest.raises(nvml.NVMLError_Unknown):
        rates.read(handle)
    answers(fake.plain_node(1))
    assert rates.read(handle) == [1000.0, 2000.0]

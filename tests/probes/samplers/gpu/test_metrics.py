from __future__ import annotations

from fabricscope.model import Kind, Watch
from probes.samplers.gpu import metrics


def test_names_follow_the_conventions() -> None:
    names = [spec.name for spec in metrics.SPECS]
    assert len(names) == len(set(names))
    for spec in metrics.SPECS:
        assert spec.name.startswith("fabricscope_gpu_")
        assert spec.name.endswith("_total") == (spec.kind is Kind.COUNTER)
        assert spec.labels[0] == "gpu"
        assert spec.help.endswith(".")
        assert spec.source


def test_only_being_there_makes_events_by_itself() -> None:
    assert [spec.name for spec in metrics.SPECS if spec.watch] == ["fabricscope_gpu_up"]
    assert (metrics.UP.watch, metrics.UP.link) == (Watch.UP_DOWN, "gpu")


def test_every_spec_of_the_module_is_in_the_table() -> None:
    assert {value for value in vars(metrics).values() if isinstance(value, type(metrics.UP))} == set(metrics.SPECS)


def test_the_bits_of_the_reasons_are_those_of_the_bindings() -> None:
    from tests.fixtures.nvml.bindings import pynvml

    names = {
        "sw_power_cap": "SwPowerCap",
        "hw_slowdown": "HwSlowdown",
        "sw_thermal": "SwThermalSlowdown",
        "hw_thermal": "HwThermalSlowdown",
        "hw_power_brake": "HwPowerBrakeSlowdown",
    }
    assert {
        reason: getattr(pynvml, f"nvmlClocksEventReason{name}") for reason, name in names.items()
    } == metrics.REASONS

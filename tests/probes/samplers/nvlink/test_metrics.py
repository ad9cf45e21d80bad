from __future__ import annotations

from fabricscope.model import Kind, Watch
from probes.samplers.nvlink import metrics


def test_names_follow_the_conventions() -> None:
    names = [spec.name for spec in metrics.SPECS]
    assert len(names) == len(set(names))
    for spec in metrics.SPECS:
        assert spec.name.startswith("fabricscope_nvlink_")
        assert spec.name.endswith("_total") == (spec.kind is Kind.COUNTER)
        assert spec.labels[0] == "gpu"
        assert spec.help.endswith(".")
        assert spec.source
        assert all(alias.startswith(("DCGM_FI_DEV_", "DCGM_FI_PROF_")) for alias in spec.aliases)


def test_what_makes_events() -> None:
    assert {
        (spec.name.removeprefix("fabricscope_nvlink_"), spec.watch, spec.link) for spec in metrics.SPECS if spec.watch
    } == {
        ("up", Watch.UP_DOWN, "nvlink"),
        ("speed_bytes_per_second", Watch.CHANGE, "nvlink"),
        ("fabric_state", Watch.CHANGE, "nvlink_fabric"),
        ("c2c_up", Watch.UP_DOWN, "nvlink_c2c"),
    }


def test_every_spec_of_the_module_is_in_the_table() -> None:
    found = {value for value in vars(metrics).values() if isinstance(value, type(metrics.UP))}
    assert found | {spec for spec, _ in metrics.NVLINK_5} == set(metrics.SPECS)

from __future__ import annotations

from fabricscope.model import Kind
from probes.samplers.pcie import metrics


def test_names_follow_the_conventions() -> None:
    assert len({spec.name for spec in metrics.ALL}) == len(metrics.ALL)
    for spec in metrics.ALL:
        assert spec.name.startswith("fabricscope_pcie_")
        assert spec.name.endswith("_total") == (spec.kind is Kind.COUNTER)
        assert spec.help.endswith(".")


def test_only_what_is_a_fault_when_it_changes_is_watched() -> None:
    assert {spec.name.rpartition("_link_")[2] for spec in metrics.ALL if spec.watch} == {"up", "width_lanes"}

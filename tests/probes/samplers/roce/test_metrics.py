from __future__ import annotations

import re

import pytest

from fabricscope.model import Kind, Overflow
from probes.samplers.roce import metrics
from probes.samplers.roce.drivers import DRIVERS


def test_names_and_help_follow_the_rules() -> None:
    names = [spec.name for spec in metrics.ALL]
    assert len(names) == len(set(names))
    for spec in metrics.ALL:
        assert re.fullmatch(r"fabricscope_roce_[a-z0-9_]+", spec.name)
        assert spec.name.endswith("_total") == (spec.kind is Kind.COUNTER)
        assert spec.help.endswith(".")
        assert spec.watch is None
        assert spec.overflow is Overflow.WRAPS


def test_every_metric_says_which_statistics_it_comes_from() -> None:
    sources = {spec.name: spec.source for spec in metrics.ALL}
    assert sources["fabricscope_roce_pfc_receive_pauses_total"] == (
        "ethtool -S: rx_prio<priority>_pause (mlx5_core), rx_pfc_ena_frames_pri<priority> (bnxt_en), "
        "rx_priority_<priority>_xoff.nic (ice)"
    )
    assert all(source or name == metrics.LEFT_OUT.name for name, source in sources.items())
    assert not [name for name, source in sources.items() if source == "ethtool -S: "]


def test_every_row_of_a_driver_is_a_metric_with_the_right_labels() -> None:
    for driver, rows in DRIVERS.items():
        expanded = metrics.STATISTICS[driver]
        for pattern, metric, *_ in rows:
            row = expanded[pattern.format(priority=7, lane=7, queue=7)]
            assert row.spec.name == f"fabricscope_roce_{metric}"
        for row in expanded.values():
            assert len(row.label) == len(row.spec.labels) - 1


def test_a_pattern_stands_for_each_priority() -> None:
    rows = [metrics.STATISTICS["mlx5_core"][f"rx_prio{priority}_pause"] for priority in range(8)]
    assert [row.label for row in rows] == [(str(priority),) for priority in range(8)]
    assert len({row.spec for row in rows}) == 1
    assert "rx_prio8_pause" not in metrics.STATISTICS["mlx5_core"]


@pytest.mark.parametrize(("name", "unit", "per_unit"), [
    ("pfc_receive_pause_seconds_total", "seconds", 1_000_000),
    ("receive_priority_bytes_total", "bytes", 1),
    ("receive_physical_bytes_total", "bytes", 8),
    ("pcie_read_stalled_ratio", "ratio", 1),
    ("receive_discards_total", "", 1),
])  # fmt: skip
def test_units(name: str, unit: str, per_unit: int) -> None:
    (spec,) = [spec for spec in metrics.ALL if spec.name == f"fabricscope_roce_{name}"]
    assert (spec.unit, spec.per_unit) == (unit, per_unit)


def test_percentages_become_ratios() -> None:
    assert metrics.STATISTICS["mlx5_core"]["outbound_pci_stalled_rd"].divisor == 100
    assert metrics.STATISTICS["mlx5_core"]["rx_discards_phy"].divisor == 1


@pytest.mark.parametrize(
    "name", ["rx_out_of_buffer", "link_down_events_phy", "dev_internal_queue_oob", "outbound_pci_stalled_wr_events"]
)
def test_what_the_adapter_counts_in_32_bits(name: str) -> None:
    assert metrics.STATISTICS["mlx5_core"][name].spec.bits == 32

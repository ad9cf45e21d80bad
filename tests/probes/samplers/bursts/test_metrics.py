from __future__ import annotations

from fabricscope.model import Kind
from probes.samplers.bursts.counters import Unit
from probes.samplers.bursts.metrics import METRICS, P99, PEAK, PEAK_60S


def test_each_unit_has_its_families() -> None:
    assert set(PEAK) == set(PEAK_60S) == set(Unit)
    assert set(P99) == {Unit.BYTES, Unit.PACKETS}
    for unit in Unit:
        assert PEAK[unit].labels == PEAK_60S[unit].labels
        assert PEAK[unit].unit == PEAK_60S[unit].unit


def test_names_are_unique_and_counters_end_in_total() -> None:
    assert len({spec.name for spec in METRICS}) == len(METRICS)
    for spec in METRICS:
        assert spec.name.startswith("fabricscope_bursts_")
        assert (spec.kind is Kind.COUNTER) == spec.name.endswith("_total")


def test_a_rate_has_the_unit_of_one() -> None:
    for spec in METRICS:
        assert (spec.unit == "bytes_per_second") == spec.name.endswith("_bytes_per_second"), spec.name

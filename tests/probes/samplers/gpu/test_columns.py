from __future__ import annotations

from fabricscope.model import Kind
from probes.samplers.gpu import columns, metrics
from probes.sources.nvml import fields


def test_no_series_and_no_field_twice() -> None:
    rows = [*columns.fast("3"), *columns.slow("3")]
    series = [(row.spec, row.labels) for row in rows]
    assert len(series) == len(set(series))
    numbers = [source.field for row in rows for source in row.sources]
    assert len(numbers) == len(set(numbers))
    assert {row.labels[0] for row in rows} == {"3"}


def test_counters_stay_integers_and_gauges_are_converted() -> None:
    for row in [*columns.fast("0"), *columns.slow("0")]:
        assert len(row.labels) == len(row.spec.labels)
        for source in row.sources:
            assert (source.convert is None) == (row.spec.kind is Kind.COUNTER), row.spec.name


def test_power_is_in_watts() -> None:
    (power,) = (row.sources[0] for row in columns.fast("0") if row.spec is metrics.POWER)
    assert power.field == fields.POWER_INSTANT
    assert power.convert is not None
    assert power.convert(70250) == 70.25


def test_margins_may_be_minus_one() -> None:
    assert all(row.sources[0].minus_one for row in columns.slow("0") if row.spec is metrics.MARGIN_LIMIT)

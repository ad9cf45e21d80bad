from __future__ import annotations

import pytest

from fabricscope.model import Kind
from probes.samplers.nvlink import columns, metrics
from probes.sources.nvml import fields
from probes.sources.nvml.columns import Column
from tests.fixtures.nvml.bindings import pynvml


def every_column() -> list[Column]:
    links = [column for link in range(36) for column in columns.fast("0", link)]
    links += [column for link in range(36) for column in columns.slow("0", link, fec=True)]
    return links + [column for link in range(2) for column in columns.c2c("0", link)]


def test_no_series_twice_and_labels_that_fit() -> None:
    rows = every_column()
    series = [(row.spec, row.labels) for row in rows]
    assert len(series) == len(set(series))
    assert all(len(row.labels) == len(row.spec.labels) for row in rows)


def test_counters_stay_integers_and_gauges_are_converted() -> None:
    for row in every_column():
        for source in row.sources:
            assert (source.convert is None) == (row.spec.kind is Kind.COUNTER), row.spec.name


def test_a_field_of_one_link_is_not_asked_for_another() -> None:
    for row in every_column():
        for source in row.sources:
            indexed = source.field < 138 or 148 <= source.field < 160
            assert source.scope == (0 if indexed else int(row.labels[1])), row


def test_links_beyond_the_twelfth_have_fields_with_a_scope_alone() -> None:
    (replays,) = (row for row in columns.fast("0", 12) if row.spec is metrics.REPLAYS)
    assert [source.field for source in replays.sources] == [fields.NVLINK_DL_REPLAY]
    assert metrics.CRC_FLIT not in {row.spec for row in columns.fast("0", 12)}
    assert metrics.CRC_FLIT in {row.spec for row in columns.fast("0", 11)}


def test_fec_can_be_left_out() -> None:
    bins = [row for row in columns.slow("0", 3, fec=True) if row.spec is metrics.FEC_BLOCKS]
    assert [row.labels for row in bins] == [("0", "3", str(errors)) for errors in range(16)]
    assert metrics.FEC_BLOCKS not in {row.spec for row in columns.slow("0", 3, fec=False)}


@pytest.mark.parametrize(("state", "up"), [(0, 0.0), (1, 1.0), (2, 1.0), (3, 0.0)])
def test_states(state: int, up: float) -> None:
    assert columns.up(state) == up


def test_versions_are_those_of_the_bindings() -> None:
    for name in ("1_0", "2_0", "2_2", "3_0", "3_1", "4_0", "5_0", "6_0"):
        number = getattr(pynvml, f"NVML_NVLINK_VERSION_{name}")
        assert columns.version(number) == float(name.replace("_", "."))
    assert columns.version(0) is None
    assert columns.version(99) is None


def test_units() -> None:
    assert columns.mega(26562) == 26.562e9
    (sent,) = (row for row in columns.fast("0", 0) if row.spec is metrics.TRANSMIT)
    assert [(source.field, source.factor) for source in sent.sources] == [
        (fields.NVLINK_DATA_TX, 1024),
        (fields.NVLINK_XMIT_BYTES, 1),
    ]

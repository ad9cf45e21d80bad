"""Readings come out as columns in an order of their own; equal shapes share one series set."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabricscope.assemble import Assembler, ReadingsError
from fabricscope.model import Kind, MetricSpec, Now, Quality, Reading, Series

NOW = Now(wall=1_700_000_000, mono=5)
ERRORS = MetricSpec("fabricscope_test_errors_total", Kind.COUNTER, "Errors.", ("device",))
BYTES = MetricSpec("fabricscope_test_bytes_total", Kind.COUNTER, "Bytes.", ("device",), "bytes")
SPEED = MetricSpec("fabricscope_test_speed", Kind.GAUGE, "Speed.", ("device",))

ROWS = [
    Reading(SPEED, ("b",), 0.25),
    Reading(ERRORS, ("a",), 7),
    Reading(BYTES, ("b",), 2),
    Reading(BYTES, ("a",), 1),
]


def test_counters_then_gauges_by_name_and_labels() -> None:
    series_set, batch = Assembler("test", 10).assemble(ROWS, NOW)
    assert series_set.sampler == "test"
    assert series_set.counters == (Series(BYTES, ("a",)), Series(BYTES, ("b",)), Series(ERRORS, ("a",)))
    assert series_set.gauges == (Series(SPEED, ("b",)),)
    assert (batch.counters, batch.gauges) == ([1, 2, 7], [0.25])
    assert (batch.series_set_id, batch.time_unix_ns, batch.interval_ns) == (series_set.id, NOW.wall, 10)


def test_qualities_are_in_the_order_of_the_columns_or_absent() -> None:
    assembler = Assembler("test", 10)
    assert assembler.assemble(ROWS, NOW).batch.qualities == b""
    rows = [row._replace(quality=quality) for row, quality in zip(ROWS, list(Quality)[:4], strict=True)]
    assert list(assembler.assemble(rows, NOW).batch.qualities) == [4, 3, 2, 1]


def test_what_has_no_value_keeps_its_column() -> None:
    rows = [Reading(BYTES, ("a",), None, Quality.UNREADABLE), Reading(SPEED, ("a",), None, Quality.UNREADABLE)]
    batch = Assembler("test", 10).assemble(rows, NOW).batch
    assert (batch.counters, batch.gauges, list(batch.qualities)) == ([0], [0.0], [5, 5])


def test_nothing_read_is_an_empty_batch() -> None:
    series_set, batch = Assembler("test", 10).assemble([], NOW)
    assert len(series_set) == 0
    assert series_set.id == batch.series_set_id != b""


@given(st.permutations(ROWS))
def test_a_set_lives_on_while_its_content_does(rows: list[Reading]) -> None:
    assembler = Assembler("test", 10)
    first = assembler.assemble(ROWS, NOW)
    again = assembler.assemble([row._replace(value=9) for row in ROWS], NOW)
    reordered = assembler.assemble(rows, NOW)
    assert again.series_set is first.series_set
    assert reordered.series_set is first.series_set
    assert reordered.batch == first.batch


def test_another_shape_is_another_set_and_the_old_one_comes_back_with_its_id() -> None:
    assembler = Assembler("test", 10)
    first = assembler.assemble(ROWS, NOW)
    fewer = assembler.assemble(ROWS[1:], NOW)
    assert fewer.series_set.id != first.series_set.id
    assert fewer.batch.gauges == []
    assert assembler.assemble(ROWS, NOW).series_set.id == first.series_set.id


def test_equal_readings_of_two_hosts_give_equal_ids() -> None:
    assert Assembler("test", 10).assemble(ROWS, NOW).series_set.id == Assembler("test", 20).assemble(ROWS, NOW)[0].id
    assert Assembler("test", 10).assemble(ROWS, NOW).series_set.id != Assembler("other", 10).assemble(ROWS, NOW)[0].id


@pytest.mark.parametrize(
    ("extra", "reason"),
    [
        (Reading(BYTES, ("a",), 3), r"sampler 'test' read fabricscope_test_bytes_total twice for the labels \('a',\)"),
        (Reading(BYTES, (), 3), r"with the label values \(\) for the labels \('device',\)"),
        (
            Reading(MetricSpec(SPEED.name, Kind.COUNTER, "Another."), (), 3),
            "sampler 'test' has two metrics called fabricscope_test_speed; rename one",
        ),
    ],
)
def test_names_the_reading_that_does_not_fit_and_goes_on(extra: Reading, reason: str) -> None:
    assembler = Assembler("test", 10)
    first = assembler.assemble(ROWS, NOW)
    with pytest.raises(ReadingsError, match=reason):
        assembler.assemble([*ROWS, extra], NOW)
    assert assembler.assemble(ROWS, NOW) == first


def test_a_first_sample_that_does_not_fit_leaves_nothing_behind() -> None:
    assembler = Assembler("test", 10)
    for _ in range(2):
        with pytest.raises(ReadingsError):
            assembler.assemble([ROWS[0], ROWS[0]], NOW)

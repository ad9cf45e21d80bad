from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from collector.api import select
from fabricscope.assemble import Assembler
from fabricscope.model import Kind, MetricSpec, Quality, Reading, Target
from tests.collector.api.fabric import START

TIME = MetricSpec("fabricscope_time_seconds_total", Kind.COUNTER, "Time.", unit="seconds", per_unit=1_000_000)
COUNT = MetricSpec("fabricscope_count_total", Kind.COUNTER, "Count.", ("n",))
LEVEL = MetricSpec("fabricscope_level", Kind.GAUGE, "Level.", ("n",))


def cells(*readings: Reading) -> list[select.Cell]:
    sampled = Assembler("test", 1).assemble(readings, START)
    return [select.Cell(sampled, column) for column in range(len(sampled.series_set))]


def test_a_counter_is_shown_in_its_unit() -> None:
    (cell,) = cells(Reading(TIME, (), 2_500_000))
    assert select.value_info(cell).value == 2.5


def test_the_full_range_of_a_counter_is_exact() -> None:
    (cell,) = cells(Reading(COUNT, ("a",), (1 << 64) - 1))
    assert select.value_info(cell).value == (1 << 64) - 1


def test_columns_and_qualities_belong_together() -> None:
    shown = {
        (info.metric, info.labels["n"]): (info.value, info.quality)
        for info in map(
            select.value_info,
            cells(
                Reading(LEVEL, ("b",), 0.5),
                Reading(COUNT, ("b",), 7, Quality.RESET),
                Reading(LEVEL, ("a",), None, Quality.UNREADABLE),
                Reading(COUNT, ("a",), 9, Quality.STALE),
            ),
        )
    }
    assert shown == {
        ("fabricscope_level", "a"): (None, "unreadable"),
        ("fabricscope_level", "b"): (0.5, "ok"),
        ("fabricscope_count_total", "a"): (None, "stale"),
        ("fabricscope_count_total", "b"): (7, "reset"),
    }


def test_what_json_cannot_say_is_null() -> None:
    unspeakable = cells(Reading(LEVEL, ("a",), math.nan), Reading(LEVEL, ("b",), math.inf))
    assert [select.value_info(cell).value for cell in unspeakable] == [None, None]


@given(st.sets(st.text()), st.integers(1, 5))
def test_pages_hold_every_item_once_and_in_order(items: set[str], limit: int) -> None:
    seen: list[str] = []
    after: str | None = None
    while True:
        taken, after = select.page(items, str, after, limit)
        assert len(taken) <= limit
        seen += taken
        if after is None:
            break
    assert seen == sorted(items)


def test_a_metric_in_two_samplers_of_a_host_is_one_host() -> None:
    samples = [
        Assembler(sampler, 1).assemble([Reading(COUNT, (sampler,), 1), Reading(LEVEL, (sampler,), 1)], START)
        for sampler in ("one", "two")
    ]
    listed = select.metrics([Target((("host", "a"),), samples), Target((("host", "b"),), samples[:1])])
    assert [(info.metric, info.hosts, info.series) for info in listed] == [
        ("fabricscope_count_total", 2, 3),
        ("fabricscope_level", 2, 3),
    ]

"""What is counted is what is read."""

from __future__ import annotations

from fabricscope.model import Kind, MetricSpec, Quality, Reading
from fabricscope.tally import Tally

SEEN = MetricSpec("fabricscope_seen_total", Kind.COUNTER, "Seen.", ("kind",))
TIME = MetricSpec("fabricscope_time_seconds_total", Kind.COUNTER, "Time.", per_unit=1000)
DEPTH = MetricSpec("fabricscope_depth", Kind.GAUGE, "Depth.")


def test_starts_with_nothing_at_all() -> None:
    tally = Tally()
    assert tally.readings() == []
    assert tally.get(SEEN, "a") == 0
    assert tally.readings() == [], "asking counts nothing"


def test_adds_by_label() -> None:
    tally = Tally()
    tally.add(SEEN, "a")
    tally.add(SEEN, "a", by=4)
    tally.add(SEEN, "b")
    assert (tally.get(SEEN, "a"), tally.get(SEEN, "b"), tally.get(SEEN, "c")) == (5, 1, 0)


def test_sets_a_gauge_to_anything() -> None:
    tally = Tally()
    tally.set(DEPTH, to=2.5)
    tally.set(DEPTH, to=-1.5)
    assert tally.readings() == [Reading(DEPTH, (), -1.5, Quality.OK)]


def test_counters_are_whole_numbers() -> None:
    tally = Tally()
    tally.add(TIME, by=1.75)
    tally.add(TIME, by=1.75)
    assert tally.readings() == [Reading(TIME, (), 3, Quality.OK)]


def test_a_counter_that_somebody_else_counts_is_set() -> None:
    tally = Tally()
    tally.set(SEEN, "a", to=(1 << 64) - 1)
    assert tally.get(SEEN, "a") == (1 << 64) - 1


def test_forgets_a_metric_and_no_other() -> None:
    tally = Tally()
    tally.add(SEEN, "a")
    tally.set(DEPTH, to=1)
    tally.clear(SEEN)
    tally.clear(TIME)
    assert tally.readings() == [Reading(DEPTH, (), 1, Quality.OK)]


def test_the_order_stays_so_that_the_shape_does() -> None:
    tally = Tally()
    tally.add(SEEN, "b")
    tally.add(SEEN, "a")
    tally.add(SEEN, "b")
    assert [row.labels for row in tally.readings()] == [("b",), ("a",)]

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat

import pytest

from fabricscope.model import Kind, MetricSpec, Quality, Reading, Watch
from probes.sampling import pipeline as module
from probes.sampling.pipeline import Pipeline
from tests.fixtures.flows import flow
from tests.probes.made import BYTES, NARROW, SECOND, UP, at, event, readings


def spec(name: str = "fabricscope_test_x", labels: Sequence[str] = ("device",), link: str = "") -> MetricSpec:
    return MetricSpec(name, Kind.GAUGE, "Test.", tuple(labels), watch=Watch.UP_DOWN if link else None, link=link)


def test_readings_become_a_batch_with_qualities() -> None:
    processed = Pipeline("test", SECOND).process([*readings(7), Reading(NARROW, ("a",), 65535)], at(0))
    series_set, batch = processed.sampled
    assert [series.spec.name for series in series_set.counters] == [BYTES.name, BYTES.name, NARROW.name]
    assert batch.counters == [7, 7, 65535]
    assert batch.qualities == bytes([Quality.OK, Quality.OK, Quality.SATURATED])
    assert batch.interval_ns == SECOND
    assert processed.events == []


def test_what_changed_becomes_events() -> None:
    pipeline = Pipeline("test", SECOND)
    pipeline.process([Reading(UP, ("a",), 1)], at(0))
    assert [event.kind for event in pipeline.process([Reading(UP, ("a",), 0)], at(1)).events] == ["test.down"]


def test_events_that_a_sampler_tells_of_come_before_those_that_follow_from_changes() -> None:
    pipeline = Pipeline("test", SECOND)
    first = pipeline.process([event(at(0), "test.said"), Reading(UP, ("a",), 1)], at(0))
    assert [event.kind for event in first.events] == ["test.said"]
    assert first.readings == 1
    second = pipeline.process([Reading(UP, ("a",), 0), event(at(1), "test.said")], at(1))
    assert [event.kind for event in second.events] == ["test.said", "test.down"]


def test_flows_are_neither_readings_nor_events() -> None:
    pipeline = Pipeline("test", SECOND)
    told = flow()
    first = pipeline.process([*readings(1), event(at(0), "test.said"), told], at(0))
    assert (first.flows, first.readings, len(first.events)) == ([told], 2, 1)
    second = pipeline.process([told, *readings(2), told], at(1))
    assert (len(second.flows), second.readings, second.events) == (2, 2, [])
    assert second.sampled.series_set is first.sampled.series_set
    assert pipeline.process(readings(3), at(2)).flows == []


def test_an_event_that_no_collector_would_take_is_refused_here() -> None:
    with pytest.raises(ValueError, match="event kind 'Not A Kind'"):
        Pipeline("test", SECOND).process([event(at(0), "Not A Kind")], at(0))


def test_before_the_first_sample_there_is_nothing_to_be_stale() -> None:
    assert Pipeline("test", SECOND).stale(at(0)) is None


def test_the_last_values_go_stale_and_what_was_unreadable_stays_so() -> None:
    pipeline = Pipeline("test", SECOND)
    rows = [*readings(7), Reading(UP, ("a",), None, Quality.UNREADABLE)]
    series_set = pipeline.process(rows, at(0)).sampled.series_set
    for second in (1, 2):
        stale = pipeline.stale(at(second))
        assert stale is not None
        assert stale.series_set is series_set
        assert stale.batch.counters == [7, 7]
        assert stale.batch.qualities == bytes([Quality.STALE, Quality.STALE, Quality.UNREADABLE])
        assert stale.batch.time_unix_ns == at(second).wall


def test_counters_go_on_after_a_stale_time_and_a_change_of_interval() -> None:
    pipeline = Pipeline("test", SECOND)
    pipeline.process(readings(100), at(0))
    pipeline.process(readings(1), at(1))
    pipeline.stale(at(2))
    pipeline.change_interval(5 * SECOND)
    batch = pipeline.process(readings(2), at(3)).sampled.batch
    assert (batch.counters, batch.interval_ns) == ([102, 102], 5 * SECOND)


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        (Reading(spec(labels=["host"]), ("a",), 1), "label names of fabricscope_test_x are repeated"),
        (Reading(spec(name="not a name"), ("a",), 1), "metric name 'not a name'"),
        (Reading(spec(), ("a", "b"), 1), "label values .* for the labels"),
        (Reading(spec(), ("x" * 5000,), 1), "label value is 5000 characters long"),
        (Reading(spec(), ("a",), "fast"), "could not convert string to float"),  # type: ignore[arg-type]
    ],
)
def test_what_a_collector_would_refuse_is_refused_here(row: Reading, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Pipeline("test", SECOND).process([row], at(0))


def test_so_is_an_event_that_it_would_refuse() -> None:
    pipeline, watched = Pipeline("test", SECOND), spec(link="My Link")
    pipeline.process([Reading(watched, ("a",), 1)], at(0))
    with pytest.raises(ValueError, match=r"event kind 'My Link\.down'"):
        pipeline.process([Reading(watched, ("a",), 0)], at(1))


def test_the_same_series_twice_is_refused() -> None:
    with pytest.raises(ValueError, match=f"read {BYTES.name} twice"):
        Pipeline("test", SECOND).process(readings(1, ["a", "a"]), at(0))


def test_a_sample_without_an_end_is_refused() -> None:
    with pytest.raises(ValueError, match="more than 50000 readings"):
        Pipeline("test", SECOND).process(repeat(readings()[0]), at(0))


def test_a_series_set_that_fits_no_message_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_DECLARATION_BYTES", 1000)
    with pytest.raises(ValueError, match=r"its 100 series take .* bytes to name, over 1000"):
        Pipeline("test", SECOND).process(readings(1, [f"device{n}" for n in range(100)]), at(0))

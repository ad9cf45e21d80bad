"""Series sets and metrics, known once."""

from __future__ import annotations

import gc

import pytest

from collector.catalog import Catalog, LimitError
from fabricscope.codec import series_set_id
from fabricscope.model import Kind, MetricSpec, Series, SeriesSet


def declared(name: str, kind: Kind = Kind.COUNTER, help_text: str = "Help.", sampler: str = "test") -> SeriesSet:
    series = (Series(MetricSpec(name, kind, help_text, ("device",)), ("a",)),)
    counters, gauges = (series, ()) if kind is Kind.COUNTER else ((), series)
    return SeriesSet(series_set_id(sampler, counters, gauges), sampler, counters, gauges)


def test_equal_sets_are_one_and_equal_metrics_share_a_spec() -> None:
    catalog = Catalog(10)
    first = catalog.intern(declared("x_total"))
    assert catalog.intern(declared("x_total")) is first
    other = catalog.intern(declared("x_total", help_text="Other words.", sampler="other"))
    assert other.counters[0].spec is first.counters[0].spec


def test_another_kind_is_refused_while_the_first_is_in_use_and_no_longer() -> None:
    catalog = Catalog(10)
    held = catalog.intern(declared("x_total"))
    with pytest.raises(LimitError, match="x_total is declared as a gauge and is known as a counter"):
        catalog.intern(declared("x_total", Kind.GAUGE))
    del held
    gc.collect()
    assert catalog.intern(declared("x_total", Kind.GAUGE)).gauges


def test_no_probe_declares_a_metric_of_the_collector() -> None:
    own = MetricSpec("fabricscope_host_up", Kind.GAUGE, "Up.")
    shared = MetricSpec("fabricscope_http_responses_total", Kind.COUNTER, "Answers.", ("code",))
    catalog = Catalog(10, own=[own], shared=[shared])
    with pytest.raises(LimitError, match="fabricscope_host_up is the collector's own"):
        catalog.intern(declared("fabricscope_host_up", Kind.GAUGE))
    assert catalog.intern(declared(shared.name))
    with pytest.raises(LimitError, match="known as a counter"):
        catalog.intern(declared(shared.name, Kind.GAUGE, sampler="forger"))


def test_the_number_of_metric_names_is_bounded() -> None:
    catalog = Catalog(1)
    held = catalog.intern(declared("x_total"))
    with pytest.raises(LimitError, match="max_metrics"):
        catalog.intern(declared("y_total"))
    assert held.counters

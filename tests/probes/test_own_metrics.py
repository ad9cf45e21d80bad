from __future__ import annotations

from fabricscope.model import Kind, Now
from fabricscope.tally import Tally
from probes import own_metrics
from probes.own_metrics import (
    INFO,
    SAMPLER_LAST,
    SAMPLER_MISSED,
    SAMPLER_READINGS,
    SAMPLER_RESETS,
    SAMPLER_RUNS,
    SAMPLER_SECONDS,
    SAMPLER_UP,
    SAMPLER_WRAPS,
    OwnMetrics,
)
from probes.sampling.pipeline import Pipeline
from probes.sampling.runner import Outcome, Result
from tests.probes.made import SECOND, at


def clock() -> Now:
    return at(0)


def own(tally: Tally, missed: dict[str, int]) -> OwnMetrics:
    return OwnMetrics(tally, "1.2", "rust", missed, Pipeline("probe", SECOND), clock)


def test_counts_what_samplers_do() -> None:
    tally = Tally()
    tested = own(tally, {})
    tested.sampled(Outcome("ethernet", Result.OK, None, [], 40, 2 * SECOND, resets=3, wraps=2))
    tested.sampled(Outcome("ethernet", Result.HUNG, None, [], 0, SECOND // 2))
    assert tally.get(SAMPLER_UP, "ethernet") == 0
    assert tally.get(SAMPLER_RUNS, "ethernet", "ok") == 1
    assert tally.get(SAMPLER_RUNS, "ethernet", "hung") == 1
    assert tally.get(SAMPLER_SECONDS, "ethernet") == 5 * SECOND // 2
    assert tally.get(SAMPLER_LAST, "ethernet") == 0.5
    assert tally.get(SAMPLER_READINGS, "ethernet") == 0
    assert (tally.get(SAMPLER_RESETS, "ethernet"), tally.get(SAMPLER_WRAPS, "ethernet")) == (3, 2)


async def test_is_sampled_like_a_sampler() -> None:
    tally = Tally()
    outcome = await own(tally, {"pcie": 3}).tick()
    assert (outcome.sampler, outcome.result, outcome.events) == ("probe", Result.OK, [])
    assert outcome.sampled is not None
    series_set, batch = outcome.sampled
    columns = zip((*series_set.counters, *series_set.gauges), (*batch.counters, *batch.gauges), strict=True)
    shown = {(series.spec, series.labels): value for series, value in columns}
    assert shown[INFO, ("1.2", "rust")] == 1
    assert shown[SAMPLER_MISSED, ("pcie",)] == 3
    assert outcome.readings == len(shown)


def test_every_metric_is_in_the_table_once_under_its_rightful_name() -> None:
    names = [spec.name for spec in own_metrics.METRICS]
    assert len(names) == len(set(names))
    for spec in own_metrics.METRICS:
        assert spec.help.endswith(".")
        assert spec.name.startswith("fabricscope_")
        assert spec.name.endswith("_total") == (spec.kind is Kind.COUNTER)

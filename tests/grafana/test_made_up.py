"""What is made up for the dashboards is complete, moves, and hangs together."""

from __future__ import annotations

from pathlib import Path

import pytest

from fabricscope import plugins
from fabricscope.model import Kind, Now, Quality
from probes.health import metrics as health
from probes.health.language.rule_files import shipped
from probes.sampling.pipeline import Pipeline
from probes.sampling.sampler import Roots, SamplerSettings
from tests.grafana import made_up
from tests.grafana.made_up import SECOND, MadeUpSampler


def readings(*seconds: int) -> list[dict[tuple[str, tuple[str, ...]], float]]:
    sampler = MadeUpSampler(SamplerSettings(), Roots())
    taken = [sampler.sample(Now(0, at * SECOND)) for at in (0, *seconds)]
    return [{(row.spec.name, row.labels): float(row.value or 0) for row in rows} for rows in taken][1:]


def test_every_metric_has_a_series_and_no_series_is_there_twice() -> None:
    sampler = MadeUpSampler(SamplerSettings(), Roots())
    rows = [(row.spec.name, row.labels) for row in sampler.sample(Now(0, 0))]
    assert len(set(rows)) == len(rows) > 1000
    assert {name for name, _ in rows} == {spec.name for spec in made_up.specs()}


def test_counters_grow_and_measurements_move() -> None:
    specs = {spec.name: spec for spec in made_up.specs()}
    before, after = readings(10, 24)
    for series, value in before.items():
        spec = specs[series[0]]
        if spec.kind is Kind.COUNTER:
            assert after[series] > value, series
        elif spec.unit == "celsius":
            assert after[series] != value, series


def test_every_rule_has_a_verdict_with_the_labels_that_it_is_by() -> None:
    found = {row[0]: dict(zip(health.VERDICT.labels, row, strict=True)) for row in made_up.verdicts()}
    assert found.keys() == {rule.name for rule in shipped()}
    assert found["nvlink-down"]["gpu"] == "0"
    assert found["nvlink-down"]["device"] == ""
    assert found["pcie-narrow"]["other"] == "upstream=some upstream"


def test_a_probe_finds_nothing_wrong_with_the_values() -> None:
    sampler = MadeUpSampler(SamplerSettings(), Roots())
    pipeline = Pipeline(made_up.NAME, SECOND)
    for at in range(5):
        now = Now(at * SECOND, at * SECOND)
        sampled = pipeline.process(list(sampler.sample(now)), now).sampled
        assert set(sampled.batch.qualities) <= {Quality.OK}


def test_it_is_found_by_its_entry_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made_up.install(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    assert plugins.load(plugins.found(plugins.SAMPLERS)[made_up.NAME]) is MadeUpSampler

"""Verdicts are ranked by severity, and known by the labels that probes give them."""

from __future__ import annotations

from grafana.dashboards import verdicts
from probes.health import metrics
from tests.grafana import shipped


def test_every_severity_has_a_number_a_word_and_a_colour() -> None:
    expr = verdicts.by_severity('host="n1"', ["rule"])
    assert expr == (
        'max by (rule) (3 * fabricscope_health_verdict{host="n1", severity="critical"} '
        'or 2 * fabricscope_health_verdict{host="n1", severity="warning"} '
        'or fabricscope_health_verdict{host="n1", severity="info"})'
    )
    assert set(verdicts.WORDS) == set(verdicts.COLOURS) == {1, 2, 3}


def test_verdicts_are_told_apart_by_every_label_that_they_have() -> None:
    assert set(metrics.VERDICT.labels) == {"rule", "severity", *verdicts.PLACES}
    expr = verdicts.by_severity('host="n1"', ["rule"])
    assert {selector.metric for selector in shipped.selectors(expr)} == {verdicts.METRIC}

"""Every query, of panels and of rules, is PromQL over metrics and labels that exist."""

from __future__ import annotations

import re

import pytest

from collector import own_metrics as of_collector
from fabricscope import plugins
from fabricscope.model import MetricSpec
from probes import own_metrics as of_probe
from probes.health import metrics as of_health
from tests.grafana import shipped

MADE_BY_PROMETHEUS = {"up": {"job", "instance"}, "ALERTS": {"alertname", "alertstate", "cluster"}}
ON_EVERY_SCRAPE = {"job", "instance"}
ON_EVERY_HOST = {"cluster", "host"}
OF_ANY_SERIES = {"device", "port", "address", "guid"}
"""`fabricscope_series_quality` has the labels of the series that it tells of."""


def specs() -> dict[str, MetricSpec]:
    """Every metric that probes, collectors and exporters can show."""
    found = [*of_probe.METRICS, *of_health.METRICS, *of_collector.METRICS]
    for group in (plugins.SAMPLERS, plugins.EXPORTERS):
        for point in plugins.found(group).values():
            found += plugins.load(point).metrics
    return {spec.name: spec for spec in found}


def recorded() -> dict[str, set[str]]:
    """The labels of every recorded metric."""
    labels: dict[str, set[str]] = {}
    for rule in shipped.rules():
        if "record" in rule:
            grouped = re.search(r"\bby \(([^)]*)\)", rule["expr"])
            kept = set(re.findall(r"\w+", grouped[1])) if grouped else set()
            read = {label for selector in shipped.selectors(rule["expr"]) for label in labels.get(selector.metric, ())}
            labels.setdefault(rule["record"], set()).update(kept or read, rule.get("labels", {}))
    return labels


def labels_by_metric() -> dict[str, set[str]]:
    raw = {name: {*spec.labels, *ON_EVERY_SCRAPE, *ON_EVERY_HOST} for name, spec in specs().items()}
    raw["fabricscope_series_quality"] |= OF_ANY_SERIES
    return raw | recorded() | MADE_BY_PROMETHEUS


def queries() -> list[str]:
    of_panels = [shipped.substitute(query.expr, shipped.SAMPLE_VALUES) for query in shipped.panel_queries()]
    return of_panels + [rule["expr"] for rule in shipped.rules()]


def test_every_query_reads_metrics_and_labels_that_exist() -> None:
    known = labels_by_metric()
    for query in queries():
        read = shipped.selectors(query)
        assert read, query
        for selector in read:
            assert selector.metric in known, f"no metric is called {selector.metric}: {query}"
            assert selector.labels <= known[selector.metric], f"{selector} of {query}"


def test_runbooks_ask_for_metrics_and_labels_that_exist() -> None:
    known = labels_by_metric() | {"ALERTS": MADE_BY_PROMETHEUS["ALERTS"] | ON_EVERY_HOST}
    asked = 0
    for page in sorted((shipped.ROOT / "docs" / "runbooks").glob("*.md")):
        for block in re.findall(r"```promql\n(.*?)```", page.read_text("utf-8"), re.DOTALL):
            for selector in shipped.selectors(block):
                asked += 1
                assert selector.metric in known, f"{page.name}: no metric is called {selector.metric}"
                assert selector.labels <= known[selector.metric], f"{page.name}: {selector}"
    assert asked > 150


def test_variables_list_labels_of_metrics_that_exist() -> None:
    known = labels_by_metric()
    listed = 0
    for path in shipped.DASHBOARDS:
        for variable in shipped.dashboard(path)["templating"]["list"]:
            if variable["type"] != "query":
                continue
            listed += 1
            query = shipped.substitute(variable["query"]["query"], shipped.SAMPLE_VALUES)
            found = re.fullmatch(r"label_values\((.+), (\w+)\)", query)
            assert found, query
            for selector in shipped.selectors(found[1]):
                assert {*selector.labels, found[2]} <= known[selector.metric]
    assert listed >= 5


def test_every_recorded_metric_is_read() -> None:
    read = {selector.metric for query in queries() for selector in shipped.selectors(query)}
    assert set(recorded()) <= read, "a recording rule that nobody reads costs and gives nothing"


def test_no_panel_asks_for_every_port_of_the_fleet() -> None:
    for query in shipped.panel_queries():
        if query.dashboard == "fleet" and ("port:" in query.expr or "device:" in query.expr):
            assert re.match(r"(8 \* \(?)?(count|topk|sum|max|.* and topk)\b", query.expr), query


@pytest.mark.parametrize(
    ("broken", "reason"),
    [("rate(a[5m]", "unclosed"), ("a{b=c}", "unexpected")],
)
def test_what_is_no_promql_is_noticed(broken: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        shipped.selectors(broken)


def test_a_variable_that_is_not_known_is_noticed() -> None:
    with pytest.raises(KeyError, match="nobody"):
        shipped.substitute('a{b="$nobody"}', shipped.SAMPLE_VALUES)

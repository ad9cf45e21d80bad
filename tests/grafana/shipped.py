"""What is shipped in grafana/, as tests look at it: panels, queries and rules, read from the files themselves."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import promql_parser
import yaml

from tools import verdict_alerts

ROOT = Path(__file__).parent.parent.parent
GRAFANA = ROOT / "grafana"
ALERTMANAGER = GRAFANA / "alertmanager.yaml"
RULE_FILES = sorted((GRAFANA / "rules").glob("*.yaml"))
DASHBOARDS = sorted((GRAFANA / "json").glob("*.json"))


class PanelQuery(NamedTuple):
    """A query of a panel, variables still in it."""

    dashboard: str
    panel: str
    expr: str
    instant: bool

    def __str__(self) -> str:
        return f"{self.dashboard}: {self.panel}: {self.expr}"


class Selector(NamedTuple):
    """Which series a query reads: the metric's name, and the labels that it is selected by."""

    metric: str
    labels: frozenset[str]


def dashboard(path: Path) -> dict[str, Any]:
    """A dashboard as Grafana reads it."""
    document: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return document


def panels(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The panels that show something: all but the headings of rows."""
    return [panel for panel in document["panels"] if panel["type"] != "row"]


def panel_queries() -> Iterator[PanelQuery]:
    """Every query of every panel."""
    for path in DASHBOARDS:
        for panel in panels(dashboard(path)):
            for target in panel["targets"]:
                yield PanelQuery(path.stem, panel["title"], target["expr"], target["instant"])


@cache
def rules() -> list[dict[str, Any]]:
    """Every recording and alerting rule; read once, since there are many."""
    groups = [group for path in RULE_FILES for group in yaml.safe_load(path.read_text("utf-8"))["groups"]]
    return [rule for group in groups for rule in group["rules"]]


@cache
def alerts() -> dict[str, dict[str, Any]]:
    """Every alerting rule by its name."""
    return {rule["alert"]: rule for rule in rules() if "alert" in rule}


def is_verdict(alert: str) -> bool:
    """Whether an alert is one of those that are made from the health rules."""
    return alert.startswith(verdict_alerts.PREFIX)


def substitute(text: str, values: Mapping[str, str]) -> str:
    """The text with Grafana's variables filled in; KeyError for one that is not in `values`."""
    return re.sub(r"\$(?:\{(\w+)\}|(\w+))", lambda found: values[found[1] or found[2]], text)


SAMPLE_VALUES = {"job": "j", "cluster": "c", "host": "h", "__rate_interval": "1m", "__range": "1h"}
"""Values with which a query can be parsed."""


def selectors(expr: str) -> list[Selector]:
    """What a query reads. Raises ValueError for what is no PromQL."""
    found: list[Selector] = []

    def visit(node: object) -> bool:
        selector = node.vector_selector if isinstance(node, promql_parser.MatrixSelector) else node
        if isinstance(selector, promql_parser.VectorSelector):
            matchers = {matcher.name: matcher.value for matcher in selector.matchers.matchers}
            name = selector.name or matchers.get("__name__", "")
            found.extend(Selector(metric, frozenset(matchers) - {"__name__"}) for metric in name.split("|"))
        return True

    promql_parser.walk(promql_parser.parse(expr), visit)
    return found

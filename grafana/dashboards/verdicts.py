"""Verdicts of the probes' health rules, as both pages ask for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from grafana.dashboards.panels import BLUE, ORANGE, RED
from probes.health import metrics

PLACES = (*metrics.PLACES, "other")
"""Labels that say what a verdict is about; `other` has those that only few rules know, as name=value."""
WORDS: Mapping[int, str] = {1: "info", 2: "warning", 3: "critical"}
COLOURS: Mapping[float, str] = {1: BLUE, 2: ORANGE, 3: RED}
"""Of the numbers that `by_severity` gives."""
METRIC = metrics.VERDICT.name


def by_severity(selector: str, labels: Iterable[str]) -> str:
    """PromQL of the verdicts that stand, by `labels`: 3 for a critical one, 2 for a warning, 1 for an info."""

    def of(severity: str) -> str:
        return f'{METRIC}{{{selector}, severity="{severity}"}}'

    ranked = f"3 * {of('critical')} or 2 * {of('warning')} or {of('info')}"
    return f"max by ({', '.join(labels)}) ({ranked})"

"""What promtool is to see of the alerts for verdicts: each of them firing, and not firing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from probes.health import metrics
from probes.health.language.rule_files import shipped as shipped_rules
from tests.grafana import shipped
from tools import verdict_alerts

URGENCIES = ("critical", "warning", "info")


def tests() -> dict[str, Any]:
    """A file for `promtool test rules`, as a document: all in one, so that each alert fires for its own rule alone.

    n1 has verdicts of each severity on one thing by each rule for a while, seen by two scrapes.
    """
    given: list[dict[str, str]] = []
    checks: list[dict[str, Any]] = []
    for rule, alert, places in _verdicts():
        given += [_series(rule, severity, job, places) for severity in URGENCIES for job in ("c", "p")]
        labels = {"cluster": "x", "host": "n1", "rule": rule, **places}
        fired = [_fired(alert, labels, severity) for severity in URGENCIES if severity != "info"]
        checks += [
            {"eval_time": when, "alertname": alert, "exp_alerts": wanted}
            for when, wanted in (("3m", []), ("7m", fired), ("15m", []))
        ]
    return {
        "rule_files": [str(shipped.GRAFANA / "rules" / "verdicts.yaml")],
        "evaluation_interval": "1m",
        "tests": [{"name": "verdicts", "interval": "1m", "input_series": given, "alert_rule_test": checks}],
    }


def _verdicts() -> Iterator[tuple[str, str, dict[str, str]]]:
    """The name of each rule and of its alert, with the labels that the probe gives to a verdict of it."""
    for rule in shipped_rules():
        places = {label: f"the-{label}" for label in rule.by if label in metrics.PLACES}
        other = ",".join(f"{label}=the-{label}" for label in rule.by if label not in metrics.PLACES)
        yield rule.name, verdict_alerts.alert_name(rule), {**places, "other": other} if other else places
    yield "a-rule-of-ours", verdict_alerts.OTHER, {"device": "eth0", "other": "queue=7"}


def _series(rule: str, severity: str, job: str, places: dict[str, str]) -> dict[str, str]:
    labels = {"cluster": "x", "host": "n1", "job": job, "instance": job, "rule": rule, "severity": severity, **places}
    shown = ", ".join(f'{label}="{value}"' for label, value in labels.items())
    return {"series": f"{metrics.VERDICT.name}{{{shown}}}", "values": "_x4 1x5 stale"}


def _fired(alert: str, labels: dict[str, str], severity: str) -> dict[str, Any]:
    """The alert with its texts filled in."""
    annotations = shipped.alerts()[alert]["annotations"]
    texts = {
        name: re.sub(r"{{ \$labels\.(\w+) }}", lambda found: labels.get(found[1], ""), text)
        for name, text in annotations.items()
    }
    assert not any("{{" in text for text in texts.values()), texts
    return {"exp_labels": {**labels, "severity": severity}, "exp_annotations": texts}

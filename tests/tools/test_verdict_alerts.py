"""Alerts for verdicts are what Prometheus can load and fill in."""

from __future__ import annotations

from typing import Any

import msgspec
import yaml

from probes.health.language.rule import Rule
from probes.health.language.rule_files import shipped
from tools import verdict_alerts


def rule(name: str, **changes: Any) -> Rule:
    (found,) = [rule for rule in shipped() if rule.name == name]
    return msgspec.structs.replace(found, **changes)


def made(*rules: Rule) -> list[dict[str, Any]]:
    (group,) = yaml.safe_load(verdict_alerts.rule_file(rules))["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def test_an_alert_has_the_rules_name_in_its_own() -> None:
    names = [verdict_alerts.alert_name(rule) for rule in shipped()]
    assert "FabricscopeVerdictNvlink5BitErrors" in names
    assert len(set(names)) == len(names)


def test_a_thing_is_named_by_the_labels_that_the_verdict_has() -> None:
    known, _ = made(rule("nvlink-down"))
    assert known["annotations"]["summary"] == (
        "NVLink is down: gpu {{ $labels.gpu }} link {{ $labels.link }} of {{ $labels.host }}"
    )
    other, _ = made(rule("pcie-narrow"))
    assert "address {{ $labels.address }} {{ $labels.other }} of" in other["annotations"]["summary"]
    host, _ = made(rule("nvlink-down", by=()))
    assert host["annotations"]["summary"] == "NVLink is down: {{ $labels.host }}"


def test_rules_that_are_not_shipped_have_an_alert_together() -> None:
    *_, other = made(rule("nvlink-down"), rule("gpu-lost"))
    assert other["alert"] == verdict_alerts.OTHER
    assert 'rule!~"nvlink-down|gpu-lost"' in other["expr"]


def test_nothing_is_broken_that_belongs_together() -> None:
    text = verdict_alerts.rule_file(shipped())
    assert "\N{NO-BREAK SPACE}" not in text
    for line in text.splitlines():
        assert line.count("{{") == line.count("}}"), line

"""grafana/rules/verdicts.yaml: an alert for each health rule that is shipped, made from what the rule says."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import yaml

from probes.health import metrics
from probes.health.language.rule import Rule

PREFIX = "FabricscopeVerdict"
OTHER = f"{PREFIX}Other"
"""The alert for verdicts of rules that are an operator's own."""
URGENT = 'severity=~"critical|warning"'
"""An info is for whoever looks: it alerts only where an operator made more of it."""

_HEAD = """\
# Made by `make generate` from probes/health/rules/; change those.
#
# Verdicts of the probes' health rules. A probe has held a verdict back for as long as its rule asks, and holds it while
# the cause comes and goes, so nothing waits here. The severity is the verdict's own: a rule may have a second limit
# from which on it is critical. Those of severity info do not alert, unless an operator's rules make more of them.
# `job` and `instance` are aggregated away: a host that is scraped at its probe and at the collector alerts once.
"""


_SPACE = "\N{NO-BREAK SPACE}"
"""Stands for a space at which YAML must not break a line."""


class _Dumper(yaml.SafeDumper):
    """Indents lists below their keys, as the other rule files have them."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, indentless=False)


def rule_file(rules: Iterable[Rule]) -> str:
    """The file, for Prometheus."""
    group = {"name": "fabricscope-verdict-alerts", "rules": list(alerts(list(rules)))}
    text = yaml.dump({"groups": [group]}, Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True)
    return _HEAD + text.replace(_SPACE, " ")


def alerts(rules: list[Rule]) -> Iterator[dict[str, Any]]:
    """Every alerting rule: one for each health rule, and one for those that are not shipped."""
    for rule in rules:
        yield _alert(alert_name(rule), f'rule="{rule.name}"', f"{sentence(rule)}: {_thing(rule)}", rule.meaning)
    names = "|".join(rule.name for rule in rules)
    places = " ".join(f"{{{{ $labels.{place} }}}}" for place in (*metrics.PLACES, "other"))
    summary = f"Health rule {{{{ $labels.rule }}}}: {places} of {{{{ $labels.host }}}}"
    yield _alert(OTHER, f'rule!~"{names}"', summary, "The rule is one of yours, in a file of probe.health.rules.")


def alert_name(rule: Rule) -> str:
    """What the alert of a rule is called, which is also the name of its runbook."""
    return PREFIX + "".join(word.capitalize() for word in rule.name.split("-"))


def sentence(rule: Rule) -> str:
    """What is wrong, beginning a sentence."""
    return rule.summary[0].upper() + rule.summary[1:]


def _alert(name: str, which: str, summary: str, meaning: str) -> dict[str, Any]:
    expr = f"max without (job, instance) ({metrics.VERDICT.name}{{{which}, {URGENT}}}) == 1"
    doctor = "`fabricscope doctor` on {{ $labels.host }} has the evidence and the next step."
    return {
        "alert": name,
        "expr": expr.replace(" ", _SPACE),
        "labels": {"severity": "{{ $labels.severity }}"},
        "annotations": {
            "summary": _unbroken(summary),
            "description": _unbroken(f"{meaning} {doctor}".lstrip()),
            "runbook_url": f"docs/runbooks/{name}.md",
        },
    }


def _thing(rule: Rule) -> str:
    """What the verdict is about, as Prometheus fills it in."""
    known = [f"{label} {{{{ $labels.{label} }}}}" for label in rule.by if label in metrics.PLACES]
    if len(known) < len(rule.by):
        known.append("{{ $labels.other }}")
    return f"{' '.join(known)} of {{{{ $labels.host }}}}" if known else "{{ $labels.host }}"


def _unbroken(text: str) -> str:
    """A text whose templates stay in one piece."""
    return re.sub(r"\{\{.*?\}\}", lambda found: found[0].replace(" ", _SPACE), text)

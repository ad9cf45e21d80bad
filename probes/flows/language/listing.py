"""Rules in force, for people and for programs. Pure."""

from __future__ import annotations

from typing import Any

from probes.flows.language import families
from probes.flows.language.rule_files import SHIPPED, Rules


def as_json(rules: Rules) -> dict[str, Any]:
    """Every rule, as far as it tells what is found; `file` is null for what is shipped."""
    carried = families.carried_by(rules.rules)
    above = families.parents(rules.rules)
    return {
        "rules": [
            {
                "name": rule.name,
                "label": rule.label,
                "summary": rule.summary,
                "transport": list(carried[rule.name]),
                "ports": list(rule.ports),
                "confidence": rule.confidence,
                "refines": above[rule.name],
                "extract": rule.extract,
                "cases": len(rule.cases),
                "file": _file(rules, "rules", rule.name),
            }
            for rule in rules.rules
        ],
        "behaviours": [
            {
                "name": each.name,
                "label": each.label,
                "summary": each.summary,
                "confidence": each.confidence,
                "file": _file(rules, "behaviours", each.name),
            }
            for each in rules.behaviours
        ],
        "policies": [
            {"name": each.name, "summary": each.summary, "file": _file(rules, "policies", each.name)}
            for each in rules.policies
        ],
    }


def as_text(rules: Rules) -> str:
    """A line for each."""
    carried = families.carried_by(rules.rules)
    lines = [
        (rule.name, ",".join(carried[rule.name]), f"{rule.confidence:.2f}", rule.summary)
        for rule in sorted(rules.rules, key=lambda each: each.name)
    ]
    lines += [(each.name, "behaviour", f"{each.confidence:.2f}", each.summary) for each in rules.behaviours]
    lines += [(each.name, "policy", "", each.summary) for each in rules.policies]
    widths = [max((len(line[column]) for line in lines), default=0) for column in range(3)]
    return "\n".join(
        f"{name:<{widths[0]}}  {kind:<{widths[1]}}  {confidence:<{widths[2]}}  {summary}".rstrip()
        for name, kind, confidence, summary in lines
    )


def _file(rules: Rules, section: str, name: str) -> str | None:
    file = rules.origins[section, name].file
    return None if file.parent == SHIPPED else str(file)

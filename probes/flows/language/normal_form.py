"""Rules as the engine takes them (`engine/src/rules/form.rs`). Pure.

Nothing is left out, names are resolved, expressions are trees.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from probes.flows.language import expressions, families
from probes.flows.language.policy import span
from probes.flows.language.rule import Alternative, Rule, Test

VERSION = 1
LISTEN = 6
"""Packets that a rule goes on for which something can be read out of, or that others refine."""


def as_json(rules: Sequence[Rule]) -> bytes:
    """Rules that the linter has nothing against."""
    above = families.parents(rules)
    carried = families.carried_by(rules)
    refined = {parent for parents in above.values() for parent in parents}
    written = [_rule(rule, above[rule.name], carried[rule.name], rule.name in refined) for rule in rules]
    return msgspec.json.encode({"version": VERSION, "rules": written})


def _rule(rule: Rule, parents: list[str], transports: Sequence[str], refined: bool) -> dict[str, Any]:
    listen = LISTEN if rule.extract or refined else 0
    ports = [span(text) for text in rule.ports]
    return {
        "name": rule.name,
        "label": rule.label,
        "transports": transports,
        "ports": [(each.start, each.stop - 1) for each in ports],
        "refines": parents,
        "extract": rule.extract,
        "fields": list(rule.fields.items()),
        "listen": listen if rule.listen is None else rule.listen,
        "alternatives": [_alternative(rule, each) for each in rule.alternatives()],
    }


def _alternative(rule: Rule, alternative: Alternative) -> dict[str, Any]:
    required = alternative.ports_required
    return {
        "name": alternative.name,
        "confidence": alternative.confidence or rule.confidence,
        "packets": alternative.packets or rule.packets,
        "ports_required": rule.ports_required if required is None else required,
        "tests": [_test(side, test) for side, test in (*rule.tests(), *alternative.tests())],
        "not": [[_test(side, test) for side, test in group.tests()] for group in (*rule.not_, *alternative.not_)],
    }


def _test(side: str, test: Test) -> dict[str, Any]:
    return {
        "side": side,
        "patterns": test.match,
        "within": test.within,
        "checks": [{"text": text, "tree": expressions.parse(text)} for text in test.check],
        "message": test.message,
    }

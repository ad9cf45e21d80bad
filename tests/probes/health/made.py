"""Small metrics and rules of the tests' own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fabricscope.assemble import Assembler
from fabricscope.model import Kind, MetricSpec, Now, Overflow, Quality, Reading, Sampled
from fabricscope.settings import convert
from probes.health.language import normal_form
from probes.health.language.checks import KINDS
from probes.health.language.rule import Rule, RuleText
from tests.probes.health.host import SECOND

LEVEL = MetricSpec("test_level", Kind.GAUGE, "Level.", ("device",), "celsius")
TOP = MetricSpec("test_top", Kind.GAUGE, "Limit of the level.", ("device", "limit"), "celsius")
KIND = MetricSpec("test_info", Kind.GAUGE, "What it is.", ("device", "model"))
ERRORS = MetricSpec("test_errors_total", Kind.COUNTER, "Errors.", ("device", "error"))
TIME = MetricSpec("test_seconds_total", Kind.COUNTER, "Time.", ("device",), "seconds", per_unit=1000)
NARROW = MetricSpec("test_narrow_total", Kind.COUNTER, "Narrow.", ("device",), bits=8, overflow=Overflow.SATURATES)

Row = tuple[MetricSpec, tuple[str, ...], float | None] | tuple[MetricSpec, tuple[str, ...], float | None, Quality]


def rule(name: str = "a-rule", **document: Any) -> Rule:
    """A rule as a file would have it."""
    check = document.pop("check")
    text = convert(normal_form.rule({"summary": "it is odd", "by": "device", **document}), RuleText, name)
    fields = {field: getattr(text, field) for field in text.__struct_fields__}
    return Rule(name=name, check=convert(normal_form.check(check), KINDS[check["kind"]], name), **fields)


def batch(now: Now, rows: Sequence[Row], sampler: str = "made", interval: int = SECOND) -> Sampled:
    """One batch with these readings, as they are: no pipeline looks at them."""
    readings = [Reading(spec, labels, value, *quality) for spec, labels, value, *quality in rows]
    return Assembler(sampler, interval).assemble(readings, now)

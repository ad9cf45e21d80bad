"""What rules read, and whether there is such a thing. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from fabricscope.model import Kind, MetricSpec
from fabricscope.settings import unknown
from probes.health.language.checks import Flaps, Increase, Peers, Rate, Ratio
from probes.health.language.rule import Rule
from probes.health.language.vocabulary import Condition, Limit, Source


class Mention(NamedTuple):
    """A metric that a rule reads."""

    source: Source
    primary: bool
    """Whether its series are the things that the rule is about."""
    counts: bool = False
    """Whether it must be a counter."""


def mentions(rule: Rule) -> list[Mention]:
    """Every metric that the rule reads."""
    check = rule.check
    counts = isinstance(check, Increase | Rate | Ratio | Flaps)
    found = [
        Mention(source, True, counts)
        for key in ("of", "downs", "changes")
        for source in _several(getattr(check, key, ()))
    ]
    found += [Mention(source, False, True) for source in getattr(check, "per", ())]
    if isinstance(check, Peers) and check.alike is not None:
        labels: dict[str, tuple[str, ...]] = dict.fromkeys(check.alike.by, ("",))
        found.append(Mention(Source(metric=check.alike.metric, labels=labels), False))
    limits = (getattr(check, key, None) for key in ("above", "below", "critical"))
    found += [Mention(source, False) for limit in limits if isinstance(limit, Limit) for source in limit.product]
    for condition in (*rule.where, *rule.given):
        found += [Mention(source, False) for source in _asked(condition)]
    return found


def _several(value: Source | tuple[Source, ...]) -> tuple[Source, ...]:
    return (value,) if isinstance(value, Source) else value


def _asked(condition: Condition) -> Iterable[Source]:
    if condition.metric is not None:
        yield condition.source()
    for each in condition.any:
        yield from _asked(each)


def problems(rules: Sequence[Rule], specs: Iterable[MetricSpec]) -> list[str]:
    """What rules ask for that no sampler of this installation has: such rules are never judged."""
    by_name = {spec.name: spec for spec in specs}
    found = []
    for rule in rules:
        for source, primary, counts in mentions(rule):
            name = source.metric
            is_counter = counts or source.over in ("increase", "rate")
            is_gauge = source.over in ("min", "max", "mean")
            if name.endswith("*"):
                matches = [spec for spec in by_name.values() if spec.name.startswith(name[:-1])]
            else:
                matches = [by_name[name]] if name in by_name else []
            if not matches:
                found.append(f"rule {rule.name}: {unknown(name, by_name, 'metric')}")
            for spec in matches:
                if (is_counter and spec.kind is Kind.GAUGE) or (is_gauge and spec.kind is Kind.COUNTER):
                    remedy = "ask for its value" if is_counter else "ask for its increase or rate"
                    found.append(f"rule {rule.name}: {spec.name} is a {spec.kind.value}; {remedy}")
                wanted = {*source.labels, *(rule.by if primary else ())}
                found += [
                    f"rule {rule.name}: {spec.name} has no label {label!r}; it has {', '.join(spec.labels) or 'none'}"
                    for label in sorted(wanted - set(spec.labels))
                ]
    return found

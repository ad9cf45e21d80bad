"""What rules read, and whether there is such a thing. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from fabricscope.model import Kind, MetricSpec
from fabricscope.settings import SettingsError, unknown
from probes.health.language.checks import Flaps, Forecast, Increase, Peers, Rate, Ratio, Value
from probes.health.language.rule import Rule
from probes.health.language.rule_files import load
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
    found += [Mention(source, False) for source in rule.shows]
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


def in_force(paths: Iterable[str | Path], specs: Sequence[MetricSpec] = ()) -> tuple[tuple[Rule, ...], list[str]]:
    """The rules in force, and what those of the operator ask for that is in none of `specs`.

    Without `specs` nothing is compared with them. Raises SettingsError for rules that cannot be used, as
    rule_files.load does, and for those that ask a known metric for what its kind does not have.
    """
    rules = load(paths)
    own = [rule for rule in rules if rule.origin] if specs else []
    if mistakes := misfits(own, specs):
        origins = {rule.name: rule.origin for rule in own}
        raise SettingsError("; ".join(f"{origins[name]}: rule {name}: {mistake}" for name, mistake in mistakes))
    return rules, problems(own, specs)


def misfits(rules: Sequence[Rule], specs: Iterable[MetricSpec]) -> list[tuple[str, str]]:
    """Rules by name that ask a counter for its value, or a gauge for its growth."""
    by_name = {spec.name: spec for spec in specs}
    found = []
    for rule in rules:
        is_level = isinstance(rule.check, Value | Peers | Forecast)
        for source, primary, counts in mentions(rule):
            is_counter = counts or source.over in ("increase", "rate")
            is_gauge = source.over in ("min", "max", "mean") or (primary and is_level and source.over == "latest")
            for spec in _matches(source.metric, by_name):
                # Of a name with * only what fits is read.
                if source.metric.endswith("*"):
                    continue
                if (is_counter and spec.kind is Kind.GAUGE) or (is_gauge and spec.kind is Kind.COUNTER):
                    remedy = "ask for its value" if is_counter else "ask for its increase or rate"
                    found.append((rule.name, f"{spec.name} is a {spec.kind.value}; {remedy}"))
    return found


def _matches(name: str, by_name: Mapping[str, MetricSpec]) -> list[MetricSpec]:
    if name.endswith("*"):
        return [spec for spec in by_name.values() if spec.name.startswith(name[:-1])]
    return [by_name[name]] if name in by_name else []


def problems(rules: Sequence[Rule], specs: Iterable[MetricSpec]) -> list[str]:
    """Metrics and labels that rules ask for and no sampler of this installation has: they are never judged."""
    by_name = {spec.name: spec for spec in specs}
    found = []
    for rule in rules:
        for source, primary, _ in mentions(rule):
            name = source.metric
            matches = _matches(name, by_name)
            if not matches:
                found.append(f"rule {rule.name}: {unknown(name, by_name, 'metric')}")
            for spec in matches:
                wanted = {*source.labels, *(rule.by if primary else ())}
                found += [
                    f"rule {rule.name}: {spec.name} has no label {label!r}; it has {', '.join(spec.labels) or 'none'}"
                    for label in sorted(wanted - set(spec.labels))
                ]
    return found

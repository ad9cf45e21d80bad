"""A DFI rule, and whether it holds of a flow's features."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Annotated, NamedTuple

from msgspec import Meta, field

from probes.flows.language.conditions import Condition, parse
from probes.flows.language.rule import Confidence, Data, Line, Text, Word

Label = Annotated[str, Meta(pattern="^[a-z0-9-]*$", max_length=60)]
Conditions = Annotated[tuple[Line, ...], Meta(max_length=32)]


class Behaviour(Data, frozen=True, kw_only=True, dict=True):
    """A class of behaviour, and by what it is known."""

    name: Word
    summary: Text
    label: Word
    """The class; several rules may find one."""
    confidence: Confidence
    for_: tuple[Label, ...] = field(default=(), name="for")
    """Labels of DPI that it is asked of; all when there is none."""
    when: Conditions = ()
    """All must hold."""
    any: Annotated[tuple[Conditions, ...], Meta(max_length=32)] = ()
    """Of these groups one must hold as well."""
    enabled: bool = True

    @cached_property
    def conditions(self) -> tuple[Condition, ...]:
        """`when`, parsed. Raises ValueError."""
        return tuple(map(parse, self.when))

    @cached_property
    def groups(self) -> tuple[tuple[Condition, ...], ...]:
        """`any`, parsed. Raises ValueError."""
        return tuple(tuple(map(parse, group)) for group in self.any)

    def holds(self, label: str, features: Mapping[str, float]) -> list[str] | None:
        """What it was known by; None when it does not hold."""
        if self.for_ and label not in self.for_:
            return None
        found = _all(self.conditions, features)
        if found is None or not self.groups:
            return found
        for group in self.groups:
            if (more := _all(group, features)) is not None:
                return [*found, *more]
        return None


def _all(conditions: Iterable[Condition], features: Mapping[str, float]) -> list[str] | None:
    shown = []
    for condition in conditions:
        value = features.get(condition.feature)
        if value is None or not condition.holds(value):
            return None
        shown.append(f"{condition.text.strip()} ({value:.4g})")
    return shown


class Judged(NamedTuple):
    """The class of behaviour that a flow was found to be in."""

    label: str
    """Empty when no rule holds."""
    rule: str
    confidence: float
    evidence: list[str]
    alternatives: list[tuple[str, float]]


NONE = Judged("", "", 0.0, [], [])


def judge(behaviours: Sequence[Behaviour], label: str, features: Mapping[str, float]) -> Judged:
    """The best behaviour that holds: by confidence, then by name. `label` is what DPI says, empty for nothing."""
    held = [(rule, evidence) for rule in behaviours if (evidence := rule.holds(label, features)) is not None]
    if not held:
        return NONE
    held.sort(key=lambda pair: (-pair[0].confidence, pair[0].name))
    best, evidence = held[0]
    others = {rule.label: rule.confidence for rule, _ in reversed(held) if rule.label != best.label}
    ranked = sorted(others.items(), key=lambda pair: (-pair[1], pair[0]))
    return Judged(best.label, best.name, best.confidence, evidence, ranked[:8])

"""Which rule refines which. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter

from probes.flows.language.rule import Rule


def parents(rules: Iterable[Rule]) -> dict[str, list[str]]:
    """Names of the rules that each refines: `refines` names rules, or labels and so all rules that give them."""
    rules = tuple(rules)
    by_word: dict[str, list[str]] = {}
    for rule in rules:
        for word in {rule.name, rule.label}:
            by_word.setdefault(word, []).append(rule.name)
    found = {}
    for rule in rules:
        named = (name for word in rule.refines for name in by_word.get(word, ()) if name != rule.name)
        found[rule.name] = list(dict.fromkeys(named))
    return found


def cycles(above: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """Rings of rules that refine one another, each named once."""
    left = {name: list(parents) for name, parents in above.items()}
    rings = []
    while True:
        try:
            TopologicalSorter(left).prepare()
        except CycleError as error:
            ring = list(reversed(error.args[1]))[1:]
            rings.append(ring)
            left[ring[0]] = []
        else:
            return rings


def carried_by(rules: Iterable[Rule]) -> dict[str, tuple[str, ...]]:
    """The transports of each rule: its own, or those of what it refines. Rules that refine one another have none."""
    by_name = {rule.name: rule for rule in rules}
    above = parents(by_name.values())
    found: dict[str, tuple[str, ...]] = dict.fromkeys(by_name, ())
    try:
        order = list(TopologicalSorter(above).static_order())
    except CycleError:
        order = list(by_name)
    for name in order:
        own = tuple(normal(each) for each in by_name[name].transport)
        inherited = (each for parent in above[name] for each in found[parent])
        found[name] = tuple(dict.fromkeys(own or inherited))
    return found


def normal(transport: str) -> str:
    """A transport with its number in decimal digits."""
    kind, _, number = transport.partition("/")
    return f"{kind}/{int(number, 0) if number.startswith('0x') else int(number)}" if number else transport

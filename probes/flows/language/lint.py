"""What makes no sense in rules, though each part fits its type. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fabricscope.config_file import Place
from fabricscope.settings import unknown
from probes.flows.language import expressions, families, native, patterns, payloads, policy
from probes.flows.language.features import NAMES
from probes.flows.language.problems import Origin, Problem
from probes.flows.language.rule import Alternative, Case, Group, Payload, Rule, Test

if TYPE_CHECKING:
    from probes.flows.language.rule_files import Rules

Found = Iterator[tuple[Place, str]]
"""Where in a rule, and what is wrong."""

# Parts of patterns that any octets match.
_ANYTHING = re.compile(r"(\(\?i\))?\^?(\.([*+?]|\{\d*,?\d*\})?\??)*\$?")
_OWN_NAMES = {"6": "tcp", "17": "udp", "33": "dccp", "132": "sctp"}
_RESERVED = frozenset({"none", "not"})


def problems(
    rules: Rules, origins: Mapping[tuple[str, str], Origin], extractors: Iterable[str] | None
) -> list[Problem]:
    """Everything that is wrong."""
    known = native.extractors() if extractors is None else list(extractors)
    words = {name for section, name in origins if section == "rules"} | {rule.label for rule in rules.rules}
    found: list[Problem] = []

    def note(section: str, name: str, mistakes: Found) -> None:
        found.extend(origins[section, name].problem(place, message) for place, message in mistakes)

    above = families.parents(rules.rules)
    carried = families.carried_by(rules.rules)
    for rule in rules.rules:
        note("rules", rule.name, _rule(rule, carried[rule.name]))
        note("rules", rule.name, _relations(rule, above, words, rules.rules, known))
    for ring in families.cycles(above):
        message = f"refines itself through {' -> '.join([*ring, ring[0]])}; leave one `refines` out"
        note("rules", ring[0], iter([(("refines",), message)]))
    for name, place, message in _shadowed(rules.rules, above, carried):
        note("rules", name, iter([(place, message)]))
    for behaviour in rules.behaviours:
        groups: list[tuple[Place, tuple[str, ...]]] = [(("when",), behaviour.when)]
        groups += [(("any", index), group) for index, group in enumerate(behaviour.any)]
        mistakes = (each for place, group in groups for each in _conditions(place, group))
        note("behaviours", behaviour.name, mistakes)
        if not behaviour.when and not behaviour.any:
            note("behaviours", behaviour.name, iter([((), "asks nothing; give conditions in `when`")]))
    for each in rules.policies:
        note("policies", each.name, _policy(each))
    return found


def _rule(rule: Rule, carried: Sequence[str]) -> Found:
    """Mistakes within a rule."""
    yield from _group((), rule, carried)
    for index, alternative in enumerate(rule.any):
        yield from _group(("any", index), alternative, carried)
        if not alternative.tests() and len(rule.any) > 1:
            yield ("any", index), "asks nothing, so that the other alternatives count for nothing; give it a test"
    for place, group in _with_place(rule):
        for number, refused in enumerate(group.not_):
            yield from _group((*place, "not", number), refused, carried)
            if not refused.tests():
                yield (*place, "not", number), "asks nothing, so that the rule never matches; give it a test"
    asks = rule.tests() or any(each.tests() for each in rule.any) or rule.fields
    numbered = all("/" in each or each == "rdma" for each in carried)
    if not asks and not numbered:
        yield (), "has no test, so that it matches everything; give `client`, `server`, `either`, `both` or `fields`"
    if not carried and not rule.refines:
        yield (), "'transport' is missing; add one such as [tcp]"
    for index, transport in enumerate(rule.transport):
        kind, _, protocol = transport.partition("/")
        if kind == "ip" and (protocol in _OWN_NAMES or int(protocol) > 255):
            own = _OWN_NAMES.get(protocol)
            remedy = f"write {own}" if own else "IP protocols are numbered up to 255"
            yield ("transport", index), f"{transport}: {remedy}"
    for index, port in enumerate(rule.ports):
        try:
            policy.span(port)
        except ValueError as error:
            yield ("ports", index), str(error)
    if not rule.ports and (rule.ports_required or any(each.ports_required for each in rule.any)):
        yield ("ports_required",), "no `ports` are given, so that the rule never matches"
    if rule.label in _RESERVED:
        yield ("label",), f"{rule.label!r} means something else in `expect`; take another"
    for name, texts in rule.fields.items():
        for index, text in enumerate(texts):
            yield from _pattern(("fields", name, index), text, bounded=True)
    names = set()
    for index, case in enumerate(rule.cases):
        yield from _case(("cases", index), case, carried)
        if case.name in names:
            yield ("cases", index, "name"), f"{case.name!r} is there twice"
        names.add(case.name)


def _with_place(rule: Rule) -> Iterator[tuple[Place, Rule | Alternative]]:
    yield (), rule
    for index, alternative in enumerate(rule.any):
        yield ("any", index), alternative


def _group(place: Place, group: Group, carried: Sequence[str]) -> Found:
    for side in ("client", "server", "either", "both"):
        for index, test in enumerate(getattr(group, side)):
            yield from _test((*place, side, index), test, carried)


def _test(place: Place, test: Test, carried: Sequence[str]) -> Found:
    for index, text in enumerate(test.match):
        yield from _pattern((*place, "match", index), text, bounded=test.within is not None)
        if not test.check and _ANYTHING.fullmatch(text):
            yield (*place, "match", index), f"{text!r} matches any octets; say which"
    for index, text in enumerate(test.check):
        try:
            expressions.parse(text)
        except expressions.ExpressionError as error:
            yield (*place, "check", index), f"{text!r}: {error}"
    if test.message != "first" and carried and set(carried) == {"tcp"}:
        yield (*place, "message"), f"{test.message!r} means nothing in TCP, where a side is one message; leave it out"


def _pattern(place: Place, text: str, *, bounded: bool) -> Found:
    try:
        found = patterns.examine(text)
        native.check_pattern(text)
    except ValueError as error:
        yield place, f"{text!r}: {error}"
        return
    if found.empty:
        yield place, f"{text!r} matches the empty string, and so everything"
    elif not found.anchored and not bounded:
        yield place, f"{text!r} is not anchored; begin it with ^ in every branch, or give `within`"


def _case(place: Place, case: Case, carried: Sequence[str]) -> Found:
    if case.transport and families.normal(case.transport) not in carried:
        yield (*place, "transport"), f"{case.transport} is none of the rule's: {', '.join(carried)}"
    if not case.client and not case.server:
        yield place, "has no payload; give `client`, `server` or both"
    for side in ("client", "server"):
        for index, payload in enumerate(getattr(case, side)):
            try:
                octets(payload)
            except ValueError as error:
                yield (*place, side, index), str(error)


def octets(payload: Payload) -> bytes:
    """What a case sends. Raises ValueError."""
    return payloads.from_text(payload.text) if payload.text is not None else payloads.from_hex(payload.hex or "")


def _relations(
    rule: Rule, above: Mapping[str, list[str]], words: set[str], rules: Sequence[Rule], extractors: Sequence[str]
) -> Found:
    """Mistakes in what a rule says of others."""
    for index, word in enumerate(rule.refines):
        if word == rule.name:
            yield ("refines", index), "a rule cannot refine itself"
        elif word not in words - {rule.name} and not any(word == other.label for other in rules if other is not rule):
            yield ("refines", index), unknown(word, words - {rule.name}, "rule or label")
    if rule.extract is not None and extractors and rule.extract not in extractors:
        yield ("extract",), unknown(rule.extract, extractors, "extractor")
    if rule.fields:
        by_name = {each.name: each for each in rules}
        waiting, seen = [rule.name], set()
        while waiting:
            name = waiting.pop()
            if name in seen:
                continue
            seen.add(name)
            waiting += above[name]
        if not any(by_name[name].extract for name in seen):
            yield ("fields",), "nothing extracts them; give `extract`, or refine a rule that does"


def _shadowed(
    rules: Sequence[Rule], above: Mapping[str, list[str]], carried: Mapping[str, tuple[str, ...]]
) -> Iterator[tuple[str, Place, str]]:
    """Alternatives that ask just what one of another rule asks, which always wins."""
    met: dict[Any, tuple[Rule, float]] = {}
    # The best of those that ask the same comes first.
    asked = [
        (rule, index, alternative, alternative.confidence or rule.confidence)
        for rule in rules
        for index, alternative in enumerate(rule.alternatives())
    ]
    asked.sort(key=lambda each: (-each[3], each[0].name))
    for rule, index, alternative, confidence in asked:
        place: Place = ("any", index) if rule.any else ()
        tests = frozenset([*rule.tests(), *alternative.tests()])
        if not tests or rule.fields:
            continue
        refused = (*rule.not_, *alternative.not_)
        needs = rule.ports if rule.ports_required or alternative.ports_required else ()
        # Rules on other ports are told apart by these.
        ports = frozenset(rule.ports)
        for transport in carried[rule.name]:
            key = (transport, tests, refused, needs, ports, frozenset(above[rule.name]))
            if key not in met:
                met[key] = (rule, confidence)
            elif met[key][0] is rule:
                yield rule.name, place, "asks the same as another alternative of the rule; leave one out"
                break
            elif met[key][0].label != rule.label:
                other = met[key][0].name
                yield rule.name, place, f"asks just what the rule {other} asks, which wins; say what is different here"
                break


def _conditions(place: Place, texts: Sequence[str]) -> Found:
    from probes.flows.language.conditions import parse

    for index, text in enumerate(texts):
        try:
            condition = parse(text)
        except ValueError as error:
            yield (*place, index), str(error)
            continue
        if condition.feature not in NAMES:
            yield (*place, index), unknown(condition.feature, NAMES, "feature")


def _policy(each: policy.Policy) -> Found:
    yield from _conditions(("when", "features"), each.when.features)
    for key in ("hosts", "source", "destination"):
        for index, text in enumerate(getattr(each.when, key)):
            try:
                policy.network(text)
            except ValueError as error:
                yield ("when", key, index), str(error)
    for key in ("ports", "vlan"):
        for index, text in enumerate(getattr(each.when, key)):
            try:
                policy.span(text)
            except ValueError as error:
                yield ("when", key, index), str(error)

"""The examples that stand beside the rules, through the engine."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest

import msgspec

from fabricscope.flow import Classification
from probes.flows.language import families, native, normal_form
from probes.flows.language.lint import octets
from probes.flows.language.problems import Problem
from probes.flows.language.rule import Case, Rule
from probes.flows.language.rule_files import Rules

_PROTOCOLS = {"tcp": 6, "udp": 17, "dccp": 33, "sctp": 132}
_IPV4 = 0x0800
_decoder = msgspec.msgpack.Decoder(Classification)


class Engine:
    """Asks the engine what payloads are."""

    def __init__(self, rules: Rules) -> None:
        self._classifier = native.Classifier(normal_form.as_json(rules.rules))

    def ask(self, transport: str, ports: tuple[int, int], packets: list[tuple[bool, bytes]]) -> Classification:
        """What a flow with these packets is; each is from the client, or not."""
        # Who opened a connection of TCP is seen; of datagrams the first one may not be.
        opened = transport == "tcp"
        return _decoder.decode(self._classifier.classify(_carrier(transport), ports, packets, opened))


def run(rules: Rules) -> tuple[int, list[Problem]]:
    """How many cases there are, and what went wrong in which. Raises ValueError when the engine refuses the rules."""
    engine = Engine(rules)
    carried = families.carried_by(rules.rules)
    count = 0
    failures = []
    for rule in rules.rules:
        for index, case in enumerate(rule.cases):
            count += 1
            transport = families.normal(case.transport) if case.transport else carried[rule.name][0]
            found = engine.ask(transport, case.ports, list(packets(case)))
            if message := _differs(rule, case, found):
                origin = rules.origins["rules", rule.name]
                place = ("cases", index)
                failures.append(origin.problem(place, message, f"{rule.name}: case {case.name!r}"))
    return count, failures


def packets(case: Case) -> Iterator[tuple[bool, bytes]]:
    """Payloads by turns, each with whether it is the client's."""
    turns = [[(True, octets(each)) for each in case.client], [(False, octets(each)) for each in case.server]]
    if case.begins == "server":
        turns.reverse()
    for pair in zip_longest(*turns):
        yield from (each for each in pair if each is not None)


def _carrier(transport: str) -> tuple[int, int, bool]:
    """IP protocol, EtherType, and whether it is RDMA."""
    if transport == "rdma":
        return 17, _IPV4, True
    if transport in _PROTOCOLS:
        return _PROTOCOLS[transport], _IPV4, False
    kind, _, number = transport.partition("/")
    return (int(number), _IPV4, False) if kind == "ip" else (0, int(number), False)


def _differs(rule: Rule, case: Case, found: Classification) -> str:
    """What is not as the case expects it; empty when all is."""
    came = f"{found.label or 'none'} ({found.rule}, {found.confidence:.2f})" if found.label else "none"
    if found.evidence:
        came += f", by {'; '.join(found.evidence)[:300]}"
    if found.alternatives:
        came += f"; also {', '.join(label for label, _ in found.alternatives)}"
    if case.expect == "not":
        return f"expected anything but {rule.label}, came out as {came}" if found.label == rule.label else ""
    expected = {None: rule.label, "none": ""}.get(case.expect, case.expect) or ""
    if found.label != expected:
        return f"expected {expected or 'none'}, came out as {came}"
    fields = dict(found.fields)
    for name, value in case.fields.items():
        if fields.get(name) != value:
            there = ", ".join(f"{key}={text!r}" for key, text in fields.items()) or "none"
            return f"expected the field {name} to be {value!r}; fields: {there}"
    return ""

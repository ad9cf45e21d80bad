"""Rules as they are asked: by what carries a flow, those that are refined before those that refine them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from probes.engine.flows.single import single
from probes.engine.rules.expression import Expression
from probes.engine.rules.form import Document, RuleForm, TestForm
from probes.engine.rules.inspection import FlowFacts
from probes.engine.rules.patterns import Patterns, check_pattern, compiled

VERSION = 1
MAX_RULES = 2000
MAX_ALTERNATIVES = 64
_NUMBERED = re.compile(r"(ip|ether)/(\d{1,5})")


@dataclass(frozen=True)
class Rule:
    """A rule, without the ways in which it matches."""

    name: str
    label: str
    ports: Sequence[tuple[int, int]]
    refines: Sequence[int]
    """Numbers of rules: one of them must have matched."""
    ancestors: Sequence[int]
    """All that it refines, directly or through others, nearest first."""
    extract: str | None
    fields: Sequence[tuple[str, list[re.Pattern[bytes]]]]
    listen: int

    def hinted(self, facts: FlowFacts) -> bool:
        """Whether the flow is on one of its ports."""
        ports = [port for port in (facts.source_port, facts.destination_port) if port]
        return any(first <= port <= last for first, last in self.ports for port in ports)


@dataclass(frozen=True)
class Test:
    """What has to hold of a side."""

    side: str
    patterns: Sequence[int]
    """Of which one must match; none stands for anything."""
    within: int | None
    checks: Sequence[Expression]
    which: str


@dataclass(frozen=True)
class Alternative:
    """One way in which a rule matches."""

    rule: int
    name: str
    confidence: float
    packets: int
    ports_required: bool
    depends: bool
    """On other rules, or on fields."""
    tests: Sequence[Test]
    refused: Sequence[Sequence[Test]]

    def every_test(self) -> Iterator[Test]:
        """Also those that must not hold."""
        yield from self.tests
        for group in self.refused:
            yield from group


@dataclass
class Program:
    """The rules of one carrier."""

    patterns: Patterns = field(default_factory=Patterns)
    alternatives: list[Alternative] = field(default_factory=list)
    """Those that refine come after what they refine."""
    triggers: dict[int, list[int]] = field(default_factory=dict)
    """By pattern: alternatives that can hold once it matched."""
    always: set[int] = field(default_factory=set)
    """Alternatives that need no pattern."""
    later: set[int] = field(default_factory=set)
    """Those that may come to hold with a datagram that is not its side's first."""
    sided: set[int] = field(default_factory=set)
    """Those that tell the sides apart."""
    patient: list[int] = field(default_factory=list)
    """Those that cannot match at the first packet."""
    on_ports: list[int] = field(default_factory=list)
    """Rules that have ports here."""

    def take(self, rule: int, form: RuleForm) -> None:
        """Take a rule up. Raises ValueError."""
        if form.ports:
            self.on_ports.append(rule)
        for way in form.alternatives:
            alternative = Alternative(
                rule,
                way.name,
                single(way.confidence),
                max(way.packets, 1),
                way.ports_required,
                bool(form.refines or form.fields),
                self._tests(way.tests),
                [self._tests(group) for group in way.refused],
            )
            self._sort_in(len(self.alternatives), alternative)
            self.alternatives.append(alternative)

    def _sort_in(self, number: int, alternative: Alternative) -> None:
        if alternative.packets > 1:
            self.patient.append(number)
        tests = list(alternative.every_test())
        if alternative.packets > 1 or alternative.depends or any(test.which != "first" for test in tests):
            self.later.add(number)
        if alternative.depends or any(test.side in ("client", "server") for test in tests):
            self.sided.add(number)
        # All tests must hold, so the patterns of one of them are enough to wake it.
        waking = next((test.patterns for test in alternative.tests if test.patterns), None)
        if waking is None:
            self.always.add(number)
        for pattern in waking or ():
            self.triggers.setdefault(pattern, []).append(number)

    def _tests(self, forms: Iterable[TestForm]) -> list[Test]:
        return [
            Test(
                form.side,
                [self.patterns.add(text, form.within) for text in form.patterns],
                form.within,
                [Expression(check.text, check.tree) for check in form.checks],
                form.message,
            )
            for form in forms
        ]


class Programs:
    """All rules."""

    def __init__(self, document: Document) -> None:
        """Raises ValueError, which names the rule."""
        if document.version != VERSION:
            raise ValueError(f"rules of version {document.version}; this engine reads version {VERSION}")
        if len(document.rules) > MAX_RULES:
            raise ValueError(f"{len(document.rules)} rules; at most {MAX_RULES} are taken")
        self.rules: list[Rule] = []
        self._by_carrier: dict[str, Program] = {}
        numbers: dict[str, int] = {}
        for form in in_order(document.rules):
            try:
                self._take(form, numbers)
            except ValueError as error:
                raise ValueError(f"rule {form.name}: {error}") from error

    def program_for(self, facts: FlowFacts) -> Program | None:
        """The program for a flow."""
        return self._by_carrier.get(facts.carrier())

    def _take(self, form: RuleForm, numbers: dict[str, int]) -> None:
        number = len(self.rules)
        refines = [numbers[parent] for parent in form.refines]
        further = [each for parent in refines for each in self.rules[parent].ancestors]
        if len(form.alternatives) > MAX_ALTERNATIVES:
            raise ValueError(f"more than {MAX_ALTERNATIVES} alternatives")
        for transport in form.transports:
            self._by_carrier.setdefault(_carrier(transport), Program()).take(number, form)
        numbers[form.name] = number
        self.rules.append(
            Rule(
                form.name,
                form.label,
                form.ports,
                refines,
                list(dict.fromkeys(refines + further)),
                form.extract,
                [(name, [_for_field(text) for text in texts]) for name, texts in form.fields],
                form.listen,
            )
        )


def in_order(forms: Sequence[RuleForm]) -> list[RuleForm]:
    """Rules sorted by name and so that each comes after what it refines. Raises ValueError."""
    waiting = sorted(forms, key=lambda form: form.name)
    for one, other in pairwise(waiting):
        if one.name == other.name:
            raise ValueError(f"rule {one.name} is there twice")
    done: set[str] = set()
    order: list[RuleForm] = []
    while waiting:
        now = [form for form in waiting if done.issuperset(form.refines)]
        if not now:
            stuck = ", ".join(form.name for form in waiting[:5])
            raise ValueError(f"rules that refine one another, or what is not there: {stuck}")
        done.update(form.name for form in now)
        order += now
        waiting = [form for form in waiting if form.name not in done]
    return order


def _carrier(transport: str) -> str:
    """As flows name what carries them."""
    if transport in ("tcp", "udp", "sctp", "dccp", "rdma"):
        return transport
    found = _NUMBERED.fullmatch(transport)
    if found is None or int(found[2]) > (0xFF if found[1] == "ip" else 0xFFFF):
        raise ValueError(f"no transport {transport}")
    return f"{found[1]}/{int(found[2])}"


def _for_field(text: str) -> re.Pattern[bytes]:
    """A pattern that is looked for in the value of an extracted field."""
    try:
        check_pattern(text)
        return compiled(text)
    except ValueError as error:
        raise ValueError(f'pattern "{text}": {error}') from error

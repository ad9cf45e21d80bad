from __future__ import annotations

import re
from collections.abc import Iterator
from re import _parser  # type: ignore[attr-defined]  # the one place that knows how a pattern is built
from typing import Any

import pytest

from fabricscope.model import Severity
from probes.samplers.kernel.lines import Classifier, Finding, Rule
from probes.samplers.kernel.rules import RULES
from tests.probes.samplers.kernel.examples import EXAMPLES, NO_EVENTS

LINES = Classifier(RULES)


def found(line: str) -> Finding:
    finding = LINES.classify(line)
    assert finding is not None, line
    return finding


@pytest.mark.parametrize(("line", "kind", "severity", "subject", "attributes"), EXAMPLES)
def test_a_line_and_what_it_says(
    line: str, kind: str, severity: Severity, subject: dict[str, str], attributes: dict[str, str]
) -> None:
    finding = found(line)
    assert (finding.kind, finding.severity, finding.joins) == (kind, severity, False)
    assert finding.subject == subject
    assert attributes.items() <= finding.attributes.items()
    assert finding.attributes["text"] == line
    assert "{" not in finding.message
    assert not finding.message.endswith((" ", ";", ": "))


@pytest.mark.parametrize("line", NO_EVENTS)
def test_lines_that_say_nothing(line: str) -> None:
    assert LINES.classify(line) is None


def test_every_rule_has_an_example() -> None:
    used = {id(rule) for line, *_ in EXAMPLES for rule in [first_rule(line)] if rule}
    assert [rule.kind for rule in RULES if id(rule) not in used and not rule.joins] == []


def first_rule(line: str) -> Rule | None:
    """The rule that an example is of, found without the classifier."""
    fits = (rule for rule in RULES if all(marker in line for marker in rule.markers) and rule.pattern.search(line))
    return next(fits, None)


@pytest.mark.parametrize("line", [f"Mar  1 00:00:00 node7 kernel: {line}" for line, *_ in EXAMPLES])
def test_what_stands_before_a_line_does_not_matter(line: str) -> None:
    assert found(line).kind


@pytest.mark.parametrize(
    ("line", "kind", "attributes"),
    [
        ("pcieport 0000:00:1d.0:   device [8086:a119] error status/mask=00000001/00002000", "kernel.aer",
         {"status": "00000001", "mask": "00002000"}),
        ("nvme 0000:02:00.0:    [ 0] RxErr                  (First)", "kernel.aer", {"bit": "0", "errors": "RxErr"}),
        ("pcieport 0000:00:1d.0:    [12] Replay Timer Timeout  ", "kernel.aer", {"errors": "Replay Timer Timeout"}),
        ("{1}[Hardware Error]:   section_type: PCIe error", "kernel.hardware_error", {"section": "PCIe error"}),
        ("{1}[Hardware Error]:   device_id: 0000:11:01.0", "kernel.hardware_error", {}),
    ],
)  # fmt: skip
def test_lines_that_add_to_the_one_before(line: str, kind: str, attributes: dict[str, str]) -> None:
    finding = found(line)
    assert (finding.kind, finding.joins) == (kind, True)
    assert attributes.items() <= finding.attributes.items()


def repeats(pattern: Any) -> Iterator[int]:
    """The upper bound of every repetition in a parsed pattern."""
    for operation, argument in pattern:
        if str(operation) in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            yield int(argument[1])
        for part in argument if isinstance(argument, tuple | list) else ():
            if isinstance(part, _parser.SubPattern):
                yield from repeats(part)
            elif isinstance(part, list):
                yield from (bound for branch in part for bound in repeats(branch))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.kind)
def test_every_repetition_in_a_pattern_has_a_bound(rule: Rule) -> None:
    bounds = list(repeats(_parser.parse(rule.pattern.pattern)))
    assert all(bound <= 100 for bound in bounds)


def test_that_check_finds_a_repetition_without_a_bound() -> None:
    for pattern in ("a*", "(a+)b", "(?:x|y{3,})", "(?P<n>a{0,2}(?:b.*)?)"):
        assert max(repeats(_parser.parse(pattern))) >= int(re._constants.MAXREPEAT)  # type: ignore[attr-defined]

from __future__ import annotations

from typing import Any

import pytest

from probes.engine.rules.patterns import Patterns, compiled
from tests.probes.engine.rules.made import asked, document, form, rule, way


@pytest.mark.parametrize(
    ("pattern", "anchored"),
    [
        ("^a", True), (r"\Aa", True), ("^(a|b)", True), ("(^a|^b)", True), ("(?i)^a", True), ("(?:^a)+", True),
        ("a", False), ("^a|b", False), ("(?:^a)*", False), ("a^", False), ("(?:^a)?b", False), ("", False),
    ],
)  # fmt: skip
def test_what_is_anchored(engine: Any, pattern: str, anchored: bool) -> None:
    if pattern != "a^":
        assert engine.check_pattern(pattern) is anchored


@pytest.mark.parametrize("pattern", ["(", "[", "(?=a)", "(?!a)", "(?<=a)b", r"(a)\1", "(?P<n", r"\Z", "a{3,2}"])
def test_what_cannot_be_looked_for(engine: Any, pattern: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        engine.check_pattern(pattern)


@pytest.mark.parametrize(
    ("pattern", "octets", "found"),
    [
        (r"^\x16\x03[\x00-\x03]", b"\x16\x03\x01", True),
        ("^a.c", b"a\nc", True),
        ("^a$", b"a\n", False),
        (r"^a\z", b"a", True),
        ("^[[:alpha:]]+[$]", b"ab$", True),
        ("^[^[:digit:]]1", b"x1", True),
        (r"^\x{41}", b"A", True),
        (r"^\xff\xfe", b"\xff\xfe", True),
        (r"^(?<n>a)b", b"ab", True),
        (r"^\w+\s\d", b"ab 1", True),
        (r"^\w", b"\xe9", False),
        (r"^a{2,}?b", b"aaab", True),
        (r"^[]a]", b"]", True),
        (r"^[a\]]", b"]", True),
    ],
)
def test_one_syntax_in_both(engine: Any, pattern: str, octets: bytes, found: bool) -> None:
    said = asked(engine, document(rule("a", way(form(patterns=(pattern,))))), (True, octets))
    assert (said.label == "a") is found


def test_how_far_a_pattern_looks(engine: Any) -> None:
    rules = document(rule("a", way(form(patterns=("bc",), within=4))), rule("b", way(form(patterns=("bc",), within=9))))
    assert asked(engine, rules, (True, b"aabc")).label == "a"
    assert asked(engine, rules, (True, b"aaabc")).label == "b"
    with pytest.raises(ValueError, match=r'rule a: pattern "bc": neither anchored nor bounded'):
        engine.Classifier(document(rule("a", way(form(patterns=("bc",))))))


def test_a_pattern_has_one_number_for_each_bound() -> None:
    patterns = Patterns()
    assert [patterns.add("^a", 1), patterns.add("^a", None), patterns.add("^a", 1)] == [0, 1, 0]
    hits: set[int] = set()
    patterns.search(b"a", 0, hits)
    assert hits == {0, 1}
    assert compiled("^a").match(b"a")

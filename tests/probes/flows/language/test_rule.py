from __future__ import annotations

import pytest

from probes.flows.language.rule import Alternative, Group, Payload
from probes.flows.language.rule import Test as OneTest
from tests.probes.flows.language.made import rule

ONE = OneTest(match=("^a",))


def test_tests_know_their_side() -> None:
    group = Group(server=(ONE,), client=(ONE,), both=(ONE,))
    assert [side for side, _ in group.tests()] == ["client", "server", "both"]


def test_a_rule_without_any_has_one_alternative() -> None:
    assert rule("a").alternatives() == (Alternative(),)
    assert rule("a", any=(Alternative(name="x"),)).alternatives()[0].name == "x"


def test_what_asks_or_says_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="a `match`, a `check` or both"):
        OneTest(within=5)
    for values in ({}, {"text": "a", "hex": "00"}):
        with pytest.raises(ValueError, match="a text or"):
            Payload(**values)

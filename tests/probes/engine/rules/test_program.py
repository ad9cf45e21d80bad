from __future__ import annotations

from typing import Any

import pytest

from probes.engine.rules.program import MAX_ALTERNATIVES, MAX_RULES
from tests.probes.engine.rules.made import document, form, rule, way


@pytest.mark.parametrize(
    ("rules", "wrong"),
    [
        ([rule("a"), rule("a")], "rule a is there twice"),
        ([rule("a", refines=["b"]), rule("b", refines=["a"])], "refine one another, or what is not there: a, b"),
        ([rule("a", refines=["c"])], "what is not there: a"),
        ([rule("a", transports=["ip/300"])], "rule a: no transport ip/300"),
        ([rule("a", transports=["x"])], "rule a: no transport x"),
        ([rule("a", fields=[["sni", ["("]]])], r'rule a: pattern "\("'),
        ([rule("a", *[way(form())] * (MAX_ALTERNATIVES + 1))], "more than 64 alternatives"),
        ([rule(str(number)) for number in range(MAX_RULES + 1)], "2001 rules; at most 2000"),
    ],
)
def test_what_is_wrong_with_rules(engine: Any, rules: list[dict[str, Any]], wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        engine.Classifier(document(*rules))

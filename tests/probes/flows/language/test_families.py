from __future__ import annotations

from probes.flows.language.families import carried_by, cycles, normal, parents
from tests.probes.flows.language.made import rule


def test_a_label_stands_for_all_rules_that_give_it() -> None:
    rules = [rule("a"), rule("b", label="a"), rule("c", refines=("a",)), rule("d", refines=("c", "nobody"))]
    assert parents(rules) == {"a": [], "b": [], "c": ["a", "b"], "d": ["c"]}


def test_transports_are_handed_down() -> None:
    rules = [
        rule("c", refines=("b",), transport=()),
        rule("b", refines=("a", "u"), transport=()),
        rule("a", transport=("tcp", "ether/0x88cc")),
        rule("u", transport=("udp",)),
        rule("x", refines=("y",), transport=()),
        rule("y", refines=("x",), transport=()),
    ]
    found = carried_by(rules[:4])
    assert found["c"] == found["b"] == ("tcp", "ether/35020", "udp")
    assert carried_by(rules[4:]) == {"x": (), "y": ()}


def test_every_ring_is_found() -> None:
    rings = cycles({"a": ["b"], "b": ["a"], "c": ["d"], "d": ["e"], "e": ["c"], "f": ["a"]})
    assert sorted(sorted(ring) for ring in rings) == [["a", "b"], ["c", "d", "e"]]
    assert cycles({"a": [], "b": ["a"]}) == []


def test_numbers_are_decimal() -> None:
    assert [normal(each) for each in ("tcp", "ip/089", "ether/0x88CC")] == ["tcp", "ip/89", "ether/35020"]

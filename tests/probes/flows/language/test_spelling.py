from __future__ import annotations

from probes.flows.language import spelling


def test_short_spellings_are_written_out() -> None:
    assert spelling.rule(
        "a", {"client": "^a", "any": {"not": {"server": ["^b", {"check": "size > 1"}]}}, "ports": 9}
    ) == {
        "name": "a",
        "label": "a",
        "client": [{"match": ["^a"]}],
        "any": [{"not": [{"server": [{"match": ["^b"]}, {"check": ["size > 1"]}]}]}],
        "ports": ["9"],
    }
    written = spelling.rule("a", {"cases": {"client": ["x", {"hex": "00"}, {"hex": 16}], "expect": None}})
    assert written["cases"] == [
        {"client": [{"text": "x"}, {"hex": "00"}, {"hex": "not-quoted:16"}], "expect": "none"},
    ]
    assert spelling.behaviour("b", {"when": "a > 1", "any": ["a > 2", ["a > 3"]]}) == {
        "name": "b",
        "label": "b",
        "when": ["a > 1"],
        "any": [["a > 2"], ["a > 3"]],
    }
    assert spelling.policy("p", {"when": {"label": "x", "ports": [1, "2-3"]}}) == {
        "name": "p",
        "when": {"label": ["x"], "ports": ["1", "2-3"]},
    }


def test_what_makes_no_sense_is_left_as_it_is() -> None:
    odd = {"client": 7, "any": [None, 3], "not": "x", "fields": 4, "cases": [5], "ports": [True]}
    assert spelling.rule("a", odd) == {
        "name": "a",
        "label": "a",
        "client": [7],
        "any": [None, 3],
        "not": ["x"],
        "fields": 4,
        "cases": [5],
        "ports": [True],
    }
    assert spelling.policy("p", {"when": 5}) == {"name": "p", "when": 5}

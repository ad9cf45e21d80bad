from __future__ import annotations

from pathlib import Path

from probes.flows.language.problems import MAX_SHOWN, Layer, Origin, Problem, RulesError, spoken

LINES = {
    ("rules", "a"): 1,
    ("rules", "a", "any"): 2,
    ("rules", "a", "any", 0): 3,
    ("rules", "a", "any", 0, "client"): 4,
}


def test_a_problem_has_the_line_of_what_is_nearest() -> None:
    origin = Origin(Layer(Path("one.yaml"), LINES, ("rules", "a"), frozenset({"any"})))
    # `client: '^a'` was written out as a list of tests with a list of patterns.
    problem = origin.problem(("any", 0, "client", 0, "match", 0), "is wrong")
    assert str(problem) == "one.yaml:4: a.any[0].client[0].match[0]: is wrong"
    assert origin.problem((), "is wrong").line == 1
    origin.add(Layer(Path("two.yaml"), {("rules", "a"): 7}, ("rules", "a"), frozenset({"ports"})))
    assert origin.problem(("any", 0), "x").file == "one.yaml"
    assert origin.problem(("ports", 0), "x") == Problem("two.yaml", 7, "a.ports[0]: x")
    assert (origin.file, origin.folders) == (Path("two.yaml"), [Path()] * 2)


def test_an_error_is_bounded() -> None:
    error = RulesError([Problem("f", number, "x") for number in range(100)])
    assert len(str(error).splitlines()) == MAX_SHOWN + 1
    assert str(error).splitlines()[:2] == ["f: x", "f:1: x"]


def test_places() -> None:
    assert spoken(("a", "any", 0, "client")) == "a.any[0].client"

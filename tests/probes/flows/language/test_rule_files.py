from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from probes.flows.language.problems import RulesError
from probes.flows.language.rule_files import examine, load
from tests.probes.flows.language.made import loaded, written

ONE = r"""
rules:
  greeting:
    summary: says hello
    transport: tcp
    ports: [25, 1000-1010]
    confidence: 0.9
    client: '^HELO'
"""


def problems(folder: Path, text: str) -> list[str]:
    file = written(folder, text)
    return [str(each).removeprefix(f"{file}:") for each in examine([file], shipped=False, extractors=["tls"])[1]]


def test_policies_of_ones_own_are_asked_before_shipped_ones(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("policies: {mine: {then: {keep: true}}, scans: {then: {event: info}}}")
    names = [policy.name for policy in load([tmp_path]).policies]
    assert names[0] == "mine"
    assert "scans" in names[1:]


def test_a_rule_as_it_is_written(tmp_path: Path) -> None:
    (rule,) = loaded(tmp_path, ONE).rules
    assert (rule.name, rule.label, rule.transport, rule.ports) == (
        "greeting",
        "greeting",
        ("tcp",),
        ("25", "1000-1010"),
    )
    assert rule.client[0].match == ("^HELO",)


def test_the_operator_has_the_last_word_key_by_key(tmp_path: Path) -> None:
    first = tmp_path / "first"
    first.mkdir()
    written(first, ONE)
    own = written(tmp_path, "rules: {greeting: {confidence: 0.5, client: '^EHLO'}}")
    (rule,) = load([first, own], shipped=False).rules
    assert (rule.confidence, rule.client[0].match, rule.summary) == (0.5, ("^EHLO",), "says hello")
    off = written(tmp_path, "rules: {greeting: {enabled: false}}", "off.yaml")
    assert load([first, off], shipped=False).rules == ()
    wrong = written(tmp_path, "rules:\n  greeting:\n\n    confidence: 2\n", "wrong.yaml")
    with pytest.raises(RulesError, match=r"wrong.yaml:4: greeting.confidence: 2 does not fit"):
        load([first, wrong], shipped=False)


def test_every_problem_has_its_line(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        r"""rules:
  a:
    summary: a
    transport: [tdp]
    confidence: 0.9
    client: '^a'
  b:
    summary: b
    transport: [tcp]
    confidence: 0.9
    clientt: '^b'
  c:
    summary: c
    transport: [tcp]
    confidence: 0.9
    any:
      - client: '^c'
      - server:
          match: '^c('
          check:
            - size > 1
            - size >
  d: 7
  E: {}
rule: {}
behaviours: []
""",
    )
    assert found == [
        "4: a.transport[0]: 'tdp' does not fit; expected tcp, udp, sctp, dccp, rdma, ip/N or ether/0xN",
        "11: b: 'clientt' is not a known setting; did you mean 'client'?",
        "19: c.any[1].server[0].match[0]: '^c(': character 4: `(` without `)`",
        "22: c.any[1].server[0].check[1]: 'size >': character 7: expected a number, u8@N, u16@N, u32le@N, ..., `size`, "
        "`first`, `records(...)` or `(`",
        "23: d: 7 does not fit; expected a section",
        "24: 'E' is no name; expected at most 60 characters, lower-case words with dashes between",
        "25: 'rule' is not a known section of flow rules; did you mean 'rules'?",
        "26: behaviours: a list does not fit; expected a section with a rule by name",
    ]


def test_what_is_no_yaml_has_a_line(tmp_path: Path) -> None:
    assert problems(tmp_path, "rules:\n  a: [\n")[0].startswith("3: not YAML: ")
    assert problems(tmp_path, "rules: {}\nrules: {}\n") == ["2: 'rules' is there twice; keep one"]
    assert problems(tmp_path, "- 1")[0] == "1: holds a list; expected rules, behaviours, policies"
    assert problems(tmp_path, "") == []
    missing = tmp_path / "missing.yaml"
    assert "cannot be read" in str(examine([missing], shipped=False)[1][0])


def test_a_name_stands_once_in_a_folder(tmp_path: Path) -> None:
    written(tmp_path, ONE, "1.yaml")
    written(tmp_path, ONE, "2.yaml")
    (problem,) = examine([tmp_path], shipped=False)[1]
    assert problem.line == 3
    assert "there is a rule of this name in" in str(problem)


def test_a_change_to_no_rule_names_the_nearest(tmp_path: Path) -> None:
    assert problems(tmp_path, ONE + "  greetin:\n    enabled: false\n") == [
        "9: 'greetin' is not a known rule; did you mean 'greeting'? One of your own needs `summary` and more."
    ]


def test_aliases_are_where_they_are_used(tmp_path: Path) -> None:
    text = (
        ONE
        + "    not: &no {server: '^('}\n"
        + "  other:\n    summary: o\n    transport: udp\n    confidence: 0.5\n    any: [*no]\n"
    )
    lines = [int(each.partition(":")[0]) for each in problems(tmp_path, text)]
    assert lines[0] == 9
    assert len(lines) == 2


# fmt: off
_words = st.sampled_from([
    "rules", "a", "b", "summary", "transport", "tcp", "client", "match", "check", "any", "not", "^a", "size > 1",
    "cases", "confidence", "fields", "refines", "extract", "label", "ports", "expect", "hex", "behaviours", "policies",
    "when", "then",
])
# fmt: on
_values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 70000) | st.floats() | _words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_words, inner, max_size=5),
    max_leaves=20,
)


@given(_values | st.dictionaries(st.sampled_from(["rules", "policies"]), st.dictionaries(_words, _values, max_size=3)))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_yaml_is_rules_or_an_error_with_a_line(tmp_path: Path, document: object) -> None:
    file = written(tmp_path, yaml.safe_dump(document))
    found = examine([file], shipped=False)[1]
    assert all(problem.line > 0 and problem.message for problem in found)
    if not found:
        load([file], shipped=False)


@given(st.binary(max_size=300))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_octets_are_rules_or_an_error_with_a_line(tmp_path: Path, octets: bytes) -> None:
    file = tmp_path / "any.yaml"
    file.write_bytes(octets)
    assert all(problem.line > 0 for problem in examine([file], shipped=False)[1])

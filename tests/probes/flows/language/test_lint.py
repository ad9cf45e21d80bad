from __future__ import annotations

from pathlib import Path

import pytest

from probes.flows.language.rule_files import examine
from tests.probes.flows.language.made import written

HEAD = "    summary: s\n    transport: [tcp]\n    confidence: 0.9\n"


def problems(folder: Path, text: str) -> list[str]:
    file = written(folder, text)
    found = examine([file], shipped=False, extractors=["tls", "http"])[1]
    return [str(each).removeprefix(f"{file}:") for each in found]


@pytest.mark.parametrize(
    ("rule", "complaint"),
    [
        ("client: '^.{4}'", "6: a.client[0].match[0]: '^.{4}' matches any octets; say which"),
        ("client: 'a*'", "6: a.client[0].match[0]: 'a*' matches the empty string, and so everything"),
        ("client: 'abc'", "6: a.client[0].match[0]: 'abc' is not anchored; begin it with ^ in every branch, or give"),
        ("client: {match: '^a', message: any}", "6: a.client[0].message: 'any' means nothing in TCP"),
        ("client: {within: 9}", "6: a.client[0]: a test has a `match`, a `check` or both"),
        ("{}", "2: a: has no test, so that it matches everything"),
        ("any: [{client: '^a'}, {name: b}]", "6: a.any[1]: asks nothing, so that the other alternatives"),
        ("any: [{client: '^a', not: {}}]", "6: a.any[0].not[0]: asks nothing, so that the rule never matches"),
        ("either: '^a'\n    ports: 70000", "7: a.ports[0]: '70000': ranges go"),
        ("either: '^a'\n    ports_required: true", "7: a.ports_required: no `ports` are given"),
        ("either: '^a'\n    label: none", "7: a.label: 'none' means something else"),
        ("either: '^a'\n    extract: tsl", "7: a.extract: 'tsl' is not a known extractor; did you mean 'tls'?"),
        ("either: '^a'\n    fields: {sni: '^b'}", "7: a.fields: nothing extracts them"),
        ("either: '^a'\n    extract: tls\n    fields: {sni: '^('}", "8: a.fields.sni[0]: '^(': character 3"),
        ("either: '^a'\n    refines: b", "7: a.refines[0]: 'b' is not a known rule or label"),
        ("either: '^a'\n    refines: a", "7: a.refines[0]: a rule cannot refine itself"),
        ("any: [{client: '^a'}, {client: '^a'}]", "6: a.any[1]: asks the same as another alternative"),
        ("either: '^a'\n    cases: [{name: n}]", "7: a.cases[0]: has no payload"),
        (
            "either: '^a'\n    cases: [{name: n, client: {hex: 1}}]",
            "7: a.cases[0].client[0]: 'not-quoted:1': expected pairs",
        ),
        ("either: '^a'\n    cases: [{name: n, client: '\\q'}]", "7: a.cases[0].client[0]: \\q is no escape"),
        ("either: '^a'\n    cases: [{name: n, transport: udp, client: a}]", "7: a.cases[0].transport: udp is none of"),
        ("either: '^a'\n    cases: [{name: n, client: a}, {name: n, client: b}]", "7: a.cases[1].name: 'n' is there"),
    ],
)
def test_what_makes_no_sense(tmp_path: Path, rule: str, complaint: str) -> None:
    body = "" if rule == "{}" else f"    {rule}\n"
    found = problems(tmp_path, f"rules:\n  a:\n{HEAD}{body}")
    assert any(each.startswith(complaint) for each in found), found


def test_transports(tmp_path: Path) -> None:
    text = "rules:\n  a:\n    summary: s\n    confidence: 0.9\n    either: '^a'\n"
    assert problems(tmp_path, text) == ["2: a: 'transport' is missing; add one such as [tcp]"]
    text += "    transport: [ip/6, ip/300, ip/89, ether/0x88cc]\n"
    assert problems(tmp_path, text) == [
        "6: a.transport[0]: ip/6: write tcp",
        "6: a.transport[1]: ip/300: IP protocols are numbered up to 255",
    ]
    lldp = "rules:\n  lldp:\n    summary: s\n    confidence: 0.9\n    transport: ether/0x88cc\n"
    assert problems(tmp_path, lldp) == [], "its number says it all"


def test_rules_that_refine_one_another(tmp_path: Path) -> None:
    text = "rules:\n"
    for name, other in (("a", "b"), ("b", "c"), ("c", "a"), ("d", "a")):
        text += f"  {name}:\n{HEAD}    client: '^{name}'\n    refines: {other}\n"
    (problem,) = problems(tmp_path, text)
    assert "refines itself through" in problem
    assert "d" not in problem.partition("through")[2].partition(";")[0]


def test_a_rule_that_another_one_shadows(tmp_path: Path) -> None:
    rule = "  {}:\n    summary: s\n    transport: [tcp, udp]\n    confidence: {}\n    client: '^x'\n"
    text = "rules:\n" + rule.format("a", 0.5) + rule.format("b", 0.9)
    assert problems(tmp_path, text) == ["2: a: asks just what the rule b asks, which wins; say what is different here"]
    assert problems(tmp_path, text + "    ports: 99\n") == [], "it wins on its port"


def test_behaviours_and_policies(tmp_path: Path) -> None:
    text = """behaviours:
  big:
    summary: much
    confidence: 0.7
    when: octets > 1 MB
    any:
      - octet > 1
      - [duration > 5 parsecs, duty]
  nothing: {summary: none, confidence: 0.5}
policies:
  watch:
    when: {hosts: 10.0.0.1/8, ports: 9-1, features: rate > 1 Gbit/s}
    then: {event: info}
"""
    assert problems(tmp_path, text) == [
        "7: big.any[0][0]: 'octet' is not a known feature; did you mean 'octets'?",
        "8: big.any[1][0]: 'parsecs' is no unit; there are %, B, kB, MB, GB, TB, ns, us, ms, s, min, h, kbit/s, "
        "Mbit/s, Gbit/s",
        "8: big.any[1][1]: 'duty': expected FEATURE OP VALUE, such as `octets > 100 MB` or `duty in 0.2..0.8`",
        "9: nothing: asks nothing; give conditions in `when`",
        "12: watch.when.hosts[0]: '10.0.0.1/8' is no network: 10.0.0.1/8 has host bits set; expected one such as "
        "10.0.0.0/8",
        "12: watch.when.ports[0]: '9-1': ranges go from the lower number to the higher, at most 65535",
    ]

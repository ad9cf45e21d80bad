from __future__ import annotations

from typing import Any

from probes.engine.rules.conclusion import shown
from tests.probes.engine.rules.made import asked, document, form, rule, way


def test_evidence_names_side_pattern_place_and_octets(engine: Any) -> None:
    check = {"text": "size > 3", "tree": [">", "size", 3]}
    test = form(patterns=("T /",), within=9, checks=[check])
    said = asked(engine, document(rule("a", way(test, name="plain"), ports=[[80, 80]])), (True, b"GET /\x00"))
    assert said.evidence == ["plain: client matches T / at 2: 54202f |T /|; size > 3", "ports 40000 and 80"]
    bare = asked(engine, document(rule("a", way(form("both", checks=[check])))), (True, b"abcd"), (False, b"efgh"))
    assert bare.evidence == ["both has size > 3, beginning 61626364 |abcd|"]


def test_evidence_of_fields_and_of_what_carries(engine: Any) -> None:
    rules = document(rule("a", way(form(patterns=("^G",))), extract="http", fields=[["host", ["."]]]))
    said = asked(engine, rules, (True, b'GET / HTTP/1.1\r\nHost: a"b\r\n\r\n'))
    assert said.evidence[1] == 'host is "a\\"b"'
    assert ("host", 'a"b') in said.fields
    tunnel = asked(engine, document(rule("a", way(), transports=["ip/47"])), (True, b"x"), carrier=(47, 0x0800, False))
    assert tunnel.evidence == ["IP protocol 47"]


def test_ports_alone_are_an_alternative(engine: Any) -> None:
    said = asked(engine, document(rule("a", ports=[[80, 80]]), rule("b", ports=[[1, 9]])))
    assert [(label, round(confidence, 3)) for label, confidence in said.alternatives] == [("a", 0.2)]


def test_octets_are_shown_in_both_ways() -> None:
    assert shown(b"a\n") == "610a |a.|"
    assert shown(b"a" * 30) == "61" * 24 + "... |" + "a" * 24 + "|"

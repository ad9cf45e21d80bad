from __future__ import annotations

from typing import Any

from tests.probes.engine.rules.made import asked, document, form, rule, way

WEB = rule("web", way(form(patterns=("^GET ",)), confidence=0.6), ports=[[80, 80]])


def test_ports_take_half_of_the_doubt_and_the_other_direction_a_little_of_the_confidence(engine: Any) -> None:
    assert round(asked(engine, document(WEB), (True, b"GET /")).confidence, 3) == 0.8
    assert round(asked(engine, document(WEB), (True, b"GET /"), ports=(1, 2)).confidence, 3) == 0.6
    swapped = asked(engine, document(WEB), (False, b"GET /"), ports=(1, 2), opened=False)
    assert round(swapped.confidence, 3) == 0.57
    assert swapped.evidence[0] == "the destination opened the flow"
    assert asked(engine, document(WEB), (False, b"GET /")).label == ""


def test_what_refines_wins_and_what_must_not_hold_refuses(engine: Any) -> None:
    finer = rule("api", way(form(patterns=("^GET /api",)), confidence=0.5), refines=["web"])
    said = asked(engine, document(WEB, finer), (True, b"GET /api"))
    assert (said.label, said.alternatives) == ("api", [])
    other = rule("other", way(form(patterns=("^GET",)), **{"not": [[form(patterns=("^GET /x",))]]}))
    assert asked(engine, document(other), (True, b"GET /y")).label == "other"
    assert asked(engine, document(other), (True, b"GET /x")).label == ""


def test_fields_sides_and_messages(engine: Any) -> None:
    host = rule("host", way(form(patterns=("^GET",))), extract="http", fields=[["host", ["^a\\."]]])
    assert asked(engine, document(host), (True, b"GET / HTTP/1.1\r\nHost: a.b\r\n\r\n")).label == "host"
    assert asked(engine, document(host), (True, b"GET / HTTP/1.1\r\nHost: b.b\r\n\r\n")).label == ""
    udp = (17, 0x0800, False)
    for which, count in (("first", 0), ("any", 1), ("every", 0)):
        rules = document(rule("a", way(form(patterns=("^b",), message=which)), transports=["udp"]))
        assert (asked(engine, rules, (True, b"a"), (True, b"b"), carrier=udp).label == "a") == bool(count), which
    both = document(rule("a", way(form("both", patterns=("^a",)))))
    assert asked(engine, both, (True, b"a")).label == ""
    assert asked(engine, both, (True, b"a"), (False, b"a")).label == "a"


def test_a_way_that_needs_more_packets_is_waited_for(engine: Any) -> None:
    patient = rule("patient", way(form(), packets=3, confidence=0.95))
    said = asked(engine, document(WEB, patient), *[(True, b"GET /")] * 4)
    assert (said.label, said.packets, said.alternatives[0][0]) == ("patient", 3, "web")
    port = rule("port", way(form(), ports_required=True), ports=[[22, 22]])
    assert asked(engine, document(port), (True, b"x")).label == ""
    assert asked(engine, document(port), (True, b"x"), ports=(22, 9)).label == "port"

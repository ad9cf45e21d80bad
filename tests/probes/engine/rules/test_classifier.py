from __future__ import annotations

from typing import Any

from tests.probes.engine.rules.made import asked, document, form, rule, way

GET = rule("web", way(form(patterns=("^GET ",))))


def test_it_is_settled_when_looking_on_would_change_nothing(engine: Any) -> None:
    assert asked(engine, document(GET), (True, b"GET /"), (True, b"more")).packets == 1
    unsure = rule("web", way(form(patterns=("^GET ",)), confidence=0.5))
    assert asked(engine, document(unsure), *[(True, b"GET ")] * 20).packets == 16
    listening = rule("web", way(form(patterns=("^GET ",))), listen=2)
    assert asked(engine, document(listening), *[(True, b"GET ")] * 9).packets == 3


def test_a_pattern_over_two_segments_and_no_rule_for_a_carrier(engine: Any) -> None:
    assert asked(engine, document(GET), (True, b"G"), (False, b"x"), (True, b"ET /")).label == "web"
    assert asked(engine, document(GET), (True, b"GET /"), carrier=(17, 0x0800, False)).label == ""
    assert (
        asked(engine, document(rule("r", way(), transports=["rdma"])), (True, b"x"), carrier=(17, 0, True)).label == "r"
    )

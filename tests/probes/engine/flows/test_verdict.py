from __future__ import annotations

from fabricscope.flow import Tunnel
from probes.engine.flows.verdict import Looking, Room
from probes.engine.packets.packet import Family
from probes.engine.rules.classifier import Classifier
from probes.engine.rules.inspection import FlowFacts
from tests.probes.engine.rules.made import document, form, rule, way

RULES = Classifier(document(rule("web", way(form(patterns=("^GET ",)))), rule("odd", ports=[(80, 80)])))
FACTS = FlowFacts(6, 0x0800, 40_000, 80, Family.V4, Tunnel.NONE, None, True)


def test_payload_is_looked_at_until_that_is_settled() -> None:
    looking, room = Looking(), Room(1)
    assert looking.tell(RULES, lambda: FACTS).alternatives[0][0] == "odd"
    assert looking.tell(None, lambda: FACTS).alternatives == []
    assert looking.look(RULES, FACTS, True, b"G", 1, 0, room)
    assert (room.open, looking.wants()) == (1, True)
    other = Looking()
    assert not other.look(RULES, FACTS, True, b"G", 1, 0, room)
    assert not other.wants()
    looking.look(RULES, FACTS, True, b"ET /", 4, 1, room)
    assert (room.open, looking.wants(), looking.tell(None, lambda: FACTS).label) == (0, False, "web")


def test_looking_again_and_an_end_before_a_verdict() -> None:
    looking, room = Looking(), Room(1)
    looking.look(RULES, FACTS, False, b"GET /", 5, 0, room)
    looking.again(FACTS)
    assert looking.tell(None, lambda: FACTS).packets == 0
    looking.close(room)
    looking.close(room)
    assert room.open == 0

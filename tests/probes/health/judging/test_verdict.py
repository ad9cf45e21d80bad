from __future__ import annotations

from fabricscope.codec import decode_events, encode_events
from fabricscope.model import Event, Severity
from probes.health.health import Health
from probes.health.judging.verdict import MAX_EVIDENCE, buried
from tests.probes.health.host import MINUTE, at
from tests.probes.health.made import ERRORS, LEVEL, TOP, Row, batch, rule

WARN = {"product": {"metric": "test_top", "labels": {"limit": "warn"}}}


def hot() -> Health:
    made = rule(check={"kind": "value", "of": "test_level", "above": WARN}, next_step="look at {device}")
    health = Health([made])
    health.observe([batch(at(0), [(LEVEL, ("eth 0",), 71.0), (TOP, ("eth 0", "warn"), 70.0)])], [], at(0))
    return health


def test_a_verdict_has_its_evidence_and_the_next_step() -> None:
    (verdict,) = hot().verdicts(at(1))
    assert verdict.summary == "it is odd (device eth 0): 71 °C, limit 70 °C"
    assert (verdict.value, verdict.limit, verdict.unit) == (71.0, 70.0, "celsius")
    assert verdict.next_step == "look at 'eth 0'"
    assert [(shown.metric, shown.value, shown.unit) for shown in verdict.evidence] == [
        ("test_level", 71.0, "celsius"),
        ("test_top", 70.0, "celsius"),
    ]
    assert (verdict.since, verdict.sampler) == ("2023-11-14T22:13:20Z", "made")
    assert verdict.clearing_since_unix_ns is None


def test_an_event_says_it_all_in_text() -> None:
    health = hot()
    rows: list[Row] = [(LEVEL, ("eth 0",), 1.0), (TOP, ("eth 0", "warn"), 70.0)]
    assert health.observe([batch(at(10), rows)], [], at(10)) == []
    assert health.verdicts(at(11))[0].clearing_since_unix_ns == at(10).wall
    (event,) = health.observe([batch(at(400), rows)], [], at(400))
    assert (event.kind, event.severity) == ("verdict.cleared", Severity.INFO)
    assert event.message == "cleared: it is odd (device eth 0): the cause is gone"
    assert event.attributes["severity"] == "warning"
    assert (
        event.attributes["evidence"]
        == 'test_level{device="eth 0"} = 1 °C; test_top{device="eth 0",limit="warn"} = 70 °C'
    )
    assert all(event.attributes.values())


def test_counters_that_moved_come_before_those_that_did_not() -> None:
    health = Health([rule(check={"kind": "increase", "of": "test_errors_total", "window": "5m", "above": 0})])
    names = [f"e{number:02}" for number in range(30)]
    health.observe([batch(at(0), [(ERRORS, ("a", name), 1) for name in names])], [], at(0))
    moved: list[Row] = [(ERRORS, ("a", name), 4 if name == "e07" else 1) for name in names]
    health.observe([batch(at(MINUTE), moved)], [], at(MINUTE), everything=True)
    (verdict,) = health.verdicts(at(MINUTE))
    assert len(verdict.evidence) == MAX_EVIDENCE
    assert verdict.evidence[0].labels["error"] == "e07"
    assert (verdict.evidence[0].value, verdict.evidence[0].over) == (3, "increase over 5m")
    assert verdict.summary.endswith(": 3 in 5m")


def test_texts_from_devices_are_cut() -> None:
    made = rule(by=["device"], check={"kind": "event", "events": "a.b", "window": "5m"})
    health = Health([made])
    told = health.observe([], [Event(1, 1, "a.b", Severity.INFO, "x" * 9000, {"device": "y" * 4000})], at(0))
    decode_events(encode_events(told).events)
    assert len(told[0].message) == 1500


def test_a_verdict_is_buried_when_its_rule_cannot() -> None:
    (verdict,) = hot().verdicts(at(1))
    event = buried(verdict, "no rule", at(9))
    assert (event.kind, event.subject) == ("verdict.cleared", {"device": "eth 0"})
    assert event.attributes["reason"] == "no rule"

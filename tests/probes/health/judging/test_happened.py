from __future__ import annotations

from fabricscope.model import Event, Severity
from probes.health.judging.happened import MAX_TIMES, JudgeHappened
from probes.health.language.checks import Happened
from tests.probes.health.host import MINUTE, at
from tests.probes.health.made import rule


def judge(**document: object) -> JudgeHappened:
    check = rule(check={"kind": "event", "events": "a.b", "window": "10m", **document}).check
    assert isinstance(check, Happened)
    made = JudgeHappened(check, ("device",))
    made.listen(at(0))
    return made


def event(kind: str = "a.b", severity: Severity = Severity.WARNING, **attributes: str) -> Event:
    return Event(1, 1, kind, severity, "it happened", {"device": "x"}, attributes)


def test_events_are_counted_for_a_window() -> None:
    tested = judge(above=1)
    assert tested.hear(event(), at(0)) == ("x",)
    assert tested.judge(("x",), at(1)).answer is None
    tested.hear(event(), at(60))
    assert tested.judge(("x",), at(61)).answer is True
    assert tested.last(("x",)) == "it happened"
    judgement = tested.judge(("x",), at(10 * MINUTE + 1))
    assert (judgement.answer, judgement.value) == (False, 1)
    assert tested.judge(("x",), at(20 * MINUTE)).value == 0
    assert tested.last(("x",)) == ""


def test_only_events_that_are_meant() -> None:
    tested = judge(attributes={"xid": ["79", "48"]}, severity="critical")
    assert tested.kinds() == ("a.b",)
    assert tested.hear(event(xid="79"), at(0)) is None
    assert tested.hear(event(severity=Severity.CRITICAL, xid="31"), at(0)) is None
    assert tested.hear(event(severity=Severity.CRITICAL, xid="48"), at(0)) == ("x",)
    assert tested.hear(Event(1, 1, "a.b", Severity.CRITICAL, "", {}, {"xid": "48"}), at(0)) is None


def test_another_event_ends_it_at_once() -> None:
    tested = judge(ended_by="a.well")
    tested.hear(event(), at(0))
    tested.hear(event("a.well"), at(1))
    assert tested.judge(("x",), at(2)).answer is False


def test_what_is_counted_is_bounded() -> None:
    tested = judge()
    for second in range(2 * MAX_TIMES):
        tested.hear(event(), at(second / 10))
    assert tested.judge(("x",), at(MINUTE)).value == MAX_TIMES

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from fabricscope.model import Event, Now, Sampled, Severity
from probes.health.replay import as_json, as_text, replay
from tests.probes.health.host import DAY, SECOND, START, at
from tests.probes.health.made import LEVEL, batch, rule

HOT = rule(check={"kind": "value", "of": "test_level", "above": 5}, hold_down="10s")
HOTTER = rule(check={"kind": "value", "of": "test_level", "above": 8}, hold_down="10s")


class Made:
    """A recording."""

    def __init__(self, values: Sequence[tuple[Now, float]], events: Sequence[Event] = ()) -> None:
        self._values = values
        self._events = events

    def batches(self) -> Iterator[tuple[Now, Sampled]]:
        for now, value in self._values:
            yield now, batch(now, [(LEVEL, ("a",), value)])

    def events(self) -> Iterator[Event]:
        return iter(self._events)


def pulses() -> Made:
    """Warm from 20 to 40, hot from 60 to 80."""
    values = [(at(second), 7.0 if 20 <= second < 40 else 9.0 if 60 <= second < 80 else 1.0) for second in range(100)]
    return Made(values)


def test_a_timeline_of_what_would_have_been_told() -> None:
    result = replay(pulses(), [HOT])
    told = [(event.kind, (event.time_unix_ns - START * SECOND) // SECOND) for event in result.ours.events]
    assert told == [
        ("verdict.raised", 20),
        ("verdict.cleared", 50),
        ("verdict.raised", 60),
        ("verdict.cleared", 90),
    ]
    assert (result.batches, result.ours.active, result.others) == (100, [], None)
    text = as_text(result)
    assert "2023-11-14T22:13:40Z  raised   warning   a-rule: it is odd (device a): 7 °C, limit 5 °C" in text
    assert text.endswith("2 raised, 0 active at the end")


def test_only_the_difference_to_other_rules_is_shown() -> None:
    result = replay(pulses(), [HOTTER], [HOT])
    lines = as_text(result).splitlines()
    assert [line[0] for line in lines[1:-1]] == ["-", "-"]
    assert lines[-1] == "1 raised, 0 active at the end; shipped rules: 2 raised, 0 active at the end"
    assert "no difference" in as_text(replay(pulses(), [HOT], [HOT]))


def test_a_reboot_in_the_recording_stops_nothing() -> None:
    values = [(at(second), 1.0) for second in range(10)]
    values += [(Now(at(second).wall, second * SECOND), 9.0) for second in range(10, 40)]
    result = replay(Made(values), [rule(check=HOT_CHECK, **{"for": "20s"})])
    (raised,) = result.ours.events
    assert (raised.time_unix_ns - START * SECOND) // SECOND == 30


HOT_CHECK = {"kind": "value", "of": "test_level", "above": 5}


def test_events_are_heard_in_their_time_and_verdicts_of_then_are_not() -> None:
    happened = rule(check={"kind": "event", "events": ["a.b", "verdict.raised"], "window": "10s", "above": 1})

    def event(second: float, kind: str = "a.b") -> Event:
        now = at(second)
        return Event(now.wall, now.mono, kind, Severity.INFO, "it happened", {"device": "x"})

    events = [event(5), event(6, "verdict.raised"), event(12), event(DAY), event(DAY + 1)]
    result = replay(Made([(at(second), 1.0) for second in range(20)], events), [happened])
    raised = [(one.time_unix_ns - START * SECOND) // SECOND for one in result.ours.events if "raised" in one.kind]
    assert raised == [12, DAY + 1]


def test_json() -> None:
    shown = json.loads(json.dumps(as_json(replay(pulses(), [HOT], [HOTTER]))))
    assert [row["change"] for row in shown["timeline"]] == ["raised", "cleared"] * 2
    assert len(shown["shipped"]["timeline"]) == 2
    assert shown["start"] == "2023-11-14T22:13:20Z"


def test_an_empty_recording() -> None:
    assert as_text(replay(Made([]), [HOT])) == "the recording is empty"
    assert as_json(replay(Made([]), [HOT]))["start"] is None


def test_what_would_move_the_cursor_is_not_printed() -> None:
    happened = rule(check={"kind": "event", "events": ["a.b"], "window": "10s"})
    event = Event(at(1).wall, at(1).mono, "a.b", Severity.INFO, "it happened", {"device": "\x1b]0;x\x07"})
    text = as_text(replay(Made([], [event]), [happened]))
    assert "device ?]0;x?" in text
    assert "\x1b" not in text

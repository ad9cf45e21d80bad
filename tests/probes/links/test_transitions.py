from __future__ import annotations

import pytest

from fabricscope.model import Event, Quality, Reading, Severity
from tests.probes.following import Watching
from tests.probes.made import BYTES, FLAPS, SPEED, UP, at


def link(device: str = "a", *, up: int | None = 1, flaps: int = 0, speed: float | None = 50e9) -> list[Reading]:
    """What a sampler says of a link; a speed of None is one that it leaves out."""
    rows = [Reading(UP, (device,), up, Quality.UNREADABLE if up is None else Quality.OK)]
    rows.append(Reading(FLAPS, (device,), flaps))
    if speed is not None:
        rows.append(Reading(SPEED, (device,), speed))
    return rows


def observe(*samples: list[Reading]) -> list[Event]:
    """What the last of the samples, a second apart, gives rise to."""
    transitions = Watching()
    events: list[Event] = []
    for second, rows in enumerate(samples):
        events = transitions.observe(rows, at(second))
    return events


def kinds(*samples: list[Reading]) -> list[str]:
    return [event.kind for event in observe(*samples)]


def test_the_first_sample_makes_no_events() -> None:
    assert kinds(link(up=0)) == []


def test_nothing_happens_while_nothing_changes() -> None:
    assert kinds(link(), link()) == []


def test_a_link_that_goes_down_is_one_event() -> None:
    (event,) = observe(link(), link(up=0, flaps=1, speed=None))
    assert event == Event(
        at(1).wall, at(1).mono, "test.down", Severity.WARNING, "test device a is down", {"device": "a"}, {}
    )


def test_a_link_that_comes_up_is_one_event() -> None:
    (event,) = observe(link(up=0, speed=None), link(flaps=1))
    assert (event.kind, event.severity) == ("test.up", Severity.INFO)


def test_a_link_that_went_and_came_between_two_samples_has_flapped() -> None:
    (event,) = observe(link(), link(flaps=2))
    assert (event.kind, event.severity, event.attributes) == ("test.flapped", Severity.WARNING, {"changes": "2"})
    assert event.message == "test device a changed state between two samples, 2 times by test_flaps_total"


def test_of_a_link_that_flapped_and_stayed_down_both_are_told() -> None:
    events = observe(link(), link(up=0, flaps=3))
    assert [(event.kind, event.attributes) for event in events] == [
        ("test.down", {}),
        ("test.flapped", {"changes": "2"}),
    ]


def test_a_counter_of_flaps_that_was_reset_tells_nothing() -> None:
    reset = [Reading(UP, ("a",), 1), Reading(FLAPS, ("a",), 9, Quality.RESET)]
    assert kinds(link(flaps=5), reset) == []


def test_a_speed_that_changes_is_told_with_both() -> None:
    (event,) = observe(link(speed=50e9), link(speed=25e9))
    assert event.attributes == {"metric": "test_speed", "before": "50000000000", "after": "25000000000"}
    assert event.message == "test device a test_speed went from 50000000000 to 25000000000"


def test_a_link_that_comes_back_slower_is_noticed_though_it_had_no_speed_in_between() -> None:
    assert kinds(link(speed=50e9), link(up=0, speed=None), link(speed=25e9)) == ["test.up", "test.changed"]


@pytest.mark.parametrize("quality", [Quality.UNREADABLE, Quality.STALE])
def test_what_cannot_be_read_is_no_change(quality: Quality) -> None:
    unknown = [Reading(UP, ("a",), 0, quality), Reading(FLAPS, ("a",), 0), Reading(SPEED, ("a",), 0.0, quality)]
    assert kinds(link(), unknown) == []
    assert kinds(link(), unknown, link()) == []
    assert kinds(link(), unknown, link(up=0)) == ["test.down"]


def test_devices_that_come_and_go_are_told() -> None:
    (added,) = observe(link("a"), link("a") + link("b", up=0))
    assert (added.kind, added.severity, added.subject) == ("test.added", Severity.INFO, {"device": "b"})
    (removed,) = observe(link("a") + link("b"), link("a"))
    assert (removed.kind, removed.severity) == ("test.removed", Severity.WARNING)


def test_a_device_that_is_gone_is_forgotten() -> None:
    assert kinds(link("a", up=1), [], link("a", up=0)) == ["test.added"]


def test_only_watched_metrics_matter() -> None:
    assert kinds([Reading(BYTES, ("a",), 1)], [Reading(BYTES, ("b",), 2)]) == []

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fabricscope.model import Event, Severity
from probes.recorder import flight
from probes.recorder.evidence import Evidence, Journal
from probes.recorder.flight import Trigger
from probes.recorder.recording import Recording
from probes.recorder.settings import FlightSettings
from probes.recorder.writer import RecordingWriter
from tests.probes.recorder.made import CHANNELS, at, event, frozen, sampled, write_recording


def of(kind: str, severity: Severity = Severity.WARNING) -> Event:
    return Event(at(1).wall, at(1).mono, kind, severity, "it is")


@pytest.mark.parametrize(
    ("kind", "severity", "expected"),
    [
        ("ethernet.down", Severity.WARNING, True),
        ("verdict.raised", Severity.CRITICAL, True),
        ("kernel.xid", Severity.CRITICAL, True),
        ("ethernet.up", Severity.INFO, False),
        ("verdict.raised", Severity.INFO, False),
        ("bursts.slowed", Severity.WARNING, False),
        ("sampler.hung", Severity.WARNING, False),
    ],
)
def test_severe_events_of_links_and_verdicts_make_recordings(kind: str, severity: Severity, expected: bool) -> None:
    assert Trigger(FlightSettings()).matches(of(kind, severity)) == expected


def test_settings_choose() -> None:
    trigger = Trigger(FlightSettings(kinds=("bursts.*",), min_severity="info"))
    assert trigger.matches(of("bursts.restored", Severity.INFO))
    assert not trigger.matches(of("ethernet.down"))
    assert not Trigger(FlightSettings(enabled=False)).matches(of("ethernet.down"))


def test_not_too_often() -> None:
    trigger = Trigger(FlightSettings(min_interval_seconds=60))
    assert [trigger.fires(at(second)) for second in (0, 1, 59.9, 60, 61, 130)] == [
        True,
        False,
        False,
        True,
        False,
        True,
    ]


def test_a_recording_has_the_event_the_steps_and_the_journal(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "evidence.fsrec", 1 << 20, "node1")
    cause = event(at(100), "ethernet.down")
    for second in (10, 50, 90):
        journal.append(Evidence(at(second), [sampled(at(second))], []))
    journal.append(Evidence(at(100), [], [cause]))
    path = flight.write(tmp_path / "recordings", "node1", cause, frozen(), journal, at(40).wall, at(103))
    journal.close()
    assert path.parent.name == "recordings"
    assert path.name == "19700112T134820Z-ethernet.down.fsrec"
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    with Recording.open(path) as recording:
        assert recording.meta["kind"] == "flight"
        assert json.loads(recording.meta["trigger"])["kind"] == "ethernet.down"
        assert [now for now, _ in recording.batches()] == [at(50), at(90)]
        assert list(recording.events()) == [cause]
        steps = list(recording.steps())
    assert len(steps) == 600
    assert steps[0].time_unix_ns == at(100).wall
    assert steps[-1].channels == CHANNELS[2:]


def test_without_a_journal_or_steps_there_is_the_event(tmp_path: Path) -> None:
    path = flight.write(tmp_path, "node1", event(at(5)), None, None, 0, at(6))
    with Recording.open(path) as recording:
        assert recording.counts() == {"batches": 0, "events": 1, "steps": 0}


def test_recordings_of_one_second_have_names_of_their_own(tmp_path: Path) -> None:
    for _ in range(3):
        flight.write(tmp_path, "node1", event(at(5)), None, None, 0, at(6))
    stem = "19700112T134645Z-test.down"
    assert {path.name for path in flight.kept(tmp_path)} == {f"{stem}.fsrec", f"{stem}-2.fsrec", f"{stem}-3.fsrec"}


def test_what_fails_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(RecordingWriter, "add_event", fail)
    with pytest.raises(OSError, match="full"):
        flight.write(tmp_path, "node1", event(at(5)), None, None, 0, at(6))
    assert list(tmp_path.iterdir()) == []


def test_the_oldest_go_for_the_new(tmp_path: Path) -> None:
    paths = [write_recording(tmp_path / f"2026010{day}T000000Z-x.down.fsrec") for day in range(1, 6)]
    (tmp_path / "note.txt").touch()
    assert flight.kept(tmp_path) == paths
    assert list(flight.tidy(tmp_path, 3, 1 << 30)) == paths[:2]
    size = paths[2].stat().st_size
    assert list(flight.tidy(tmp_path, 3, 2 * size)) == paths[2:3]
    assert list(flight.tidy(tmp_path, 3, 1)) == paths[3:4]
    assert flight.kept(tmp_path) == paths[4:]
    assert flight.kept(tmp_path / "absent") == []


def test_what_a_killed_probe_had_begun_goes(tmp_path: Path) -> None:
    (tmp_path / "a.fsrec.part").touch()
    write_recording(tmp_path / "b.fsrec")
    flight.remove_partial(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["b.fsrec"]
    flight.remove_partial(tmp_path / "absent")


def test_what_is_no_recording_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "a.fsrec").mkdir()
    (tmp_path / "b.fsrec").symlink_to(tmp_path / "absent")
    paths = [write_recording(tmp_path / f"2026010{day}T000000Z-x.down.fsrec") for day in range(1, 4)]
    assert list(flight.tidy(tmp_path, 1, 1 << 30)) == paths[:2]
    assert len(list(tmp_path.iterdir())) == 3

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from fabricscope.model import Event, Sampled
from probes.recorder.evidence import DAMAGED, Evidence, Journal
from probes.recorder.recording import Recording
from probes.recorder.writer import RecordingWriter
from tests.probes.made import damage
from tests.probes.recorder.made import at, event, sampled

MIB = 1 << 20


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "evidence.fsrec"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    made = Journal(path, MIB, "node1")
    yield made
    made.close()


def evidence(second: float, *events: Event, devices: int = 2, sampler: str = "test") -> Evidence:
    names = [f"device-{number}" for number in range(devices)]
    batches: list[Sampled] = [sampled(at(second), int(second), sampler, names)] if devices else []
    return Evidence(at(second), batches, events)


def times(path: Path) -> list[float]:
    with Recording.open(path) as recording:
        return [now.mono / 1e9 for now, _ in recording.batches()]


def test_keeps_batches_and_events_and_can_be_read_meanwhile(journal: Journal, path: Path) -> None:
    journal.append(evidence(1))
    journal.append(evidence(2, event(at(2))))
    with Recording.open(path) as recording:
        assert recording.meta["kind"] == "evidence"
        assert [now for now, _ in recording.batches()] == [at(1), at(2)]
        assert list(recording.events()) == [event(at(2))]


def test_a_plain_copy_has_all_but_the_last_seconds(journal: Journal, path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.fsrec"
    for second in (0, 10, 20, 22):
        journal.append(evidence(second))
    shutil.copyfile(path, copy)
    assert times(copy) == [0, 10, 20]
    with Recording.open(copy) as recording:
        assert recording.notice.startswith(f"{copy}: was copied while a probe wrote to it and without its -wal file")
    with Recording.open(path) as recording:
        assert recording.notice == ""
    assert times(path) == [0, 10, 20, 22]


def test_one_that_was_closed_is_whole(path: Path) -> None:
    journal = Journal(path, MIB, "node1")
    for second in (0, 1):
        journal.append(evidence(second))
    journal.close()
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    with Recording.open(path) as recording:
        assert recording.notice == ""
    assert times(path) == [0, 1]


def test_one_that_is_read_while_it_closes_keeps_everything(path: Path) -> None:
    journal = Journal(path, MIB, "node1")
    journal.append(evidence(0))
    journal.append(evidence(1))
    with Recording.open(path) as recording:
        batches = recording.batches()
        next(batches)
        journal.close()
        assert len(list(batches)) == 1
    assert times(path) == [0, 1]
    assert recording.notice == ""


def test_goes_on_after_a_restart(path: Path) -> None:
    for second in (1, 2):
        journal = Journal(path, MIB, "node1")
        assert not journal.moved_aside
        journal.append(evidence(second))
        journal.close()
    assert times(path) == [1, 2]


def test_the_oldest_goes_for_want_of_room(path: Path) -> None:
    journal = Journal(path, MIB // 4, "node1")
    for second in range(3000):
        journal.append(evidence(second, event(at(second)), devices=50, sampler=f"s{second // 1000}"))
        assert journal.octets() <= MIB // 4
    kept = times(path)
    assert kept == list(range(3000 - len(kept), 3000))
    assert 100 < len(kept) < 2900
    with Recording.open(path) as recording:
        first, *_, last = recording.events()
        assert last.time_unix_ns == at(2999).wall
        assert kept[0] <= first.monotonic_ns / 1e9 <= kept[0] + 64
        events = recording.counts()["events"]
    assert journal.dropped == 6000 - len(kept) - events
    assert journal._writer.database.execute("SELECT count(*) FROM series_sets").fetchone()[0] < 3
    journal.close()


def test_a_bound_that_was_set_lower_holds_for_the_file_after_a_while(path: Path) -> None:
    journal = Journal(path, 4 * MIB, "node1")
    many = [event(at(1))] * 2000
    while not journal.dropped:
        journal.append(Evidence(at(1), [], many))
    journal.close()
    assert path.stat().st_size > 3 * MIB
    journal = Journal(path, MIB, "node1")
    for second in range(10):
        journal.append(Evidence(at(second), [], many[:1]))
    journal.close()
    assert path.stat().st_size < 2.1 * MIB
    with Recording.open(path) as recording:
        assert recording.counts()["events"] > 1000


def test_events_alone_are_bounded_too(journal: Journal) -> None:
    many = [event(at(1))] * 500
    for _ in range(40):
        journal.append(Evidence(at(1), [], many))
        assert journal.octets() <= MIB
    assert journal.dropped > 0


def test_the_last_minutes_are_copied(journal: Journal, tmp_path: Path) -> None:
    for second in range(10):
        journal.append(evidence(second, event(at(second)), sampler=f"s{second % 2}"))
    into = RecordingWriter.create(tmp_path / "copy.fsrec", host="node1", kind="flight")
    with into.transaction():
        journal.copy_since(at(7).wall, into)
    into.close()
    assert times(tmp_path / "copy.fsrec") == [7, 8, 9]
    with Recording.open(tmp_path / "copy.fsrec") as recording:
        assert [each.time_unix_ns for each in recording.events()] == [at(7).wall, at(8).wall, at(9).wall]


def test_nothing_that_is_recent_is_copied_as_nothing(journal: Journal, tmp_path: Path) -> None:
    journal.append(evidence(1, event(at(1))))
    into = RecordingWriter.create(tmp_path / "copy.fsrec", host="node1", kind="flight")
    with into.transaction():
        journal.copy_since(at(7).wall, into)
    into.close()
    with Recording.open(tmp_path / "copy.fsrec") as recording:
        assert recording.span() is None


@pytest.mark.parametrize("how", ["damaged", "foreign"])
def test_what_is_no_journal_is_moved_aside(path: Path, how: str) -> None:
    if how == "damaged":
        journal = Journal(path, MIB, "node1")
        for second in range(50):
            journal.append(evidence(second, devices=50))
        journal.close()
        damage(path)
    else:
        path.parent.mkdir()
        path.write_bytes(b"It was a dark and stormy night. " * 500)
    before = path.read_bytes()
    journal = Journal(path, MIB, "node1")
    assert journal.moved_aside
    journal.append(evidence(99))
    journal.close()
    assert times(path) == [99]
    assert path.with_name(path.name + DAMAGED).read_bytes()[:4096] == before[:4096]


def test_a_disk_that_refuses_loses_that_round_alone(journal: Journal, path: Path) -> None:
    journal.append(evidence(1))
    journal._writer.database.execute("PRAGMA max_page_count = 1")  # as many as there are
    with pytest.raises(sqlite3.Error, match="full"):
        journal.append(evidence(2, devices=5000))
    journal._writer.database.execute("PRAGMA max_page_count = 100000")
    journal.append(evidence(3))
    assert times(path) == [1, 3]

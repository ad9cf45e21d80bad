from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from fabricscope import __version__
from probes.recorder.recording import Recording
from probes.recorder.schema import RecordingError
from probes.recorder.writer import RecordingWriter
from tests.probes.recorder.made import at, event, sampled, write_recording


def test_says_who_wrote_it(tmp_path: Path) -> None:
    RecordingWriter.create(tmp_path / "a.fsrec", host="node1", kind="evidence").close()
    with Recording.open(tmp_path / "a.fsrec") as recording:
        assert recording.meta == {
            "format": "fabricscope-recording",
            "version": "1",
            "host": "node1",
            "software_version": __version__,
            "kind": "evidence",
        }
        assert recording.span() is None


def test_a_transaction_is_all_or_nothing(tmp_path: Path) -> None:
    writer = RecordingWriter.create(tmp_path / "a.fsrec", host="node1", kind="evidence")

    def fail() -> None:
        with writer.transaction():
            writer.add_batch(at(1), sampled(at(1)))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with writer.transaction():
        writer.add_batch(at(2), sampled(at(2)))  # its series set is declared again
    writer.close()
    with Recording.open(tmp_path / "a.fsrec") as recording:
        assert [now for now, _ in recording.batches()] == [at(2)]


def test_goes_on_with_what_is_there(tmp_path: Path) -> None:
    path = write_recording(tmp_path / "a.fsrec")
    writer = RecordingWriter.reopen(path)
    with writer.transaction():
        writer.add_batch(at(9), sampled(at(9), sampler="one"))
        writer.add_event(event(at(9)))
    writer.close()
    with Recording.open(path) as recording:
        assert recording.counts() == {"batches": 11, "events": 3, "steps": 3}


def test_a_set_that_was_forgotten_is_declared_again(tmp_path: Path) -> None:
    writer = RecordingWriter.create(tmp_path / "a.fsrec", host="node1", kind="evidence")
    made = sampled(at(1))
    with writer.transaction():
        writer.add_batch(at(1), made)
        writer.forget_set(made.series_set.id)
        writer.add_batch(at(2), made)
    writer.close()
    with Recording.open(tmp_path / "a.fsrec") as recording:
        assert len(list(recording.batches())) == 2


def test_does_not_write_over_something_else(tmp_path: Path) -> None:
    path = write_recording(tmp_path / "a.fsrec")
    with pytest.raises(sqlite3.Error):
        RecordingWriter.create(path, host="node1", kind="flight")
    (tmp_path / "b.fsrec").write_bytes(b"")
    with pytest.raises(RecordingError):
        RecordingWriter.reopen(tmp_path / "b.fsrec")

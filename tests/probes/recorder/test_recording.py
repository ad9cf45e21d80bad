from __future__ import annotations

import sqlite3
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.recorder import recording as module
from probes.recorder.recording import MAX_PAYLOAD, Recording
from probes.recorder.schema import RecordingError
from tests.probes.recorder.made import CHANNELS, SECOND, at, event, sampled, write_recording


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_recording(tmp_path / "it's 100%.fsrec")


def everything(path: Path) -> None:
    with Recording.open(path) as recording:
        list(recording.batches())
        list(recording.events())
        list(recording.steps())
        recording.channels()
        recording.counts()
        recording.span()


def changed(path: Path, *statements: str) -> Path:
    """The recording, after somebody worked on it."""
    database = sqlite3.connect(path)
    for statement in statements:
        database.execute(statement)
    database.commit()
    database.close()
    return path


def complaint(path: Path) -> str:
    with pytest.raises(RecordingError) as caught:
        everything(path)
    text = str(caught.value)
    assert text.startswith(f"{path}: ")
    assert "\n" not in text
    return text


def test_batches_come_in_their_order_with_their_names(path: Path) -> None:
    with Recording.open(path) as recording:
        found = list(recording.batches())
    assert [(now, pair.series_set.sampler) for now, pair in found] == [
        (at(second), name) for second in range(5) for name in ("one", "two")
    ]
    expected = sampled(at(3), 3, sampler="two")
    _, (series_set, batch) = found[7]
    assert batch.counters == list(expected.batch.counters)
    assert series_set.id == expected.series_set.id
    assert [series.spec.name for series in series_set.counters] == ["fabricscope_test_bytes_total"] * 2
    assert found[1][1].series_set is series_set


def test_a_span_of_time_can_be_asked_for(path: Path) -> None:
    with Recording.open(path) as recording:
        assert [now for now, _ in recording.batches(at(1).wall, at(3).wall)] == [at(1), at(1), at(2), at(2)]
        assert [each.kind for each in recording.events(at(3).wall)] == ["test.up"]
        assert [each.kind for each in recording.events(end=at(4).wall)] == ["test.down"]
        assert list(recording.batches(1 << 80)) == []
        assert len(list(recording.events(-5, 1 << 80))) == 2


def test_events_are_as_they_were(path: Path) -> None:
    with Recording.open(path) as recording:
        assert list(recording.events()) == [event(at(2), "test.down"), event(at(4), "test.up")]


def test_steps_have_wall_times_and_channels(path: Path) -> None:
    with Recording.open(path) as recording:
        steps = list(recording.steps())
        late = list(recording.steps(at(102).wall))
        assert recording.channels() == list(CHANNELS)
    assert len(steps) == 600
    assert steps[0] == (at(100).wall, CHANNELS[:2], (0, 0))
    assert steps[1] == (at(100).wall + 5_000, CHANNELS[2:], (0,))
    assert steps[2 * 57] == (at(100).wall + 57 * SECOND // 100, CHANNELS[:2], (57_000, None))
    assert late == steps[400:]


def test_meta_counts_and_span(path: Path) -> None:
    with Recording.open(path) as recording:
        assert recording.meta["host"] == "node1"
        assert recording.meta["kind"] == "flight"
        assert recording.counts() == {"batches": 10, "events": 2, "steps": 3}
        assert recording.span() == (at(0).wall, at(102.99).wall + 5_000)


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("UPDATE batches SET payload = x'00'", "a batch of one cannot be used"),
        ("UPDATE batches SET payload = 'text'", "another type"),
        ("UPDATE batches SET mono_ns = -1", "a time that is none"),
        ("UPDATE batches SET mono_ns = 'x'", "a time that is none"),
        ("UPDATE batches SET series_set = x'0102'", "series set is missing"),
        ("UPDATE series_sets SET declaration = x'ff'", "a series set cannot be used"),
        ("UPDATE series_sets SET declaration = x''", "a series set cannot be used"),
        ("UPDATE events SET payload = x'ff'", "an event cannot be used"),
        ("UPDATE events SET payload = NULL", "another type"),
        ("UPDATE steps SET payload = x'02'", "a block of steps cannot be used"),
        ("UPDATE steps SET layout = 9", "channels are missing"),
        ("UPDATE channels SET description = '{}'", "a channel cannot be used"),
        ("UPDATE channels SET description = x'ff'", "a channel cannot be used"),
        ("DELETE FROM channels WHERE position = 1", "other channels than its layout"),
        ("UPDATE meta SET value = 'x' WHERE key = 'format'", "does not say that it is a fabricscope-recording"),
        ("DELETE FROM meta", "does not say that it is a fabricscope-recording"),
    ],
)
def test_what_somebody_changed_is_refused(path: Path, statement: str, expected: str) -> None:
    assert expected in complaint(changed(path, statement))


def test_a_small_payload_cannot_be_blown_up(path: Path) -> None:
    bomb = zlib.compress(bytes(MAX_PAYLOAD + 1))
    database = sqlite3.connect(path)
    database.execute("UPDATE batches SET payload = ?", (bomb,))
    database.commit()
    database.close()
    assert "longer than" in complaint(path)


def test_more_series_sets_than_memory_is_for(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_SETS", 1)
    assert "more than 1 series sets" in complaint(path)


class Whole:
    """A good recording; short in messages."""

    def __init__(self, folder: Path) -> None:
        self.path = write_recording(folder / "recording.fsrec")
        self.content = self.path.read_bytes()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    return Whole(tmp_path_factory.mktemp("hostile"))


places = st.one_of(st.integers(0, 100), st.integers(0, 5000), st.integers(0, 60_000))


@given(st.lists(st.tuples(places, st.binary(min_size=1, max_size=40)), max_size=3), st.one_of(st.none(), places))
def test_any_bytes_are_a_recording_or_an_error_of_ours(
    whole: Whole, changes: list[tuple[int, bytes]], end: int | None
) -> None:
    content = whole.content
    for place, noise in changes:
        content = content[:place] + noise + content[place + len(noise) :]
    whole.path.write_bytes(content[:end])
    try:
        everything(whole.path)
    except RecordingError as error:
        assert str(error).startswith(f"{whole.path}: ")
        assert str(error).isprintable()

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from probes.recorder import flight
from probes.recorder.recording import Recording
from probes.recorder.schema import RecordingError
from probes.recorder.settings import RecorderSettings
from probes.recorder.summary import as_table, as_text, listed, settings_of, summary
from probes.recorder.writer import RecordingWriter
from tests.probes.recorder.made import at, event, write_recording


def test_a_configuration_without_the_recorder_has_its_defaults() -> None:
    assert settings_of({}) == RecorderSettings()


def test_recordings_are_listed_with_the_journal_first(tmp_path: Path) -> None:
    settings = RecorderSettings(directory=str(tmp_path))
    assert as_table(listed(settings), settings).startswith(f"{tmp_path}: nothing was recorded here yet; look elsewhere")
    settings.recordings.mkdir()
    RecordingWriter.create(settings.journal, host="node1", kind="evidence").close()
    write_recording(settings.recordings / "a.fsrec")
    (settings.recordings / "b.fsrec").write_bytes(b"nonsense")
    journal, good, bad = listed(settings)
    assert (journal["kind"], journal["start"]) == ("evidence", "")
    assert (good["kind"], good["start"], round(good["seconds"])) == ("flight", "1970-01-12T13:46:40Z", 103)
    assert "is no recording of fabricscope" in bad["error"]
    lines = as_table([journal, good, bad], settings).splitlines()
    assert [str(row["file"]) in line for row, line in zip((journal, good, bad), lines, strict=True)] == [True] * 3


def refused(directory: Path) -> str:
    with pytest.raises(RecordingError) as caught:
        listed(RecorderSettings(directory=str(directory)))
    return str(caught.value)


def test_a_directory_that_is_none_is_said_to_be_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert refused(tmp_path / "absent").startswith(f"{tmp_path / 'absent'}: there is no such directory")
    (tmp_path / "file").touch()
    assert refused(tmp_path / "file").startswith(f"{tmp_path / 'file'}: Not a directory; look elsewhere with --set")

    def refuse(path: Path) -> list[Path]:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(flight, "kept", refuse)
    assert refused(tmp_path) == f"{tmp_path}: cannot be looked into: Permission denied; become a user who may"


def test_a_summary_says_what_is_in_it(tmp_path: Path) -> None:
    with Recording.open(write_recording(tmp_path / "a.fsrec")) as recording:
        shown = summary(recording)
    assert shown["batches_by_sampler"] == {"one": 5, "two": 5}
    assert shown["channels"] == ["mlx5_0 1 port_rcv_data", "mlx5_0 1 port_xmit_wait", "eth0 rx_bytes"]
    assert shown["trigger"] == {"kind": "test.down"}
    text = as_text(shown)
    assert "batches           10 (one 5, two 5)" in text
    assert "3 blocks of 3 channels" in text
    assert "warning   a is down" in text


def test_what_would_move_the_cursor_is_not_printed(tmp_path: Path) -> None:
    writer = RecordingWriter.create(
        tmp_path / "a.fsrec", host="\x1b[2Jnode", kind="flight", meta={"trigger": "[" * 100_000}
    )
    with writer.transaction():
        for _ in range(30):
            writer.add_event(event(at(1), "test.down"))
    writer.close()
    with Recording.open(tmp_path / "a.fsrec") as recording:
        text = as_text(summary(recording))
    assert "?[2Jnode" in text
    assert "\x1b" not in text
    assert "... and 10 more" in text

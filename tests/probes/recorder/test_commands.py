from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from probes.recorder.commands import recorder
from probes.recorder.evidence import Evidence, Journal
from probes.recorder.settings import RecorderSettings
from tests.probes.recorder.made import at, event, write_recording


def run(*arguments: object) -> Result:
    return CliRunner().invoke(recorder, [str(argument) for argument in arguments])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write_recording(tmp_path / "a.fsrec")


def test_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from probes.recorder import summary

    monkeypatch.setattr(summary, "settings_of", lambda _: RecorderSettings(directory=str(tmp_path)))
    (tmp_path / "recordings").mkdir()
    write_recording(tmp_path / "recordings" / "a.fsrec")
    assert "a.fsrec" in run("list").output
    (row,) = json.loads(run("list", "--json").output)
    assert row["file"] == str(tmp_path / "recordings" / "a.fsrec")


def test_list_says_where_it_looked(tmp_path: Path) -> None:
    result = run("list", "--set", f"probe.recorder.directory={tmp_path}")
    assert (result.exit_code, result.output.startswith(f"{tmp_path}: nothing was recorded here yet")) == (0, True)
    for directory in (tmp_path / "absent", write_recording(tmp_path / "file")):
        result = run("list", "--set", f"probe.recorder.directory={directory}")
        assert result.exit_code == 2
        assert result.stderr.startswith(f"Error: {directory}: ")
        assert len(result.output.splitlines()) == 1


def test_save_copies_a_journal_that_is_written_to(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "evidence.fsrec", 1 << 20, "node1")
    for second in (1, 2):
        journal.append(Evidence(at(second), [], [event(at(second))]))
    output = tmp_path / "out" / "copy.fsrec"
    output.parent.mkdir()
    result = run("save", tmp_path / "evidence.fsrec", "--output", output)
    assert (result.exit_code, result.stderr) == (0, f"{tmp_path / 'evidence.fsrec'} copied to {output}\n")
    shown = run("show", output, "--json")
    assert shown.stderr == ""
    assert json.loads(shown.stdout)["counts"]["events"] == 2
    assert list(output.parent.iterdir()) == [output]
    # What is there stays: it may be the journal itself.
    for there in (output, tmp_path / "evidence.fsrec"):
        before = there.read_bytes()
        result = run("save", tmp_path / "evidence.fsrec", "--output", there)
        assert (result.exit_code, "is there already" in result.output, there.read_bytes()) == (2, True, before)
    shutil.copyfile(tmp_path / "evidence.fsrec-wal", tmp_path / "other.fsrec-wal")
    result = run("save", output, "--output", tmp_path / "other.fsrec")
    assert (result.exit_code, "other.fsrec-wal: is there already" in result.output) == (2, True)
    result = run("save", output, "--output", tmp_path / "absent" / "x.fsrec")
    assert (result.exit_code, "cannot be written" in result.output) == (2, True)
    journal.close()


@pytest.mark.parametrize("command", [("show",), ("export", "--output", "-"), ("save", "--output", "saved.fsrec")])
def test_a_copy_without_its_log_is_said_to_be_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    journal = Journal(tmp_path / "evidence.fsrec", 1 << 20, "node1")
    copy = tmp_path / "copy.fsrec"
    shutil.copyfile(tmp_path / "evidence.fsrec", copy)
    journal.close()
    monkeypatch.chdir(tmp_path)
    result = run(*command, copy)
    assert result.exit_code == 0
    assert result.stderr.startswith(f"{copy}: was copied while a probe wrote to it")


def test_show(file: Path) -> None:
    result = run("show", file)
    assert result.exit_code == 0
    assert "node1" in result.output
    assert json.loads(run("show", file, "--json").output)["counts"] == {"batches": 10, "events": 2, "steps": 3}


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_export(file: Path, tmp_path: Path, kind: str) -> None:
    output = tmp_path / f"out.{kind}"
    output.write_text("what was there goes")
    result = run("export", file, "--format", kind, "--what", "events", "--output", output)
    assert result.exit_code == 0
    assert f"2 events written to {output}" in result.output
    content = output.read_bytes()
    assert content.startswith(b"time_unix_ns,kind" if kind == "csv" else b"PAR1")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.fsrec", output.name]


def test_export_to_stdout(file: Path) -> None:
    result = run("export", file, "--output", "-")
    assert result.exit_code == 0
    assert len(result.output.splitlines()) == 901


def test_wrong_files_are_one_line_and_status_2(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.fsrec"
    wrong.write_bytes(b"nonsense")
    for arguments in (("show", wrong), ("show", tmp_path / "absent"), ("export", wrong, "--output", tmp_path / "x")):
        result = run(*arguments)
        assert result.exit_code == 2
        assert len(result.output.splitlines()) == 1
        assert str(tmp_path) in result.output
    assert not (tmp_path / "x").exists()


def test_an_output_that_cannot_be_written(file: Path, tmp_path: Path) -> None:
    result = run("export", file, "--output", tmp_path / "absent" / "x.csv")
    assert result.exit_code == 2
    assert "cannot be written" in result.output


def test_parquet_goes_to_a_file(file: Path) -> None:
    result = run("export", file, "--format", "parquet", "--output", "-")
    assert result.exit_code == 2
    assert "name a file" in result.output

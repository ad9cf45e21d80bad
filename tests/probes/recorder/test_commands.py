from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from probes.recorder.commands import recorder
from probes.recorder.settings import RecorderSettings
from tests.probes.recorder.made import write_recording


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

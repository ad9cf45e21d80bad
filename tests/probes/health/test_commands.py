"""`fabricscope doctor` and `replay-health`, as they are called."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fabricscope import cli, plugins
from fabricscope.model import Now, Quality, Reading
from probes.recorder.evidence import Journal
from probes.recorder.writer import RecordingWriter
from tests.fixtures.samplers import FakeSampler, install
from tests.probes.health.host import Host, rules, specs

# Before a test installs samplers of its own.
UP = specs()["fabricscope_gpu_up"]


def invoke(command: str, *arguments: str) -> Result:
    """The command, on a host where no probe has left its verdicts."""
    return CliRunner().invoke(cli.cli, [command, "--set", "probe.health.state=''", *arguments])


def gpu(monkeypatch: pytest.MonkeyPatch, up: float) -> None:
    sampler = FakeSampler(lambda _: [Reading(UP, ("0",), up, Quality.OK)])
    install(monkeypatch, plugins.SAMPLERS, {"gpu": sampler})


def test_doctor_tells_and_exits_by_severity(monkeypatch: pytest.MonkeyPatch) -> None:
    gpu(monkeypatch, 0)
    result = invoke("doctor", "--seconds", "0", "--set", "probe.host=n1")
    assert result.exit_code == 3
    assert result.output.startswith("n1: 1 verdict (")
    assert "CRITICAL  gpu-lost" in result.output
    gpu(monkeypatch, 1)
    result = invoke("doctor", "--seconds", "0")
    assert result.exit_code == 0
    assert "nothing is wrong" in result.output


def test_doctor_prints_json(monkeypatch: pytest.MonkeyPatch) -> None:
    gpu(monkeypatch, 0)
    result = invoke("doctor", "--json", "--seconds", "0")
    shown = json.loads(result.output)
    assert (result.exit_code, shown["status"], shown["exit_code"]) == (3, "critical", 3)
    assert shown["verdicts"][0]["rule"] == "gpu-lost"


def test_doctor_exits_with_4_when_nothing_was_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: Now) -> list[Reading]:
        raise OSError("no")

    install(monkeypatch, plugins.SAMPLERS, {"pcie": FakeSampler(fails)})
    assert invoke("doctor", "--seconds", "0").exit_code == 4
    install(monkeypatch, plugins.SAMPLERS, {"gpu": FakeSampler(fails)})
    assert invoke("doctor", "--seconds", "0").exit_code == 3


def test_what_a_rule_asks_for_and_nobody_has_is_warned_of(recording: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("rules: {gpu-lost: {check: {of: fabricscope_gpu_upp}}}")
    for arguments in (
        ("replay-health", str(recording), "--rules", str(mine)),
        ("doctor", "--seconds", "0", "--set", f"probe.health.rules=[{mine}]"),
    ):
        assert "warning: rule gpu-lost: 'fabricscope_gpu_upp'" in invoke(*arguments).stderr


def test_a_wrong_configuration_exits_with_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["fabricscope", "doctor", "--set", "probe.hots=x"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    assert "did you mean 'host'" in capsys.readouterr().err
    assert invoke("doctor", "--seconds", "-3").exit_code == 2


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """A GPU that is lost for a minute, as the recorder writes it."""
    host = Host(rules("gpu-lost"))
    host.set("fabricscope_gpu_up", 1, gpu="0")
    host.run(60)
    host.set("fabricscope_gpu_up", 0, gpu="0")
    host.run(60)
    host.set("fabricscope_gpu_up", 1, gpu="0")
    host.run(400)
    path = tmp_path / "lost.recording"
    writer = RecordingWriter.create(path, host="n1", kind="evidence")
    with writer.transaction():
        for now, sampled in host.batches:
            writer.add_batch(now, sampled)
        for event in host.events:
            writer.add_event(event)
    writer.close()
    return path


def test_a_recording_is_judged(recording: Path) -> None:
    result = invoke("replay-health", str(recording))
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert [line.split()[1:4] for line in lines[1:-1]] == [
        ["raised", "critical", "gpu-lost:"],
        ["cleared", "critical", "gpu-lost:"],
    ]
    assert lines[-1] == "1 raised, 0 active at the end"


def test_a_threshold_is_tried(recording: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("rules: {gpu-lost: {for: 5m}}")
    result = invoke("replay-health", str(recording), "--rules", str(mine), "--compare")
    lines = result.output.splitlines()
    assert [line[0] for line in lines[1:-1]] == ["-", "-"]
    shown = json.loads(invoke("replay-health", str(recording), "--rules", str(mine), "--json").output)
    assert shown["timeline"] == []
    assert "shipped" not in shown


def test_what_is_no_recording_is_told(tmp_path: Path) -> None:
    path = tmp_path / "x.recording"
    path.write_bytes(b"no recording")
    result = invoke("replay-health", str(path))
    assert result.exit_code == 2
    assert str(path) in result.output


def test_a_journal_copied_without_its_log_is_said_to_be_one(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "evidence.fsrec", 1 << 20, "n1")
    copy = tmp_path / "copy.fsrec"
    shutil.copyfile(tmp_path / "evidence.fsrec", copy)
    journal.close()
    result = invoke("replay-health", str(copy))
    assert result.exit_code == 0
    assert result.stderr.startswith(f"{copy}: was copied while a probe wrote to it")


@pytest.mark.parametrize("seconds", ["nan", "-1", "601", "soon"])
def test_doctor_refuses_what_is_no_length_of_time(seconds: str) -> None:
    result = invoke("doctor", "--seconds", seconds)
    assert result.exit_code == 2
    assert "Invalid value for '--seconds'" in result.output

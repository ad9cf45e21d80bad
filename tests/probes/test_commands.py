"""`fabricscope probe`, `once` and `samplers`, as they are called."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fabricscope import cli, plugins
from fabricscope.model import Now, Reading
from tests.fixtures.samplers import FakeSampler, install
from tests.probes.made import readings


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(cli.cli, arguments)


def main(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """Exit code and standard error of the program."""
    monkeypatch.setattr(sys, "argv", ["fabricscope", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0), capsys.readouterr().err


def fails(_: Now) -> Iterable[Reading]:
    raise OSError("no bus")


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    install(
        monkeypatch,
        plugins.SAMPLERS,
        {"ethernet": FakeSampler(lambda _: readings(7)), "pcie": FakeSampler(fails), "wont_load": ImportError("no")},
    )


@pytest.mark.usefixtures("installed")
def test_once_prints_what_was_read() -> None:
    result = invoke("once", "ethernet")
    assert result.exit_code == 0
    assert "ethernet: 2 readings" in result.output
    assert "device=a" in result.output


@pytest.mark.usefixtures("installed")
def test_once_prints_json() -> None:
    result = invoke("once", "--json", "ethernet")
    assert result.exit_code == 0
    shown = json.loads(result.output)
    assert [row["value"] for row in shown["readings"]] == [7, 7]


@pytest.mark.usefixtures("installed")
def test_once_exits_with_1_when_a_sampler_failed_and_prints_the_rest() -> None:
    result = invoke("once")
    assert result.exit_code == 1
    assert "ethernet: 2 readings" in result.output
    assert "pcie: failed: OSError: no bus" in result.output


@pytest.mark.usefixtures("installed")
def test_once_of_an_unknown_sampler_names_the_nearest(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, error = main(monkeypatch, capsys, "once", "ehternet")
    assert (code, error) == (2, "fabricscope: 'ehternet' is not a known sampler; did you mean 'ethernet'?\n")


@pytest.mark.usefixtures("installed")
def test_samplers_lists_what_is_there_and_why_the_rest_is_not() -> None:
    result = invoke("samplers")
    assert result.exit_code == 0
    lines = [line.split(maxsplit=2) for line in result.output.splitlines()]
    assert [line[:2] for line in lines] == [
        ["ethernet", "available"],
        ["pcie", "available"],
        ["wont_load", "unavailable"],
    ]
    assert "does not load" in lines[2][2]


@pytest.mark.usefixtures("installed")
def test_samplers_prints_json() -> None:
    rows = json.loads(invoke("samplers", "--json").output)
    assert rows[0] == {"name": "ethernet", "available": True, "detail": "every 0.01 s", "metrics": 0}
    assert [row["available"] for row in rows] == [True, True, False]


@pytest.mark.parametrize("command", ["probe", "once", "samplers"])
@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("probe: {hosst: n1}", "probe: 'hosst' is not a known setting; did you mean 'host'?"),
        ("prob: {}", "'prob' is not a known section; did you mean 'probe'?"),
        (
            "probe: {samplers: {ethernet: {interval_seconds: 0}}}",
            "probe.samplers.ethernet.interval_seconds: 0 does not fit",
        ),
        ("probe: [", "not YAML"),
    ],
)
def test_a_wrong_configuration_is_one_line_and_exit_code_2(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    command: str,
    text: str,
    complaint: str,
) -> None:
    file = tmp_path / "fabricscope.yaml"
    file.write_text(text)
    code, error = main(monkeypatch, capsys, command, "--config", str(file))
    assert code == 2
    assert error.startswith("fabricscope: ")
    assert complaint in error
    assert error.count("\n") == 1


def test_a_file_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    code, error = main(monkeypatch, capsys, "probe", "--config", "/no/such/file.yaml")
    assert code == 2
    assert "/no/such/file.yaml: cannot be read: No such file or directory" in error


def test_a_probe_that_cannot_start_says_why_and_exits_with_2(tmp_path: Path, repository: Path) -> None:
    (tmp_path / "file").touch()
    settings = {
        "probe.http.listen": "127.0.0.1:0",
        "probe.spool.path": tmp_path / "file" / "spool.db",
        "probe.health.state": tmp_path / "health.json",
        "probe.recorder.directory": tmp_path,
    }
    settings["probe.collectors"] = "[127.0.0.1:1]"
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        for extra, complaint in (
            ({}, "probe.spool.path: "),
            ({"probe.http.listen": f"127.0.0.1:{port}"}, "probe.http.listen: "),
        ):
            arguments = [f"--set={key}={value}" for key, value in {**settings, **extra}.items()]
            done = subprocess.run(
                [sys.executable, "-m", "fabricscope", "probe", *arguments],
                cwd=repository,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            assert done.returncode == 2
            assert done.stderr.splitlines()[-1].startswith(f"fabricscope: {complaint}")
            assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["probe", "once", "samplers"])
def test_help_explains(command: str) -> None:
    result = invoke(command, "--help")
    assert result.exit_code == 0
    assert "--config" in result.output
    assert "--set KEY=VALUE" in result.output

"""`fabricscope check-config` tells what is wrong, or what is in effect."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from fabricscope import cli, sections
from fabricscope.check_config import check_config
from fabricscope.settings import SettingsError


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(check_config, arguments)


def test_prints_what_is_in_effect_as_yaml(tmp_path: Path) -> None:
    file = tmp_path / "fabricscope.yaml"
    file.write_text("probe: {host: node7}\n")
    result = invoke("--config", str(file), "--set", "probe.labels={rack: r1}")
    assert result.exit_code == 0
    settings = yaml.safe_load(result.stdout)
    assert settings["probe"]["host"] == "node7"
    assert settings["probe"]["labels"] == {"rack": "r1"}
    assert settings == sections.effective({"probe": {"host": "node7", "labels": {"rack": "r1"}}})[0]


def test_tells_every_error_with_the_file_and_exits_with_2(tmp_path: Path) -> None:
    file = tmp_path / "fabricscope.yaml"
    file.write_text("probe: {hots: node7}\ncollector: {log: {level: loud}}\n")
    result = invoke("--config", str(file))
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        f"{file}: collector.log.level: 'loud' does not fit; expected one of debug, error, info, warning",
        f"{file}: probe: 'hots' is not a known setting; did you mean 'host'?",
    ]


def test_reads_what_is_installed_on_this_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "CONFIG_DIR", tmp_path)
    (tmp_path / "probe.yaml").write_text("probe: {host: node7}\n")
    (tmp_path / "collector.yaml").write_text("collector: {log: {level: loud}}\n")
    result = invoke()
    assert result.exit_code == 2
    assert result.stderr.startswith(f"{tmp_path / 'probe.yaml'}, {tmp_path / 'collector.yaml'}: collector.log.level")
    (tmp_path / "collector.yaml").unlink()
    assert yaml.safe_load(invoke().stdout)["probe"]["host"] == "node7"


def test_a_value_that_json_does_not_have_is_shown_as_written() -> None:
    result = invoke("--set", "probe.samplers.pcie.interval_seconds=.nan")
    assert "interval_seconds: nan does not fit; expected a number" in result.stderr


def test_prints_the_schema() -> None:
    assert json.loads(invoke("--schema").stdout) == sections.json_schema()


def test_prints_a_sample_of_one_section_or_of_all() -> None:
    assert invoke("--sample", "probe").stdout == sections.sample("probe")
    assert yaml.safe_load(invoke("--sample").stdout).keys() >= {"collector", "probe"}


def test_a_sample_of_what_is_no_section_is_refused() -> None:
    result = invoke("--sample", "prob")
    assert isinstance(result.exception, SettingsError)
    assert str(result.exception) == "'prob' is not a known section; did you mean 'probe'?"

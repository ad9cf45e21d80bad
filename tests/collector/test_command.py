"""`fabricscope collector` builds the daemon from its section, at the start and at every reload."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from collector.command import collector
from collector.daemon import Collector
from fabricscope import daemon, log
from fabricscope.settings import SettingsError

Build = Callable[[Collector | None], Collector]


@pytest.fixture
def builds(monkeypatch: pytest.MonkeyPatch) -> list[Build]:
    """What the command asks to be run, which is not run."""
    asked: list[Build] = []
    monkeypatch.setattr(daemon, "run", lambda build, clock: asked.append(build))
    monkeypatch.setattr(log, "configure", lambda settings: None)
    monkeypatch.delenv("GRPC_VERBOSITY", raising=False)
    return asked


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(collector, arguments)


def test_a_reload_reads_the_file_again_and_hands_over(builds: list[Build], tmp_path: Path) -> None:
    file = tmp_path / "collector.yaml"
    file.write_text("collector: {state: {max_hosts: 7}}\n")
    assert invoke("--config", str(file), "--set", f"collector.data_dir={tmp_path}").exit_code == 0
    (build,) = builds
    first = build(None)
    assert first.state.settings.max_hosts == 7
    assert build(first).state is first.state
    file.write_text("collector: {state: {max_hosts: 8}}\n")
    assert build(first).state.settings.max_hosts == 8
    file.write_text("collector: {state: {max_hosts: none}}\n")
    with pytest.raises(SettingsError, match=r"collector\.state\.max_hosts"):
        build(first)


def test_wrong_settings_start_nothing(builds: list[Build]) -> None:
    result = invoke("--set", "collector.http.listen=nowhere")
    assert isinstance(result.exception, SettingsError)
    assert "collector.http" in str(result.exception)
    assert builds == []


@pytest.mark.parametrize(
    ("grpc", "verbosity"),
    [
        ("{tls: {cert_file: c, key_file: k, ca_file: a}}", "info"),
        ("{listen: 127.0.0.1:0}", None),
        ("null", None),
    ],
)
def test_grpc_is_asked_for_its_log_only_where_handshakes_are(builds: list[Build], grpc: Any, verbosity: Any) -> None:
    assert invoke("--set", f"collector.grpc={grpc}").exit_code == 0
    assert os.environ.get("GRPC_VERBOSITY") == verbosity
    assert len(builds) == 1

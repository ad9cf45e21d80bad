"""The command line finds its commands by entry point, and explains itself."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from fabricscope import cli as module
from fabricscope import plugins
from fabricscope.cli import Document, cli, config_options, main
from fabricscope.settings import SettingsError
from tests.fabricscope.conftest import Install


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def test_help_lists_every_installed_command() -> None:
    output = invoke("--help").output
    for name in plugins.found(plugins.COMMANDS):
        assert f"  {name}" in output


def test_another_package_adds_a_command(install: Install) -> None:
    source = "import click\n@click.command()\ndef hello():\n    'Greet.'\n    click.echo('hello')\n"
    install("acme", {plugins.COMMANDS: {"hello": "acme:hello"}}, source)
    assert invoke("hello").output == "hello\n"
    assert "Greet." in invoke("--help").output


def test_an_unknown_command_names_the_nearest() -> None:
    result = invoke("vresion")
    assert result.exit_code == 2
    assert "'vresion' is not a known command; did you mean 'version'?" in result.output


def test_an_unknown_command_that_is_near_to_none_lists_all() -> None:
    assert "known: check-config, collector" in invoke("xyzzy").output


def test_a_broken_command_explains_itself_and_leaves_the_others(install: Install) -> None:
    install("acme", {plugins.COMMANDS: {"hello": "acme:hello"}}, "raise RuntimeError('no such board')")
    result = invoke("hello")
    assert result.exit_code == 1
    assert "command 'hello' of acme does not load: no such board" in result.output
    assert invoke("version").exit_code == 0
    assert "(does not load)" in invoke("--help").output


def test_an_entry_point_that_is_no_command_explains_itself(install: Install) -> None:
    install("acme", {plugins.COMMANDS: {"hello": "acme:hello"}}, "hello = 3")
    assert "acme:hello is not a click command" in invoke("hello").output


@click.command()
@config_options
def show(document: Document) -> None:
    click.echo(document.read())


def test_settings_come_from_the_file_with_the_command_line_over_them(tmp_path: Path) -> None:
    file = tmp_path / "fabricscope.yaml"
    file.write_text("probe: {host: node7, labels: {rack: r1}}\n")
    result = CliRunner().invoke(show, ["--set", "probe.host=node8", "--config", str(file)])
    assert result.output == "{'probe': {'host': 'node8', 'labels': {'rack': 'r1'}}}\n"


def test_the_default_file_is_read_when_it_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "fabricscope.yaml"
    monkeypatch.setattr(module, "DEFAULT_CONFIG", file)
    assert CliRunner().invoke(show, []).output == "{}\n"
    file.write_text("probe: {host: node7}\n")
    assert CliRunner().invoke(show, []).output == "{'probe': {'host': 'node7'}}\n"


def test_a_file_that_changed_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "fabricscope.yaml"
    file.write_text("probe: {host: a}\n")
    document = Document(file, ())
    assert document.read() == {"probe": {"host": "a"}}
    file.write_text("probe: {host: b}\n")
    assert document.read() == {"probe": {"host": "b"}}


def test_settings_that_cannot_be_read_are_one_line_and_exit_code_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = tmp_path / "missing.yaml"
    monkeypatch.setattr("sys.argv", ["fabricscope", "check-config", "--config", str(missing)])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    assert capsys.readouterr().err == (
        f"fabricscope: {missing}: cannot be read: No such file or directory; check the path and its permissions\n"
    )


def test_a_bad_assignment_is_told_before_anything_runs() -> None:
    result = CliRunner().invoke(show, ["--set", "probe.host"])
    assert isinstance(result.exception, SettingsError)
    assert "--set probe.host: expected KEY=VALUE" in str(result.exception)

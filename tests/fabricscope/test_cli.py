"""The command line finds its commands by entry point, and explains itself."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from fabricscope import __version__, plugins
from fabricscope import cli as module
from fabricscope.cli import Document, cli, config_options, main, plain
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
@config_options("probe", "collector")
def show(document: Document) -> None:
    click.echo(document.read())


def test_settings_come_from_the_file_with_the_command_line_over_them(tmp_path: Path) -> None:
    file = tmp_path / "fabricscope.yaml"
    file.write_text("probe: {host: node7, labels: {rack: r1}}\n")
    result = CliRunner().invoke(show, ["--set", "probe.host=node8", "--config", str(file)])
    assert result.output == "{'probe': {'host': 'node8', 'labels': {'rack': 'r1'}}}\n"


class TestDefaultFiles:
    @pytest.fixture(autouse=True)
    def directory(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.setattr(module, "CONFIG_DIR", tmp_path)
        return tmp_path

    def test_those_of_the_commands_sections_are_read_when_they_are_there(self, directory: Path) -> None:
        assert CliRunner().invoke(show, []).output == "{}\n"
        (directory / "collector.yaml").write_text("collector: {data_dir: /d}\n")
        (directory / "other.yaml").write_text("other: {}\n")
        assert CliRunner().invoke(show, []).output == "{'collector': {'data_dir': '/d'}}\n"
        (directory / "probe.yaml").write_text("probe: {host: node7}\n")
        assert CliRunner().invoke(show, []).output == (
            "{'probe': {'host': 'node7'}, 'collector': {'data_dir': '/d'}}\n"
        )

    def test_a_file_that_is_named_stands_for_all(self, directory: Path) -> None:
        (directory / "probe.yaml").write_text("probe: {host: node7}\n")
        (directory / "mine").write_text("probe: {host: node8}\n")
        assert CliRunner().invoke(show, ["-c", str(directory / "mine")]).output == "{'probe': {'host': 'node8'}}\n"

    def test_a_section_in_both_is_refused(self, directory: Path) -> None:
        for name in ("probe", "collector"):
            (directory / f"{name}.yaml").write_text("probe: {host: node7}\n")
        with pytest.raises(SettingsError, match=r"collector\.yaml: 'probe' is in another file of .* already; keep one"):
            Document(None, (), ("probe", "collector")).read()

    def test_one_that_cannot_be_reached_is_told(self, directory: Path) -> None:
        (directory / "probe.yaml").symlink_to("probe.yaml")
        with pytest.raises(SettingsError, match=r"probe\.yaml: cannot be read: Too many levels of symbolic links"):
            Document(None, (), ("probe",)).read()


def test_help_names_the_default_files() -> None:
    def help_of(command: str) -> str:
        return " ".join(invoke(command, "--help").output.split())

    assert "[default: /etc/fabricscope/probe.yaml, if it is there]" in help_of("once")
    assert "[default: /etc/fabricscope/collector.yaml, if it is there]" in help_of("collector")
    assert "/etc/fabricscope/probe.yaml and /etc/fabricscope/collector.yaml" in help_of("check-config")
    assert "[default: none]" in help_of("up")


def test_says_its_version() -> None:
    assert invoke("--version").output == f"fabricscope {__version__}\n"


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


def test_a_line_for_a_terminal_moves_no_cursor() -> None:
    assert plain("eth0 \x1b[2J\x9b31m\u202e\r\tgone\nCRITICAL 85 °C") == "eth0 ?[2J?31m???gone CRITICAL 85 °C"

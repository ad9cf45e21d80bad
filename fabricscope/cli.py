"""`fabricscope`: a command line whose subcommands are entry points, imported when they are called."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from fabricscope import plugins
from fabricscope.config_file import override, read_file
from fabricscope.settings import SettingsError, unknown

DEFAULT_CONFIG = Path("/etc/fabricscope/fabricscope.yaml")

EXIT_USAGE = 2
"""Wrong words on the command line, wrong settings: nothing was started."""

Command = TypeVar("Command", bound=Callable[..., Any])


class PluginGroup(click.Group):
    """Lists the commands that are installed; imports only the one that is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of the installed commands."""
        return list(plugins.found(plugins.COMMANDS))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command; None, so that click says it is unknown. A broken one explains itself when called."""
        point = plugins.found(plugins.COMMANDS).get(cmd_name)
        if point is None:
            return None
        try:
            command = plugins.load(point)
        except plugins.PluginError as error:
            return _broken(cmd_name, str(error))
        if not isinstance(command, click.Command):
            return _broken(cmd_name, f"{point.value} is not a click command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with the nearest command named when there is none such."""
        name = args[0] if args else ""
        if name and not name.startswith("-") and self.get_command(ctx, name) is None:
            raise click.UsageError(unknown(name, self.list_commands(ctx), "command"), ctx)
        return super().resolve_command(ctx, args)


def _broken(name: str, reason: str) -> click.Command:
    def fail(**_: Any) -> None:
        raise click.ClickException(reason)

    return click.Command(name, callback=fail, help=f"(does not load) {reason}", short_help="(does not load)")


@click.group(cls=PluginGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def cli() -> None:
    """See what the fabric of a GPU training cluster is doing.

    \b
    Try it here:       fabricscope up
    What is there:     fabricscope samplers; fabricscope once
    A host's daemon:   fabricscope probe --config FILE
    The receiver:      fabricscope collector --config FILE

    Every command explains itself with --help.
    """  # noqa: D301  click wants the character, not the escape


def config_options(command: Command) -> Command:
    """Give a command `--config FILE` and `--set KEY=VALUE`; it receives their result as `document`."""
    options = [
        click.option(
            "--config",
            "-c",
            "document",
            type=click.Path(path_type=Path),
            callback=_load_document,
            help=f"YAML file with the settings.  [default: {DEFAULT_CONFIG} if it is there, else none]",
        ),
        click.option(
            "--set",
            "assignments",
            multiple=True,
            metavar="KEY=VALUE",
            is_eager=True,
            expose_value=False,
            callback=_remember_assignments,
            help="Set one value over the file's, such as --set probe.host=node7. May be repeated.",
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def _remember_assignments(ctx: click.Context, _: click.Parameter, values: tuple[str, ...]) -> None:
    ctx.meta["fabricscope.assignments"] = values


def _load_document(ctx: click.Context, _: click.Parameter, path: Path | None) -> Document:
    document = Document(path, ctx.meta.get("fabricscope.assignments", ()))
    document.read()
    return document


class Document:
    """The settings that a command line names; read again on reload."""

    def __init__(self, path: Path | None, assignments: tuple[str, ...]) -> None:
        self.path = path
        self.assignments = assignments

    def read(self) -> dict[str, Any]:
        """The file's settings with `--set` on top. Raises SettingsError."""
        path = self.path
        if path is None and DEFAULT_CONFIG.exists():
            path = DEFAULT_CONFIG
        return override(read_file(path) if path else {}, self.assignments)


def main() -> None:
    """Entry point of the console script: expected errors are one line, without a traceback."""
    try:
        cli(standalone_mode=True)
    except SettingsError as error:
        click.echo(f"fabricscope: {error}", err=True)
        sys.exit(EXIT_USAGE)

"""`fabricscope`: a command line whose subcommands are entry points, imported when they are called."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from fabricscope import __version__, plugins
from fabricscope.config_file import override, read_file
from fabricscope.settings import SettingsError, unknown

CONFIG_DIR = Path("/etc/fabricscope")
"""Where a host's configuration is: a file for each section, as the units name them."""

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
@click.version_option(__version__, prog_name="fabricscope", message="%(prog)s %(version)s")
def cli() -> None:
    """See what the fabric of a GPU training cluster is doing.

    \b
    Try it here:       fabricscope up
    What is there:     fabricscope samplers; fabricscope once
    A host's daemon:   fabricscope probe --config FILE
    The receiver:      fabricscope collector --config FILE

    Every command explains itself with --help.
    """  # noqa: D301  click wants the character, not the escape


def config_options(*sections: str) -> Callable[[Command], Command]:
    """Give a command `--config FILE` and `--set KEY=VALUE`; it receives their result as `document`.

    Without `--config` it reads the files of `sections` that are there, SECTION.yaml in CONFIG_DIR.
    """

    def load(ctx: click.Context, _: click.Parameter, path: Path | None) -> Document:
        document = Document(path, ctx.meta.get("fabricscope.assignments", ()), sections)
        document.read()
        return document

    default = " and ".join(str(CONFIG_DIR / f"{section}.yaml") for section in sections)
    there = "those that are there" if len(sections) > 1 else "if it is there"
    options = [
        click.option(
            "--config",
            "-c",
            "document",
            # Whether it can be read is found out, and told, in one place for all files.
            type=click.Path(path_type=Path, readable=False),
            callback=load,
            help=f"YAML file with the settings.  [default: {f'{default}, {there}' if default else 'none'}]",
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

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def _remember_assignments(ctx: click.Context, _: click.Parameter, values: tuple[str, ...]) -> None:
    ctx.meta["fabricscope.assignments"] = values


class Document:
    """The settings that a command line names; read again on reload."""

    def __init__(self, path: Path | None, assignments: tuple[str, ...], sections: Sequence[str] = ()) -> None:
        """Without `path` the files of `sections` count."""
        self.path = path
        self.assignments = assignments
        self._sections = sections

    def files(self) -> list[Path]:
        """The files that are read."""
        if self.path is not None:
            return [self.path]
        return [file for section in self._sections if _is_there(file := CONFIG_DIR / f"{section}.yaml")]

    def read(self) -> dict[str, Any]:
        """The files' settings with `--set` on top. Raises SettingsError."""
        settings: dict[str, Any] = {}
        for file in self.files():
            for key, value in read_file(file).items():
                if key in settings:
                    raise SettingsError(f"{file}: {key!r} is in another file of {file.parent} already; keep one")
                settings[key] = value
        return override(settings, self.assignments)


def plain(line: str) -> str:
    """A line without what would move a terminal's cursor: names come from devices, and recordings from anywhere."""
    return "".join(letter if letter.isprintable() else " " if letter == "\n" else "?" for letter in line)


def _is_there(file: Path) -> bool:
    """Whether there is such a file; one that cannot be reached counts, so that reading it says why."""
    try:
        file.stat()
    except OSError as error:
        return not isinstance(error, FileNotFoundError | NotADirectoryError)
    return True


def main() -> None:
    """Entry point of the console script: expected errors are one line, without a traceback."""
    try:
        cli(standalone_mode=True)
    except SettingsError as error:
        click.echo(f"fabricscope: {error}", err=True)
        sys.exit(EXIT_USAGE)

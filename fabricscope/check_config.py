"""`fabricscope check-config`: what is wrong with a configuration, and what is in effect."""

from __future__ import annotations

import sys
from typing import Any

import click
import msgspec
import yaml

from fabricscope import plugins, sections
from fabricscope.cli import EXIT_USAGE, Document, config_options
from fabricscope.settings import SettingsError

ALL = "all"


def _print_and_exit(ctx: click.Context, _: click.Parameter, value: Any) -> None:
    if not value or ctx.resilient_parsing:
        return
    if value is True:
        click.echo(msgspec.json.format(msgspec.json.encode(sections.json_schema())).decode())
    else:
        names = list(plugins.found(plugins.SETTINGS)) if value == ALL else [value]
        try:
            click.echo("\n".join(sections.sample(name) for name in names), nl=False)
        except plugins.PluginError as error:
            raise SettingsError(str(error)) from error
    ctx.exit()


@click.command("check-config", short_help="Check a configuration and print the settings in effect.")
@config_options("probe", "collector")
@click.option(
    "--schema",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_and_exit,
    help="Print a JSON schema of the file, for editors, and exit.",
)
@click.option(
    "--sample",
    is_flag=False,
    flag_value=ALL,
    default="",
    metavar="[SECTION]",
    is_eager=True,
    expose_value=False,
    callback=_print_and_exit,
    help="Print a file with every default commented out, of one section or of all, and exit.",
)
def check_config(document: Document) -> None:
    """Check a configuration and print the settings in effect, defaults included, as YAML.

    \b
    fabricscope check-config --config /etc/fabricscope/probe.yaml
    fabricscope check-config --set probe.host=node7
    fabricscope check-config --sample probe > probe.yaml
    fabricscope check-config --schema > fabricscope.schema.json

    What is wrong is told on standard error, the first mistake of each component (such as probe.health),
    sampler and exporter; the exit code is then 2. Nothing is started, and no file that a setting names is opened.
    """  # noqa: D301  click wants the character, not the escape
    settings, errors = sections.effective(document.read())
    if errors:
        where = ", ".join(map(str, document.files())) or "settings"
        for error in errors:
            click.echo(f"{where}: {error}", err=True)
        sys.exit(EXIT_USAGE)
    yaml.safe_dump(settings, sys.stdout, sort_keys=False, allow_unicode=True)

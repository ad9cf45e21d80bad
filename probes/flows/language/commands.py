"""`fabricscope rules`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fabricscope.cli import EXIT_USAGE

if TYPE_CHECKING:
    from probes.flows.language.problems import Problem
    from probes.flows.language.rule_files import Rules

_PATHS = click.argument("paths", nargs=-1, type=click.Path(path_type=Path, readable=False), metavar="[PATH]...")


class _Refused(click.ClickException):
    """What cannot be used: one line, and the exit status of a wrong argument."""

    exit_code = EXIT_USAGE


@click.group()
def rules() -> None:
    """Check, try and list the rules that say what a flow is.

    A PATH is a file, or a folder with *.yaml; what it says stands over the shipped rules. Without one these alone are
    meant. docs/flow-rules.md describes the language.

    \b
    Exit status:  0 nothing is wrong
                  1 a problem was found, or a case failed
                  2 the command line is wrong, a PATH is not there, or the engine was not built
    """  # noqa: D301  click wants the character, not the escape


@rules.command()
@_PATHS
@click.option("--json", "as_json", is_flag=True, help="Print JSON, a list of problems.")
def check(paths: tuple[Path, ...], as_json: bool) -> None:
    """Tell every problem in rules, with its file and line."""
    found, problems = _examined(paths)
    _tell(problems, as_json)
    if not as_json and not problems:
        click.echo(f"{_counted(found)}: nothing is wrong")
    sys.exit(1 if problems else 0)


@rules.command()
@_PATHS
@click.option("--json", "as_json", is_flag=True, help="Print JSON, a list of problems and failures.")
def test(paths: tuple[Path, ...], as_json: bool) -> None:
    """Try the cases that stand beside the rules, through the engine.

    Each is asked of all rules together, so that a rule that takes another one's flows is found.
    """
    from probes.flows.language import cases

    found, problems = _examined(paths)
    if problems:
        _tell(problems, as_json)
        sys.exit(1)
    count, failures = cases.run(found)
    _tell(failures, as_json)
    if not as_json:
        click.echo(f"{count} cases, {len(failures)} failed")
    sys.exit(1 if failures else 0)


@rules.command("list")
@_PATHS
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--extractors", is_flag=True, help="List what can stand after `extract`.")
def list_(paths: tuple[Path, ...], as_json: bool, extractors: bool) -> None:
    """List the rules in force."""
    from probes.flows.language import listing, native

    if extractors:
        names = sorted(native.extractors())
        click.echo(json.dumps(names) if as_json else "\n".join(names))
        return
    found, problems = _examined(paths)
    if problems:
        _tell(problems, as_json=False, err=True)
        sys.exit(1)
    click.echo(json.dumps(listing.as_json(found), indent=2) if as_json else listing.as_text(found))


def _examined(paths: tuple[Path, ...]) -> tuple[Rules, list[Problem]]:
    from probes.flows.language.rule_files import examine

    for path in paths:
        if not path.exists():
            raise _Refused(f"{path}: no such file or folder")
    return examine(paths)


def _tell(problems: list[Problem], as_json: bool, *, err: bool = False) -> None:
    if as_json:
        click.echo(json.dumps([problem._asdict() for problem in problems], indent=2))
        return
    for problem in problems:
        click.echo(str(problem), err=err)


def _counted(found: Rules) -> str:
    return f"{len(found.rules)} rules, {len(found.behaviours)} behaviours, {len(found.policies)} policies"

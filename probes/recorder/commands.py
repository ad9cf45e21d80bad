"""`fabricscope recorder`: lists, shows, exports and copies recordings."""

from __future__ import annotations

import json
import sqlite3
import sys
from pathlib import Path
from typing import Literal, NoReturn

import click

from fabricscope.cli import EXIT_USAGE, Document, config_options


class _Refused(click.ClickException):
    """A file that cannot be used: one line, and the exit status of a wrong argument."""

    exit_code = EXIT_USAGE


@click.group()
def recorder() -> None:
    """List, show, export and copy what the probe recorded on this host."""


@recorder.command("list")
@config_options("probe")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_(document: Document, as_json: bool) -> None:
    """List the recordings of this host, and its journal of evidence, oldest first."""
    from probes.recorder import summary
    from probes.recorder.schema import RecordingError

    settings = summary.settings_of(document.read())
    try:
        rows = summary.listed(settings)
    except RecordingError as error:
        _refuse(error)
    click.echo(json.dumps(rows, indent=2) if as_json else summary.as_table(rows, settings))


@recorder.command()
@click.argument("file", type=click.Path(path_type=Path, readable=False))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(file: Path, as_json: bool) -> None:
    """Show what is in a recording: when, why, whose, and how much of what."""
    from probes.recorder import summary
    from probes.recorder.recording import Recording
    from probes.recorder.schema import RecordingError

    try:
        with Recording.open(file) as recording:
            shown = summary.summary(recording)
    except RecordingError as error:
        _refuse(error)
    _note(recording.notice)
    click.echo(json.dumps(shown, indent=2) if as_json else summary.as_text(shown))


@recorder.command()
@click.argument("file", type=click.Path(path_type=Path, readable=False))
@click.option("--format", "kind", type=click.Choice(["csv", "parquet"]), default="csv", show_default=True)
@click.option(
    "--output",
    type=click.Path(path_type=Path, allow_dash=True),
    required=True,
    help="File to write; - is stdout.",
)
@click.option(
    "--what",
    type=click.Choice(["steps", "samples", "events"]),
    default="steps",
    show_default=True,
    help="Readings at full resolution, what samplers gave, or what happened.",
)
def export(file: Path, kind: Literal["csv", "parquet"], output: Path, what: str) -> None:
    """Write a recording as a table, for a notebook or a database.

    \b
    fabricscope recorder export FILE --what steps --format parquet --output steps.parquet
    fabricscope recorder export FILE --what events --output - | column -s, -t
    """  # noqa: D301  click wants the character, not the escape
    from probes import tabular
    from probes.recorder.recording import Recording
    from probes.recorder.rows import TABLES
    from probes.recorder.schema import RecordingError

    columns, rows = TABLES[what]
    if str(output) == "-" and kind != "csv":
        raise click.UsageError("Parquet is not written to stdout; name a file with --output")
    try:
        with Recording.open(file) as recording:
            _note(recording.notice)
            if str(output) == "-":
                tabular.to_csv(columns, rows(recording), sys.stdout)
                return
            count = tabular.write(kind, columns, rows(recording), output)
    except (RecordingError, tabular.NoParquetError) as error:
        _refuse(error)
    except OSError as error:
        raise _Refused(f"{output}: cannot be written: {error.strerror or error}; name another file") from error
    click.echo(f"{count} {what} written to {output}", err=True)


@recorder.command()
@click.argument("file", type=click.Path(path_type=Path, readable=False))
@click.option("--output", type=click.Path(path_type=Path), required=True, help="File to write, where none is yet.")
def save(file: Path, output: Path) -> None:
    """Copy a recording whole, such as the journal of a running probe.

    A probe that runs keeps the last seconds of its journal in a file beside it, which a plain copy leaves behind.

    \b
    fabricscope recorder save /var/lib/fabricscope/evidence.fsrec --output incident.fsrec
    """  # noqa: D301  click wants the character, not the escape
    from probes.recorder.recording import Recording
    from probes.recorder.schema import LOG, RecordingError, beside

    try:
        # A log of another file would be taken for the copy's.
        if (there := next(filter(Path.exists, (output, beside(output, LOG))), None)) is not None:
            raise _Refused(f"{there}: is there already; name another file with --output")
        partial = output.with_name(f".{output.name}.part")
        partial.unlink(missing_ok=True)
        with Recording.open(file) as recording:
            _note(recording.notice)
            try:
                recording.save(partial)
                partial.replace(output)
            finally:
                partial.unlink(missing_ok=True)
    except RecordingError as error:
        _refuse(error)
    except (OSError, sqlite3.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise _Refused(f"{output}: cannot be written: {reason}; name another file") from error
    click.echo(f"{file} copied to {output}", err=True)


def _note(notice: str) -> None:
    if notice:
        click.echo(notice, err=True)


def _refuse(error: Exception) -> NoReturn:
    raise _Refused(str(error)) from error

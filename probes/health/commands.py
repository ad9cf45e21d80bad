"""`fabricscope doctor` and `replay-health`."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from math import isnan
from pathlib import Path
from typing import Any

import click

from fabricscope.cli import EXIT_USAGE, Document, config_options


class _Refused(click.ClickException):
    """A file that cannot be used: one line, and the exit status of a wrong argument."""

    exit_code = EXIT_USAGE


class _Seconds(click.FloatRange):
    """A range of seconds; click lets NaN through, which is in none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number of seconds."""
        seconds = super().convert(value, param, ctx)
        return self.fail(f"{value} is no length of time", param, ctx) if isnan(seconds) else seconds


def _warn(doubts: Sequence[str]) -> None:
    for doubt in doubts:
        click.echo(f"warning: {doubt}", err=True)


@click.command()
@config_options("probe")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, as docs/health.md describes it.")
@click.option(
    "--seconds",
    type=_Seconds(0, 600),
    default=3.0,
    show_default=True,
    help="How long to sample when no probe runs here; counters need two samples at least.",
)
@click.option("--fresh", is_flag=True, help="Take samples although a probe runs here.")
def doctor(document: Document, as_json: bool, seconds: float, fresh: bool) -> None:
    """Print the verdicts on this host, with their evidence and the next step.

    They are those of the running probe; without one this command samples by itself, and says which rules could not
    be judged in that time.

    \b
    Exit status:  0 nothing is wrong, or nothing worth more than a note
                  1 a warning is the worst, or a sampler does not work
                  2 the command line or the configuration is wrong
                  3 something is critical, or the samplers of GPUs or NVLink do not work
                  4 no device could be examined
    """  # noqa: D301  click wants the character, not the escape
    from fabricscope.clock import system_clock
    from probes.health import report
    from probes.health.doctor import examine

    examined = examine(document.read(), seconds, system_clock, fresh=fresh)
    _warn(examined.doubts)
    if as_json:
        click.echo(json.dumps(report.as_json(examined, system_clock()), indent=2))
    else:
        click.echo(report.as_text(examined))
    sys.exit(examined.status.code)


@click.command("replay-health")
@config_options("probe")
@click.argument("recording", type=click.Path(path_type=Path, readable=False))
@click.option(
    "--rules",
    "files",
    multiple=True,
    type=click.Path(path_type=Path, readable=False),
    help="File or folder of rules over those of the configuration. May be repeated.",
)
@click.option("--compare", is_flag=True, help="Print only what differs from the shipped rules.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def replay_health(document: Document, recording: Path, files: tuple[Path, ...], compare: bool, as_json: bool) -> None:
    """Judge a RECORDING by health rules: what would have been raised and cleared, and when.

    To try a threshold before it pages somebody:

    \b
    fabricscope replay-health last-week.recording --rules mine.yaml
    fabricscope replay-health last-week.recording --rules mine.yaml --compare

    Exit status 0, whatever is raised; 2 when the recording, the rules or the configuration cannot be used.
    """  # noqa: D301  click wants the character, not the escape
    from fabricscope import plugins
    from fabricscope.settings import section
    from probes import own_metrics
    from probes.health import replay
    from probes.health.language.mentions import in_force
    from probes.health.language.rule_files import load
    from probes.recorder.recording import Recording
    from probes.recorder.schema import RecordingError
    from probes.settings import ProbeSettings

    settings = section(document.read(), "probe", ProbeSettings)
    specs = [spec for _, found in plugins.loaded(plugins.SAMPLERS) for spec in getattr(found, "metrics", ())]
    rules, doubts = in_force([*settings.health.rules, *files], [*specs, *own_metrics.METRICS])
    _warn(doubts)
    try:
        with Recording.open(recording) as opened:
            if opened.notice:
                click.echo(opened.notice, err=True)
            result = replay.replay(opened, rules, load() if compare else None)
    except RecordingError as error:
        raise _Refused(str(error)) from error
    click.echo(json.dumps(replay.as_json(result), indent=2) if as_json else replay.as_text(result))

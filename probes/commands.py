"""`fabricscope probe`, `once` and `samplers`."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from fabricscope.cli import Document, config_options


@click.command()
@config_options("probe")
def probe(document: Document) -> None:
    """Run the probe: sample this host, serve /metrics, stream to collectors.

    SIGHUP reads the configuration again; SIGTERM and Ctrl-C end it.
    """
    from fabricscope import daemon, log, process
    from fabricscope.clock import system_clock
    from fabricscope.settings import section
    from probes.agent import Agent
    from probes.settings import ProbeSettings

    def build(previous: Agent | None) -> Agent:
        return Agent(section(document.read(), "probe", ProbeSettings), system_clock, previous)

    process.share_one_heap()
    log.configure(section(document.read(), "probe", ProbeSettings).log)
    daemon.run(build, system_clock)


@click.command()
@config_options("probe")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object with readings and failures.")
@click.argument("names", nargs=-1, metavar="[SAMPLER]...")
def once(document: Document, as_json: bool, names: tuple[str, ...]) -> None:
    """Sample this host once and print what was read.

    Names of samplers limit it to those. Counters are as the devices have them, in the metric's unit.
    Exit status 1 when a sampler failed; one that has nothing to sample here fails only where it is named.
    """
    from fabricscope.clock import system_clock
    from probes.once import sample_once, show_json, show_table

    result = sample_once(document.read(), names, system_clock)
    click.echo(json.dumps(show_json(result), indent=2) if as_json else show_table(result))
    sys.exit(1 if result.failures else 0)


@click.command()
@config_options("probe")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def samplers(document: Document, as_json: bool) -> None:
    """List the samplers: which are available here, and why the rest is not."""
    from probes.once import available

    rows = available(document.read())
    if as_json:
        listed: list[dict[str, Any]] = [row._asdict() for row in rows]
        click.echo(json.dumps(listed, indent=2))
        return
    width = max((len(row.name) for row in rows), default=0)
    for row in rows:
        state = "available" if row.available else "unavailable"
        click.echo(f"{row.name:<{width}}  {state:<11}  {row.detail}")

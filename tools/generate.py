"""`make generate`: writes every file that is made from another one; with --check only compares.

fabricscope/v1 comes from proto/, the references in docs/ from the metric tables, the commands, the settings and the
health rules, the sample configurations in deploy/ from the settings, grafana/json from grafana/dashboards, the alerts
for verdicts in grafana/rules and their runbooks from the health rules.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from fabricscope import plugins, sections
from fabricscope.cli import cli
from fabricscope.model import Kind, MetricSpec, Overflow
from grafana import dashboards
from grafana.build import render
from probes.health import metrics as health
from probes.health.language.reference import reference as health_rules
from probes.health.language.rule_files import shipped
from tools import verdict_alerts, verdict_pages, wire_examples

ROOT = Path(__file__).parent.parent
SERVICE = "fabricscope/v1/stream.proto"
"""The only file with an rpc in it: the others need no client and server classes."""
OWN_METRICS = {"probe": "probes.own_metrics", "collector": "collector.own_metrics"}
"""The daemons, each with the module that has the table of what it says about itself."""


def main() -> None:
    """Write or compare, as the command line says; exit code 1 when a file differs."""
    parser = argparse.ArgumentParser(description="Write every file that is made from another one.")
    parser.add_argument("--check", action="store_true", help="only name the files that differ")
    check = parser.parse_args().check
    stale = [path for path, content in generated() if not _same(ROOT / path, content)]
    for path, content in generated() if not check else ():
        target = ROOT / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    for path in stale:
        print(f"{'differs' if check else 'written'}: {path}")
    if check and stale:
        sys.exit("run `make generate` and commit what it writes")


def _same(path: Path, content: bytes) -> bool:
    return path.exists() and path.read_bytes() == content


def generated() -> Iterator[tuple[str, bytes]]:
    """Every generated file: its path in the repository and what it should hold."""
    yield from _messages()
    for name in OWN_METRICS:
        yield f"deploy/{name}.yaml", sections.sample(name).encode()
    yield "docs/reference/metrics.md", _metrics().encode()
    yield "docs/reference/commands.md", _commands().encode()
    page = "docs/reference/wire.md"
    yield page, wire_examples.rewritten((ROOT / page).read_text("utf-8")).encode()
    yield "docs/reference/configuration.md", _configuration().encode()
    yield from _verdicts()
    for name, make in dashboards.ALL.items():
        yield f"grafana/json/{name}.json", render(make()).encode()


def _verdicts() -> Iterator[tuple[str, bytes]]:
    """What follows from the health rules."""
    rules = shipped()
    yield "docs/reference/health-rules.md", health_rules(rules).encode()
    yield "grafana/rules/verdicts.yaml", verdict_alerts.rule_file(rules).encode()
    for alert, text in verdict_pages.pages(rules):
        yield f"docs/runbooks/{alert}.md", text.encode()
    page = "docs/runbooks/README.md"
    yield page, verdict_pages.listed((ROOT / page).read_text("utf-8"), rules).encode()


def _messages() -> Iterator[tuple[str, bytes]]:
    sources = sorted(str(path.relative_to(ROOT / "proto")) for path in (ROOT / "proto").rglob("*.proto"))
    compiler = [sys.executable, "-m", "grpc_tools.protoc", "-I", str(ROOT / "proto")]
    with tempfile.TemporaryDirectory() as out:
        subprocess.run([*compiler, f"--python_out={out}", f"--pyi_out={out}", *sources], check=True)
        subprocess.run([*compiler, f"--grpc_python_out={out}", SERVICE], check=True)
        for path in sorted(Path(out).rglob("*.py*")):
            yield str(path.relative_to(out)), path.read_bytes()


def _metrics() -> str:
    lines = [
        "# Metrics",
        "",
        "Made by `make generate` from the tables in the code; change those. Every series of a host carries the",
        "labels `cluster` and `host` at the collector. A counter is monotone: wraps and resets of the device are",
        "taken out, and `fabricscope_series_quality` tells of a value that cannot be trusted. What a device does not",
        "support is not there at all. The last column has the names that other exporters use for the same thing.",
    ]
    for title, specs in metric_tables():
        lines += _section(title, specs)
    return "\n".join(lines) + "\n"


def metric_tables() -> Iterator[tuple[str, Iterable[MetricSpec]]]:
    """Every metric there is, by where it comes from."""
    for name, sampler in _loaded(plugins.SAMPLERS):
        yield f"Sampler `{name}`", sampler.metrics
    for daemon, module in OWN_METRICS.items():
        yield f"The {daemon} about itself", import_module(module).METRICS
    yield "The probe's verdicts on its host", health.METRICS
    for name, exporter in _loaded(plugins.EXPORTERS):
        yield f"Exporter `{name}`", getattr(exporter, "metrics", ())


def _loaded(group: str) -> Iterator[tuple[str, Any]]:
    """The plug-ins of a group. One that does not load is an error here: it would be missing from the reference."""
    return ((name, plugins.load(point)) for name, point in plugins.found(group).items())


def _section(title: str, specs: Iterable[MetricSpec]) -> list[str]:
    rows = sorted(dict.fromkeys(specs), key=lambda spec: spec.name)
    if not rows:
        return []
    header = ["", f"## {title}", "", "| metric | labels | meaning | source | elsewhere |", "|---|---|---|---|---|"]
    return [*header, *(_row(spec) for spec in rows)]


def _row(spec: MetricSpec) -> str:
    meaning = [spec.help if spec.help.endswith(".") else f"{spec.help}."]
    if spec.kind is Kind.COUNTER and spec.bits < 64:
        ends = "stops at its ceiling" if spec.overflow is Overflow.SATURATES else "wraps"
        meaning.append(f"The device counts {spec.bits} bits and {ends}.")
    cells = (
        f"`{spec.name}` ({spec.kind.value})",
        _code(spec.labels),
        " ".join(meaning),
        _code([spec.source] if spec.source else []),
        _code(spec.aliases),
    )
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _code(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _commands() -> str:
    lines = ["# Commands", "", "Made by `make generate` from what the commands say of themselves."]
    for name, command in _loaded(plugins.COMMANDS):
        context = click.Context(command, info_name=f"{cli.name} {name}", terminal_width=100)
        context.help_option_names = ["-h", "--help"]
        lines += ["", f"## fabricscope {name}", "", "```", command.get_help(context), "```"]
    return "\n".join(lines).replace(f"Usage: {cli.name} ", "Usage: fabricscope ") + "\n"


def _configuration() -> str:
    lines = [
        "# Configuration",
        "",
        "Made by `make generate` from the settings' types. One YAML file with a section for each daemon; a daemon",
        "reads its own section, so both can share a file. Unknown keys, wrong types and values out of range are",
        "errors. SIGHUP reads the file again: a changed one takes effect, a bad one is logged and changes nothing.",
        "`fabricscope check-config` prints what is in effect, and `--set KEY=VALUE` puts one value over the file's.",
        "[deploy/](../../deploy/) has a sample of each section.",
    ]
    for section in OWN_METRICS:
        lines += ["", f"## {section}", "", "| setting | default | meaning |", "|---|---|---|"]
        for path, comment, default, _ in sections.settings_of(section):
            if default is not None:
                text = comment.replace("|", "\\|")
                lines.append(f"| `{'.'.join(path[1:])}` | `{default}` | {text} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()

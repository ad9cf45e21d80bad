"""`fabricscope up`: a collector and a probe of this machine, on loopback, for trying it out."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import shlex
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click

from fabricscope import sections
from fabricscope.cli import EXIT_USAGE, Document, config_options
from fabricscope.supervise import DaemonError, supervise

LOOPBACK = "127.0.0.1"


class UpError(click.ClickException):
    """Why nothing was started."""

    exit_code = EXIT_USAGE


def check_ports(ports: Mapping[str, int]) -> None:
    """Raise UpError, naming the option, when a port of `ports` (by option) cannot be listened on."""
    with ExitStack() as held:
        for option, port in ports.items():
            listener = held.enter_context(socket.socket())
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind((LOOPBACK, port))
                # Two can be bound with SO_REUSEADDR as long as neither listens.
                listener.listen(1)
            except OSError as error:
                raise UpError(f"{LOOPBACK}:{port}: {error.strerror}; choose another port with {option}") from error


@contextmanager
def lock(state_dir: Path) -> Iterator[None]:
    """Hold the state directory, made when it is not there; raises UpError when another `up` does."""
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = (state_dir / "up.lock").open("w")
    except OSError as error:
        raise UpError(
            f"{state_dir}: {error.strerror}; choose a directory that you can write with --state-dir"
        ) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UpError(
                f"{state_dir}: another `fabricscope up` works here; end it, or choose another --state-dir"
            ) from error
        yield


def commands_for(
    document: Document, state_dir: Path, collector_grpc: int, collector_http: int, probe_http: int
) -> dict[str, list[str]]:
    """The command line of each daemon: the user's settings, with addresses and places over them."""
    own = {
        "collector.grpc.listen": f"{LOOPBACK}:{collector_grpc}",
        "collector.http.listen": f"{LOOPBACK}:{collector_http}",
        "collector.data_dir": str(state_dir / "collector"),
        "probe.collectors": [f"{LOOPBACK}:{collector_grpc}"],
        "probe.http.listen": f"{LOOPBACK}:{probe_http}",
        "probe.health.state": str(_verdicts(state_dir)),
        "probe.recorder.directory": str(state_dir),
        "probe.spool.path": str(state_dir / "spool.db"),
    }
    # Never the configuration that is installed on this host: it may name collectors and certificates.
    settings = ["--config", str(document.path or os.devnull)]
    # JSON is YAML without a choice of how to write text.
    for assignment in (*document.assignments, *(f"{key}={json.dumps(value)}" for key, value in own.items())):
        settings += ["--set", assignment]
    # -P: what lies in the working directory is not imported.
    start = [sys.executable, "-P", "-m", "fabricscope"]
    return {daemon: [*start, daemon, *settings] for daemon in ("collector", "probe")}


def _verdicts(state_dir: Path) -> Path:
    """Where the probe keeps its verdicts, and `fabricscope doctor` finds them."""
    return state_dir / "health.json"


def _own_command() -> str:
    """What a shell calls this program by."""
    return shlex.quote(sys.argv[0]) if Path(sys.argv[0]).name == "fabricscope" else "fabricscope"


def _port_option(name: str, default: int, what: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    return click.option(
        name, type=click.IntRange(1, 65535), default=default, show_default=True, metavar="PORT", help=f"Port of {what}."
    )


@click.command(short_help="Start a collector and a probe of this machine, to try it out.")
@config_options()
@click.option(
    "--state-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(".fabricscope"),
    show_default=True,
    help="Where the store and the spool are kept from one start to the next.",
)
@_port_option("--collector-grpc-port", 7450, "the collector for probes")
@_port_option("--collector-http-port", 7451, "the collector's page, API and metrics")
@_port_option("--probe-http-port", 7452, "the probe's metrics")
def up(
    document: Document, state_dir: Path, collector_grpc_port: int, collector_http_port: int, probe_http_port: int
) -> None:
    """Start a collector with an embedded store and a probe of this machine, on loopback alone.

    \b
    fabricscope up
    fabricscope up --state-dir /tmp/try --collector-http-port 8080
    fabricscope up --set probe.samplers.pcie.interval_seconds=10

    Prints where to look once both are ready. Ctrl-C ends both. Addresses and places come from the options
    here; every other setting comes from --config and --set.
    """  # noqa: D301  click wants the character, not the escape
    _, errors = sections.effective(document.read())
    if errors:
        raise UpError("\n".join(errors))
    state_dir = state_dir.absolute()
    check_ports(
        {
            "--collector-grpc-port": collector_grpc_port,
            "--collector-http-port": collector_http_port,
            "--probe-http-port": probe_http_port,
        }
    )
    collector, probe = f"http://{LOOPBACK}:{collector_http_port}", f"http://{LOOPBACK}:{probe_http_port}"

    def announce() -> None:
        click.echo(
            f"""
fabricscope is up; its state is in {state_dir}.

  the page             {collector}/
  every host's series  {collector}/metrics
  the API              {collector}/api/v1/hosts    described at {collector}/api/v1/openapi.json
  this probe's series  {probe}/metrics
  what is wrong here   {_own_command()} doctor --set probe.health.state={shlex.quote(str(_verdicts(state_dir)))}
  what was recorded    {_own_command()} recorder list --set probe.recorder.directory={shlex.quote(str(state_dir))}

Ctrl-C ends it.
"""
        )

    with lock(state_dir):
        commands = commands_for(document, state_dir, collector_grpc_port, collector_http_port, probe_http_port)
        try:
            asyncio.run(supervise(commands, announce, sys.stdout))
        except DaemonError as error:
            click.echo(f"fabricscope: {error}", err=True)
            sys.exit(error.exit_code)

"""`fabricscope replay`: capture files through the flow engine."""

from __future__ import annotations

import json
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fabricscope.cli import EXIT_USAGE, Document, config_options

if TYPE_CHECKING:
    from probes.flows.reading import Step


class _Refused(click.ClickException):
    """Something that cannot be used: one line, and the exit status of a wrong argument."""

    exit_code = EXIT_USAGE


@click.command("replay")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@config_options("probe")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON, whole.")
@click.option(
    "--flows",
    "output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write flow records to this file: CSV, or Parquet where it ends with .parquet.",
)
@click.option("--send", is_flag=True, help="Send flow records to probe.collectors, whose store keeps them.")
@click.option("--ipfix", metavar="HOST:PORT", help="Send flow records as IPFIX over UDP.")
@click.option(
    "--keep",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.pcapng",
    help="Write the packets of flows whose policy says `keep` to this file.",
)
@click.option(
    "--keep-bytes",
    type=click.IntRange(4 << 20, 64 << 30),
    default=1 << 30,
    metavar="BYTES",
    help="Memory in which packets wait until their flow is known.  [default: 1 GiB]",
)
@click.option(
    "--rules",
    "rule_paths",
    multiple=True,
    type=click.Path(path_type=Path),
    help="File or folder of flow rules over the shipped ones. May be repeated.",
)
@click.option("--filter", "expression", metavar="EXPRESSION", help="Read matching packets alone (pcap-filter(7)).")
@click.option("--observer", help="What records call the place of capture.  [default: the first file's name]")
@click.option("--pace", is_flag=True, help="Read packets as slowly as they came.")
@click.option("--follow", is_flag=True, help="Go on reading the last file while it grows, until Ctrl-C.")
@click.option("--icrc", is_flag=True, help="Check the invariant CRC of RDMA packets, which have to be there whole.")
@click.option("--idle", type=click.FloatRange(0.001, 86400), default=60.0, show_default=True, metavar="SECONDS",
              help="A flow without a packet for that long has ended.")  # fmt: skip
@click.option("--active", type=click.FloatRange(0.001, 864000), default=864000.0, metavar="SECONDS",
              help="A flow that goes on is told that often.  [default: at its end]")  # fmt: skip
def replay_(
    files: tuple[str, ...],
    document: Document,
    as_json: bool,
    output: Path | None,
    send: bool,
    ipfix: str | None,
    keep: Path | None,
    keep_bytes: int,
    rule_paths: tuple[Path, ...],
    expression: str | None,
    observer: str | None,
    pace: bool,
    follow: bool,
    icrc: bool,
    idle: float,
    active: float,
) -> None:
    """Read capture files and say what flows are in them: what they carry, how they behave, what RDMA lost.

    Files are pcap or pcapng, plain or packed with gzip or zstd; - is stdin. Several are one capture: a flow goes on
    from one to the next.

    \b
    fabricscope replay capture.pcapng.zst
    tcpdump -i eth0 -w - | fabricscope replay - --follow
    fabricscope replay *.pcap --flows flows.parquet --filter 'udp port 4791'

    \b
    Exit status:  0 all packets were read
                  1 a file ended in trouble, or a collector did not take the records
                  2 the command line or a rule is wrong, or no packet could be read
    """  # noqa: D301  click wants the character, not the escape
    from msgspec import structs

    from fabricscope import log
    from fabricscope.clock import system_clock
    from fabricscope.settings import SettingsError, section
    from probes.flows.language.problems import RulesError
    from probes.flows.metering import MeterSettings
    from probes.flows.replay import Request, replay
    from probes.flows.report import as_text
    from probes.flows.sending import NotSentError
    from probes.settings import ProbeSettings
    from probes.sources.libpcap import FilterError
    from probes.tabular import NoParquetError

    if output is not None and not output.parent.is_dir():
        raise _Refused(f"--flows {output}: there is no folder {output.parent}")
    if keep is not None and not keep.parent.is_dir():
        raise _Refused(f"--keep {keep}: there is no folder {keep.parent}")
    request = Request(
        files=files,
        meter=MeterSettings(
            idle_seconds=idle, active_seconds=active, check_icrc_every=int(icrc), keep_bytes=keep_bytes if keep else 0
        ),
        rules=rule_paths,
        expression=expression,
        observer=observer or Path(files[0]).name,
        pace=pace,
        follow=follow,
        table=output,
        send=send,
        ipfix=ipfix,
        keep=keep,
    )
    try:
        if send:
            # What the stream has to say belongs on stderr: nothing of it while all goes well.
            settings = section(document.read(), "probe", ProbeSettings)
            log.configure(structs.replace(settings.log, level="warning"))
        with _bar(len(files)) as show, _interrupted() as pause:
            done = replay(request, document.read(), system_clock, show, pause)
    except NotSentError as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        # The engine's errors name the file in their text.
        named = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
        raise _Refused(named or str(error)) from error
    except (FilterError, RulesError, SettingsError, NoParquetError, ValueError) as error:
        raise _Refused(str(error)) from error
    notices = done.document["capture"]["notices"]
    if notices and not done.packets:
        raise _Refused("; ".join(notices))
    click.echo(json.dumps(done.document, indent=2) if as_json else as_text(done.document))
    if output is not None:
        click.echo(f"{done.written} flow records written to {output}", err=True)
    if keep is not None:
        counts = done.document["capture"]["kept"]
        missed = f"; {counts['missed']} had left the memory before, see --keep-bytes" if counts["missed"] else ""
        click.echo(f"{counts['packets']} packets written to {keep}{missed}", err=True)
    if notices:
        sys.exit(1)


@contextmanager
def _interrupted() -> Iterator[Callable[[float], bool]]:
    """What waits for seconds, and says whether Ctrl-C was pressed: what was read until then is a result."""
    enough = threading.Event()

    def stop(*_: object) -> None:
        if enough.is_set():
            raise KeyboardInterrupt
        enough.set()

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield enough.wait
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _bar(files: int) -> Iterator[Callable[[str, Step], None]]:
    """A bar on a terminal, of the octets that are read; of packets where a file has no size."""
    if not sys.stderr.isatty():
        yield lambda _name, _step: None
        return
    with click.progressbar(length=1000 * files, file=sys.stderr, label="reading", show_pos=False) as bar:
        seen: dict[str, int] = {}

        def show(name: str, step: Step) -> None:
            done = 1000 if step.size in (None, 0) else 1000 * step.octets // step.size
            bar.label = f"{Path(name).name}  {step.packets:,} packets"
            bar.update(done - seen.get(name, 0))
            seen[name] = done

        yield show

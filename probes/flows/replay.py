"""A whole replay: rules, files, and where its flows go."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from fabricscope.clock import NANOSECONDS, Clock
from fabricscope.flow import Flow
from fabricscope.settings import section
from probes import tabular
from probes.engine import CaptureFile
from probes.flows import table
from probes.flows.judging import Judged, Judging
from probes.flows.keeping import Keeper
from probes.flows.language.rule_files import load
from probes.flows.metering import MeterSettings, make_classifier, make_meter
from probes.flows.reading import Pause, Reading, Step
from probes.flows.sending import Sender
from probes.flows.summary import Summary
from probes.settings import ProbeSettings
from probes.sources import libpcap
from probes.sources.ipfix_sender import IpfixSender
from probes.sources.kept_packets import KeptFile

_GROWING_SECONDS = 0.2
"""How often a growing file is looked at."""
_PATIENCE_SECONDS = 30.0
"""For a collector that takes nothing."""


class Request(NamedTuple):
    """What a replay is asked for."""

    files: Sequence[str]
    meter: MeterSettings
    rules: Sequence[Path] = ()
    expression: str | None = None
    observer: str = ""
    pace: bool = False
    follow: bool = False
    table: Path | None = None
    send: bool = False
    ipfix: str | None = None
    keep: Path | None = None
    """A pcapng of the packets of flows whose policy says so."""


class Done(NamedTuple):
    """What a replay came to."""

    document: dict[str, Any]
    """The summary."""
    written: int
    """Records in the table."""
    packets: int
    """That were read, filtered ones included."""


Show = Callable[[str, Step], None]
"""Called with a file's name as it is read."""


def replay(request: Request, configuration: Mapping[str, Any], clock: Clock, show: Show, pause: Pause) -> Done:
    """Read everything, until `pause` says that it is enough.

    Raises RulesError, FilterError and SettingsError, OSError and ValueError for a file that is none, NotSentError and
    NoParquetError.
    """
    settings = section(configuration, "probe", ProbeSettings)
    rules = load(request.rules)
    programs = libpcap.compile_for_files(request.expression) if request.expression else None
    meter = make_meter(request.meter, make_classifier(rules))
    reading = Reading(meter, Judging(rules, request.observer), clock)
    summary = Summary()
    with ExitStack() as undo:
        sender = None
        if request.send:
            folder = Path(undo.enter_context(TemporaryDirectory(prefix="fabricscope-")))
            sender = Sender(settings, folder, clock)
            undo.callback(sender.close)
        ipfix = None
        if request.ipfix is not None:
            ipfix = IpfixSender(request.ipfix)
            undo.callback(ipfix.close)
        keeper = None
        if request.keep is not None:
            kept = KeptFile(request.keep)
            undo.callback(kept.close)
            keeper = Keeper(kept.write)
        # Opened before anything is read: what is no capture is told at once.
        files = [CaptureFile(name, request.follow and name == request.files[-1], 0, programs) for name in request.files]

        def flows() -> Iterator[Flow]:
            for judged in _judged(reading, request, files, show, pause):
                summary.add(judged.flows)
                summary.add_events(judged.events)
                if keeper is not None:
                    keeper.keep(judged.kept, [meter])
                if sender is not None:
                    sender.add(judged.exported)
                if ipfix is not None:
                    ipfix.send(judged.exported, clock().wall // NANOSECONDS)
                yield from judged.exported

        written = 0
        if request.table is not None:
            kind: tabular.FileKind = "parquet" if request.table.suffix == ".parquet" else "csv"
            written = tabular.write(kind, table.COLUMNS, table.rows(flows()), request.table)
        else:
            for _ in flows():
                pass
        if sender is not None:
            sender.send(_PATIENCE_SECONDS)
        if ipfix is not None and ipfix.failures:
            reading.notices.append(f"{ipfix.failures} IPFIX messages could not be sent to {request.ipfix}")
        if ipfix is not None and ipfix.left_out:
            reading.notices.append(f"{ipfix.left_out} flows have addresses that IPFIX does not know")
    capture = reading.capture(request.files)
    if keeper is not None:
        if keeper.trouble:
            reading.notices.append(keeper.trouble)
        capture["kept"] = {"packets": keeper.saved, "missed": keeper.missed}
    document = summary.document(reading.books(), capture)
    return Done(document, written, document["books"]["packets"]["packets"] + document["capture"]["filtered"])


def _judged(
    reading: Reading, request: Request, files: Sequence[CaptureFile], show: Show, pause: Pause
) -> Iterator[Judged]:
    for name, file in zip(request.files, files, strict=True):
        try:
            enough = False
            while not enough:
                steps = reading.read_in_pace(file, pause) if request.pace else reading.read(file)
                for step in steps:
                    show(name, step)
                    yield step.judged
                    if enough := pause(0):
                        break
                if not request.follow or file.ended():
                    break
                enough = enough or pause(_GROWING_SECONDS)
        finally:
            reading.close(file)
        if enough:
            if not request.follow:
                reading.notices.append("interrupted: the rest was not read")
            break
    yield from reading.finish()

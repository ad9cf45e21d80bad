"""Capture files of other projects through the engine, one record a flow."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from fabricscope.books import Books, decode_books
from fabricscope.flow import FlowRecord, decode_records
from probes.flows.language import normal_form
from probes.flows.language.rule_files import load

STEP = 100_000
NEVER_NS = 10**18


class Frame(NamedTuple):
    """As a capture has it."""

    time_ns: int
    wire_octets: int
    link: int
    octets: bytes
    stripped_vlan: int | None


class Metered(NamedTuple):
    """What a capture came to."""

    records: list[FlowRecord]
    books: Books


def frames(path: Path) -> Iterator[Frame]:
    """All frames of a capture, to where it breaks off."""
    file = _native().CaptureFile(str(path))
    while some := _step(lambda: file.frames(STEP), []):
        yield from (Frame(*each) for each in some)


def metered(capture: Path | Iterable[Frame], *, rules: bool = False, **told: Any) -> Metered:
    """A capture as flows that end with it, never before. `told` is settings of the engine."""
    native = _native()
    settings = {"idle_ns": NEVER_NS, "active_ns": NEVER_NS, "linger_ns": None, **told}
    meter = native.Meter(msgspec.json.encode(settings))
    if rules:
        meter.set_rules(shipped())
    if isinstance(capture, Path):
        file = native.CaptureFile(str(capture))
        while _step(lambda: meter.read(file, STEP), 0):
            pass
    else:
        for frame in capture:
            meter.observe(frame.time_ns, frame.link, frame.octets, frame.wire_octets, frame.stripped_vlan)
    assert meter.finish(), "no room for all records"
    return Metered(decode_records(meter.take()), decode_books(meter.books()))


@cache
def shipped() -> Any:
    """The shipped rules."""
    return _native().Classifier(normal_form.as_json(load([]).rules))


def _step(step: Callable[[], Any], end: Any) -> Any:
    """One step, or the end where the file breaks off: what came before was read."""
    try:
        return step()
    except (OSError, ValueError):
        return end


def _native() -> Any:
    return importlib.import_module("probes.engine._native")

"""Events about a GPU as a whole: lost, hung, recovered, and the driver's XIDs."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, NamedTuple

from fabricscope.model import Event, Now, Severity
from probes.sources.nvidia_errors import XID_UNKNOWN, XIDS
from probes.sources.nvml.replies import Xid
from probes.sources.nvml.roster import Gpu

ALL = "all"
"""Stands for the number of a GPU where an event is about every one."""


class Health(NamedTuple):
    """How a GPU is, and why."""

    word: Literal["ok", "lost", "hung", "unknown"]
    reason: str


def health_event(state: Health, before: Health, gpu: Gpu, now: Now) -> Event:
    """The event of a GPU that got lost, began to hang, or is well again."""
    if state.word == "ok":
        reason = f"it answers again; it was {before.word}: {before.reason}"
        kind, severity = "gpu.recovered", Severity.INFO
    else:
        kind, severity, reason = f"gpu.{state.word}", Severity.CRITICAL, state.reason
    message = f"GPU {_title(gpu)} {kind.removeprefix('gpu.')}: {reason}"
    return Event(now.wall, now.mono, kind, severity, message, _subject(gpu), {"reason": reason})


def opening_event(state: Health, before: Health, number: int | None, now: Now) -> Event:
    """The event of an NVML that does not open, or did at last, before any GPU is known.

    It is about the GPU in which the driver hangs, or about all of them.
    """
    if number is not None:
        return health_event(state, before, Gpu(number, "", number, 0), now)
    event = health_event(state, before, Gpu(-1, "", None, 0), now)
    message = f"all GPUs {event.kind.removeprefix('gpu.')}: {event.attributes['reason']}"
    return replace(event, message=message, subject={"gpu": ALL})


def xid_event(xid: Xid, gpu: Gpu | None, now: Now) -> Event:
    """The event of an XID. Where only the line in the kernel's log says how bad it is, it is a warning."""
    meaning = XIDS.get(xid.xid, XID_UNKNOWN)
    severity = Severity.WARNING if meaning.words else meaning.severity
    attributes = {"xid": str(xid.xid), "name": meaning.name, "action": meaning.action}
    if xid.gpu_instance < 1 << 16:
        attributes |= {"gpu_instance": str(xid.gpu_instance), "compute_instance": str(xid.compute_instance)}
    where = "an unknown GPU" if gpu is None else f"GPU {_title(gpu)}"
    return Event(
        now.wall,
        now.mono,
        "gpu.xid",
        severity,
        f"XID {xid.xid}, {meaning.name}, on {where}",
        {} if gpu is None else _subject(gpu),
        attributes,
    )


def _subject(gpu: Gpu) -> dict[str, str]:
    return {"gpu": str(gpu.number), "address": gpu.address}


def _title(gpu: Gpu) -> str:
    return f"{gpu.number} ({gpu.address})" if gpu.address else str(gpu.number)

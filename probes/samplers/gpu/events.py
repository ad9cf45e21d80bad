"""Events about a GPU as a whole: lost, hung, recovered, and the driver's XIDs."""

from __future__ import annotations

from typing import Literal, NamedTuple

from fabricscope.model import Event, Now, Severity
from probes.sources.nvidia_errors import XID_UNKNOWN, XIDS
from probes.sources.nvml.replies import Xid
from probes.sources.nvml.roster import Gpu


class Health(NamedTuple):
    """How a GPU is, and why."""

    word: Literal["ok", "lost", "hung", "unknown"]
    reason: str


def health_event(state: Health, before: Health, gpu: Gpu, now: Now) -> Event:
    """The event of a GPU that got lost, began to hang, or is well again."""
    if state.word == "ok":
        kind, severity, reason = "gpu.recovered", Severity.INFO, f"it was {before.word}: {before.reason}"
    else:
        kind, severity, reason = f"gpu.{state.word}", Severity.CRITICAL, state.reason
    message = f"GPU {_title(gpu)} {kind.removeprefix('gpu.')}: {reason}"
    return Event(now.wall, now.mono, kind, severity, message, _subject(gpu), {"reason": reason})


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

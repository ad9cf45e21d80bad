"""The child process: owns NVML, answers requests on its standard input until that ends.

Started by process.py as `python -I -S -c` with an explicit path, and kept small: of the packages that are installed it
loads pynvml alone, and nothing that serves it loads `typing`, which is 0.5 MiB. It dies with its parent, also while it
hangs in the driver, unless the kernel holds it there.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import signal
import sys
import types
from collections.abc import Sequence

from probes.sources.nvml.session import Session, progress_writer
from probes.sources.nvml.wire import Frames, packed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_PR_SET_PDEATHSIG = 1
_CHUNK = 65536
_ENCODER = json.JSONEncoder(separators=(",", ":"))


def main(arguments: Sequence[str]) -> None:
    """Serve until the parent closes the pipe.

    Takes the library, two descriptors (replies, progress), the parent's PID, and indices of GPUs to skip at first.
    """
    library, skip = arguments[0], [int(index) for index in arguments[4].split(",") if index]
    replies, progress, parent = (int(number) for number in arguments[1:4])
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        return
    serve(library, replies, progress, skip)


def serve(library: str, replies: int, progress: int, skip: Sequence[int]) -> None:
    """Say how NVML opened, then answer requests. Ends when there is no more to answer, or nobody to answer to."""
    try:
        session = Session(load(library), progress_writer(progress), skip)
        hello = session.open()
    except Exception as error:  # noqa: BLE001  whatever is wrong with the library, the parent is to say it
        hello = {"code": -1, "error": _shown(error)}
    _send(replies, hello)
    if hello["code"] != 0:
        return
    frames = Frames()
    while octets := os.read(0, _CHUNK):
        frames.feed(octets)
        while (frame := frames.take()) is not None:
            request = json.loads(frame[0])
            try:
                document, raw = session.answer(request)
            except Exception as error:  # noqa: BLE001  as above
                document, raw = {"id": request.get("id", 0), "error": _shown(error)}, b""
            _send(replies, document, raw)


def load(library: str) -> Any:
    """The module pynvml, made to use the shared library at `library`, or the one that the loader finds.

    It imports ctypes.util for a name that it does not use on Linux; that module brings subprocess and more, a third
    of this process's memory. An empty one in its place is enough.
    """
    if "ctypes.util" not in sys.modules:
        stand_in = types.ModuleType("ctypes.util")
        stand_in.__dict__["find_library"] = lambda _name: None
        sys.modules["ctypes.util"] = stand_in
    nvml: Any = importlib.import_module("pynvml")
    if library:
        nvml.nvmlLib = ctypes.CDLL(library)
    return nvml


def _send(replies: int, document: dict[str, Any], raw: bytes = b"") -> None:
    octets = memoryview(packed(_ENCODER.encode(document).encode(), raw))
    while octets:
        octets = octets[os.write(replies, octets) :]


def _shown(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:500]

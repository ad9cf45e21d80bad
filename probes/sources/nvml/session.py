"""The child's side of a request: one pass over the GPUs, every call of NVML that one sample needs.

A request names plans, which are lists of (field, scope) pairs that the child keeps as an array of nvmlFieldValue_t:
a plan costs one nvmlDeviceGetFieldValues and no Python work per value. Before each GPU the child writes its index to
a file that the parent shares, so that the parent knows in which one a call hangs.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Sequence

from probes.sources.nvml import codes, values, wire
from probes.sources.nvml.calls import CALLS, address, text
from probes.sources.nvml.gpm import PcieRates, question

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MAX_GPUS = 64
MAX_PLANS = 512
MAX_PAIRS = 4096
"""Of one plan: 36 links of 100 fields."""
MAX_EVENTS = 64
"""Taken in one sample; the rest wait for the next."""

_NOT_FILLED = codes.UNKNOWN
"""The return code that an entry has until NVML writes one: what it leaves out must not look like the last sample's."""


class Session:
    """NVML, opened: the handles, the plans, and what is remembered from one sample to the next."""

    def __init__(self, nvml: Any, progress: Callable[[int], None], skip: Sequence[int] = ()) -> None:
        """`skip` are indices of GPUs that hung, which are opened only when they are asked about."""
        self._nvml = nvml
        self._progress = progress
        self._skip = set(skip)
        self._handles: list[Any] = []
        self._plans: dict[str, _Plan] = {}
        self._rates: dict[int, PcieRates] = {}
        self._asked: Any = None
        self._events: Any = None
        self._numbers: dict[int, int] = {}
        """Index by the address that the library's handle has."""

    def open(self) -> dict[str, Any]:
        """Start NVML. The driver's version and the GPUs as [code, PCI address], or why not."""
        nvml = self._nvml
        self._progress(wire.OPENING)
        try:
            nvml.nvmlInit()
            count = min(int(nvml.nvmlDeviceGetCount()), MAX_GPUS)
            driver = text(nvml.nvmlSystemGetDriverVersion())
        except nvml.NVMLError as error:
            return {"code": int(error.value)}
        self._handles = [None] * count
        gpus = [[wire.SKIPPED, ""] if index in self._skip else self._opened(index) for index in range(count)]
        self._progress(wire.READY)
        return {"code": 0, "driver": driver, "gpus": gpus}

    def answer(self, request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        """Do what `request` asks. The document, and the arrays of field values in the order of its plans.

        Raises what a request of another form raises: both ends are one program.
        """
        for key, plan in request.get("plans", {}).items():
            self._learn(key, plan)
        raw: list[bytes] = []
        gpus = []
        for row in request["gpus"]:
            said, octets = self._ask(row)
            gpus.append(said)
            raw += octets
        document: dict[str, Any] = {"id": request["id"], "gpus": gpus}
        if request.get("events"):
            self._progress(wire.OPENING)
            document["events"], document["events_code"] = self._take_events()
        self._progress(wire.READY)
        return document, b"".join(raw)

    def _opened(self, index: int) -> list[Any]:
        """Get hold of one GPU: [code, PCI address]."""
        nvml = self._nvml
        self._progress(index)
        try:
            handle = nvml.nvmlDeviceGetHandleByIndex(index)
            place = address(nvml.nvmlDeviceGetPciInfo(handle))
        except nvml.NVMLError as error:
            return [int(error.value), ""]
        self._handles[index] = handle
        self._numbers[ctypes.cast(handle, ctypes.c_void_p).value or 0] = index
        return [0, place]

    def _learn(self, key: str, plan: list[list[Any]]) -> None:
        if len(self._plans) >= MAX_PLANS and key not in self._plans:
            raise ValueError(f"more than {MAX_PLANS} plans")
        self._plans[key] = _Plan(self._nvml, [(field, scope) for field, scopes in plan for scope in scopes])

    def _ask(self, row: dict[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
        """Everything about one GPU, and its arrays. Ends at the first answer that says that it is lost."""
        index = int(row["index"])
        if index in self._skip:
            self._opened(index)
            self._skip.discard(index)
        handle = self._handles[index] if index < len(self._handles) else None
        if handle is None:
            return _silent(index, codes.GPU_IS_LOST)
        self._progress(index)
        raw: list[bytes] = []
        answers: list[list[Any]] = []
        plans: list[list[int]] = []
        heard: list[int] = []
        for name in row.get("calls", ()):
            code, value = self._call(index, handle, name)
            answers.append([code, value])
            heard.append(code)
            if code in codes.LOST:
                return _silent(index, code)
        for key in row.get("plans", ()):
            plan = self._plans[key]
            code = plan.read(self._nvml, handle)
            if code in codes.LOST:
                return _silent(index, code)
            heard.append(code)
            octets = b"" if code else plan.answer()
            plans.append([code, len(octets)])
            raw.append(octets)
        # One call that fails so is a fault of that call; when all do, the GPU is gone.
        if heard and all(code == codes.UNKNOWN for code in heard):
            return _silent(index, codes.UNKNOWN)
        return {"index": index, "code": 0, "plans": plans, "calls": answers}, raw

    def _call(self, index: int, handle: Any, name: str) -> tuple[int, Any]:
        nvml = self._nvml
        try:
            if name == "pcie_rates":
                if index not in self._rates:
                    self._asked = self._asked or question(nvml)
                    self._rates[index] = PcieRates(nvml, self._asked)
                return 0, self._rates[index].read(handle)
            return 0, CALLS[name](nvml, handle)
        except nvml.NVMLError as error:
            return int(error.value), None
        except ValueError:
            # pynvml decodes texts as UTF-8, whatever the device holds.
            return codes.UNKNOWN, None

    def _take_events(self) -> tuple[list[list[int]], int]:
        """[index, XID, GPU instance, compute instance] of what happened since the last call; never waits."""
        nvml = self._nvml
        taken: list[list[int]] = []
        try:
            if self._events is None:
                self._events = self._registered()
            while len(taken) < MAX_EVENTS:
                data = nvml.nvmlEventSetWait_v2(self._events, 0)
                index = self._numbers.get(ctypes.cast(data.device, ctypes.c_void_p).value or 0, -1)
                if data.eventType == nvml.nvmlEventTypeXidCriticalError:
                    taken.append([index, data.eventData, data.gpuInstanceId, data.computeInstanceId])
        except nvml.NVMLError as error:
            return taken, 0 if error.value == codes.TIMEOUT else int(error.value)
        return taken, 0

    def _registered(self) -> Any:
        """An event set that hears of the XIDs of every GPU that can tell of them."""
        nvml = self._nvml
        events = nvml.nvmlEventSetCreate()
        for handle in self._handles:
            if handle is None:
                continue
            try:
                if nvml.nvmlDeviceGetSupportedEventTypes(handle) & nvml.nvmlEventTypeXidCriticalError:
                    nvml.nvmlDeviceRegisterEvents(handle, nvml.nvmlEventTypeXidCriticalError, events)
            except nvml.NVMLError:
                # One that cannot be heard must not make the others unheard; what it lacks shows elsewhere.
                continue
        return events


class _Plan:
    """An array of nvmlFieldValue_t that is filled again and again."""

    def __init__(self, nvml: Any, pairs: list[tuple[int, int]]) -> None:
        if len(pairs) > MAX_PAIRS:
            raise ValueError(f"a plan of {len(pairs)} values, over {MAX_PAIRS}")
        octets = bytearray(len(pairs) * ctypes.sizeof(nvml.c_nvmlFieldValue_t))
        self.values = (nvml.c_nvmlFieldValue_t * len(pairs)).from_buffer(octets)
        self._words = memoryview(octets).cast("Q")
        for entry, (field, scope) in zip(self.values, pairs, strict=True):
            entry.fieldId, entry.scopeId, entry.nvmlReturn = field, scope, _NOT_FILLED
        self._blank = bytes(octets)
        self._chunk = max(len(pairs), 1)
        """Entries in one call: all, unless the library refuses so many at once."""

    def read(self, nvml: Any, handle: Any) -> int:
        """Fill the array. The code of the call as a whole."""
        ctypes.memmove(self.values, self._blank, len(self._blank))
        # The binding's own function makes an array and sets every entry anew, which costs more than all the rest.
        function = nvml.nvmlLib.nvmlDeviceGetFieldValues
        size = ctypes.sizeof(nvml.c_nvmlFieldValue_t)
        start = 0
        while start < len(self.values):
            count = min(self._chunk, len(self.values) - start)
            code = int(function(handle, ctypes.c_int(count), ctypes.byref(self.values, start * size)))
            if code in (2, 7) and count > 1:
                self._chunk = max(count // 2, 1)
            elif code:
                return code
            else:
                start += count
        return 0

    def answer(self) -> bytes:
        """What was read, without what the parent knows or does not need (values.py)."""
        return values.packed(self._words)


def _silent(index: int, code: int) -> tuple[dict[str, Any], list[bytes]]:
    """The answer of a GPU that does not answer."""
    return {"index": index, "code": code, "plans": [], "calls": []}, []


def progress_writer(descriptor: int) -> Callable[[int], None]:
    """A function that tells the parent where the child is."""
    return lambda place: _write_octet(descriptor, place)


def _write_octet(descriptor: int, place: int) -> None:
    os.pwrite(descriptor, bytes((place,)), 0)

"""Which number a GPU goes by, for as long as the probe lives.

NVML counts the GPUs that it finds when it starts: after one has fallen off its bus, those behind it move up. Series
must not change hands like that, so a GPU keeps the number that it was first seen under, known by its PCI address.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from probes.sources.nvml.codes import UNKNOWN
from probes.sources.nvml.wire import SKIPPED


class Gpu(NamedTuple):
    """A GPU that is, or once was, there."""

    number: int
    """What the label `gpu` says: NVML's index when it was first seen."""
    address: str
    """Such as `0000:17:00.0`; empty when it was never known."""
    nvml_index: int | None
    """NVML's index now; None while NVML does not list it."""
    code: int
    """Why it could not be opened; 0 when it was."""


class Roster:
    """All GPUs that were ever seen, by number."""

    def __init__(self) -> None:
        self.gpus: dict[int, Gpu] = {}

    def update(self, listed: Sequence[tuple[int, str]]) -> None:
        """Take in what NVML lists after a start: (code, address) in the order of its indices."""
        known = {gpu.address: number for number, gpu in self.gpus.items() if gpu.address}
        # Built anew, since samplers look at it from their own threads.
        gpus = {number: gpu._replace(nvml_index=None, code=0) for number, gpu in self.gpus.items()}
        named = [(index, address) for index, (code, address) in enumerate(listed) if not code and address]
        for index, address in named:
            if address in known:
                gpus[known[address]] = Gpu(known[address], address, index, 0)
        for index, address in named:
            if address not in known:
                # One that could never be opened has no address yet, and may be this one.
                nameless = [number for number, gpu in gpus.items() if not gpu.address and gpu.nvml_index is None]
                number = index if index in nameless else min(nameless, default=_free(gpus, index))
                gpus[number] = Gpu(number, address, index, 0)
        # One that cannot be opened has no address to be known by: it is most likely a number that is missing now.
        for index, (code, address) in enumerate(listed):
            if code or not address:
                missing = [number for number, gpu in gpus.items() if gpu.nvml_index is None]
                number = index if index in missing else min(missing, default=_free(gpus, index))
                before = gpus.get(number)
                why = 0 if code == SKIPPED else code or UNKNOWN
                gpus[number] = Gpu(number, before.address if before else "", index, why)
        self.gpus = gpus

    def number(self, index: int) -> int | None:
        """The number of the GPU with NVML's index `index` now."""
        return next((gpu.number for gpu in self.gpus.values() if gpu.nvml_index == index), None)

    def index(self, number: int) -> int:
        """NVML's index of a GPU now, as far as it is known: its number if not."""
        gpu = self.gpus.get(number)
        return number if gpu is None or gpu.nvml_index is None else gpu.nvml_index


def _free(gpus: Mapping[int, Gpu], index: int) -> int:
    return index if index not in gpus else max(gpus) + 1

"""What a daemon costs: memory, processor time and descriptors, under a name of its own.

The one place outside a probe's sources that reads /proc, since both daemons report on themselves.
"""

from __future__ import annotations

import ctypes
import functools
import gc
import os
import resource
from contextlib import suppress
from pathlib import Path

from fabricscope.clock import NANOSECONDS
from fabricscope.model import PREFIX, Kind, MetricSpec
from fabricscope.tally import Tally


@functools.cache
def specs(daemon: str) -> tuple[MetricSpec, MetricSpec, MetricSpec]:
    """The metrics of the daemon called `daemon`: resident memory, processor time, open descriptors.

    The same objects each time: specs are keys, and a tally outlives the component that counts in it.
    """
    return (
        MetricSpec(
            f"{PREFIX}{daemon}_resident_memory_bytes",
            Kind.GAUGE,
            f"Resident memory of the {daemon}.",
            unit="bytes",
            source="/proc/self/statm",
            aliases=("process_resident_memory_bytes",),
        ),
        MetricSpec(
            f"{PREFIX}{daemon}_cpu_seconds_total",
            Kind.COUNTER,
            f"Processor time, user and system, that the {daemon} used.",
            unit="seconds",
            per_unit=NANOSECONDS,
            source="getrusage(2)",
            aliases=("process_cpu_seconds_total",),
        ),
        MetricSpec(
            f"{PREFIX}{daemon}_open_fds",
            Kind.GAUGE,
            f"File descriptors that the {daemon} holds.",
            source="/proc/self/fd",
            aliases=("process_open_fds",),
        ),
    )


_M_ARENA_MAX = -8
"""mallopt(3)"""


def share_one_heap() -> None:
    """Let all threads allocate from one heap, before there is a second thread.

    glibc gives each of many threads a heap of its own, most of it empty: with a thread for each sampler that was 8 MiB.
    """
    with suppress(OSError, AttributeError):  # another libc
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)


_GC_THRESHOLDS = (50_000, 20, 100)
"""Python's own are 700, 10, 10. A daemon makes and drops thousands of tuples a second that are in no cycle: looking for
cycles among them was a quarter of the probe's processor time."""


def settle() -> None:
    """Give back what starting took, and look no more for garbage in what it left: modules and their code stay."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLDS)
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


class ProcessMetrics:
    """Keeps this process's figures in a tally."""

    def __init__(self, daemon: str, tally: Tally) -> None:
        self._tally = tally
        self._resident, self._cpu, self._descriptors = specs(daemon)

    def observe(self) -> None:
        """Look now. What this system does not tell is left out."""
        usage = resource.getrusage(resource.RUSAGE_SELF)
        self._tally.set(self._cpu, to=int((usage.ru_utime + usage.ru_stime) * NANOSECONDS))
        try:
            pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
            descriptors = len(os.listdir("/proc/self/fd")) - 1  # noqa: PTH208  no Path for each; one is the listing's own
        except (OSError, ValueError, IndexError):
            self._tally.clear(self._resident)
            self._tally.clear(self._descriptors)
            return
        self._tally.set(self._resident, to=pages * os.sysconf("SC_PAGE_SIZE"))
        self._tally.set(self._descriptors, to=descriptors)

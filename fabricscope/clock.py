"""The only place that reads a clock; everything else is handed a `Now`."""

from __future__ import annotations

import time
from collections.abc import Callable

from fabricscope.model import Now

NANOSECONDS = 1_000_000_000

Clock = Callable[[], Now]
"""Tests pass their own."""


def thread_cpu_ns() -> int:
    """Processor time that the calling thread has used, in nanoseconds."""
    return time.thread_time_ns()


def system_clock() -> Now:
    """The host's wall and monotonic clocks, now."""
    return Now(time.time_ns(), time.monotonic_ns())

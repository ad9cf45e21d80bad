"""Samplers in threads of their own take turns at one NVML, and none waits for ever."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from fabricscope.clock import NANOSECONDS, Clock


@contextmanager
def turn(lock: threading.Lock, until_ns: int, clock: Clock, busy: Callable[[str], Exception]) -> Iterator[None]:
    """Hold the lock; raise what `busy` makes of the reason when it is not to be had by `until_ns` (monotonic)."""
    if not lock.acquire(timeout=max(0, until_ns - clock().mono) / NANOSECONDS):
        raise busy("NVML is busy with another sampler's request")
    try:
        yield
    finally:
        lock.release()

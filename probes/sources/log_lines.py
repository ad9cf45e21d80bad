"""Counts the lines that the kernel logs, so that a sampler which makes it log when it reads can be told.

Kernel documentation: Documentation/ABI/testing/dev-kmsg. Where the log may not be read, nothing is ever counted.
"""

from __future__ import annotations

import threading
from pathlib import Path

from probes.sources.kmsg import KernelLog, KernelLogError

_MAX_RECORDS = 1000
"""Read at one call; a flood is a flood however long it is."""
_KERNEL = 0
"""The facility of the kernel's own records: others are written by programs."""


class LogLines:
    """The kernel's own records since this object was made. Used from the threads of all samplers."""

    def __init__(self, path: Path) -> None:
        self._log = KernelLog(path)
        self._lock = threading.Lock()
        self._lines = 0
        self.readable = True
        """Whether the log can be read."""
        try:
            self._log.open()
        except KernelLogError:
            self.readable = False

    def count(self) -> int:
        """How many there were up to now; costs one system call when there is none."""
        with self._lock:
            if self.readable:
                try:
                    batch = self._log.read(_MAX_RECORDS)
                except KernelLogError:
                    self.readable = False
                else:
                    self._lines += batch.lost + sum(record.facility == _KERNEL for record in batch.records)
            return self._lines

    def close(self) -> None:
        """Count no more."""
        with self._lock:
            self.readable = False
            self._log.close()

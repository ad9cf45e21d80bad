"""Attributes of sysfs that are read again and again: kept open, since opening one costs more than reading it."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from probes.sources.sysfs import Unreadable, errno_name

MAX_BYTES = 4096
"""The longest attribute that is read; each of those that are held open fits a page."""

_ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR})
_GONE = frozenset({errno.ENODEV, errno.ENXIO, errno.ESTALE})


class HeldFile:
    """One attribute. sysfs renders it afresh for each read from its beginning."""

    __slots__ = ("_descriptor", "path")

    def __init__(self, path: Path) -> None:
        """Opens nothing yet: the first read does."""
        self.path = path
        self._descriptor: int | None = None

    def read(self) -> bytes | None:
        """What it holds at this moment; None when there is no such attribute. Raises Unreadable.

        One whose device went is opened again, in case the device came back.
        """
        try:
            try:
                return self._read()
            except OSError as error:
                if error.errno not in _GONE:
                    raise
            self.close()
            return self._read()
        except OSError as error:
            if isinstance(error, Unreadable):
                raise
            if error.errno in _ABSENT | _GONE:
                return None
            raise Unreadable(self.path, errno_name(error)) from error

    def close(self) -> None:
        """Give the descriptor back; a later read opens it again."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def _read(self) -> bytes:
        if self._descriptor is None:
            # Non-blocking, so that a FIFO below a strange root cannot hang the reader; sysfs does not care.
            self._descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        content = os.pread(self._descriptor, MAX_BYTES + 1, 0)
        if len(content) > MAX_BYTES:
            raise Unreadable(self.path, f"longer than {MAX_BYTES} octets")
        return content

    def __del__(self) -> None:
        """Leave no descriptor behind."""
        self.close()

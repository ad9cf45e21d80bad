"""Attributes of sysfs that are read again and again: kept open, since opening one costs more than reading it."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from probes.sources.sysfs import Unreadable, decoded, errno_name, printable

_T = TypeVar("_T")

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


class HeldValue(Generic[_T]):
    """What one attribute's text means. Text that is as it was is not parsed again, and gives the very same value."""

    __slots__ = ("_content", "_file", "_parse", "_value", "_what")

    def __init__(self, path: Path, parse: Callable[[str], _T | None], what: str) -> None:
        """`parse` gives None for text that is not `what` ("a rate"). Opens nothing yet."""
        self._file = HeldFile(path)
        self._parse = parse
        self._what = what
        self._content: bytes | None = None
        self._value: _T | None = None

    def read(self) -> _T | None:
        """The value at this moment; None when there is no such attribute. Raises Unreadable, also for other text."""
        content = self._file.read()
        if content is None:
            return None
        if content != self._content:
            self._content, self._value = content, self._parse(decoded(content))
        if self._value is None:
            raise Unreadable(self._file.path, f"not {self._what}: {printable(decoded(content), 32)}")
        return self._value

    def close(self) -> None:
        """Give the descriptor back; a later read opens the attribute again."""
        self._file.close()

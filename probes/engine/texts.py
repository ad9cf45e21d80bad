"""Small text files in plain Python: the specification of engine/src/texts.rs."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from contextlib import suppress

MAX_BYTES = 4096
"""The longest file that is read; the attributes of sysfs that are held open fit a page."""

TOO_LONG = f"longer than {MAX_BYTES} octets"

_ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR})
_GONE = frozenset({errno.ENODEV, errno.ENXIO, errno.ESTALE})

Content = bytes | str | None
"""What a file holds; None when there is no such file; why it cannot be read otherwise: the name of an errno ("EINVAL"),
or TOO_LONG."""


class TextFiles:
    """Files that are kept open and read again and again, all in one call that tells what changed.

    sysfs renders an attribute afresh when it is read from offset 0, so `pread` on an open descriptor is enough. A file
    whose device went (ENODEV) is opened again at once, in case the device came back.
    """

    def __init__(self, paths: Sequence[str]) -> None:
        """Open nothing yet: the first read does. Raises ValueError for a path with a NUL in it."""
        self._paths = [os.fsencode(path) for path in paths]
        self._descriptors: list[int | None] = [None] * len(self._paths)
        self._last: dict[int, Content] = {}
        if any(0 in path for path in self._paths):
            raise ValueError("embedded null byte")

    def __len__(self) -> int:
        """How many files there are."""
        return len(self._paths)

    def changes(self) -> list[tuple[int, Content]]:
        """Which files hold something else than at the last call, in the order of the paths; all at the first."""
        changed: list[tuple[int, Content]] = []
        for index in range(len(self._paths)):
            content = self._read_one(index)
            if index not in self._last or self._last[index] != content:
                self._last[index] = content
                changed.append((index, content))
        return changed

    def close(self) -> None:
        """Close every file and forget what it held; a later call opens them again, and tells of all."""
        for index in range(len(self._descriptors)):
            self._close_one(index)
        self._last.clear()

    def _read_one(self, index: int) -> Content:
        try:
            try:
                content = self._octets(index)
            except OSError as error:
                if error.errno not in _GONE:
                    raise
                self._close_one(index)
                content = self._octets(index)
        except OSError as error:
            if error.errno in _ABSENT | _GONE:
                return None
            return errno.errorcode.get(error.errno or 0, f"errno {error.errno}")
        return content if len(content) <= MAX_BYTES else TOO_LONG

    def _octets(self, index: int) -> bytes:
        descriptor = self._descriptors[index]
        if descriptor is None:
            # Non-blocking, so that a FIFO below a strange root cannot hang the reader; sysfs does not care.
            descriptor = os.open(self._paths[index], os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            self._descriptors[index] = descriptor
        return os.pread(descriptor, MAX_BYTES + 1, 0)

    def _close_one(self, index: int) -> None:
        descriptor, self._descriptors[index] = self._descriptors[index], None
        if descriptor is not None:
            # What closing can fail with (EBADF, EIO) leaves nothing open.
            with suppress(OSError):
                os.close(descriptor)

    def __del__(self) -> None:
        """Leave no descriptor behind."""
        self.close()

"""Counter files in plain Python: the specification of engine/src/counters.rs."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from contextlib import suppress

_MAX_BYTES = 64
"""A counter file holds one decimal number; anything longer is something else."""

_SHOWN_BYTES = 32
"""How much of what is not a number is shown."""

_U64_MAX = (1 << 64) - 1

_DEVICE_GONE = frozenset({errno.ENODEV, errno.EBADF, errno.ESTALE})


class CounterFiles:
    """Files that each hold one unsigned decimal number, kept open and read again and again.

    sysfs renders an attribute afresh when it is read from offset 0, so `pread` on an open descriptor
    is enough. A file that is not there, or whose device is gone (ENODEV), is opened again at the next
    read, so that a device which comes back is found.
    """

    def __init__(self, paths: Sequence[str]) -> None:
        """Open nothing yet: the first read does. Raises ValueError for a path with a NUL in it."""
        self._paths = [os.fsencode(path) for path in paths]
        self._descriptors: list[int | None] = [None] * len(self._paths)
        self._told: dict[int, int | str] = {}
        if any(0 in path for path in self._paths):
            raise ValueError("embedded null byte")

    def __len__(self) -> int:
        """How many files there are."""
        return len(self._paths)

    def read(self) -> list[int | str]:
        """The value of each file in the order of the paths, or why it has none.

        A reason is the name of an errno ("ENOENT", "EINVAL"), or "not a number: TEXT" with at most
        the first 32 octets of what the file holds ("N/A (no PMA)"), unprintable and non-ASCII ones as `?`.
        """
        return [self._read_one(index) for index in range(len(self._paths))]

    def changes(self) -> list[tuple[int, int | str]]:
        """As `read`: those that differ from what the last call of this told, with their index; all at the first."""
        changed = [(index, value) for index, value in enumerate(self.read()) if self._told.get(index) != value]
        self._told.update(changed)
        return changed

    def close(self) -> None:
        """Close every file; a later read opens them again, and all count as changed."""
        for index in range(len(self._descriptors)):
            self._close_one(index)
        self._told.clear()

    def _read_one(self, index: int) -> int | str:
        try:
            descriptor = self._descriptors[index]
            if descriptor is None:
                # Non-blocking, so that a FIFO cannot hang the reader; sysfs does not care.
                descriptor = os.open(self._paths[index], os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
                self._descriptors[index] = descriptor
            return _parse(os.pread(descriptor, _MAX_BYTES + 1, 0))
        except OSError as error:
            if error.errno in _DEVICE_GONE:
                self._close_one(index)
            return errno.errorcode.get(error.errno or 0, f"errno {error.errno}")

    def _close_one(self, index: int) -> None:
        descriptor, self._descriptors[index] = self._descriptors[index], None
        if descriptor is not None:
            # What closing can fail with (EBADF, EIO) leaves nothing open.
            with suppress(OSError):
                os.close(descriptor)

    def __del__(self) -> None:
        """Leave no descriptor behind."""
        self.close()


def _parse(content: bytes) -> int | str:
    """The number in a counter file's octets, or "not a number: ..."."""
    text = content.strip(b" \t\r\n\x00")
    if len(content) <= _MAX_BYTES and text.isdigit() and (value := int(text)) <= _U64_MAX:
        return value
    shown = "".join(chr(octet) if 32 <= octet < 127 else "?" for octet in text[:_SHOWN_BYTES])
    return f"not a number: {shown}"

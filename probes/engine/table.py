"""The table of interfaces in /proc/net/dev, in plain Python: the specification of engine/src/table.rs.

Every interface is a line `name: numbers`, after two lines of headings (net/core/net-procfs.c). One read gives what
would take one for each file of /sys/class/net/*/statistics, where each asks for all of an interface's statistics.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress

MAX_COLUMNS = 64
MAX_OCTETS = 1 << 20
"""The longest table that is read: thousands of interfaces."""

_PART = 1 << 16
_U64 = (1 << 64) - 1
_DIGITS = 20


class Table:
    """Some numbers of a table, kept open and read again and again."""

    def __init__(self, path: str, cells: Sequence[tuple[str, int]]) -> None:
        """`cells` are lines and columns; columns count from 0.

        Opens nothing yet: the first read does. Raises ValueError for a path with a NUL in it and a column above 63.
        """
        self._path = os.fsencode(path)
        self._cells = [(line.encode("utf-8", "surrogateescape"), column) for line, column in cells]
        self._descriptor: int | None = None
        if 0 in self._path:
            raise ValueError("embedded null byte")
        if not all(0 <= column < MAX_COLUMNS for _, column in cells):
            raise ValueError(f"a column that is not below {MAX_COLUMNS}")

    def read(self) -> list[int | None] | int:
        """The number in each cell, None where there is none; or the errno of opening or reading."""
        try:
            if self._descriptor is None:
                self._descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            text = bytearray()
            while len(text) < MAX_OCTETS and (part := os.pread(self._descriptor, _PART, len(text))):
                text += part
        except OSError as error:
            self.close()
            return error.errno or 0
        return parse(bytes(text), self._cells)

    def close(self) -> None:
        """Close the file; a later read opens it again."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            with suppress(OSError):
                os.close(descriptor)

    def __del__(self) -> None:
        """Leave no descriptor behind."""
        self.close()


def parse(text: bytes, cells: Sequence[tuple[bytes, int]]) -> list[int | None]:
    """The number in each cell of a table; None where there is none. The first line of a name counts."""
    wanted = {name for name, _ in cells}
    found: dict[bytes, list[bytes]] = {}
    for line in text.split(b"\n"):
        name, colon, rest = line.partition(b":")
        name = name.strip(b" ")
        if colon and name in wanted and name not in found:
            found[name] = [word for word in rest.split(b" ") if word][:MAX_COLUMNS]
    return [_number(found.get(name, []), column) for name, column in cells]


def _number(words: Sequence[bytes], column: int) -> int | None:
    if column >= len(words) or not words[column].isdigit() or len(words[column]) > _DIGITS:
        return None
    value = int(words[column])
    return value if value <= _U64 else None

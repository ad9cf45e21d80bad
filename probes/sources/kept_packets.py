"""Files of packets that are kept: pcapng, section after section, bounded."""

from __future__ import annotations

import os
import re
from pathlib import Path

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")


class KeptFile:
    """One file, written from its beginning."""

    def __init__(self, path: Path) -> None:
        """Raises OSError when it cannot be written."""
        self._file = path.open("wb")

    def write(self, section: bytes) -> bool:
        """Append a section. Raises OSError."""
        self._file.write(section)
        return True

    def close(self) -> None:
        """Everything is in the file then."""
        self._file.close()


class KeptRing:
    """Two files that take turns: when one is full, the one before it makes room.

    They are `NAME.pcapng` and `NAME-before.pcapng`; what an earlier probe put into them stays until then.
    """

    def __init__(self, folder: Path, name: str, max_bytes: int) -> None:
        self._path = folder / f"{_UNSAFE.sub('_', name)}.pcapng"
        self._before = self._path.with_name(f"{self._path.stem}-before.pcapng")
        self._half = max_bytes // 2

    def write(self, section: bytes) -> bool:
        """Append a section; false when it is larger than a file may be. Raises OSError."""
        if len(section) > self._half:
            return False
        self._path.parent.mkdir(parents=True, exist_ok=True)
        try:
            size = self._path.stat().st_size
        except FileNotFoundError:
            size = 0
        if size + len(section) > self._half:
            self._path.replace(self._before)
        with open(self._path, "ab", opener=_private) as file:
            file.write(section)
        return True


def _private(path: str, flags: int) -> int:
    """Opens for this user alone: payload is in it."""
    return os.open(path, flags, 0o600)

"""The octets of a capture, unpacked: from a file, a growing file or a pipe; plain, gzip or zstd by how it begins."""

from __future__ import annotations

import os
from io import RawIOBase
from pathlib import Path
from typing import Protocol

from probes.engine.captures.unpacking import GZIP_MAGIC, Gzip, PackingError, begins_zstd, zstd

PACKED = 256 << 10
"""Octets that are read at once of a packed file."""


class CaptureError(ValueError):
    """A capture that cannot be read on. Its text names the capture, what was found, where, and what can be done."""


class Unpacker(Protocol):
    """Takes packed octets apart, a slice at a time."""

    pending: bytes
    """What is still to be unpacked."""

    def unpack(self, room: int) -> bytes:
        """At most `room` octets that came out; none when more has to come in first."""
        ...

    def complete(self) -> bool:
        """Whether the octets may end here."""
        ...


class Stream:
    """Octets of one capture."""

    def __init__(self, path: str, follow: bool) -> None:
        """Raises OSError for what cannot be opened, CaptureError for what is no file."""
        if path == "-":
            self.name = "standard input"
            self._file: RawIOBase = open(0, "rb", buffering=0, closefd=False)  # noqa: SIM115 - close() does
            self._regular = False
        else:
            self.name = path
            self._file, self._regular = _opened(path)
        self._follow = follow and (self._regular or path == "-")
        self._head = b""
        """What was read before it was known how the octets are packed."""
        self._decided = False
        self._unpacker: Unpacker | None = None
        self.taken = 0
        """Octets read of the file, packed as they are there."""

    def size(self) -> int | None:
        """Octets that the file has at this moment; None for a pipe."""
        return os.fstat(self._file.fileno()).st_size if self._regular else None

    def close(self) -> None:
        """Nothing more is read."""
        self._file.close()

    def __del__(self) -> None:
        """As in Rust, a file that nobody has any more is closed."""
        if hasattr(self, "_file"):
            self.close()

    def read(self, room: int) -> bytes | None:
        """At most `room` unpacked octets; none when nothing is there yet, None at the end."""
        while not self._decided:
            got = self._take(PACKED)
            if got:
                self._head += got
            elif got is not None:
                return b""
            if got is None or len(self._head) >= 4:
                self._decide()
        if self._unpacker is None:
            if self._head:
                octets, self._head = self._head[:room], self._head[room:]
                return octets
            return self._take(room)
        while True:
            try:
                made = self._unpacker.unpack(room)
            except PackingError as error:
                at = max(0, self.taken - len(self._unpacker.pending))
                raise CaptureError(f"{self.name}: damaged near octet {at} of the packed file: {error}") from error
            if made:
                return made
            got = self._take(PACKED)
            if got:
                self._unpacker.pending += got
            elif got is not None:
                return b""
            elif self._unpacker.complete():
                return None
            else:
                raise CaptureError(
                    f"{self.name}: the packed file ends early, after {self.taken} octets; what was whole before that "
                    "was read"
                )

    def _decide(self) -> None:
        self._decided = True
        if len(self._head) < 4:
            return
        if self._head.startswith(GZIP_MAGIC):
            self._unpacker = Gzip()
        elif begins_zstd(self._head):
            try:
                self._unpacker = zstd()
            except PackingError as error:
                raise CaptureError(f"{self.name}: {error}") from error
        if self._unpacker is not None:
            self._unpacker.pending, self._head = self._head, b""

    def _take(self, room: int) -> bytes | None:
        """Reads the file itself."""
        try:
            octets = self._file.read(room)
        except InterruptedError:
            return b""
        except OSError as error:
            text = f"{self.name}: cannot be read at octet {self.taken}: {error.strerror}"
            raise OSError(error.errno, text) from error
        if octets is None:
            return b""
        if octets:
            self.taken += len(octets)
            return octets
        if not self._follow:
            return None
        size = self.size()
        if size is not None and size < self.taken:
            raise CaptureError(
                f"{self.name}: became shorter, from {self.taken} to {size} octets; open it again to read what is in it "
                "now"
            )
        return b""


def _opened(path: str) -> tuple[RawIOBase, bool]:
    """The file, and whether it is one that has a size."""
    try:
        if Path(path).is_dir():
            raise CaptureError(f"{path} is a directory; give the capture files in it")
        return Path(path).open("rb", buffering=0), Path(path).is_file()
    except OSError as error:
        remedy = {
            FileNotFoundError: "; give the path of a capture file, or - for standard input",
            PermissionError: "; let this user read it",
        }.get(type(error), "")
        raise OSError(error.errno, f"{path}: cannot be opened: {error.strerror}{remedy}") from error

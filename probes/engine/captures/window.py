"""A window over the octets of a capture, in which records are read where they lie, and what is wrong with them."""

from __future__ import annotations

from typing import NamedTuple

from probes.engine.captures.stream import CaptureError, Stream

MAX_PACKET = 256 << 10
"""Octets of a packet that are taken at most, as libpcap and Wireshark have it; a file that says more is damaged."""
MAX_NEED = 512 << 10
"""Octets that may be asked for in one piece: the largest record has to fit."""
READ = 128 << 10


class Record(NamedTuple):
    """A packet as a capture has it."""

    time_ns: int
    wire_octets: int
    link: int
    octets: bytes


class NotYetError(Exception):
    """It may come later: the file is still being written."""


class Window:
    """What was read and not passed over."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.octets = b""
        self.start = 0
        self._offset = 0

    def left(self, count: int) -> int | None:
        """Sees to it that `count` octets are there.

        None: they are; a number: so many are there, and no more will come. Raises NotYetError.
        """
        while len(self.octets) - self.start < count:
            read = self.stream.read(READ)
            if read is None:
                return len(self.octets) - self.start
            if not read:
                raise NotYetError
            self.octets = self.octets[self.start :] + read
            self.start = 0
        return None

    def need(self, what: str, count: int) -> bool:
        """The same for a record that begins here. False at the end. Raises CaptureError when it is cut off."""
        left = self.left(count)
        if left:
            raise self.truncated(what, count, left)
        return left is None

    def peek(self, count: int) -> bytes:
        """The next octets, as far as they are there."""
        return self.octets[self.start : self.start + count]

    def available(self) -> int:
        """How many are there."""
        return len(self.octets) - self.start

    def pass_over(self, count: int) -> None:
        """Goes on behind `count` octets that are there."""
        self.start += count
        self._offset += count

    def truncated(self, what: str, needed: int, left: int) -> CaptureError:
        """The error of a record that begins here and needs more than is there."""
        return CaptureError(
            f"{self.stream.name}: ends inside the {what} at octet {self._offset}: {left} of {needed} octets are there; "
            "everything before it was read"
        )

    def damaged(self, what: str) -> CaptureError:
        """The error of a record that begins here and contradicts itself."""
        return CaptureError(
            f"{self.stream.name}: damaged at octet {self._offset}: {what}; everything before it was read"
        )


def without_check(captured: int, original: int, check_octets: int) -> tuple[int, int]:
    """Captured and original length without the frame check sequence at the packet's end."""
    wire = max(0, max(original, captured) - check_octets)
    return min(captured, wire), wire

"""Frames on the pipes between the probe and the child process that owns NVML.

A frame is two lengths, a JSON document, and raw octets: arrays of NVML's field values (values.py), which neither side
has to take apart to move. Both ends run on one host, so numbers are in its byte order. The child
imports this module too: it is kept to what a small process can afford (msgspec alone would add 4 MiB to its 13).
"""

from __future__ import annotations

import struct

HEADER = struct.Struct("=II")
"""Octets of the document, octets that follow it."""
MAX_PART = 4 << 20
"""Octets of either part: a node of 16 GPUs with 36 links of 64 fields each needs 0.6 MiB."""

READY = 0xFF
"""The child's progress octet while it is in no call of NVML."""
OPENING = 0xFE
"""The child's progress octet while it starts NVML, or is in a call that is about no single GPU."""
SKIPPED = -2
"""The child's code for a GPU that it was told not to open before it is asked about: NVML's are never negative."""


class WireError(ValueError):
    """What came over the pipe is no frame."""


def packed(document: bytes, raw: bytes = b"") -> bytes:
    """One frame. Raises WireError when a part is longer than MAX_PART."""
    if max(len(document), len(raw)) > MAX_PART:
        raise WireError(f"a frame of {len(document)} + {len(raw)} octets; each part has {MAX_PART} at most")
    return HEADER.pack(len(document), len(raw)) + document + raw


class Frames:
    """Puts frames together from the pieces that a pipe gives."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, octets: bytes) -> None:
        """Add what was read."""
        self._buffer += octets

    def take(self) -> tuple[bytes, bytes] | None:
        """The next frame's document and raw octets; None while it is not complete. Raises WireError."""
        if len(self._buffer) < HEADER.size:
            return None
        document, raw = HEADER.unpack_from(self._buffer)
        if max(document, raw) > MAX_PART:
            raise WireError(f"a frame that claims {document} + {raw} octets; each part has {MAX_PART} at most")
        end = HEADER.size + document + raw
        if len(self._buffer) < end:
            return None
        middle = HEADER.size + document
        frame = bytes(self._buffer[HEADER.size : middle]), bytes(self._buffer[middle:end])
        del self._buffer[:end]
        return frame

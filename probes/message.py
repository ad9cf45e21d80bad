"""What waits on the probe's disk for a collector."""

from __future__ import annotations

import enum
from typing import NamedTuple


class MessageKind(enum.IntEnum):
    """Kinds of spooled message, in the order in which they are given up when space runs out."""

    SAMPLES = 1
    FLOWS = 2
    EVENTS = 3


class Message(NamedTuple):
    """One spooled message."""

    sequence: int
    kind: MessageKind
    items: int
    """Samples, flows or events in it."""
    series_sets: tuple[bytes, ...]
    """Ids of the series sets that must be declared before it."""
    payload: bytes
    """A StreamRequest without `sequence` and `sent_unix_nano`."""


class SpoolError(Exception):
    """The disk refused: it is full, or failing."""

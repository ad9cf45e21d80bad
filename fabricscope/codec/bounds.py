"""What is taken from the network: bounds, names, and the refusal of what is beyond them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from fabricscope.v1 import stream_pb2

MAX_SERIES = 100_000
"""Series, and metrics, in one series set."""
MAX_ID = 64
"""Octets of a series set's id."""
MAX_LABELS = 32
"""Labels of a metric or a host; entries of an event's subject or attributes."""
MAX_NAME = 253
"""Characters of a name: as many as DNS gives a host."""
MAX_TEXT = 4096
"""Characters of any other text."""
MAX_EVENTS = 10_000
"""Events in one message."""
MAX_FLOWS = 10_000
"""Flows in one message."""
MAX_LIST = 4096
"""Entries of any list within a flow."""
MAX_PREFIXES = 10_000
"""Prefixes in one hint."""
TIME_END = 1 << 63
"""Times, in ns, lie below: what a signed 64-bit column holds, which ends in the year 2262."""

METRIC_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
LABEL_NAME = re.compile(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*")
HOST_NAME = re.compile(r"[a-zA-Z0-9]([a-zA-Z0-9._-]{0,251}[a-zA-Z0-9])?")
EVENT_KIND = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)*")
RESERVED_LABELS = frozenset({"cluster", "host"})
"""Put on every series by the collector; a series may not carry them itself."""


class Refused(ValueError):
    """A message that is not taken, with the wire's reason for it."""

    def __init__(self, reason: stream_pb2.RefusalReason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


def invalid(detail: str) -> Refused:
    """A refusal of what is outside the bounds."""
    return Refused(stream_pb2.REFUSAL_REASON_INVALID, detail)


def checked(pattern: re.Pattern[str], text: str, what: str) -> str:
    """`text` when it is short and fully matches; Refused otherwise."""
    if len(text) > MAX_NAME or not pattern.fullmatch(text):
        raise invalid(f"{what} {text[:80]!r} is longer than {MAX_NAME} or does not match {pattern.pattern}")
    return text


def bounded(text: str, what: str) -> str:
    """`text` when it is short enough to be kept; Refused otherwise."""
    if len(text) > MAX_TEXT:
        raise invalid(f"{what} is {len(text)} characters long; at most {MAX_TEXT} are taken")
    return text


def bounded_map(pairs: Mapping[str, str], what: str) -> dict[str, str]:
    """A copy of `pairs` when they are few and short; Refused otherwise."""
    if len(pairs) > MAX_LABELS:
        raise invalid(f"{what} has {len(pairs)} entries; at most {MAX_LABELS} are taken")
    return {bounded(key, what): bounded(value, what) for key, value in pairs.items()}


def point_in_time(nanoseconds: int, what: str) -> int:
    """`nanoseconds` when a signed 64-bit column holds them; Refused otherwise."""
    if nanoseconds >= TIME_END:
        raise invalid(f"{what} is {nanoseconds}, which is beyond the year 2262")
    return nanoseconds

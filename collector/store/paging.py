"""What the tables of rows have in common: who sent a row, the order of pages, and conditions in SQL."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

MAX_PAGE = 1000
"""Rows in one page at most."""

ORIGIN = {
    "cluster": "LowCardinality(String)",
    "host": "LowCardinality(String)",
    "epoch": "LowCardinality(String)",
    "sequence": "UInt64",
    "position": "UInt32",
    "received_time": "DateTime64(9, 'UTC')",
}
"""The columns of an `Origin`, with their types."""
_KEY = "(time, host, epoch, sequence, position)"


class Origin(NamedTuple):
    """Where a row came from. (host, epoch, sequence, position) names it."""

    cluster: str
    host: str
    epoch: str
    """The life of the probe's spool that `sequence` counts in."""
    sequence: int
    """Of the message that carried the row."""
    position: int
    """In that message."""
    received_unix_ns: int


class RowKey(NamedTuple):
    """The place of a row in the order of pages: newest first."""

    time_unix_ns: int
    host: str
    epoch: str
    sequence: int
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RowFilter:
    """Which rows of any table are wanted; None stands for all."""

    since_unix_ns: int | None = None
    """Earliest time, included."""
    until_unix_ns: int | None = None
    """Latest time, left out."""
    cluster: str | None = None
    host: str | None = None


@dataclass(slots=True)
class Conditions:
    """Conditions of fixed text, and the values that their parameters stand for."""

    texts: list[str] = field(default_factory=lambda: ["1"])
    parameters: dict[str, Any] = field(default_factory=dict)

    def add(self, text: str, /, **values: Any) -> None:
        """One more that must hold."""
        self.texts.append(text)
        self.parameters.update(values)

    def __str__(self) -> str:
        """All of them, for WHERE."""
        return " AND ".join(self.texts)


def conditions(wanted: RowFilter, after: RowKey | None) -> Conditions:
    """What any table is asked for: rows that are `wanted` and come behind `after`."""
    found = Conditions()
    if wanted.since_unix_ns is not None:
        found.add("time >= fromUnixTimestamp64Nano({since:Int64})", since=wanted.since_unix_ns)
    if wanted.until_unix_ns is not None:
        found.add("time < fromUnixTimestamp64Nano({until:Int64})", until=wanted.until_unix_ns)
    if wanted.cluster is not None:
        found.add("cluster = {cluster:String}", cluster=wanted.cluster)
    if wanted.host is not None:
        found.add("host = {host:String}", host=wanted.host)
    if after is not None:
        found.add(
            f"{_KEY} < (fromUnixTimestamp64Nano({{after_time:Int64}}), {{after_host:String}}, {{after_epoch:String}}, "
            "{after_sequence:UInt64}, {after_position:UInt32})",
            after_time=after.time_unix_ns,
            after_host=after.host,
            after_epoch=after.epoch,
            after_sequence=after.sequence,
            after_position=after.position,
        )
        # The same bound in words that the time index understands.
        found.add("time <= fromUnixTimestamp64Nano({after_time:Int64})")
    return found


def key(time_unix_ns: int, origin: Origin) -> RowKey:
    """The place of a row."""
    return RowKey(time_unix_ns, origin.host, origin.epoch, origin.sequence, origin.position)


def check_limit(limit: int) -> None:
    """Raise ValueError unless a page may have so many rows."""
    if not 1 <= limit <= MAX_PAGE:
        raise ValueError(f"limit {limit} is outside 1 to {MAX_PAGE}")

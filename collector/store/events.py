"""The events table: its rows, what can be asked of it, and the SQL of both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from fabricscope.model import Event, Severity

if TYPE_CHECKING:
    from collector.store.connection import Connection

TABLE = "events"

MAX_PAGE = 1000
"""Events in one page at most."""

_COLUMNS = {
    "cluster": "LowCardinality(String)",
    "host": "LowCardinality(String)",
    "epoch": "LowCardinality(String)",
    "sequence": "UInt64",
    "position": "UInt32",
    "time": "DateTime64(9, 'UTC')",
    "monotonic_ns": "UInt64",
    "received_time": "DateTime64(9, 'UTC')",
    "kind": "LowCardinality(String)",
    "severity": "Enum8('info' = 1, 'warning' = 2, 'critical' = 3)",
    "message": "String",
    "subject": "Map(LowCardinality(String), String)",
    "attributes": "Map(LowCardinality(String), String)",
}

_KEY = "(time, host, epoch, sequence, position)"

_SELECT = """
SELECT cluster, host, epoch, sequence, position, toUnixTimestamp64Nano(time), monotonic_ns,
       toUnixTimestamp64Nano(received_time), kind, toInt8(severity), message, subject, attributes
FROM events FINAL
WHERE {conditions}
ORDER BY time DESC, host DESC, epoch DESC, sequence DESC, position DESC
LIMIT {{limit:UInt32}}
"""


class StoredEvent(NamedTuple):
    """An event with where it came from. (host, epoch, sequence, position) names it."""

    cluster: str
    host: str
    epoch: str
    """The life of the probe's spool that `sequence` counts in."""
    sequence: int
    """Of the message that carried the event."""
    position: int
    """In that message."""
    event: Event
    received_unix_ns: int


class EventKey(NamedTuple):
    """The place of an event in the order of pages: newest first."""

    time_unix_ns: int
    host: str
    epoch: str
    sequence: int
    position: int


class EventPage(NamedTuple):
    """Events, newest first."""

    events: Sequence[StoredEvent]
    after: EventKey | None
    """Where the next page begins; None when this is the last one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """Which events are wanted; None and empty stand for all."""

    since_unix_ns: int | None = None
    """Earliest time, included."""
    until_unix_ns: int | None = None
    """Latest time, left out."""
    cluster: str | None = None
    host: str | None = None
    kind: str | None = None
    """A kind, or its first words: `ethernet` takes `ethernet.down`."""
    min_severity: Severity | None = None
    subject: tuple[tuple[str, str], ...] = ()
    """Keys and values that the subject must have, all of them."""
    text: str | None = None
    """Part of the message, in any case."""


def insert(connection: Connection, rows: Sequence[StoredEvent]) -> None:
    """Store `rows` as one part: all of them or none. A row that is there already changes nothing."""
    values = [
        (
            row.cluster,
            row.host,
            row.epoch,
            row.sequence,
            row.position,
            row.event.time_unix_ns,
            row.event.monotonic_ns,
            row.received_unix_ns,
            row.event.kind,
            int(row.event.severity),
            row.event.message,
            row.event.subject,
            row.event.attributes,
        )
        for row in rows
    ]
    connection.insert(TABLE, _COLUMNS, values)


def select(connection: Connection, wanted: EventFilter, after: EventKey | None, limit: int) -> EventPage:
    """The newest `limit` (1 to MAX_PAGE) of the `wanted` events that come after the key `after`."""
    if not 1 <= limit <= MAX_PAGE:
        raise ValueError(f"limit {limit} is outside 1 to {MAX_PAGE}")
    conditions, parameters = _conditions(wanted, after)
    # One more than wanted tells whether there is a next page.
    rows = connection.query(_SELECT.format(conditions=" AND ".join(conditions)), {**parameters, "limit": limit + 1})
    events = [_stored(row) for row in rows[:limit]]
    if len(rows) <= limit:
        return EventPage(events, None)
    last = events[-1]
    return EventPage(events, EventKey(last.event.time_unix_ns, last.host, last.epoch, last.sequence, last.position))


def _conditions(wanted: EventFilter, after: EventKey | None) -> tuple[list[str], dict[str, Any]]:
    """Conditions of fixed text, and the values that their parameters stand for."""
    conditions = ["1"]
    parameters: dict[str, Any] = {}

    def add(condition: str, **values: Any) -> None:
        conditions.append(condition)
        parameters.update(values)

    if wanted.since_unix_ns is not None:
        add("time >= fromUnixTimestamp64Nano({since:Int64})", since=wanted.since_unix_ns)
    if wanted.until_unix_ns is not None:
        add("time < fromUnixTimestamp64Nano({until:Int64})", until=wanted.until_unix_ns)
    if wanted.cluster is not None:
        add("cluster = {cluster:String}", cluster=wanted.cluster)
    if wanted.host is not None:
        add("host = {host:String}", host=wanted.host)
    if wanted.kind is not None:
        add(
            "(kind = {kind:String} OR startsWith(kind, {kind_dot:String}))",
            kind=wanted.kind,
            kind_dot=wanted.kind + ".",
        )
    if wanted.min_severity is not None:
        add("toInt8(severity) >= {severity:Int8}", severity=int(wanted.min_severity))
    for number, (key, value) in enumerate(wanted.subject):
        # A key that is missing reads as "": so it must be there, too.
        name, content = f"{{key{number}:String}}", f"{{value{number}:String}}"
        add(
            f"mapContains(subject, {name}) AND subject[{name}] = {content}",
            **{f"key{number}": key, f"value{number}": value},
        )
    if wanted.text is not None:
        add("positionCaseInsensitiveUTF8(message, {text:String}) > 0", text=wanted.text)
    if after is not None:
        add(
            f"{_KEY} < (fromUnixTimestamp64Nano({{after_time:Int64}}), {{after_host:String}}, {{after_epoch:String}}, "
            "{after_sequence:UInt64}, {after_position:UInt32})",
            after_time=after.time_unix_ns,
            after_host=after.host,
            after_epoch=after.epoch,
            after_sequence=after.sequence,
            after_position=after.position,
        )
        # The same bound in words that the time index understands.
        conditions.append("time <= fromUnixTimestamp64Nano({after_time:Int64})")
    return conditions, parameters


def _stored(row: Sequence[Any]) -> StoredEvent:
    """A row of _SELECT."""
    (
        cluster,
        host,
        epoch,
        sequence,
        position,
        time,
        monotonic,
        received,
        kind,
        severity,
        message,
        subject,
        attributes,
    ) = row
    event = Event(
        time_unix_ns=time,
        monotonic_ns=monotonic,
        kind=kind,
        severity=Severity(severity),
        message=message,
        subject=dict(subject),
        attributes=dict(attributes),
    )
    return StoredEvent(cluster, host, epoch, sequence, position, event, received)

"""The events table: its rows, what can be asked of it, and the SQL of both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from collector.store.paging import ORIGIN, Conditions, Origin, RowFilter, RowKey, check_limit
from collector.store.paging import conditions as common
from collector.store.paging import key as place
from fabricscope.model import Event, Severity

if TYPE_CHECKING:
    from collector.store.connection import Connection

TABLE = "events"

_COLUMNS = ORIGIN | {
    "time": "DateTime64(9, 'UTC')",
    "monotonic_ns": "UInt64",
    "kind": "LowCardinality(String)",
    "severity": "Enum8('info' = 1, 'warning' = 2, 'critical' = 3)",
    "message": "String",
    "subject": "Map(LowCardinality(String), String)",
    "attributes": "Map(LowCardinality(String), String)",
}

_SELECT = """
SELECT cluster, host, epoch, sequence, position, toUnixTimestamp64Nano(received_time),
       toUnixTimestamp64Nano(time), monotonic_ns, kind, toInt8(severity), message, subject, attributes
FROM events FINAL
WHERE {conditions}
ORDER BY time DESC, host DESC, epoch DESC, sequence DESC, position DESC
LIMIT {{limit:UInt32}}
"""


class StoredEvent(NamedTuple):
    """An event with where it came from."""

    origin: Origin
    event: Event


class EventPage(NamedTuple):
    """Events, newest first."""

    events: Sequence[StoredEvent]
    after: RowKey | None
    """Where the next page begins; None when this is the last one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter(RowFilter):
    """Which events are wanted; None and empty stand for all."""

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
            *row.origin,
            row.event.time_unix_ns,
            row.event.monotonic_ns,
            row.event.kind,
            int(row.event.severity),
            row.event.message,
            row.event.subject,
            row.event.attributes,
        )
        for row in rows
    ]
    connection.insert(TABLE, _COLUMNS, values)


def select(connection: Connection, wanted: EventFilter, after: RowKey | None, limit: int) -> EventPage:
    """The newest `limit` (1 to MAX_PAGE) of the `wanted` events that come after the key `after`."""
    check_limit(limit)
    conditions = _conditions(wanted, after)
    # One more than wanted tells whether there is a next page.
    rows = connection.query(_SELECT.format(conditions=conditions), {**conditions.parameters, "limit": limit + 1})
    events = [_stored(row) for row in rows[:limit]]
    if len(rows) <= limit:
        return EventPage(events, None)
    return EventPage(events, place(events[-1].event.time_unix_ns, events[-1].origin))


def _conditions(wanted: EventFilter, after: RowKey | None) -> Conditions:
    conditions = common(wanted, after)
    if wanted.kind is not None:
        conditions.add(
            "(kind = {kind:String} OR startsWith(kind, {kind_dot:String}))",
            kind=wanted.kind,
            kind_dot=wanted.kind + ".",
        )
    if wanted.min_severity is not None:
        conditions.add("toInt8(severity) >= {severity:Int8}", severity=int(wanted.min_severity))
    for number, (key, value) in enumerate(wanted.subject):
        # A key that is missing reads as "": so it must be there, too.
        name, content = f"{{key{number}:String}}", f"{{value{number}:String}}"
        conditions.add(
            f"mapContains(subject, {name}) AND subject[{name}] = {content}",
            **{f"key{number}": key, f"value{number}": value},
        )
    if wanted.text is not None:
        conditions.add("positionCaseInsensitiveUTF8(message, {text:String}) > 0", text=wanted.text)
    return conditions


def _stored(row: Sequence[Any]) -> StoredEvent:
    """A row of _SELECT."""
    time, monotonic, kind, severity, message, subject, attributes = row[len(Origin._fields) :]
    event = Event(
        time_unix_ns=time,
        monotonic_ns=monotonic,
        kind=kind,
        severity=Severity(severity),
        message=message,
        subject=dict(subject),
        attributes=dict(attributes),
    )
    return StoredEvent(Origin(*row[: len(Origin._fields)]), event)

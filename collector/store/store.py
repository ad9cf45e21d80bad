"""The store itself: opens, inserts, answers."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

from collector.store import events, flows, schema
from collector.store.connection import Connection, StoreSettings
from collector.store.errors import StoreUnavailableError
from collector.store.events import EventFilter, EventPage, StoredEvent
from collector.store.flows import FlowFilter, FlowGroup, FlowPage, GroupBy, StoredFlow
from collector.store.paging import RowKey


class Store:
    """Events and flows on disk. Synchronous.

    Has two connections, so that a slow question holds up no insert: `insert` is called from one
    thread (writer.py's), questions and `ping` from another (reader.py's). `open` loads the embedded engine, which
    changes the working directory for a moment: call it before threads are started where that matters. A
    server that accepts and does not answer holds `open` up for half a minute: leave that to the writer's thread.
    """

    def __init__(self, settings: StoreSettings, data_directory: Path) -> None:
        self._settings = settings
        self._data_directory = data_directory
        self._writing: Connection | None = None
        self._reading: Connection | None = None

    @property
    def is_open(self) -> bool:
        """Whether `open` has succeeded."""
        return self._reading is not None

    def open(self) -> None:
        """Connect and bring the schema up to date; does nothing when that is done.

        Raises StoreUnavailableError when a server does not answer (try again later) and StoreError for
        what an operator must change: a directory in use, a schema of another version, a wrong password.
        """
        if self.is_open:
            return
        with contextlib.ExitStack() as undo:
            writing = Connection(self._settings, self._data_directory)
            undo.callback(writing.close)
            writing.use(self._settings.database)
            schema.migrate(writing, schema.load())
            schema.set_retention(writing, events.TABLE, self._settings.events_retention_days)
            schema.set_retention(writing, flows.TABLE, self._settings.flows_retention_days)
            reading = Connection(self._settings, self._data_directory)
            undo.callback(reading.close)
            reading.use(self._settings.database)
            undo.pop_all()
        self._writing, self._reading = writing, reading

    def insert(self, rows: Sequence[StoredEvent | StoredFlow]) -> None:
        """Store `rows`, of one table all or none; they are on disk when this returns. Those there already stay one.

        Raises StoreUnavailableError, or RowsRefusedError when these rows will never fit.
        """
        if not rows:
            return
        connection = _opened(self._writing)
        if told := [row for row in rows if isinstance(row, StoredEvent)]:
            events.insert(connection, told)
        if seen := [row for row in rows if isinstance(row, StoredFlow)]:
            flows.insert(connection, seen)

    def events(self, wanted: EventFilter, after: RowKey | None, limit: int) -> EventPage:
        """At most `limit` of the `wanted` events, newest first, from `after` on. Raises StoreUnavailableError."""
        return events.select(_opened(self._reading), wanted, after, limit)

    def flows(self, wanted: FlowFilter, after: RowKey | None, limit: int) -> FlowPage:
        """At most `limit` of the `wanted` flows, newest first, from `after` on. Raises StoreUnavailableError."""
        return flows.select(_opened(self._reading), wanted, after, limit)

    def top_flows(self, wanted: FlowFilter, by: GroupBy, limit: int) -> list[FlowGroup]:
        """The groups of `wanted` flows with the most octets. Raises StoreUnavailableError."""
        return flows.top(_opened(self._reading), wanted, by, limit)

    def ping(self) -> None:
        """Return when the store answers. Raises StoreUnavailableError."""
        _opened(self._reading).command("SELECT 1")

    def close(self) -> None:
        """Give everything back. The store can be opened again."""
        for connection in (self._reading, self._writing):
            if connection is not None:
                connection.close()
        self._writing = self._reading = None


def _opened(connection: Connection | None) -> Connection:
    if connection is None:
        raise StoreUnavailableError("the store is not open yet")
    return connection

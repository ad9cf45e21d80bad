"""What the collector keeps on disk: events (later flows and hints) in one ClickHouse schema.

The engine is embedded (chDB) unless a ClickHouse server is named; the code path is one. Importing
this package loads neither: `Store.open` does.
"""

from collector.store.connection import StoreSettings
from collector.store.errors import RowsRefusedError, StoreError, StoreUnavailableError
from collector.store.events import EventFilter, EventKey, EventPage, StoredEvent
from collector.store.reader import EventReader
from collector.store.store import Store
from collector.store.writer import EventWriter

__all__ = [
    "EventFilter",
    "EventKey",
    "EventPage",
    "EventReader",
    "EventWriter",
    "RowsRefusedError",
    "Store",
    "StoreError",
    "StoreSettings",
    "StoreUnavailableError",
    "StoredEvent",
]

"""What the collector keeps on disk: events and flows (later hints) in one ClickHouse schema.

The engine is embedded (chDB) unless a ClickHouse server is named; the code path is one. Importing
this package loads neither: `Store.open` does.
"""

from collector.store.connection import StoreSettings
from collector.store.errors import RowsRefusedError, StoreError, StoreUnavailableError
from collector.store.events import EventFilter, EventPage, StoredEvent
from collector.store.flows import FlowFilter, FlowGroup, FlowPage, GroupBy, StoredFlow
from collector.store.paging import Origin, RowKey
from collector.store.reader import StoreReader
from collector.store.store import Store
from collector.store.writer import StoreWriter

__all__ = [
    "EventFilter",
    "EventPage",
    "FlowFilter",
    "FlowGroup",
    "FlowPage",
    "GroupBy",
    "Origin",
    "RowKey",
    "RowsRefusedError",
    "Store",
    "StoreError",
    "StoreReader",
    "StoreSettings",
    "StoreUnavailableError",
    "StoreWriter",
    "StoredEvent",
    "StoredFlow",
]

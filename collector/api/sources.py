"""What the endpoints read from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from collector.state import State
from collector.store import EventFilter, EventPage, FlowFilter, FlowGroup, FlowPage, GroupBy, RowKey
from fabricscope.clock import Clock


class RowSource(Protocol):
    """Where events and flows are asked for: collector.store.StoreReader, which answers in a thread."""

    async def events(self, wanted: EventFilter, after: RowKey | None, limit: int) -> EventPage:
        """The newest of the wanted events. Raises StoreError."""
        ...

    async def flows(self, wanted: FlowFilter, after: RowKey | None, limit: int) -> FlowPage:
        """The newest of the wanted flows. Raises StoreError."""
        ...

    async def top_flows(self, wanted: FlowFilter, by: GroupBy, limit: int) -> list[FlowGroup]:
        """The groups of wanted flows with the most octets. Raises StoreError."""
        ...

    async def ping(self) -> None:
        """Return when the store answers. Raises StoreError."""
        ...


@dataclass(frozen=True, slots=True)
class Sources:
    """What the API reads."""

    state: State
    rows: RowSource
    clock: Clock
    probe_address: str
    """HOST:PORT at which the collector waits for probes, for the page's advice."""

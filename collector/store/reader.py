"""Asynchronous edge of reading: questions are answered in a thread, in their order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from collector.store.errors import StoreUnavailableError
from collector.store.events import EventFilter, EventPage
from collector.store.flows import FlowFilter, FlowGroup, FlowPage, GroupBy
from collector.store.paging import RowKey
from collector.store.store import Store

_Answer = TypeVar("_Answer")

MAX_WAITING = 32
"""Questions that may wait; one more is turned away."""


class StoreReader:
    """What the API asks. Belongs to one event loop; `close` ends its thread."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store-reader")
        self._waiting = 0

    async def events(self, wanted: EventFilter, after: RowKey | None, limit: int) -> EventPage:
        """As Store.events. Raises StoreUnavailableError, also when too many questions wait."""
        return await self._ask(lambda: self._store.events(wanted, after, limit))

    async def flows(self, wanted: FlowFilter, after: RowKey | None, limit: int) -> FlowPage:
        """As Store.flows. Raises StoreUnavailableError, also when too many questions wait."""
        return await self._ask(lambda: self._store.flows(wanted, after, limit))

    async def top_flows(self, wanted: FlowFilter, by: GroupBy, limit: int) -> list[FlowGroup]:
        """As Store.top_flows. Raises StoreUnavailableError, also when too many questions wait."""
        return await self._ask(lambda: self._store.top_flows(wanted, by, limit))

    async def ping(self) -> None:
        """As Store.ping. Raises StoreUnavailableError, also when too many questions wait."""
        await self._ask(self._store.ping)

    async def close(self) -> None:
        """Wait for the question that is being answered; those that wait are dropped."""
        await asyncio.to_thread(self._thread.shutdown, cancel_futures=True)

    async def _ask(self, question: Callable[[], _Answer]) -> _Answer:
        if self._waiting >= MAX_WAITING:
            raise StoreUnavailableError(f"{MAX_WAITING} questions wait for the store; ask again later")
        self._waiting += 1
        loop = asyncio.get_running_loop()
        answer = self._thread.submit(question)
        # Counted until the thread is done with it, not until the asker gives up.
        answer.add_done_callback(lambda _: loop.call_soon_threadsafe(self._answered))
        return await asyncio.wrap_future(answer)

    def _answered(self) -> None:
        self._waiting -= 1

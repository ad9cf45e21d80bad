from __future__ import annotations

import asyncio
import threading

import pytest

from collector.store import EventFilter, Store, StoreReader, StoreUnavailableError
from collector.store.reader import MAX_WAITING
from tests.collector.store.rows import row


async def test_answers_come_from_the_store(store: Store) -> None:
    store.insert([row(1), row(2)])
    reader = StoreReader(store)
    await reader.ping()
    page = await reader.events(EventFilter(), None, 1)
    assert [stored.origin.sequence for stored in page.events] == [2]
    page = await reader.events(EventFilter(), page.after, 1)
    assert [stored.origin.sequence for stored in page.events] == [1]
    await reader.close()


async def test_questions_beyond_the_bound_are_turned_away_and_the_loop_goes_on() -> None:
    answer = threading.Event()

    class SlowStore(Store):
        def __init__(self) -> None:
            """Has no settings: nothing is opened."""

        def ping(self) -> None:
            answer.wait()

    reader = StoreReader(SlowStore())
    waiting = [asyncio.ensure_future(reader.ping()) for _ in range(MAX_WAITING)]
    await asyncio.sleep(0)
    with pytest.raises(StoreUnavailableError, match="ask again later"):
        await reader.ping()
    waiting[0].cancel()
    await asyncio.sleep(0)
    with pytest.raises(StoreUnavailableError, match="ask again later"):
        await reader.ping()  # the thread is still at the one whose asker left
    answer.set()
    await asyncio.gather(*waiting[1:])
    await reader.ping()
    await reader.close()

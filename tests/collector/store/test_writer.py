from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import cast

import pytest

from collector.store import (
    EventFilter,
    RowsRefusedError,
    Store,
    StoredEvent,
    StoreError,
    StoreUnavailableError,
    StoreWriter,
    writer,
)
from fabricscope.tally import Tally
from tests.collector.store.rows import row


class ScriptedStore:
    """Fails as told, then takes what comes."""

    def __init__(self, *failures: Exception, refuses: str = "") -> None:
        self.is_open = False
        self.inserts: list[list[int]] = []
        self._failures = list(failures)
        self._refuses = refuses

    def open(self) -> None:
        self._fail()
        self.is_open = True

    def insert(self, rows: Sequence[StoredEvent]) -> None:
        self._fail()
        if self._refuses and any(stored.origin.host == self._refuses for stored in rows):
            raise RowsRefusedError("will never fit")
        self.inserts.append([stored.origin.sequence for stored in rows])

    def _fail(self) -> None:
        if self._failures:
            raise self._failures.pop(0)


class Bench:
    """A writer that works, its store, its tally and the pauses that it asked for."""

    def __init__(self, store: ScriptedStore | Store) -> None:
        self.store = store
        self.tally = Tally()
        self.pauses: list[float] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.paused = asyncio.Event()
        self.writer = StoreWriter(cast("Store", store), self.tally, self._pause)

    async def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.paused.set()
        await self.gate.wait()


def submitted(bench: Bench, rows: Sequence[StoredEvent]) -> asyncio.Future[None]:
    """What becomes of rows for which there is room."""
    future = bench.writer.try_submit(rows)
    assert future is not None
    return future


@asynccontextmanager
async def working(store: ScriptedStore | Store) -> AsyncIterator[Bench]:
    bench = Bench(store)
    run = asyncio.ensure_future(bench.writer.run())
    yield bench
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run


async def test_submissions_are_durable_in_the_store_when_their_future_is_done(store: Store) -> None:
    async with working(store) as bench:
        for sequence in (1, 2, 3):
            await submitted(bench, [row(sequence)])
            assert [stored.origin.sequence for stored in store.events(EventFilter(), None, 1).events] == [sequence]
        assert len(store.events(EventFilter(), None, 10).events) == 3
        assert bench.tally.get(writer.ROWS, "event") == 3
        assert bench.tally.get(writer.UP) == 1


async def test_what_gathers_meanwhile_is_one_insert_in_order() -> None:
    store = ScriptedStore()
    async with working(store) as bench:
        bench.gate.clear()
        futures = [submitted(bench, [row(sequence), row(sequence, 1)]) for sequence in (1, 2, 3)]
        assert bench.tally.get(writer.QUEUED) > 0
        bench.gate.set()
        await asyncio.gather(*futures)
        assert store.inserts == [[1, 1, 2, 2, 3, 3]]
        assert bench.tally.get(writer.QUEUED) == 0


async def test_a_store_that_is_away_is_tried_again_and_nothing_is_acknowledged_before() -> None:
    away = StoreUnavailableError("no answer")
    store = ScriptedStore(away, away, away, away)
    async with working(store) as bench:
        first, second = submitted(bench, [row(1)]), submitted(bench, [row(2)])
        await asyncio.gather(first, second)
        assert store.inserts == [[1, 2]]
        assert bench.tally.get(writer.FAILURES) == 4
        assert bench.pauses == [0.5, 1.0, 2.0, 4.0, writer.GATHER_SECONDS]


async def test_the_pauses_between_tries_are_bounded_and_an_insert_is_retried_whole() -> None:
    store = ScriptedStore()
    async with working(store) as bench:
        await submitted(bench, [row(1)])
        store._failures = [StoreUnavailableError("disk full")] * 9
        future = submitted(bench, [row(2), row(3)])
        await future
        assert store.inserts == [[1], [2, 3]]
        assert bench.pauses[2:] == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]
        assert bench.tally.get(writer.UP) == 1


async def test_rows_that_never_fit_cost_the_others_nothing() -> None:
    store = ScriptedStore(refuses="bad")
    async with working(store) as bench:
        bench.gate.clear()
        before, bad, after = [
            submitted(bench, [row(sequence, host=host)]) for sequence, host in ((1, "a"), (2, "bad"), (3, "a"))
        ]
        bench.gate.set()
        await asyncio.gather(before, after)
        with pytest.raises(RowsRefusedError):
            await bad
        assert store.inserts == [[1], [3]]
        assert bench.tally.get(writer.REFUSED, "event") == 1
        assert bench.tally.get(writer.QUEUED) == 0


async def test_a_full_queue_takes_nothing_until_something_was_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "MAX_QUEUE_BYTES", 1000)
    monkeypatch.setattr(writer, "MAX_INSERT_BYTES", 1)
    store = ScriptedStore()
    async with working(store) as bench:
        bench.gate.clear()
        queued = [submitted(bench, [row(sequence)]) for sequence in (1, 2)]
        assert bench.writer.try_submit([row(3), row(4)]) is None
        assert bench.tally.get(writer.LEFT, "event") == 2
        bench.gate.set()
        await asyncio.gather(*queued)
        await asyncio.gather(*[submitted(bench, [row(sequence)]) for sequence in (3, 4)])
        assert store.inserts == [[1], [2], [3], [4]]
        assert bench.tally.get(writer.LEFT, "event") == 2


async def test_a_submission_that_was_given_up_is_written_all_the_same() -> None:
    store = ScriptedStore()
    async with working(store) as bench:
        bench.gate.clear()
        submitted(bench, [row(1)]).cancel()
        kept = submitted(bench, [row(2)])
        bench.gate.set()
        await kept
        assert store.inserts == [[1, 2]]


async def test_when_it_stops_what_waits_fails_and_nothing_more_is_taken() -> None:
    async with working(ScriptedStore()) as bench:
        await submitted(bench, [row(1)])
        bench.gate.clear()
        future = submitted(bench, [row(2)])
    with pytest.raises(StoreUnavailableError, match="stopping"):
        await future
    assert bench.writer.try_submit([row(3)]) is None
    assert bench.tally.get(writer.QUEUED) == 0


async def test_a_store_that_needs_an_operator_ends_it() -> None:
    bench = Bench(ScriptedStore(StoreError("in use by process 7")))
    with pytest.raises(StoreError, match="in use by process 7"):
        await bench.writer.run()
    assert bench.writer.try_submit([row(1)]) is None


async def test_a_store_that_needs_an_operator_once_it_answers_ends_it_too() -> None:
    bench = Bench(ScriptedStore(StoreUnavailableError("no answer"), StoreError("the password is wrong")))
    waiting = submitted(bench, [row(1)])
    with pytest.raises(StoreError, match="the password is wrong"):
        await bench.writer.run()
    with pytest.raises(StoreUnavailableError, match="stopping"):
        await waiting
    assert bench.tally.get(writer.UP) == 0


async def test_it_is_behind_while_the_store_is_away_and_not_for_a_moments_work() -> None:
    store = ScriptedStore(StoreUnavailableError("no answer"), StoreUnavailableError("no answer"))
    async with working(store) as bench:
        bench.gate.clear()
        future = submitted(bench, [row(1)])
        await bench.paused.wait()
        seen = [bench.writer.behind]
        bench.gate.set()
        await future
        seen.append(bench.writer.behind)
        bench.gate.clear()
        submitted(bench, [row(2)])
        # A queue with room in it holds nobody up.
        seen.append(bench.writer.behind)
        bench.gate.set()
        assert seen == [True, False, False]

"""Asynchronous edge of writing: events and flows are acknowledged when they are on disk, not before.

Sessions submit the rows of a message and go on; what was submitted in the meantime goes into one
insert, in its order. While the store is away what is queued waits, up to a bound; the probes keep
their copies, and nothing is acknowledged.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from collector.store.errors import RowsRefusedError, StoreError, StoreUnavailableError
from collector.store.events import StoredEvent
from collector.store.flows import StoredFlow
from collector.store.store import Store
from fabricscope import log
from fabricscope.model import Kind, MetricSpec
from fabricscope.tally import Tally

ROWS = MetricSpec(
    "fabricscope_collector_store_rows_total",
    Kind.COUNTER,
    "Events and flows written to the store, resent ones included.",
    ("kind",),
)
INSERTS = MetricSpec("fabricscope_collector_store_inserts_total", Kind.COUNTER, "Inserts that the store took.")
FAILURES = MetricSpec(
    "fabricscope_collector_store_failures_total",
    Kind.COUNTER,
    "Times that the store could not be opened or written to; each is tried again.",
)
REFUSED = MetricSpec(
    "fabricscope_collector_store_rows_refused_total",
    Kind.COUNTER,
    "Events and flows that the store will never take.",
    ("kind",),
)
LEFT = MetricSpec(
    "fabricscope_collector_store_rows_left_total",
    Kind.COUNTER,
    "Events and flows not queued because the store is behind; probes send theirs again.",
    ("kind",),
)
QUEUED = MetricSpec(
    "fabricscope_collector_store_queue_bytes",
    Kind.GAUGE,
    "Approximate memory of the events and flows that wait for the store.",
    unit="bytes",
)
UP = MetricSpec(
    "fabricscope_collector_store_up", Kind.GAUGE, "Whether the last insert, or the opening, of the store succeeded."
)
METRICS = (ROWS, INSERTS, FAILURES, REFUSED, LEFT, QUEUED, UP)

MAX_INSERT_BYTES = 8 << 20
"""An insert takes submissions until it holds this much, and at least one."""
MAX_QUEUE_BYTES = 64 << 20
"""With this much waiting, nothing more is queued."""
GATHER_SECONDS = 0.05
"""Time in which submissions gather for one insert: each insert is a part on disk that must be merged later."""
FIRST_RETRY_SECONDS = 0.5
LAST_RETRY_SECONDS = 30.0

_ROW_BYTES = 512
"""What an event takes besides its text."""
_FLOW_BYTES = 6000
"""What a flow takes, about."""

StoredRows = Sequence[StoredEvent] | Sequence[StoredFlow]
"""Rows of one table."""


class _Submission(NamedTuple):
    rows: StoredRows
    kind: str
    size: int
    durable: asyncio.Future[None]


class StoreWriter:
    """Writes what sessions submit. Belongs to one event loop; `run` does the work until it is cancelled.

    `pause` waits for some seconds; tests pass one that does not.
    """

    def __init__(self, store: Store, tally: Tally, pause: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._store = store
        self._tally = tally
        self._pause = pause
        self._log = log.get("store")
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store-writer")
        self._queue: deque[_Submission] = deque()
        self._queued_bytes = 0
        self._waiting = asyncio.Event()
        """Set while the queue holds something."""
        self._stopped = False
        self._away = not store.is_open
        tally.set(UP, to=int(store.is_open))
        tally.set(QUEUED, to=0)

    @property
    def behind(self) -> bool:
        """Whether the store is away, or the queue half full: no time to offer again what was left."""
        return self._away or self._queued_bytes > MAX_QUEUE_BYTES // 2

    def try_submit(self, rows: StoredRows) -> asyncio.Future[None] | None:
        """Queue the rows of one message; None, and nothing queued, when the queue is full or the writer stops.

        The future is done when the rows are on disk. It fails with RowsRefusedError when they never
        will be, and with StoreUnavailableError when the writer stops before. Whoever no longer
        cares may cancel it; the rows are written all the same. What is queued is written in its order.
        """
        if self._stopped or self._queued_bytes >= MAX_QUEUE_BYTES:
            self._tally.add(LEFT, kind_of(rows), by=len(rows))
            return None
        submission = _Submission(rows, kind_of(rows), sum(map(_size, rows)), asyncio.get_running_loop().create_future())
        self._queue.append(submission)
        self._account(submission.size)
        self._waiting.set()
        return submission.durable

    async def run(self) -> None:
        """Open the store unless it is open, and write until cancelled.

        Raises StoreError, with what to change, when the store needs an operator before it opens.
        """
        try:
            await self._retried(self._store.open)
            while True:
                await self._waiting.wait()
                await self._pause(GATHER_SECONDS)
                await self._write(self._next_group())
        finally:
            self._stopped = True
            # The insert in hand may still succeed: waited for, so that the store can be closed after this.
            await asyncio.to_thread(self._thread.shutdown)
            self._fail(self._queue, StoreUnavailableError("the collector is stopping"))
            self._queue.clear()
            self._account(-self._queued_bytes)

    def _next_group(self) -> list[_Submission]:
        """The first submissions of the queue, of one kind, which stay in it until they are done with."""
        group: list[_Submission] = []
        size = 0
        for submission in self._queue:
            if group and (size + submission.size > MAX_INSERT_BYTES or submission.kind != group[0].kind):
                break
            group.append(submission)
            size += submission.size
        return group

    async def _write(self, group: Sequence[_Submission]) -> None:
        """Store a group in one insert; one by one when something in it will never fit."""
        rows, kind = [row for submission in group for row in submission.rows], group[0].kind
        try:
            await self._retried(lambda: self._store.insert(rows))
        except RowsRefusedError as error:
            if len(group) > 1:
                for submission in group:
                    await self._write([submission])
                return
            self._log.error("rows refused", kind=kind, rows=len(rows), reason=str(error))
            self._tally.add(REFUSED, kind, by=len(rows))
            self._fail(group, error)
        else:
            self._tally.add(INSERTS)
            self._tally.add(ROWS, kind, by=len(rows))
            for submission in group:
                if not submission.durable.done():
                    submission.durable.set_result(None)
        for _ in group:
            self._account(-self._queue.popleft().size)
        if not self._queue:
            self._waiting.clear()

    async def _retried(self, work: Callable[[], None]) -> None:
        """Do `work` in the thread, again and again while the store is away."""
        delay = FIRST_RETRY_SECONDS
        while True:
            try:
                await asyncio.get_running_loop().run_in_executor(self._thread, work)
            except StoreUnavailableError as error:
                self._tally.add(FAILURES)
                self._away = True
                self._tally.set(UP, to=0)
                self._log.warning("store unavailable", reason=str(error), retry_seconds=delay)
                await self._pause(delay)
                delay = min(2 * delay, LAST_RETRY_SECONDS)
            else:
                self._away = False
                self._tally.set(UP, to=1)
                return

    def _account(self, size: int) -> None:
        self._queued_bytes += size
        self._tally.set(QUEUED, to=self._queued_bytes)

    @staticmethod
    def _fail(submissions: Iterable[_Submission], error: StoreError) -> None:
        for submission in submissions:
            if not submission.durable.done():
                submission.durable.set_exception(error)
                # Looked at, so that asyncio does not complain about a submitter that has left.
                submission.durable.exception()


def kind_of(rows: StoredRows) -> str:
    """The word that metrics have for these rows."""
    return "flow" if rows and isinstance(rows[0], StoredFlow) else "event"


def _size(row: StoredEvent | StoredFlow) -> int:
    """About how much memory a row takes, in bytes."""
    if isinstance(row, StoredFlow):
        return _FLOW_BYTES
    event = row.event
    texts = sum(len(key) + len(value) for pairs in (event.subject, event.attributes) for key, value in pairs.items())
    return _ROW_BYTES + len(event.message) + texts

"""The spool as the event loop sees it: its own thread, and a bell for the stream."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from fabricscope import log
from fabricscope.clock import NANOSECONDS, Clock
from fabricscope.codec import encode_events, encode_flows, encode_samples
from fabricscope.flow import Flow
from fabricscope.model import Event, Kind, MetricSpec, Sampled, SeriesSet
from fabricscope.settings import SettingsError
from fabricscope.tally import Tally
from fabricscope.v1 import stream_pb2
from probes.message import Message, MessageKind, SpoolError
from probes.spool import Spool

BYTES = MetricSpec(
    "fabricscope_probe_spool_bytes",
    Kind.GAUGE,
    "Bytes of messages, and of the names of their series, kept until a collector has them.",
    unit="bytes",
)
MESSAGES = MetricSpec("fabricscope_probe_spool_messages", Kind.GAUGE, "Messages kept until a collector has them.")
DROPPED = MetricSpec(
    "fabricscope_probe_spool_dropped_total",
    Kind.COUNTER,
    "Samples, flows and events that no collector will get, by reason: full (the spool's bound), expired (its age), "
    "refused (by the collector), disk (the file could not be opened or written, or not fast enough).",
    ("kind", "reason"),
)
DROPPED_MESSAGES = MetricSpec(
    "fabricscope_probe_spool_dropped_messages_total",
    Kind.COUNTER,
    "Messages given up; the reasons are those of fabricscope_probe_spool_dropped_total.",
    ("kind", "reason"),
)
METRICS = (BYTES, MESSAGES, DROPPED, DROPPED_MESSAGES)

MAX_WAITING = 64
"""Messages that wait for the disk; more are lost, since a disk that hangs must not fill the memory. Samples
find no place once half are taken: the rest are for what matters more."""
MAX_MESSAGE_BYTES = 512 << 10
"""What happens together shares a message up to about this size, which every collector takes."""
RETRY_NS = 30 * NANOSECONDS
"""Time between attempts to open a spool that the disk would not have; they are made when there is something to keep."""

T = TypeVar("T")
Row = TypeVar("Row")


class SpoolOutbox:
    """Appends to the spool, and hands its messages to the stream. Nothing here waits for the disk but `close`.

    A disk that would not have the spool at the start costs what was to be kept, and nothing else: it is counted,
    and the spool is tried again.
    """

    def __init__(self, open_spool: Callable[[], Spool], clock: Clock, tally: Tally) -> None:
        """Opens the spool, which only this object's thread uses from then on.

        Raises SettingsError when it cannot be opened and no disk is to blame.
        """
        self._open = open_spool
        self._spool: Spool | None = None
        self._opened = asyncio.Event()
        self._unopened = ""
        """Why there is no spool yet."""
        self._retry = clock().mono + RETRY_NS
        self._clock = clock
        self._tally = tally
        self._log = log.get("spool")
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="spool")
        self._bell = asyncio.Event()
        self._waiting = 0
        self._lost: dict[MessageKind, tuple[int, int]] = {}
        """Messages and items that the disk did not take, which it cannot remember either."""
        self._disk_fails = False
        try:
            self._spool = open_spool()
        except SpoolError as error:
            self._unopened = str(error)
            self._disk_failed(error)
        else:
            self._opened.set()
            self._publish()

    async def epoch(self) -> str:
        """The spool's epoch, once it could be opened."""
        await self._opened.wait()
        return await self._call(lambda spool: spool.epoch)

    def append_samples(self, batches: Sequence[Sampled]) -> None:
        """Keep the batches of one tick, as one message unless they are large."""
        for group in _grouped(batches):
            payload = encode_samples(sampled.batch for sampled in group).SerializeToString()
            sets = [sampled.series_set for sampled in group]
            self._append(MessageKind.SAMPLES, payload, sum(map(len, sets)), sets)

    def append_events(self, events: Sequence[Event]) -> None:
        """Keep events, as one message unless they are large."""
        self._append_rows(MessageKind.EVENTS, events, encode_events)

    def append_flows(self, flows: Sequence[Flow]) -> None:
        """Keep flows, as one message unless they are large."""
        self._append_rows(MessageKind.FLOWS, flows, encode_flows)

    async def pending(self, after: int, max_bytes: int) -> list[Message]:
        """The next messages after a sequence, in order. Raises SpoolError."""
        # Silenced before the look: what is appended after it rings again.
        self._bell.clear()
        return await self._call(lambda spool: spool.pending(after, max_bytes))

    async def declaration(self, identifier: bytes) -> bytes | None:
        """The declaration of a series set; None when no message needs it. Raises SpoolError."""
        return await self._call(lambda spool: spool.declaration(identifier))

    async def acknowledge(self, sequence: int, durable_sequence: int, refused: Sequence[int]) -> None:
        """Forget samples up to `sequence`, flows and events up to `durable_sequence`, and those `refused`."""
        try:
            await self._call(lambda spool: spool.acknowledge(sequence, durable_sequence, refused))
        except SpoolError as error:
            # They will be sent and acknowledged again: the collector takes a message once.
            self._disk_failed(error)
        else:
            self._disk_worked()

    async def wait(self) -> None:
        """Return when something was appended since `pending` was last asked."""
        await self._bell.wait()

    async def close(self) -> None:
        """Finish what is being written and close the file."""
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        except SpoolError as error:
            self._disk_failed(error)
        self._thread.shutdown(wait=False)

    def _append_rows(
        self, kind: MessageKind, rows: Sequence[Row], encode: Callable[[Sequence[Row]], stream_pb2.StreamRequest]
    ) -> None:
        payload = encode(rows).SerializeToString()
        if len(payload) > MAX_MESSAGE_BYTES and len(rows) > 1:
            middle = len(rows) // 2
            self._append_rows(kind, rows[:middle], encode)
            self._append_rows(kind, rows[middle:], encode)
        elif rows:
            self._append(kind, payload, len(rows), [])

    def _append(self, kind: MessageKind, payload: bytes, items: int, series_sets: Sequence[SeriesSet]) -> None:
        if self._waiting >= (MAX_WAITING // 2 if kind is MessageKind.SAMPLES else MAX_WAITING):
            self._lose(kind, items, SpoolError(f"{self._waiting} messages wait for the disk"))
            return
        self._waiting += 1
        now = self._clock().mono
        appending = self._call(lambda spool: spool.append(kind, payload, items, now, series_sets))
        appending.add_done_callback(partial(self._appended, kind, items))

    def _appended(self, kind: MessageKind, items: int, appending: asyncio.Future[int | None]) -> None:
        self._waiting -= 1
        error = appending.exception()
        if error is not None:
            self._lose(kind, items, error)
        else:
            self._opened.set()
            self._bell.set()
            self._disk_worked()

    def _lose(self, kind: MessageKind, items: int, error: BaseException) -> None:
        messages, lost = self._lost.get(kind, (0, 0))
        self._lost[kind] = (messages + 1, lost + items)
        self._disk_failed(error)

    def _disk_failed(self, error: BaseException) -> None:
        if not self._disk_fails:
            self._log.error("the spool cannot be written, messages are lost until it can", reason=str(error))
        self._disk_fails = True
        self._publish()

    def _disk_worked(self) -> None:
        if self._disk_fails:
            self._log.info("the spool can be written again")
        self._disk_fails = False
        self._publish()

    def _call(self, function: Callable[[Spool], T]) -> asyncio.Future[T]:
        """What a function makes of the spool, on its thread. SpoolError when there is none."""
        return asyncio.get_running_loop().run_in_executor(self._thread, lambda: function(self._there()))

    def _there(self) -> Spool:
        """The spool; opened first when there is none and it is time to try again."""
        if self._spool is None:
            now = self._clock().mono
            if now < self._retry:
                raise SpoolError(self._unopened)
            self._retry = now + RETRY_NS
            try:
                self._spool = self._open()
            except (SpoolError, SettingsError) as error:
                self._unopened = str(error)
                raise SpoolError(self._unopened) from error
        return self._spool

    def _close(self) -> None:
        if self._spool is not None:
            self._spool.close()

    def _publish(self) -> None:
        rows: list[tuple[MessageKind, str, int, int]] = []
        if self._spool is not None:
            self._tally.set(BYTES, to=self._spool.bytes)
            self._tally.set(MESSAGES, to=self._spool.messages)
            rows += [(row.kind, row.reason, row.messages, row.items) for row in self._spool.dropped]
        rows += [(kind, "disk", messages, items) for kind, (messages, items) in self._lost.items()]
        for kind, reason, messages, items in rows:
            self._tally.set(DROPPED, kind.name.lower(), reason, to=items)
            self._tally.set(DROPPED_MESSAGES, kind.name.lower(), reason, to=messages)


def _grouped(batches: Sequence[Sampled]) -> Iterator[list[Sampled]]:
    """The batches in groups of about MAX_MESSAGE_BYTES at most; a larger one stands alone."""
    group: list[Sampled] = []
    size = 0
    for sampled in batches:
        # Up to ten octets for each value, one for its quality, and some around them.
        more = 11 * len(sampled.series_set) + 128
        if group and size + more > MAX_MESSAGE_BYTES:
            yield group
            group, size = [], 0
        group.append(sampled)
        size += more
    if group:
        yield group

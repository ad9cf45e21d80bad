"""The recorder as the event loop sees it: its own thread, and a queue of events that freeze what is known.

Nothing here waits for the disk but `close`. A disk that fails costs recordings, and nothing else: they are counted.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Protocol, TypeVar, runtime_checkable

from fabricscope import log
from fabricscope.clock import NANOSECONDS, Clock
from fabricscope.model import Event, Kind, MetricSpec, Now, Sampled
from fabricscope.tally import Tally
from probes.engine.steps import FrozenSteps
from probes.recorder import flight
from probes.recorder.evidence import Evidence, Journal
from probes.recorder.flight import Trigger
from probes.recorder.settings import RecorderSettings

EVIDENCE_BYTES = MetricSpec(
    "fabricscope_probe_evidence_bytes", Kind.GAUGE, "Size of the journal of evidence.", unit="bytes"
)
EVIDENCE_LOST = MetricSpec(
    "fabricscope_probe_evidence_lost_total",
    Kind.COUNTER,
    "Batches and events that the journal of evidence does not have, by reason: disk (it failed, or was not fast "
    "enough), full (the oldest went for want of room).",
    ("reason",),
)
RECORDINGS = MetricSpec("fabricscope_probe_recordings_total", Kind.COUNTER, "Recordings that events made.")
RECORDINGS_LOST = MetricSpec(
    "fabricscope_probe_recordings_lost_total",
    Kind.COUNTER,
    "Recordings that events should have made and did not, by reason: interval (too soon after the last one), disk.",
    ("reason",),
)
RECORDINGS_REMOVED = MetricSpec(
    "fabricscope_probe_recordings_removed_total", Kind.COUNTER, "Recordings that had to go for newer ones."
)
METRICS = (EVIDENCE_BYTES, EVIDENCE_LOST, RECORDINGS, RECORDINGS_LOST, RECORDINGS_REMOVED)

MAX_WAITING = 64
"""Rounds that wait for the disk; more are lost, since a disk that hangs must not fill the memory."""
RETRY_NS = 30 * NANOSECONDS
"""Time between attempts to open a journal that the disk would not have."""
_REMEDY = "give the probe's user a directory that it can write, with room: probe.recorder.directory"
_TRIGGERS = 16
"""Events that wait for their recording."""

Freeze = Callable[[], FrozenSteps | None]
"""What gives the steps of the last minutes; None when there are none. Called in the recorder's thread."""

T = TypeVar("T")


@runtime_checkable
class Freezing(Protocol):
    """A sampler that keeps the steps of the last minutes."""

    def freeze(self) -> FrozenSteps:
        """Them, as they are. Called in the recorder's thread."""
        ...


class Recorder:
    """Keeps evidence, and makes a recording of what led to an event."""

    def __init__(self, settings: RecorderSettings, host: str, clock: Clock, tally: Tally, freeze: Freeze) -> None:
        """Opens nothing yet: the first evidence does."""
        self._settings = settings
        self._host = host
        self._clock = clock
        self._tally = tally
        self._freeze = freeze
        self._log = log.get("recorder")
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="recorder")
        self._waiting = 0
        self._kept_at: dict[str, int] = {}
        """When each sampler's last batch was kept (monotonic ns)."""
        self._trigger = Trigger(settings.flight)
        self._triggers: asyncio.Queue[Event] = asyncio.Queue(_TRIGGERS)
        self._fails = False
        # From here on the recorder's thread's alone.
        self._journal: Journal | None = None
        self._retry: int | None = None

    def observe(self, batches: Sequence[Sampled], events: Sequence[Event]) -> None:
        """What samplers gave and what happened. Called in the event loop's thread; never waits."""
        now = self._clock()
        if self._settings.evidence.enabled:
            chosen = [sampled for sampled in batches if self._is_due(sampled, now)]
            if chosen or events:
                self._keep(Evidence(now, chosen, list(events)))
        for event in events:
            if self._trigger.matches(event):
                self._fire(event, now)

    async def run(self) -> None:
        """Make recordings until cancelled."""
        try:
            await self._call(lambda: flight.remove_partial(self._settings.recordings))
        except OSError as error:
            self._log.warning("what was begun before could not be removed", reason=str(error))
        while True:
            event = await self._triggers.get()
            await asyncio.sleep(self._settings.flight.after_seconds)
            try:
                path, removed = await self._call(partial(self._record, event))
            except Exception as error:  # noqa: BLE001  whatever it is, the probe goes on without this recording
                self._tally.add(RECORDINGS_LOST, "disk")
                self._log.error(
                    "a recording could not be written",
                    kind=event.kind,
                    directory=str(self._settings.recordings),
                    reason=str(error),
                    remedy=_REMEDY,
                )
            else:
                self._tally.add(RECORDINGS)
                self._tally.add(RECORDINGS_REMOVED, by=removed)
                self._log.info("recorded", kind=event.kind, file=str(path))

    async def close(self) -> None:
        """Finish what is being written and close the journal."""
        try:
            await self._call(self._close_journal)
        except sqlite3.Error as error:
            self._log.error("the journal of evidence was not closed well", reason=str(error))
        self._thread.shutdown(wait=False)

    # --- in the event loop's thread

    def _is_due(self, sampled: Sampled, now: Now) -> bool:
        """Whether a sampler's batch is to be kept: not those that come too soon after the last one."""
        name, interval = sampled.series_set.sampler, int(self._settings.evidence.interval_seconds * NANOSECONDS)
        last = self._kept_at.get(name)
        # A tick that comes a little early is still the one that is due.
        if last is not None and now.mono - last < interval - interval // 20:
            return False
        self._kept_at[name] = now.mono
        return True

    def _keep(self, evidence: Evidence) -> None:
        rows = len(evidence.batches) + len(evidence.events)
        if self._waiting >= MAX_WAITING:
            self._lost(rows, f"{self._waiting} rounds wait for the disk")
            return
        self._waiting += 1
        keeping = self._call(lambda: self._append(evidence))

        def done(future: asyncio.Future[tuple[int, int]]) -> None:
            self._waiting -= 1
            if (error := future.exception()) is not None:
                self._lost(rows, str(error))
                return
            octets, dropped = future.result()
            self._tally.set(EVIDENCE_BYTES, to=octets)
            self._tally.add(EVIDENCE_LOST, "full", by=dropped)
            if self._fails:
                self._log.info("evidence is kept again")
            self._fails = False

        keeping.add_done_callback(done)

    def _lost(self, rows: int, reason: str) -> None:
        self._tally.add(EVIDENCE_LOST, "disk", by=rows)
        if not self._fails:
            self._log.error(
                "evidence cannot be kept, it is lost until it can",
                file=str(self._settings.journal),
                reason=reason,
                remedy=_REMEDY,
            )
        self._fails = True

    def _fire(self, event: Event, now: Now) -> None:
        if not self._trigger.fires(now) or self._triggers.full():
            self._tally.add(RECORDINGS_LOST, "interval")
            return
        self._triggers.put_nowait(event)

    def _call(self, function: Callable[[], T]) -> asyncio.Future[T]:
        return asyncio.get_running_loop().run_in_executor(self._thread, function)

    # --- in the recorder's thread

    def _append(self, evidence: Evidence) -> tuple[int, int]:
        """Keep evidence; the journal's size, and how much went for it. Raises OSError and sqlite3.Error."""
        journal = self._opened(evidence.now)
        before = journal.dropped
        try:
            journal.append(evidence)
            return journal.octets(), journal.dropped - before
        except sqlite3.Error:
            # It is looked at anew, and moved aside when it is damaged.
            self._retry = evidence.now.mono + RETRY_NS
            self._close_journal()
            raise

    def _opened(self, now: Now) -> Journal:
        if self._journal is None:
            if self._retry is not None and now.mono < self._retry:
                raise OSError("the journal is tried again later")
            self._retry = now.mono + RETRY_NS
            settings = self._settings
            self._journal = Journal(settings.journal, settings.evidence.max_bytes, self._host)
            if self._journal.moved_aside:
                self._log.warning("a journal was moved aside", reason=self._journal.moved_aside)
            self._retry = None
        return self._journal

    def _record(self, event: Event) -> tuple[object, int]:
        """Write the recording of an event; its path, and how many had to go for it."""
        now, settings = self._clock(), self._settings.flight
        since = event.time_unix_ns - int(settings.evidence_seconds * NANOSECONDS)
        directory = self._settings.recordings
        path = flight.write(directory, self._host, event, self._freeze(), self._journal, since, now)
        return path, len(list(flight.tidy(directory, settings.max_recordings, settings.max_bytes)))

    def _close_journal(self) -> None:
        journal, self._journal = self._journal, None
        if journal is not None:
            journal.close()

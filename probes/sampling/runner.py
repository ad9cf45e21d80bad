"""Runs one sampler in a thread of its own, under a deadline.

A read that hangs in the kernel cannot be interrupted, so its thread is left alone: the sampler is
reported as hung, is not started a second time, and is taken up again when the read returns.
"""

from __future__ import annotations

import asyncio
import enum
import queue
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from itertools import islice
from typing import NamedTuple

from fabricscope import log
from fabricscope.clock import NANOSECONDS, Clock, thread_cpu_ns
from fabricscope.flow import Flow
from fabricscope.model import Event, Now, Sampled, Severity
from probes.sampling.pipeline import MAX_READINGS, Pipeline, fits
from probes.sampling.sampler import Row, Sampler, Waking

MAX_TOLD = 1000
"""Events and flows that are kept of samples that came late or failed; the latest stay."""
MAX_REASON = 500
"""Characters of a sampler's complaint that are passed on."""


class Result(enum.Enum):
    """How a tick of a sampler went."""

    OK = "ok"
    FAILED = "failed"
    HUNG = "hung"


class Outcome(NamedTuple):
    """What one tick of a sampler came to."""

    sampler: str
    result: Result
    sampled: Sampled | None
    """The batch; when the tick did not go well the last one, marked stale; None when there never was one."""
    events: list[Event]
    """What happened to what it watches, and to the sampler itself."""
    readings: int
    """Values that were read."""
    duration_ns: int
    resets: int = 0
    """Device counters that started anew."""
    wraps: int = 0
    """Device counters that went round."""
    started_ns: int = 0
    """When the tick began (monotonic ns)."""
    cpu_ns: int = 0
    """Processor time that the sampler's thread used."""
    log_lines: int = 0
    """Lines that the kernel logged meanwhile."""
    lines_before: int = 0
    """Lines that it logged between the sample before and this one."""
    reason: str = ""
    """Why the tick did not go well."""
    flows: Sequence[Flow] = ()
    """Flow records that were written."""


class _Taken(NamedTuple):
    """What a sampler's thread brought home."""

    rows: list[Row]
    """All that it gave; what it gave before it raised, if it did."""
    error: BaseException | None
    cpu_ns: int
    log_lines: int
    lines_before: int


class SamplerRunner:
    """Owns the sampler's thread. `tick` is called from one event loop, one call at a time."""

    def __init__(
        self,
        name: str,
        sampler: Sampler,
        pipeline: Pipeline,
        deadline_ns: int,
        clock: Clock,
        previous: SamplerRunner | None = None,
        log_lines: Callable[[], int] = int,
    ) -> None:
        """`name` is the sampler's entry point; `previous` is its runner before a reload, closed by its owner.

        `log_lines` counts what the kernel has logged, so that it shows what it logs during a sample.
        Until the thread of `previous` has ended this one starts nothing: what hangs is not started twice.
        """
        self.name = name
        self.pipeline = pipeline
        self.deadline_ns = deadline_ns
        self._sampler = sampler
        self._waking = sampler if isinstance(sampler, Waking) else None
        self._clock = clock
        self._log_lines = log_lines
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._running: asyncio.Future[_Taken] | None = None
        self._late = ""
        """Why it was given up waiting for `_running`."""
        self._owed: list[Event | Flow] = []
        """Events and flows of samples that came late: nobody would tell of them again."""
        self._logged: int | None = None
        """How much the kernel had logged when the last sample ended."""
        self.trouble: Result = Result.OK if previous is None else previous.trouble
        """How the last tick went."""
        before = None if previous is None else previous.thread
        # A daemon thread: one that hangs in the kernel must not keep the process from ending.
        self.thread: threading.Thread = threading.Thread(
            target=self._work, args=(before,), name=f"sampler-{name}", daemon=True
        )
        self.thread.start()

    async def tick(self) -> Outcome:
        """Sample once, or say why not, within the deadline. Never raises for what the sampler does."""
        started = self._clock()
        if self._running is not None and not self._running.done():
            return self._not_well(Result.HUNG, started, self._late)
        self._collect()
        self._running = running = self._start(started)
        await asyncio.wait([running], timeout=self.deadline_ns / NANOSECONDS)
        if not running.done():
            self._late = f"no answer within its deadline of {self.deadline_ns / NANOSECONDS:g} s"
            return self._not_well(Result.HUNG, started, self._late)
        taken = running.result()
        owed, self._owed = self._owed, []
        rows = [*owed, *taken.rows] if owed else taken.rows
        if taken.error is not None:
            return self._not_well(Result.FAILED, started, _shown(taken.error), _told(rows))
        try:
            processed = self.pipeline.process(rows, started)
        except Exception as error:  # noqa: BLE001  one broken sampler must not blind the rest
            return self._not_well(Result.FAILED, started, _shown(error), _told(rows))
        events = self._change(Result.OK, "") + processed.events
        return Outcome(
            self.name,
            Result.OK,
            processed.sampled,
            events,
            processed.readings,
            self._since(started),
            processed.resets,
            processed.wraps,
            started.mono,
            taken.cpu_ns,
            taken.log_lines,
            taken.lines_before,
            flows=processed.flows,
        )

    def wake_descriptor(self) -> int | None:
        """What becomes readable when the sampler should not wait for its tick; None when it has no such thing."""
        if self._waking is None or self._running is None or not self._running.done():
            return None
        try:
            return self._waking.wake_descriptor()
        except Exception:  # noqa: BLE001  it is asked in the event loop, where one broken sampler would end all
            return None

    def close(self) -> None:
        """Let the thread end once its present call has returned; the sampler is closed there."""
        self._jobs.put(None)

    def _start(self, now: Now) -> asyncio.Future[_Taken]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[_Taken] = loop.create_future()

        def job() -> None:
            # What it costs to count lines is not the sampler's.
            lines, before = self._log_lines(), thread_cpu_ns()
            lines_before = 0 if self._logged is None else lines - self._logged
            rows: list[Row] = []
            failure: BaseException | None = None
            try:
                # What comes before an error stays in the list: events that nobody would tell of again.
                rows.extend(islice(self._sampler.sample(now), MAX_READINGS + 1))
            except BaseException as error:  # noqa: BLE001  such as SystemExit, which would end the thread
                failure = error
            cpu_ns, self._logged = thread_cpu_ns() - before, self._log_lines()
            _post(loop, future, _Taken(rows, failure, cpu_ns, self._logged - lines, lines_before))

        self._jobs.put(job)
        return future

    def _collect(self) -> None:
        """Keep the events and flows of a sample that came late; its readings are too old."""
        if self._late and self._running is not None:
            self._owed = _told([*self._owed, *self._running.result().rows])
        self._late = ""

    def _work(self, before: threading.Thread | None) -> None:
        if before is not None:
            before.join()
        while (job := self._jobs.get()) is not None:
            job()
        try:
            self._sampler.close()
        except Exception as error:  # noqa: BLE001  there is nobody left to tell but the log
            log.get("sampler").warning("not closed", sampler=self.name, reason=_shown(error))

    def _not_well(self, result: Result, started: Now, reason: str, told: Sequence[Event | Flow] = ()) -> Outcome:
        events = [*self._change(result, reason), *(row for row in told if isinstance(row, Event))]
        return Outcome(
            self.name,
            result,
            self.pipeline.stale(started),
            events,
            0,
            self._since(started),
            started_ns=started.mono,
            reason=reason,
            flows=[row for row in told if isinstance(row, Flow)],
        )

    def _change(self, result: Result, reason: str) -> list[Event]:
        """The event of getting into trouble or out of it; none while things are as they were."""
        before, self.trouble = self.trouble, result
        return [] if result is before else [_event(self.name, result, before, reason, self._clock())]

    def _since(self, started: Now) -> int:
        return self._clock().mono - started.mono


def _post(loop: asyncio.AbstractEventLoop, future: asyncio.Future[_Taken], taken: _Taken) -> None:
    """Resolve `future` from the sampler's thread."""

    def resolve() -> None:
        if not future.done():
            future.set_result(taken)

    # A loop that has closed meanwhile no longer cares.
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(resolve)


def _told(rows: Iterable[Row]) -> list[Event | Flow]:
    """What a sampler gave besides its readings, without events that no collector would take."""
    return [row for row in rows if isinstance(row, Flow) or (isinstance(row, Event) and fits(row))][-MAX_TOLD:]


def _shown(error: BaseException) -> str:
    text = f"{type(error).__name__}: {error}"[:MAX_REASON]
    # Names of files that are no UTF-8 have lone surrogates in Python, which fit no message.
    return text.encode("utf-8", "replace").decode()


def _event(sampler: str, result: Result, before: Result, reason: str, now: Now) -> Event:
    if result is Result.OK:
        kind, severity, text = "sampler.recovered", Severity.INFO, f"works again (it had {before.value})"
    else:
        kind, severity, text = f"sampler.{result.value}", Severity.WARNING, f"{result.value}: {reason}"
    return Event(
        time_unix_ns=now.wall,
        monotonic_ns=now.mono,
        kind=kind,
        severity=severity,
        message=f"sampler {sampler} {text}",
        subject={"sampler": sampler},
        attributes={"reason": reason} if reason else {},
    )

"""The beat of the probe: starts the samplers that are due, and hands on together what they gave.

A sampler may have a descriptor that is readable when the kernel has news (probes/sampling/sampler.py, Waking): then it
is sampled at once, and what it gave goes its own way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from fabricscope import log
from fabricscope.clock import NANOSECONDS, Clock
from probes.sampling.runner import Outcome
from probes.sampling.schedule import Schedule

GATHER_SECONDS = 0.1
"""Samplers that are due together share a message if they answer within this time; a slow one gets its own."""
MAX_WAKES = 20
"""Wakes of one sampler in a row; then there is one for each WAKE_REFILL_NS, so that a flood of news costs little."""
WAKE_REFILL_NS = NANOSECONDS // 10


class Ticking(Protocol):
    """What is sampled from time to time: a SamplerRunner, or the probe's own figures."""

    async def tick(self) -> Outcome:
        """One sample. Never raises for what the sampler does."""
        ...

    def wake_descriptor(self) -> int | None:
        """What becomes readable when it should not wait for its tick; asked after each."""
        ...


class Rounds:
    """Runs every sampler at its own interval. One that is still at its last tick misses the next."""

    def __init__(
        self,
        runners: Mapping[str, Ticking],
        schedule: Schedule,
        deliver: Callable[[Sequence[Outcome]], None],
        clock: Clock,
        gather_seconds: float = GATHER_SECONDS,
    ) -> None:
        """`deliver` is called with the outcomes of a round, and by itself with each that comes later."""
        self._runners = runners
        self._schedule = schedule
        self._deliver = deliver
        self._clock = clock
        self._gather_seconds = gather_seconds
        self._log = log.get("rounds")
        self._watched: dict[str, int] = {}
        """Descriptors that are waited on, by sampler."""
        self._under_way: set[str] = set()
        """Samplers whose tick was begun and is not over."""
        self._deaf: set[str] = set()
        """Samplers whose descriptor could not be waited on."""
        self._ended = False
        self._spent = dict.fromkeys(runners, 0)
        """When each sampler's allowance of wakes would be full again (monotonic ns)."""

    async def run(self) -> None:
        """Go on until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                while True:
                    await self.round(tasks)
                    await asyncio.sleep(self._schedule.wait(self._clock().mono) / NANOSECONDS)
        finally:
            self._ended = True
            for name in list(self._watched):
                self._unwatch(name)

    async def round(self, tasks: asyncio.TaskGroup) -> None:
        """Start what is due, and wait for it a little; what is late is delivered when it comes."""
        started = []
        for name in self._schedule.due(self._clock().mono):
            if name in self._under_way:
                self._schedule.skip(name)
            else:
                started.append(self._begin(name, tasks))
        if not started:
            return
        done, _ = await asyncio.wait(started, timeout=self._gather_seconds)
        for task in started:
            if task not in done:
                tasks.create_task(self._deliver_later(task))
        if done:
            self._hand_on([task.result() for task in started if task in done])

    def _begin(self, name: str, tasks: asyncio.TaskGroup) -> asyncio.Task[Outcome]:
        """Start a tick, which is under way from now on: news and the schedule may ask for it at the same moment."""
        # Nobody looks at the descriptor during a sample, which reads it and may replace it.
        self._unwatch(name)
        self._under_way.add(name)
        return tasks.create_task(self._tick(name, tasks))

    async def _tick(self, name: str, tasks: asyncio.TaskGroup) -> Outcome:
        try:
            outcome = await self._runners[name].tick()
        finally:
            self._under_way.discard(name)
        self._watch(name, tasks)
        return outcome

    def _watch(self, name: str, tasks: asyncio.TaskGroup) -> None:
        """Wait for the sampler's news; not yet when it has had its share of late."""
        if self._ended or name in self._under_way or name in self._watched:
            return
        descriptor = self._runners[name].wake_descriptor()
        if descriptor is None:
            return
        loop = asyncio.get_running_loop()
        excess = self._spent[name] - self._clock().mono - MAX_WAKES * WAKE_REFILL_NS
        if excess > 0:
            loop.call_later(excess / NANOSECONDS, self._watch, name, tasks)
            return
        try:
            loop.add_reader(descriptor, self._wake, name, tasks)
        except (OSError, ValueError) as error:
            # As for a regular file or /dev/null in the place of a device: it has its ticks, and no more.
            if name not in self._deaf:
                self._deaf.add(name)
                self._log.warning("news of a sampler cannot be waited for", sampler=name, reason=str(error))
            return
        self._watched[name] = descriptor

    def _unwatch(self, name: str) -> None:
        if (descriptor := self._watched.pop(name, None)) is not None:
            asyncio.get_running_loop().remove_reader(descriptor)

    def _wake(self, name: str, tasks: asyncio.TaskGroup) -> None:
        """The sampler has news: sample it now."""
        self._spent[name] = max(self._spent[name], self._clock().mono) + WAKE_REFILL_NS
        tasks.create_task(self._deliver_later(self._begin(name, tasks)))

    async def _deliver_later(self, task: asyncio.Task[Outcome]) -> None:
        self._hand_on([await task])

    def _hand_on(self, outcomes: Sequence[Outcome]) -> None:
        try:
            self._deliver(outcomes)
        except Exception:  # noqa: BLE001  what cannot be delivered must not stop what comes after it
            names = ", ".join(outcome.sampler for outcome in outcomes)
            self._log.exception("what was sampled could not be delivered", samplers=names)

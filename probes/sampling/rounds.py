"""The beat of the probe: starts the samplers that are due, and hands on together what they gave."""

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


class Ticking(Protocol):
    """What is sampled from time to time: a SamplerRunner, or the probe's own figures."""

    busy: bool

    async def tick(self) -> Outcome:
        """One sample. Never raises for what the sampler does."""
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

    async def run(self) -> None:
        """Go on until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                await self.round(tasks)
                await asyncio.sleep(self._schedule.wait(self._clock().mono) / NANOSECONDS)

    async def round(self, tasks: asyncio.TaskGroup) -> None:
        """Start what is due, and wait for it a little; what is late is delivered when it comes."""
        started = []
        for name in self._schedule.due(self._clock().mono):
            if self._runners[name].busy:
                self._schedule.skip(name)
            else:
                started.append(tasks.create_task(self._runners[name].tick()))
        if not started:
            return
        done, _ = await asyncio.wait(started, timeout=self._gather_seconds)
        for task in started:
            if task not in done:
                tasks.create_task(self._deliver_later(task))
        if done:
            self._hand_on([task.result() for task in started if task in done])

    async def _deliver_later(self, task: asyncio.Task[Outcome]) -> None:
        self._hand_on([await task])

    def _hand_on(self, outcomes: Sequence[Outcome]) -> None:
        try:
            self._deliver(outcomes)
        except Exception:  # noqa: BLE001  what cannot be delivered must not stop what comes after it
            names = ", ".join(outcome.sampler for outcome in outcomes)
            self._log.exception("what was sampled could not be delivered", samplers=names)

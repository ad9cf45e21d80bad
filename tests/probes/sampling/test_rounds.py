from __future__ import annotations

import asyncio
from collections.abc import Sequence

from fabricscope.model import Now
from probes.sampling.rounds import Rounds
from probes.sampling.runner import Outcome, Result
from probes.sampling.schedule import Schedule
from tests.probes.conftest import LogLines
from tests.probes.made import SECOND, at


class Runner:
    """Answers when the test says so; at once from the beginning."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.busy = False
        self.ticks = 0
        self.answer = asyncio.Event()
        self.answer.set()

    async def tick(self) -> Outcome:
        self.ticks += 1
        self.busy = True
        await self.answer.wait()
        self.busy = False
        return Outcome(self.name, Result.OK, None, [], 0, 0)


class Desk:
    """Rounds over two runners, with the clock in hand, and what was delivered."""

    def __init__(self) -> None:
        self.now = 0.0
        self.runners = {"a": Runner("a"), "b": Runner("b")}
        self.schedule = Schedule(dict.fromkeys(self.runners, SECOND), 0)
        self.delivered: asyncio.Queue[list[str]] = asyncio.Queue()
        self.rounds = Rounds(self.runners, self.schedule, self.deliver, self.clock, gather_seconds=0.0)

    def clock(self) -> Now:
        return at(self.now)

    def deliver(self, outcomes: Sequence[Outcome]) -> None:
        self.delivered.put_nowait([outcome.sampler for outcome in outcomes])


async def test_what_is_due_together_is_delivered_together() -> None:
    desk = Desk()
    desk.rounds._gather_seconds = 3600
    async with asyncio.TaskGroup() as tasks:
        await desk.rounds.round(tasks)
    assert desk.delivered.get_nowait() == ["a", "b"]
    assert desk.delivered.empty()


async def test_nothing_is_delivered_when_nothing_is_due() -> None:
    desk = Desk()
    desk.schedule.due(0)
    async with asyncio.TaskGroup() as tasks:
        await desk.rounds.round(tasks)
    assert desk.delivered.empty()


async def test_a_slow_one_holds_nobody_up_and_is_delivered_when_it_comes() -> None:
    desk = Desk()
    desk.runners["b"].answer.clear()
    async with asyncio.TaskGroup() as tasks:
        await desk.rounds.round(tasks)
        assert await desk.delivered.get() == ["a"]
        desk.runners["b"].answer.set()
        assert await desk.delivered.get() == ["b"]


async def test_what_cannot_be_delivered_stops_nothing(log_lines: LogLines) -> None:
    desk = Desk()
    desk.rounds._deliver = lambda _: 1 / 0  # type: ignore[assignment]
    desk.runners["b"].answer.clear()
    async with asyncio.TaskGroup() as tasks:
        await desk.rounds.round(tasks)
        desk.runners["b"].answer.set()
    desk.rounds._deliver = desk.deliver
    desk.now = 1
    async with asyncio.TaskGroup() as tasks:
        await desk.rounds.round(tasks)
    assert await desk.delivered.get() == ["a", "b"]
    assert [line["samplers"] for line in log_lines] == ["a", "b"]


async def test_one_that_is_still_at_its_last_tick_misses_the_next() -> None:
    desk = Desk()
    desk.runners["b"].answer.clear()
    async with asyncio.TaskGroup() as tasks:
        for desk.now in (0, 1, 2):
            await desk.rounds.round(tasks)
        assert (desk.runners["a"].ticks, desk.runners["b"].ticks) == (3, 1)
        assert desk.schedule.missed == {"a": 0, "b": 2}
        desk.runners["b"].answer.set()
        assert [await desk.delivered.get() for _ in range(4)] == [["a"], ["a"], ["a"], ["b"]]
        desk.now = 3
        await desk.rounds.round(tasks)
    assert desk.runners["b"].ticks == 2


async def test_goes_on_until_cancelled_even_when_a_sampler_never_answers() -> None:
    desk = Desk()
    desk.runners["b"].answer.clear()
    running = asyncio.create_task(desk.rounds.run())
    assert await desk.delivered.get() == ["a"]
    running.cancel()
    await asyncio.wait([running])
    assert running.cancelled()

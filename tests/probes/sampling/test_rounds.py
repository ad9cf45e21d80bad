from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Sequence

import pytest

from fabricscope.model import Now
from probes.sampling.rounds import MAX_WAKES, WAKE_REFILL_NS, Rounds
from probes.sampling.runner import Outcome, Result
from probes.sampling.schedule import Schedule
from tests.probes.conftest import LogLines
from tests.probes.made import SECOND, at


class Runner:
    """Answers when the test says so; at once from the beginning."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.ticks = 0
        self.answer = asyncio.Event()
        self.answer.set()
        self.descriptor: int | None = None
        self.asked = asyncio.Event()

    def wake_descriptor(self) -> int | None:
        return self.descriptor

    async def tick(self) -> Outcome:
        self.ticks += 1
        self.asked.set()
        await self.answer.wait()
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


class News:
    """A pipe that is readable while there is news; its runner reads it as a sampler does."""

    def __init__(self, runner: Runner) -> None:
        self.reading, self.writing = os.pipe2(os.O_NONBLOCK)
        self._runner, self._tick = runner, runner.tick
        runner.descriptor = self.reading
        runner.tick = self.tick  # type: ignore[method-assign]

    async def tick(self) -> Outcome:
        outcome = await self._tick()
        try:
            os.read(self.reading, 4096)
        except BlockingIOError:
            return outcome
        return outcome._replace(readings=1)

    def tell(self) -> None:
        os.write(self.writing, b"x")


@pytest.fixture
def told() -> Iterator[tuple[Desk, News]]:
    desk = Desk()
    made = News(desk.runners["a"])
    yield desk, made
    os.close(made.reading)
    os.close(made.writing)


async def test_news_is_sampled_at_once_and_delivered_by_itself(told: tuple[Desk, News]) -> None:
    desk, news = told
    desk.rounds._gather_seconds = 3600
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(desk.rounds.run())
        assert await desk.delivered.get() == ["a", "b"]
        for _ in range(3):
            news.tell()
            assert await desk.delivered.get() == ["a"]
        running.cancel()
    assert (desk.runners["a"].ticks, desk.runners["b"].ticks) == (4, 1)


async def test_news_at_the_moment_of_a_tick_begins_no_second_one(told: tuple[Desk, News]) -> None:
    desk, _ = told
    desk.rounds._gather_seconds = 3600
    async with asyncio.TaskGroup() as tasks:
        desk.rounds._watch("a", tasks)
        # What the loop does when both have come in one turn of it.
        desk.rounds._wake("a", tasks)
        await desk.rounds.round(tasks)
    assert (desk.runners["a"].ticks, desk.runners["b"].ticks) == (1, 1)
    assert desk.schedule.missed == {"a": 1, "b": 0}


async def test_a_descriptor_that_cannot_be_waited_on_leaves_the_ticks(log_lines: LogLines) -> None:
    desk = Desk()
    # As /dev/kmsg is in many containers.
    desk.runners["a"].descriptor = os.open(os.devnull, os.O_RDONLY)
    try:
        async with asyncio.TaskGroup() as tasks:
            for desk.now in (0, 1):
                await desk.rounds.round(tasks)
    finally:
        os.close(desk.runners["a"].descriptor)
    assert desk.runners["a"].ticks == 2
    assert [line["sampler"] for line in log_lines] == ["a"]


async def test_nor_is_it_begun_again_after_the_end(told: tuple[Desk, News]) -> None:
    desk, news = told
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(desk.rounds.run())
        await desk.delivered.get()
        running.cancel()
        await asyncio.wait([running])
        # A flood had put it off.
        desk.rounds._watch("a", tasks)
    assert not asyncio.get_running_loop().remove_reader(news.reading)


async def test_nothing_is_waited_on_once_it_has_ended(told: tuple[Desk, News]) -> None:
    desk, news = told
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(desk.rounds.run())
        await desk.delivered.get()
        running.cancel()
    assert not asyncio.get_running_loop().remove_reader(news.reading)


async def test_a_descriptor_that_is_gone_is_waited_on_no_longer(told: tuple[Desk, News]) -> None:
    desk, news = told
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(desk.rounds.run())
        await desk.delivered.get()
        desk.runners["a"].answer.clear()
        desk.runners["a"].asked.clear()
        news.tell()
        await desk.runners["a"].asked.wait()
        desk.runners["a"].descriptor = None
        desk.runners["a"].answer.set()
        await desk.delivered.get()
        assert "a" not in desk.rounds._watched
        running.cancel()


async def test_a_flood_of_news_is_sampled_so_often_and_no_more(told: tuple[Desk, News]) -> None:
    desk, news = told
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(desk.rounds.run())
        await desk.delivered.get()
        for _ in range(MAX_WAKES + 1):
            news.tell()
            await desk.delivered.get()
        assert "a" not in desk.rounds._watched
        # When its allowance has grown again it is listened to, which here the clock decides.
        desk.now += WAKE_REFILL_NS / SECOND
        desk.rounds._watch("a", tasks)
        assert "a" in desk.rounds._watched
        running.cancel()

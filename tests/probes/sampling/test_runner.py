from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from itertools import repeat
from pathlib import Path
from typing import Any, cast

import pytest

from fabricscope.codec import encode_events
from fabricscope.model import Event, Kind, MetricSpec, Now, Quality, Reading, Severity
from probes.sampling.pipeline import Pipeline
from probes.sampling.runner import MAX_REASON, MAX_TOLD, Outcome, Result, SamplerRunner
from tests.fixtures.flows import flow
from tests.fixtures.samplers import FakeSampler
from tests.probes.conftest import LogLines
from tests.probes.made import SECOND, UP, at, readings

AT_ONCE, NEVER = 1, 3600 * SECOND
"""Deadlines that pass before anything can answer, and that no test lives to see."""

Play = Callable[[Now], Iterable[Reading | Event]]


def works(_: Now) -> Iterable[Reading]:
    return readings()


class Hang:
    """A read that hangs until it is let go."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.let_go = threading.Event()

    def __call__(self, _: Now) -> Iterable[Reading]:
        self.entered.set()
        self.let_go.wait()
        return readings(99)


@pytest.fixture
def hang() -> Iterator[Hang]:
    made = Hang()
    yield made
    made.let_go.set()


def runner(
    play: Play, deadline_ns: int = NEVER, previous: SamplerRunner | None = None
) -> tuple[SamplerRunner, FakeSampler]:
    sampler = FakeSampler(play)
    return SamplerRunner("test", sampler, Pipeline("test", SECOND), deadline_ns, lambda: at(5), previous), sampler


def fails(error: BaseException) -> Play:
    def play(_: Now) -> Iterable[Reading]:
        raise error

    return play


def kinds(outcome: Outcome) -> list[str]:
    return [event.kind for event in outcome.events]


async def returned(tested: SamplerRunner) -> None:
    """The read that is under way has come back."""
    assert tested._running is not None
    await asyncio.wait([tested._running])


async def test_a_sample_is_a_batch() -> None:
    tested, sampler = runner(works)
    outcome = await tested.tick()
    assert (outcome.result, outcome.readings, outcome.events) == (Result.OK, 2, [])
    assert outcome.sampled is not None
    assert outcome.sampled.batch.time_unix_ns == at(5).wall
    assert sampler.samples == 1


async def test_one_that_hangs_is_told_once_and_not_started_twice(hang: Hang) -> None:
    tested, sampler = runner(hang, AT_ONCE)
    first = await tested.tick()
    second = await tested.tick()
    assert (first.result, kinds(first), first.sampled) == (Result.HUNG, ["sampler.hung"], None)
    assert (second.result, kinds(second), second.reason) == (Result.HUNG, [], first.reason)
    (event,) = first.events
    assert event.severity is Severity.WARNING
    assert event.message == "sampler test hung: no answer within its deadline of 1e-09 s"
    assert event.subject == {"sampler": "test"}
    hang.entered.wait()
    assert sampler.samples == 1


async def test_one_that_comes_back_is_taken_up_again_and_its_late_answer_is_nobodys(hang: Hang) -> None:
    tested, sampler = runner(hang, AT_ONCE)
    await tested.tick()
    hang.let_go.set()
    await returned(tested)
    tested.deadline_ns = NEVER
    sampler.play = works
    outcome = await tested.tick()
    assert (outcome.result, kinds(outcome)) == (Result.OK, ["sampler.recovered"])
    assert outcome.events[0].message == "sampler test works again (it had hung)"
    assert outcome.sampled is not None
    assert outcome.sampled.batch.counters == [1, 1]
    assert sampler.samples == 2


async def test_the_values_of_one_that_hangs_go_stale(hang: Hang) -> None:
    tested, sampler = runner(works)
    await tested.tick()
    sampler.play, tested.deadline_ns = hang, AT_ONCE
    outcome = await tested.tick()
    assert outcome.sampled is not None
    assert outcome.sampled.batch.qualities == bytes([Quality.STALE] * 2)
    assert outcome.readings == 0


async def test_events_of_a_late_answer_are_told_with_the_next(hang: Hang) -> None:
    def play(now: Now) -> Iterable[Reading | Event]:
        if not hang.entered.is_set():
            yield from hang(now)
            yield xid()
        yield from readings()

    tested, _ = runner(play, AT_ONCE)
    assert (await tested.tick()).result is Result.HUNG
    await asyncio.to_thread(hang.entered.wait)
    hang.let_go.set()
    await returned(tested)
    tested.deadline_ns = NEVER
    outcome = await tested.tick()
    assert (kinds(outcome), outcome.readings) == (["sampler.recovered", "kernel.xid"], 2)
    assert kinds(await tested.tick()) == []


def xid(message: str = "XID 79") -> Event:
    return Event(5, 5, "kernel.xid", Severity.CRITICAL, message, {}, {})


async def test_flows_come_with_a_sample_and_of_one_that_failed_or_was_late(hang: Hang) -> None:
    def play(now: Now) -> Iterable[Any]:
        yield flow(label="first")
        if not hang.entered.is_set():
            yield from hang(now)
            raise OSError("no port")
        yield from readings()

    tested, _ = runner(play, AT_ONCE)
    assert not (await tested.tick()).flows
    await asyncio.to_thread(hang.entered.wait)
    hang.let_go.set()
    await returned(tested)
    tested.deadline_ns = NEVER
    outcome = await tested.tick()
    assert (outcome.readings, len(outcome.flows)) == (2, 2), "of the one that was late, and of this one"

    def fails_late(_: Now) -> Iterable[Any]:
        yield flow(label="last")
        raise OSError("no port")

    failing, _ = runner(fails_late)
    outcome = await failing.tick()
    assert outcome.result is Result.FAILED
    assert [told.record.classification.label for told in outcome.flows] == ["last"]


async def test_what_was_told_before_a_failure_is_told_with_it() -> None:
    def play(_: Now) -> Iterable[Reading | Event]:
        yield from readings()
        yield xid()
        raise OSError("no bus")

    tested, _ = runner(play)
    outcomes = [await tested.tick(), await tested.tick()]
    assert [kinds(outcome) for outcome in outcomes] == [["sampler.failed", "kernel.xid"], ["kernel.xid"]]
    assert [(outcome.result, outcome.reason) for outcome in outcomes] == [(Result.FAILED, "OSError: no bus")] * 2
    assert outcomes[0].sampled is None


async def test_what_is_told_with_a_failure_is_bounded_and_fits_a_message() -> None:
    def play(_: Now) -> Iterable[Reading | Event]:
        for number in range(MAX_TOLD + 5):
            yield xid(str(number))
        yield Event(5, 5, "no kind", Severity.INFO, "", {}, {})
        yield Event(5, 5, "test.said", Severity.INFO, "", {"device": cast("str", 7)}, {})
        raise OSError("no bus")

    tested, _ = runner(play)
    _failed, *told = (await tested.tick()).events
    assert [event.message for event in told] == [str(number) for number in range(5, MAX_TOLD + 5)]


async def test_events_beside_readings_that_are_of_no_use_are_told() -> None:
    tested, _ = runner(lambda _: [*readings(1, ["a", "a"]), xid()])
    assert kinds(await tested.tick()) == ["sampler.failed", "kernel.xid"]


async def test_a_timeout_of_its_own_is_a_failure_and_no_hang() -> None:
    tested, _ = runner(fails(TimeoutError("no answer by netlink")))
    outcome = await tested.tick()
    assert outcome.result is Result.FAILED
    assert outcome.events[0].message == "sampler test failed: TimeoutError: no answer by netlink"


async def test_a_late_failure_is_nobodys_but_what_it_told_is_not(hang: Hang) -> None:
    def play(now: Now) -> Iterable[Reading | Event]:
        hang(now)
        yield xid()
        raise OSError("too late")

    tested, sampler = runner(play, AT_ONCE)
    await tested.tick()
    hang.let_go.set()
    await returned(tested)
    tested.deadline_ns, sampler.play = NEVER, works
    outcome = await tested.tick()
    assert (outcome.result, kinds(outcome)) == (Result.OK, ["sampler.recovered", "kernel.xid"])


async def test_one_that_hangs_does_not_hold_up_another(hang: Hang) -> None:
    (stuck, _), (well, _) = runner(hang, AT_ONCE), runner(works)
    outcomes = await asyncio.gather(stuck.tick(), well.tick())
    assert [outcome.result for outcome in outcomes] == [Result.HUNG, Result.OK]


async def test_one_that_fails_is_told_once_with_the_reason_and_recovers() -> None:
    tested, sampler = runner(fails(OSError(5, "Input/output error")))
    outcomes = [await tested.tick(), await tested.tick()]
    assert [outcome.result for outcome in outcomes] == [Result.FAILED] * 2
    assert [kinds(outcome) for outcome in outcomes] == [["sampler.failed"], []]
    assert outcomes[0].events[0].attributes == {"reason": "OSError: [Errno 5] Input/output error"}
    sampler.play = works
    assert kinds(await tested.tick()) == ["sampler.recovered"]


async def test_one_that_wants_to_end_the_process_only_fails() -> None:
    tested, sampler = runner(fails(SystemExit(3)))
    assert (await tested.tick()).events[0].attributes == {"reason": "SystemExit: 3"}
    sampler.play = works
    assert (await tested.tick()).result is Result.OK


async def test_a_complaint_is_bounded() -> None:
    tested, _ = runner(fails(OSError("x" * 100_000)))
    assert len((await tested.tick()).events[0].attributes["reason"]) == MAX_REASON


async def test_a_complaint_that_is_no_unicode_still_fits_a_message() -> None:
    tested, _ = runner(fails(OSError(2, "No such file", b"\xff.d".decode("utf-8", "surrogateescape"))))
    (event,) = (await tested.tick()).events
    assert event.attributes == {"reason": "FileNotFoundError: [Errno 2] No such file: '\\udcff.d'"}
    tested, _ = runner(fails(OSError("\udcff.d")))
    outcome = await tested.tick()
    assert outcome.events[0].attributes == {"reason": "OSError: ?.d"}
    encode_events(outcome.events).SerializeToString()


async def test_counters_that_start_anew_or_go_round_are_counted() -> None:
    raws = iter([(1 << 16) - 1, 3])
    spec = MetricSpec("fabricscope_test_x_total", Kind.COUNTER, "Test.", ("device",), bits=16)
    count = iter([100, 1])
    tested, _ = runner(lambda _: [*readings(next(count)), Reading(spec, ("c",), next(raws))])
    outcomes = [await tested.tick(), await tested.tick()]
    assert [(outcome.resets, outcome.wraps) for outcome in outcomes] == [(0, 0), (2, 1)]


@pytest.mark.parametrize(
    ("play", "reason"),
    [
        (lambda _: readings(1, ["a", "a"]), "twice"),
        (lambda _: repeat(readings()[0]), "more than 50000 readings"),
    ],
)
async def test_readings_that_are_of_no_use_are_a_failure(play: Play, reason: str) -> None:
    tested, _ = runner(play)
    outcome = await tested.tick()
    assert outcome.result is Result.FAILED
    assert reason in outcome.events[0].attributes["reason"]


async def test_what_happened_to_a_link_is_told_behind_the_recovery() -> None:
    tested, sampler = runner(lambda _: [Reading(UP, ("a",), 1)])
    await tested.tick()
    sampler.play = fails(OSError("no"))
    await tested.tick()
    sampler.play = lambda _: [Reading(UP, ("a",), 0)]
    assert kinds(await tested.tick()) == ["sampler.recovered", "test.down"]


async def test_closing_closes_the_sampler_behind_what_it_is_at(hang: Hang) -> None:
    tested, sampler = runner(hang, AT_ONCE)
    await tested.tick()
    tested.close()
    assert sampler.closed == 0
    hang.let_go.set()
    tested.thread.join()
    assert sampler.closed == 1


async def test_a_sampler_that_cannot_be_closed_is_logged(monkeypatch: pytest.MonkeyPatch, log_lines: LogLines) -> None:
    tested, sampler = runner(works)
    monkeypatch.setattr(sampler, "close", lambda: fails(OSError("stuck"))(at(0)))
    tested.close()
    tested.thread.join()
    assert [line["reason"] for line in log_lines] == ["OSError: stuck"]


async def test_a_successor_starts_nothing_before_the_one_before_has_ended(hang: Hang) -> None:
    before, old = runner(hang, AT_ONCE)
    await before.tick()
    before.close()
    after, new = runner(works, AT_ONCE, previous=before)
    outcome = await after.tick()
    assert (outcome.result, kinds(outcome)) == (Result.HUNG, [])  # it was told already
    assert new.samples == 0
    hang.let_go.set()
    await returned(after)
    assert (old.closed, new.samples) == (1, 1)
    after.deadline_ns = NEVER
    assert kinds(await after.tick()) == ["sampler.recovered"]


def test_an_answer_after_the_loop_has_ended_harms_nobody(hang: Hang) -> None:
    async def tick() -> SamplerRunner:
        tested, _ = runner(hang, AT_ONCE)
        await tested.tick()
        return tested

    tested = asyncio.run(tick())
    tested.close()
    hang.let_go.set()
    tested.thread.join()  # an exception in the thread would fail the test


def test_one_that_hangs_does_not_keep_the_process_from_ending(repository: Path) -> None:
    program = """
import asyncio, threading
from tests.probes.sampling.test_runner import AT_ONCE, Hang, runner
async def main():
    outcome = await runner(Hang(), AT_ONCE)[0].tick()
    print(outcome.result.value)
asyncio.run(main())
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=repository, capture_output=True, text=True, timeout=60, check=True
    )
    assert (done.stdout, done.stderr) == ("hung\n", "")


async def test_what_a_sample_costs_is_told() -> None:
    lines = iter((7, 9, 14, 15))
    sampler = FakeSampler(works)
    tested = SamplerRunner("test", sampler, Pipeline("test", SECOND), NEVER, lambda: at(5), None, lambda: next(lines))
    outcome = await tested.tick()
    assert (outcome.log_lines, outcome.lines_before) == (2, 0)
    assert outcome.cpu_ns > 0
    assert outcome.started_ns == at(5).mono
    outcome = await tested.tick()
    assert (outcome.log_lines, outcome.lines_before) == (1, 5)
    tested.close()


async def test_a_descriptor_that_cannot_be_told_is_none() -> None:
    class Broken(FakeSampler):
        def wake_descriptor(self) -> int | None:
            raise ValueError("closed")

    tested = SamplerRunner("test", Broken(works), Pipeline("test", SECOND), NEVER, lambda: at(5))
    await tested.tick()
    assert tested.wake_descriptor() is None
    tested.close()


class Alert(FakeSampler):
    """A sampler with news."""

    descriptor: int | None = None

    def wake_descriptor(self) -> int | None:
        return self.descriptor


async def test_a_sampler_with_news_is_asked_for_its_descriptor_while_it_rests(hang: Hang) -> None:
    sampler = Alert(works)
    sampler.descriptor = 7
    tested = SamplerRunner("test", sampler, Pipeline("test", SECOND), NEVER, lambda: at(5))
    # Before the first sample nothing is open, and during one its thread has it.
    assert tested.wake_descriptor() is None
    await tested.tick()
    assert tested.wake_descriptor() == 7
    tested.deadline_ns, sampler.play = AT_ONCE, hang
    await tested.tick()
    assert tested.wake_descriptor() is None
    hang.let_go.set()
    await returned(tested)
    tested.close()
    other, _ = runner(works)
    await other.tick()
    assert other.wake_descriptor() is None
    other.close()

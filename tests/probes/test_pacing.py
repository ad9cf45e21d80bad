from __future__ import annotations

from fabricscope.tally import Tally
from probes.own_metrics import SAMPLER_SLOWDOWN
from probes.pacing import Pacing
from probes.sampling.governor import MAX_SLOWDOWN, Governor, GovernorSettings
from probes.sampling.pipeline import Pipeline
from probes.sampling.runner import Outcome, Result, SamplerRunner
from probes.sampling.schedule import Schedule
from tests.fixtures.samplers import FakeSampler
from tests.probes.made import SECOND, at, readings, sampled


class Desk:
    """One sampler of 1 s, and the clock in hand."""

    def __init__(self) -> None:
        self.second = 0
        self.tally = Tally()
        self.pipeline = Pipeline("optics", SECOND)
        self.runner = SamplerRunner("optics", FakeSampler(lambda _: []), self.pipeline, SECOND, lambda: at(self.second))
        self.schedule = Schedule({"optics": SECOND}, 0)
        governor = Governor(GovernorSettings(), {"optics": SECOND})
        self.pacing = Pacing(
            governor,
            self.schedule,
            {"optics": SECOND},
            {"optics": self.runner},
            self.tally,
            lambda: at(self.second),
        )

    def samples(self, count: int, outcome: Outcome) -> list[str]:
        """The kinds of the events that so many outcomes led to."""
        told = []
        for _ in range(count):
            self.second += 1
            (self.last,) = self.pacing.govern([outcome._replace(events=[])])
            told += [event.kind for event in self.last.events]
        return told


def test_what_costs_too_much_is_due_less_often_and_its_batches_say_so() -> None:
    desk = Desk()
    expensive = Outcome("optics", Result.OK, None, [], 5, SECOND // 100, cpu_ns=SECOND // 30)
    assert desk.samples(10, expensive) == ["sampler.slowed"]
    assert desk.tally.get(SAMPLER_SLOWDOWN, "optics") == 4
    desk.schedule.due(desk.second * SECOND)
    assert desk.schedule.wait(desk.second * SECOND) > SECOND
    assert desk.pipeline.process(readings(), at(desk.second)).sampled.batch.interval_ns == 4 * SECOND
    desk.runner.close()


def test_the_batch_of_the_last_sample_holds_until_the_next_at_the_new_pace() -> None:
    desk = Desk()
    expensive = Outcome("optics", Result.OK, sampled(at(0)), [], 5, SECOND // 100, cpu_ns=SECOND // 30)
    while desk.tally.get(SAMPLER_SLOWDOWN, "optics") < 2:
        desk.samples(1, expensive)
    assert desk.last.sampled is not None
    assert desk.last.sampled.batch.interval_ns == 4 * SECOND
    assert desk.last.sampled.batch.counters == [1, 1]
    desk.samples(1, expensive)
    assert desk.last.sampled.batch.interval_ns == SECOND
    desk.runner.close()


def test_one_that_fails_or_is_not_a_sampler_keeps_its_pace() -> None:
    desk = Desk()
    failed = Outcome("optics", Result.FAILED, None, [], 0, SECOND)
    own = Outcome("probe", Result.OK, None, [], 9, SECOND, cpu_ns=SECOND)
    assert desk.samples(50, failed) + desk.samples(50, own) == []
    assert desk.tally.get(SAMPLER_SLOWDOWN, "optics") == 0
    desk.runner.close()


def test_one_that_makes_the_kernel_log_is_all_but_skipped() -> None:
    desk = Desk()
    logging = Outcome("optics", Result.OK, None, [], 5, 1, log_lines=2)
    assert desk.samples(100, logging) == ["sampler.slowed"] * 3
    assert desk.tally.get(SAMPLER_SLOWDOWN, "optics") == MAX_SLOWDOWN
    desk.runner.close()

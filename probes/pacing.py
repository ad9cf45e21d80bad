"""Puts into effect what the governor says of the samplers' pace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from fabricscope.clock import Clock
from fabricscope.model import Now
from fabricscope.tally import Tally
from probes.own_metrics import SAMPLER_SLOWDOWN
from probes.sampling.governor import Cost, Governor
from probes.sampling.runner import Outcome, Result, SamplerRunner
from probes.sampling.schedule import Schedule


class Pacing:
    """Lets samplers run less often when they cost too much, and as before when they no longer do."""

    def __init__(
        self,
        governor: Governor,
        schedule: Schedule,
        intervals: Mapping[str, int],
        runners: Mapping[str, SamplerRunner],
        tally: Tally,
        clock: Clock,
    ) -> None:
        """`intervals` are the configured ones of `runners`, in nanoseconds."""
        self._governor = governor
        self._schedule = schedule
        self._intervals = intervals
        self._runners = runners
        self._tally = tally
        self._clock = clock

    def govern(self, outcomes: Sequence[Outcome]) -> list[Outcome]:
        """The outcomes, once what they cost is noted. One whose sampler gets another pace tells of it."""
        now = self._clock()
        return [
            outcome
            if outcome.result is not Result.OK or outcome.sampler not in self._runners
            else self._govern(outcome, now)
            for outcome in outcomes
        ]

    def _govern(self, outcome: Outcome, now: Now) -> Outcome:
        name = outcome.sampler
        cost = Cost(outcome.duration_ns, outcome.cpu_ns, outcome.readings, outcome.log_lines, outcome.lines_before)
        pace = self._governor.observe(name, cost, now)
        self._tally.set(SAMPLER_SLOWDOWN, name, to=self._governor.slowdown(name))
        if pace is None:
            return outcome
        interval = self._intervals[name] * pace.slowdown
        self._schedule.change_interval(name, interval, now.mono)
        self._runners[name].pipeline.change_interval(interval)
        events = [*outcome.events, *filter(None, [pace.event])]
        if outcome.sampled is None:
            return outcome._replace(events=events)
        # This batch has to hold until the next one, which is further off than was thought when it was made.
        batch = replace(outcome.sampled.batch, interval_ns=interval)
        return outcome._replace(events=events, sampled=outcome.sampled._replace(batch=batch))

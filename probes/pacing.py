"""Puts into effect what the governor says of the samplers' pace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fabricscope.clock import Clock
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

    def govern(self, outcomes: Sequence[Outcome]) -> None:
        """Take note of what samples cost. What changes is told in the outcome's events."""
        now = self._clock()
        for outcome in outcomes:
            name = outcome.sampler
            if outcome.result is not Result.OK or name not in self._runners:
                continue
            cost = Cost(outcome.duration_ns, outcome.cpu_ns, outcome.readings, outcome.log_lines, outcome.lines_before)
            pace = self._governor.observe(name, cost, now)
            if pace is not None:
                interval = self._intervals[name] * pace.slowdown
                self._schedule.change_interval(name, interval, now.mono)
                self._runners[name].pipeline.change_interval(interval)
                if pace.event is not None:
                    outcome.events.append(pace.event)
            self._tally.set(SAMPLER_SLOWDOWN, name, to=self._governor.slowdown(name))

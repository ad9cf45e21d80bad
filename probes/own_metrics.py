"""What the probe measures of itself; it travels like every other sampler's values."""

from __future__ import annotations

from collections.abc import Mapping

from fabricscope import exporter, http, process
from fabricscope.clock import NANOSECONDS, Clock
from fabricscope.model import Kind, MetricSpec
from fabricscope.tally import Tally
from probes import outbox, stream
from probes.recorder import recorder
from probes.sampling.pipeline import Pipeline
from probes.sampling.runner import Outcome, Result
from probes.sampling.sampler import OWN_NAME

INTERVAL_NS = 5 * NANOSECONDS

INFO = MetricSpec("fabricscope_probe_info", Kind.GAUGE, "Always 1; says what runs here.", ("version", "engine"))
SAMPLER_UP = MetricSpec(
    "fabricscope_sampler_up",
    Kind.GAUGE,
    "1 when the sampler's last sample worked, 0 when it failed or hung.",
    ("sampler",),
)
SAMPLER_RUNS = MetricSpec(
    "fabricscope_sampler_runs_total",
    Kind.COUNTER,
    "Ticks of a sampler, by how they went: ok, failed or hung.",
    ("sampler", "result"),
)
SAMPLER_SECONDS = MetricSpec(
    "fabricscope_sampler_duration_seconds_total",
    Kind.COUNTER,
    "Time spent in samples.",
    ("sampler",),
    "seconds",
    per_unit=NANOSECONDS,
)
SAMPLER_CPU_SECONDS = MetricSpec(
    "fabricscope_sampler_cpu_seconds_total",
    Kind.COUNTER,
    "Processor time that the sampler's own thread used.",
    ("sampler",),
    "seconds",
    per_unit=NANOSECONDS,
)
SAMPLER_LOG_LINES = MetricSpec(
    "fabricscope_sampler_log_lines_total",
    Kind.COUNTER,
    "Lines that the kernel logged during samples, of whatever cause; 0 where its log cannot be read.",
    ("sampler",),
)
SAMPLER_SLOWDOWN = MetricSpec(
    "fabricscope_sampler_slowdown",
    Kind.GAUGE,
    "What the sampler's interval is multiplied by: above 1 because it is expensive, makes the kernel log, or finds "
    "nothing on this host.",
    ("sampler",),
)
SAMPLER_LAST = MetricSpec(
    "fabricscope_sampler_last_duration_seconds", Kind.GAUGE, "How long the last sample took.", ("sampler",), "seconds"
)
SAMPLER_READINGS = MetricSpec(
    "fabricscope_sampler_readings", Kind.GAUGE, "Values that the last sample gave.", ("sampler",)
)
SAMPLER_RESETS = MetricSpec(
    "fabricscope_sampler_resets_total",
    Kind.COUNTER,
    "Device counters that were seen to start anew, which shows in their quality for one sample alone.",
    ("sampler",),
)
SAMPLER_WRAPS = MetricSpec(
    "fabricscope_sampler_wraps_total",
    Kind.COUNTER,
    "Device counters that were seen to go round; nothing of what they counted is lost by it.",
    ("sampler",),
)
SAMPLER_MISSED = MetricSpec(
    "fabricscope_sampler_missed_ticks_total",
    Kind.COUNTER,
    "Ticks that were skipped: the probe or the host was late, or the sampler was still at the one before.",
    ("sampler",),
)
METRICS = (
    INFO,
    *process.specs(OWN_NAME),
    SAMPLER_UP,
    SAMPLER_RUNS,
    SAMPLER_SECONDS,
    SAMPLER_CPU_SECONDS,
    SAMPLER_LOG_LINES,
    SAMPLER_SLOWDOWN,
    SAMPLER_LAST,
    SAMPLER_READINGS,
    SAMPLER_RESETS,
    SAMPLER_WRAPS,
    SAMPLER_MISSED,
    *outbox.METRICS,
    *stream.METRICS,
    *recorder.METRICS,
    *http.METRICS,
    *exporter.METRICS,
)


class OwnMetrics:
    """Keeps the probe's tally up to date, and samples it: on the event loop, which is the tally's."""

    def __init__(
        self, tally: Tally, version: str, engine: str, missed: Mapping[str, int], pipeline: Pipeline, clock: Clock
    ) -> None:
        """`missed` are the ticks that came to nothing by sampler, as the schedule counts them."""
        self.pipeline = pipeline
        self._tally = tally
        self._missed = missed
        self._clock = clock
        self._process = process.ProcessMetrics(OWN_NAME, tally)
        tally.set(INFO, version, engine, to=1)

    def sampled(self, outcome: Outcome) -> None:
        """A sampler's tick came to this."""
        name, tally = outcome.sampler, self._tally
        tally.set(SAMPLER_UP, name, to=int(outcome.result is Result.OK))
        tally.add(SAMPLER_RUNS, name, outcome.result.value)
        tally.add(SAMPLER_SECONDS, name, by=outcome.duration_ns)
        tally.add(SAMPLER_CPU_SECONDS, name, by=outcome.cpu_ns)
        tally.add(SAMPLER_LOG_LINES, name, by=outcome.log_lines)
        tally.set(SAMPLER_LAST, name, to=outcome.duration_ns / NANOSECONDS)
        tally.set(SAMPLER_READINGS, name, to=outcome.readings)
        tally.add(SAMPLER_RESETS, name, by=outcome.resets)
        tally.add(SAMPLER_WRAPS, name, by=outcome.wraps)

    def wake_descriptor(self) -> int | None:
        """None: its ticks are often enough."""
        return None

    async def tick(self) -> Outcome:
        """The probe's own figures at this moment, as those of a sampler called `probe`."""
        started = self._clock()
        self._process.observe()
        for sampler, ticks in self._missed.items():
            self._tally.set(SAMPLER_MISSED, sampler, to=ticks)
        readings = self._tally.readings()
        processed = self.pipeline.process(readings, started)
        duration = self._clock().mono - started.mono
        return Outcome(OWN_NAME, Result.OK, processed.sampled, processed.events, len(readings), duration)

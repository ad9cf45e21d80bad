"""The probe's composition root: the only place where its parts are put together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.routing import Router

from fabricscope import __version__, log, plugins, process
from fabricscope.clock import NANOSECONDS, Clock
from fabricscope.exporter import make_exporters, run_exporter
from fabricscope.http import HttpServer
from fabricscope.model import Event, Hint, HostIdentity, Sampled, Severity, Snapshot, Target
from fabricscope.settings import SettingsError
from fabricscope.tally import Tally
from fabricscope.tls import CredentialFiles
from probes import own_metrics
from probes.delivery import Delivery
from probes.engine import IMPLEMENTATION
from probes.health import running
from probes.health.running import RunningHealth
from probes.outbox import SpoolOutbox
from probes.own_metrics import OwnMetrics
from probes.pacing import Pacing
from probes.recorder.recorder import Freeze, Freezing, Recorder
from probes.sampling.governor import Governor
from probes.sampling.pipeline import Pipeline
from probes.sampling.rounds import Rounds, Ticking
from probes.sampling.runner import Outcome, SamplerRunner
from probes.sampling.sampler import OWN_NAME
from probes.sampling.schedule import Schedule
from probes.settings import HOST_NAME, ProbeSettings, exporter_settings, made_samplers, sampler_settings
from probes.sources import host
from probes.sources.log_lines import LogLines
from probes.spool import Spool
from probes.stream import Stream

DEFAULT_CLUSTER = "default"


class Agent:
    """One probe, from its settings. Building it checks them; `run` does the work."""

    def __init__(self, settings: ProbeSettings, clock: Clock, previous: Agent | None = None) -> None:
        """`previous` is the probe that this one takes over from: what it knows of counters and links lives on.

        Raises SettingsError for settings that do not fit this host or what is installed.
        """
        self.settings = settings
        self._clock = clock
        self._log = log.get("agent")
        self._host = settings.host or _own_name()
        self._sampler_settings = sampler_settings(settings)
        self._exporter_settings = exporter_settings(settings)
        self._credentials = None if settings.tls is None else CredentialFiles(settings.tls)
        self._tally = Tally()
        self._health: RunningHealth | None = self._make_health(None if previous is None else previous._health)  # noqa: SLF001
        self._freeze: Freeze = _no_steps
        self._latest: dict[str, Sampled] = {}
        self.runners: dict[str, SamplerRunner] = {}
        """Those of this run, by sampler."""
        self._last_runners: dict[str, SamplerRunner] = {} if previous is None else previous._last_runners  # noqa: SLF001
        """The last runner of every sampler that ever ran, one that is switched off now included. Shared by all
        probes that follow on each other, since when a new one cannot start the one before runs again."""

    def snapshot(self) -> Snapshot:
        """What this probe shows at /metrics."""
        cluster = self.settings.labels.get("cluster") or DEFAULT_CLUSTER
        return [Target((("cluster", cluster), ("host", self._host)), list(self._latest.values()))]

    async def run(self, ready: Callable[[str], None]) -> None:
        """Sample, serve and stream until cancelled. Raises SettingsError when it cannot start as configured."""
        log.configure(self.settings.log)
        if IMPLEMENTATION == "python":
            self._log.warning("the Rust engine was not built: its plain-Python twin reads the counters, more slowly")
        exporters = make_exporters(self._exporter_settings, self.snapshot)
        # What an application of starlette has beside these is half a MiB, and shows errors no better than the listener.
        app = ExceptionMiddleware(Router([route for exporter in exporters for route in exporter.routes()]))
        async with HttpServer(app, self.settings.http, "probe.http", self._tally) as http:
            outbox = self._open_outbox()
            log_lines = LogLines(self.settings.roots.devfs("kmsg"))
            recorder = Recorder(self.settings.recorder, self._host, self._clock, self._tally, lambda: self._freeze())
            try:
                self.runners = self._make_runners(log_lines)
                async with asyncio.TaskGroup() as tasks:
                    for exporter in exporters:
                        tasks.create_task(run_exporter(exporter, self._tally))
                    started = self._start_event()
                    recorder.observe([], [started])
                    if outbox is not None:
                        outbox.append_events([started])
                        tasks.create_task(self._send(outbox))
                    tasks.create_task(recorder.run())
                    where = ", ".join(self.settings.collectors) or "nobody"
                    self._log.info("started", host=self._host, metrics=f"{http.url}/metrics", collectors=where)
                    process.settle()
                    ready(f"sampling {len(self.runners)} domains, sending to {where}")
                    await self._rounds(outbox, recorder).run()
            finally:
                for runner in self.runners.values():
                    runner.close()
                log_lines.close()
                if self._health is not None:
                    self._health.close()
                await recorder.close()
                if outbox is not None:
                    await outbox.close()

    # --- putting together

    def _open_outbox(self) -> SpoolOutbox | None:
        """The spool; None without collectors, when nobody would ever empty it."""
        if not self.settings.collectors:
            return None
        return SpoolOutbox(lambda: Spool(self.settings.spool, self._clock().mono), self._clock, self._tally)

    def _make_health(self, previous: RunningHealth | None) -> RunningHealth | None:
        """What judges this host; it goes on from what `previous` knew. Raises SettingsError for wrong rules."""
        if not self.settings.health.enabled:
            return None
        pipeline = Pipeline(running.NAME, running.INTERVAL_NS)
        specs = [spec for _, thing in plugins.loaded(plugins.SAMPLERS) for spec in getattr(thing, "metrics", ())]
        return RunningHealth(self.settings.health, pipeline, self._clock, previous, [*specs, *own_metrics.METRICS])

    def _make_runners(self, log_lines: LogLines) -> dict[str, SamplerRunner]:
        """A runner for each enabled sampler. One that cannot be made is logged and left out."""
        runners = {}
        for name, sampler in made_samplers(self.settings):
            if isinstance(sampler, str):
                self._log.error("sampler left out", sampler=name, reason=sampler)
                continue
            if isinstance(sampler, Freezing):
                self._freeze = sampler.freeze
            settings = self._sampler_settings[name]
            before = self._last_runners.get(name)
            pipeline = Pipeline(name, self._interval(name)) if before is None else before.pipeline
            pipeline.change_interval(self._interval(name))
            deadline = int(settings.deadline_seconds * NANOSECONDS)
            runners[name] = SamplerRunner(name, sampler, pipeline, deadline, self._clock, before, log_lines.count)
        self._last_runners |= runners
        return runners

    def _rounds(self, outbox: SpoolOutbox | None, recorder: Recorder) -> Rounds:
        configured = {name: self._interval(name) for name in self.runners}
        ticking: dict[str, Ticking] = dict(self.runners)
        intervals = {**configured, OWN_NAME: own_metrics.INTERVAL_NS}
        if self._health is not None:
            ticking[running.NAME] = self._health
            intervals[running.NAME] = running.INTERVAL_NS
        schedule = Schedule(intervals, self._clock().mono)
        pipeline = Pipeline(OWN_NAME, own_metrics.INTERVAL_NS)
        own = OwnMetrics(self._tally, __version__, IMPLEMENTATION, schedule.missed, pipeline, self._clock)
        governor = Governor(self.settings.governor, configured)
        pacing = Pacing(governor, schedule, configured, self.runners, self._tally, self._clock)
        delivery = Delivery(own, self._health, recorder, outbox, self._latest)

        def deliver(outcomes: Sequence[Outcome]) -> None:
            delivery(pacing.govern(outcomes))

        return Rounds({**ticking, OWN_NAME: own}, schedule, deliver, self._clock)

    def _interval(self, name: str) -> int:
        return int(self._sampler_settings[name].interval_seconds * NANOSECONDS)

    # --- working

    async def _send(self, outbox: SpoolOutbox) -> None:
        """Stream what the spool holds, as soon as there is one."""
        stream = Stream(
            self.settings.stream,
            self.settings.collectors,
            outbox,
            self._credentials,
            self._tally,
            self._clock,
            self._on_hint,
        )
        boot_id = host.boot_id(self.settings.roots.procfs())
        labels = self.settings.labels
        await stream.run(HostIdentity(self._host, boot_id, await outbox.epoch(), labels, __version__))

    def _start_event(self) -> Event:
        now = self._clock()
        return Event(
            now.wall, now.mono, "probe.started", Severity.INFO, f"probe {__version__} started", {"host": self._host}
        )

    def _on_hint(self, hint: Hint) -> None:
        # Acting on hints is the recovery planner's; a probe without one tells that it heard.
        self._log.warning("hint received, no planner runs here", origin=hint.origin, link=hint.link, reason=hint.reason)


def _no_steps() -> None:
    """There are no steps of the last minutes, since no sampler keeps them."""


def _own_name() -> str:
    """The kernel's host name. Raises SettingsError when it is none that a collector takes."""
    name = host.host_name()
    if not HOST_NAME.fullmatch(name):
        raise SettingsError(
            f"probe.host: this host calls itself {name!r}, which is no name to report under; set probe.host"
        )
    return name

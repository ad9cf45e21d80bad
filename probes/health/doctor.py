"""Examines this host: by what the running probe wrote down, or by samples that are taken for it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from fabricscope import plugins
from fabricscope.clock import NANOSECONDS, Clock
from fabricscope.model import Now
from fabricscope.settings import section
from probes import own_metrics
from probes.health.failures import GRAVE, Failures, is_privilege
from probes.health.health import Health
from probes.health.language.mentions import in_force
from probes.health.report import Examination
from probes.health.settings import HealthSettings
from probes.health.state import Pasts, State
from probes.health.state_file import read_pasts, read_state
from probes.sampling.pipeline import Pipeline
from probes.sampling.runner import Outcome, SamplerRunner
from probes.sampling.sampler import RESERVED_NAMES
from probes.settings import ProbeSettings, made_samplers, sampler_settings
from probes.sources import host

FRESH_NS = 30 * NANOSECONDS
"""A probe that gave no sign of life for longer does not run."""
DEADLINE_NS = 10 * NANOSECONDS
"""A person waits longer than the daemon, and the first sample takes longest."""
_PROC = Path("/proc")


def examine(document: Mapping[str, Any], seconds: float, clock: Clock, *, fresh: bool) -> Examination:
    """Look at the host. `fresh` takes samples although a probe runs. Raises SettingsError."""
    probe = section(document, "probe", ProbeSettings)
    settings = probe.health
    name = probe.host or host.host_name()
    notes: list[str] = []
    if not settings.enabled:
        notes.append("note: probe.health.enabled is false here: a probe judges nothing; this is what the rules say")
    state, pasts = _kept(settings, notes)
    now = clock()
    specs = [spec for _, found in plugins.loaded(plugins.SAMPLERS) for spec in getattr(found, "metrics", ())]
    rules, doubts = in_force(settings.rules, [*specs, *own_metrics.METRICS] if specs else ())
    if not fresh and state is not None and _is_present(state, now, notes):
        return Examination(
            name,
            "probe",
            now.wall - state.written_unix_ns,
            0.0,
            state.rules,
            state.verdicts,
            state.unjudged,
            _devices(state.examined),
            state.failures,
            notes,
            state.withheld,
            doubts,
        )
    # What has to hold for minutes cannot in a few seconds: it is told when it is so.
    health = Health([msgspec.structs.replace(rule, hold="0s") for rule in rules])
    health.restore(None, pasts, now)
    failures = asyncio.run(_sample(probe, health, seconds, clock))
    now = clock()
    health.observe([], [], now, everything=True)
    return Examination(
        name,
        "samples",
        0,
        seconds,
        len(rules),
        health.verdicts(now),
        health.unjudged(now),
        _devices(health.examined(now)),
        _without_privileges(failures, notes),
        notes,
        health.withheld(),
        doubts,
    )


def _is_present(state: State, now: Now, notes: list[str]) -> bool:
    """Whether a state is what a probe that runs here says now."""
    if not 0 <= now.wall - state.written_unix_ns <= FRESH_NS:
        return False
    boot = host.boot_id(_PROC)
    if boot and state.boot_id and boot != state.boot_id:
        notes.append("note: the file of the running probe is of another boot or host, and is not taken")
        return False
    if state.ended_unix_ns is not None:
        return False
    # What has just begun to sample may only be starting: who samples here waits for it.
    is_starting = now.wall - state.started_unix_ns < FRESH_NS
    return not (is_starting and (state.failures or not _devices(state.examined)))


def _devices(examined: Mapping[str, int]) -> dict[str, int]:
    """What there is beside what the probe says of itself."""
    return {name: count for name, count in examined.items() if name not in RESERVED_NAMES and count}


def _without_privileges(failures: Mapping[str, str], notes: list[str]) -> dict[str, str]:
    """The failures that count. What only root may read is no fault of the host, when another user asks."""
    if os.geteuid() == 0:
        return dict(failures)
    for name, reason in failures.items():
        if is_privilege(reason):
            notes.append(f"note: sampler {name} was not asked, which takes privileges; run this as root: {reason}")
    return {name: reason for name, reason in failures.items() if not is_privilege(reason)}


def _kept(settings: HealthSettings, notes: list[str]) -> tuple[State | None, Pasts | None]:
    """What a probe wrote down on this host."""
    state: State | None = None
    pasts: Pasts | None = None
    if not settings.state:
        return state, pasts
    try:
        state, pasts = read_state(settings.state), read_pasts(settings.state)
    except ValueError as error:
        notes.append(f"note: {error}")
    return state, pasts


async def _sample(probe: ProbeSettings, health: Health, seconds: float, clock: Clock) -> Failures:
    """Sample for a while and judge it; the samplers that gave nothing, with the reason."""
    broken: dict[str, str] = {}
    runners: list[tuple[SamplerRunner, float]] = []
    settings = sampler_settings(probe)
    for name, sampler in made_samplers(probe):
        if isinstance(sampler, str):
            broken[name] = sampler
        else:
            pipeline = Pipeline(name, int(settings[name].interval_seconds * NANOSECONDS))
            runner = SamplerRunner(name, sampler, pipeline, DEADLINE_NS, clock)
            runners.append((runner, settings[name].interval_seconds))
    failures = Failures(broken)
    end = clock().mono + int(seconds * NANOSECONDS)
    patience = end + (DEADLINE_NS if seconds else 0)

    def take(outcome: Outcome, now: Now) -> None:
        failures.take(outcome)
        health.observe([] if outcome.sampled is None else [outcome.sampled], outcome.events, now)

    async def follow(runner: SamplerRunner, interval: float) -> None:
        """Sample at least twice, since a counter says nothing by itself, unless the interval is too long."""
        while True:
            outcome = await runner.tick()
            now = clock()
            take(outcome, now)
            # A driver may take some seconds to start: what is grave is asked again for a while.
            is_awaited = runner.name in GRAVE and runner.name in failures and now.mono < patience
            if (now.mono >= end or interval > seconds) and not is_awaited:
                return
            left = ((patience if is_awaited else end) - now.mono) / NANOSECONDS
            await asyncio.sleep(min(interval, max(left, 0.0)))

    try:
        async with asyncio.TaskGroup() as tasks:
            for runner, interval in runners:
                tasks.create_task(follow(runner, interval))
    finally:
        for runner, _ in runners:
            runner.close()
    return failures

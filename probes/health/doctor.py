"""Examines this host: by what the running probe wrote down, or by samples that are taken for it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec

from fabricscope.clock import NANOSECONDS, Clock
from fabricscope.model import Now
from fabricscope.settings import section
from probes.health.health import Health
from probes.health.language.rule_files import load
from probes.health.report import Examination
from probes.health.settings import HealthSettings
from probes.health.state import Pasts, State
from probes.health.state_file import read_pasts, read_state
from probes.sampling.pipeline import Pipeline
from probes.sampling.runner import Outcome, Result, SamplerRunner
from probes.settings import ProbeSettings, made_samplers, sampler_settings
from probes.sources import host

FRESH_NS = 30 * NANOSECONDS
"""A probe that gave no sign of life for longer does not run."""
DEADLINE_NS = 10 * NANOSECONDS
"""A person waits longer than the daemon, and the first sample takes longest."""


def examine(document: Mapping[str, Any], seconds: float, clock: Clock, *, fresh: bool) -> Examination:
    """Look at the host. `fresh` takes samples although a probe runs. Raises SettingsError."""
    probe = section(document, "probe", ProbeSettings)
    settings = probe.health
    name = probe.host or host.host_name()
    notes: list[str] = []
    state, pasts = _kept(settings, notes)
    now = clock()
    if not fresh and state is not None and 0 <= now.wall - state.written_unix_ns <= FRESH_NS:
        return Examination(
            name,
            "probe",
            now.wall - state.written_unix_ns,
            0.0,
            state.rules,
            state.verdicts,
            state.unjudged,
            state.samplers,
            {},
            notes,
        )
    # What has to hold for minutes cannot in a few seconds: it is told when it is so.
    rules = [msgspec.structs.replace(rule, hold="0s") for rule in load(settings.rules)]
    health = Health(rules)
    health.restore(None, pasts, now)
    failures = asyncio.run(_sample(probe, health, seconds, clock))
    now = clock()
    health.observe([], [], now, everything=True)
    heard = sorted(health.evidence.samplers)
    return Examination(
        name, "samples", 0, seconds, len(rules), health.verdicts(now), health.unjudged(now), heard, failures, notes
    )


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


async def _sample(probe: ProbeSettings, health: Health, seconds: float, clock: Clock) -> dict[str, str]:
    """Sample for a while and judge it; the samplers that gave nothing, with the reason."""
    failures: dict[str, str] = {}
    runners: list[tuple[SamplerRunner, float]] = []
    settings = sampler_settings(probe)
    for name, sampler in made_samplers(probe):
        if isinstance(sampler, str):
            failures[name] = sampler
        else:
            pipeline = Pipeline(name, int(settings[name].interval_seconds * NANOSECONDS))
            runner = SamplerRunner(name, sampler, pipeline, DEADLINE_NS, clock)
            runners.append((runner, settings[name].interval_seconds))
    end = clock().mono + int(seconds * NANOSECONDS)

    def take(outcome: Outcome, now: Now) -> None:
        if outcome.result is Result.OK:
            failures.pop(outcome.sampler, None)
        else:
            told = [event.attributes.get("reason", event.message) for event in outcome.events]
            failures[outcome.sampler] = "; ".join(told) or failures.get(outcome.sampler, outcome.result.value)
        health.observe([] if outcome.sampled is None else [outcome.sampled], outcome.events, now)

    async def follow(runner: SamplerRunner, interval: float) -> None:
        """Sample at least twice, since a counter says nothing by itself, unless the interval is too long."""
        while True:
            outcome = await runner.tick()
            now = clock()
            take(outcome, now)
            wait = min(interval, max((end - now.mono) / NANOSECONDS, 0.0))
            if now.mono >= end or interval > seconds:
                return
            await asyncio.sleep(wait)

    try:
        async with asyncio.TaskGroup() as tasks:
            for runner, interval in runners:
                tasks.create_task(follow(runner, interval))
    finally:
        for runner, _ in runners:
            runner.close()
    return failures

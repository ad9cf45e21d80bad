"""One sample of everything, for people and scripts."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from fabricscope import plugins
from fabricscope.clock import NANOSECONDS, Clock
from fabricscope.model import Kind, Quality, Sampled, Series
from fabricscope.settings import SettingsError, section, unknown
from probes.sampling.pipeline import Pipeline
from probes.sampling.runner import Outcome, Result, SamplerRunner
from probes.sampling.sampler import Sampler
from probes.settings import ProbeSettings, made_samplers, sampler_settings

DEADLINE_NS = 10 * NANOSECONDS
"""A person waits longer than the daemon, and the first sample takes longest."""


class OnceResult(NamedTuple):
    """Batches by sampler, and why samplers gave none."""

    sampled: dict[str, Sampled]
    failures: dict[str, str]
    unavailable: dict[str, str]
    """Why there is nothing to sample here, of samplers that nobody asked for by name."""


class SamplerRow(NamedTuple):
    """One line of `fabricscope samplers`."""

    name: str
    available: bool
    detail: str
    metrics: int


class Value(NamedTuple):
    """One series with what was read of it: None when it could not be."""

    series: Series
    value: int | float | None
    quality: Quality


def sample_once(document: Mapping[str, Any], names: Sequence[str], clock: Clock) -> OnceResult:
    """Sample with the samplers `names`, all enabled ones when there are none.

    Raises SettingsError for a sampler that is not installed. One that fails or hangs does not stop the others. One
    that has nothing to sample here is a failure where it is named.
    """
    known = plugins.found(plugins.SAMPLERS)
    for name in names:
        if name not in known:
            raise SettingsError(unknown(name, known, "sampler"))
    result = OnceResult({}, {}, {})
    runners, samplers = [], {}
    for name, sampler in made_samplers(section(document, "probe", ProbeSettings), names):
        if isinstance(sampler, str):
            result.failures[name] = sampler
        else:
            samplers[name] = sampler
            runners.append(SamplerRunner(name, sampler, Pipeline(name, 0), DEADLINE_NS, clock))
    for outcome, reason in asyncio.run(_ticked(runners, samplers)):
        name = outcome.sampler
        if reason is not None:
            (result.failures if name in names else result.unavailable)[name] = reason
        elif outcome.result is Result.OK and outcome.sampled is not None:
            result.sampled[name] = outcome.sampled
        else:
            result.failures[name] = outcome.reason
    return result


async def _ticked(
    runners: Sequence[SamplerRunner], samplers: Mapping[str, Sampler]
) -> list[tuple[Outcome, str | None]]:
    """What each sampler gave, and of one that gave nothing why there is nothing to sample."""
    try:
        outcomes = await asyncio.gather(*(runner.tick() for runner in runners))
        return [(outcome, _why_nothing(outcome, samplers[outcome.sampler])) for outcome in outcomes]
    finally:
        for runner in runners:
            runner.close()


def _why_nothing(outcome: Outcome, sampler: Sampler) -> str | None:
    if outcome.result is Result.HUNG or (outcome.sampled is not None and any(values(outcome.sampled))):
        return None
    try:
        return sampler.unavailable()
    except Exception:  # noqa: BLE001  why it failed is known better already
        return None


def available(document: Mapping[str, Any]) -> list[SamplerRow]:
    """Every installed sampler with whether it has something to sample here."""
    probe = section(document, "probe", ProbeSettings)
    settings = sampler_settings(probe)
    rows = []
    for name, sampler in made_samplers(probe, list(plugins.found(plugins.SAMPLERS))):
        if isinstance(sampler, str):
            rows.append(SamplerRow(name, False, sampler, 0))
            continue
        try:
            reason = sampler.unavailable()
        except Exception as error:  # noqa: BLE001  one broken sampler must not hide the rest
            reason = f"{type(error).__name__}: {error}"
        finally:
            sampler.close()
        if not settings[name].enabled:
            reason = "switched off in the configuration"
            if not type(settings[name])().enabled:
                reason = f"off by default; probe.samplers.{name}.enabled: true switches it on"
        detail = reason or f"every {settings[name].interval_seconds:g} s"
        rows.append(SamplerRow(name, reason is None, detail, len(sampler.metrics)))
    return rows


def values(sampled: Sampled) -> Iterator[Value]:
    """What a batch says, in the metrics' units."""
    series_set, batch = sampled
    columns = [*series_set.counters, *series_set.gauges]
    qualities = batch.qualities or bytes([Quality.OK]) * len(columns)
    for series, number, octet in zip(columns, [*batch.counters, *batch.gauges], qualities, strict=True):
        quality = Quality(octet)
        value: int | float | None = number
        if series.spec.kind is Kind.COUNTER and series.spec.per_unit != 1:
            value = number / series.spec.per_unit
        if not quality.has_value or not math.isfinite(number):
            value = None
        yield Value(series, value, quality)


def show_json(result: OnceResult) -> dict[str, Any]:
    """The result as JSON: exact integers for counters, null for what could not be read."""
    return {
        "readings": [
            {
                "sampler": sampler,
                "metric": series.spec.name,
                "labels": dict(zip(series.spec.labels, series.labels, strict=True)),
                "value": value,
                "unit": series.spec.unit,
                "quality": quality.name.lower(),
            }
            for sampler, sampled in result.sampled.items()
            for series, value, quality in values(sampled)
        ],
        "failures": result.failures,
        "unavailable": result.unavailable,
    }


def show_table(result: OnceResult) -> str:
    """The result for a terminal: a block a sampler, a line a reading."""
    lines: list[str] = []
    for sampler, sampled in result.sampled.items():
        rows = sorted(values(sampled), key=lambda row: (row.series.labels, row.series.spec.name))
        lines.append(
            f"{sampler}: {len(rows)} reading{'' if len(rows) == 1 else 's'}"
            + ("" if rows else " (fabricscope samplers says why)")
        )
        lines += [f"  {_line(row)}" for row in rows]
        lines.append("")
    lines += [f"{sampler}: unavailable: {reason}" for sampler, reason in result.unavailable.items()]
    lines += [f"{sampler}: failed: {reason}" for sampler, reason in result.failures.items()]
    return "\n".join(lines).rstrip()


def _line(row: Value) -> str:
    spec, quality = row.series.spec, row.quality.name.lower()
    labels = " ".join(f"{key}={value}" for key, value in zip(spec.labels, row.series.labels, strict=True) if value)
    if row.value is None:
        shown = quality
    else:
        shown = f"{row.value:,}" if isinstance(row.value, int) else f"{row.value:g}"
        if row.quality is not Quality.OK:
            shown += f" [{quality}]"
    return f"{labels:<40} {spec.name:<70} {shown:>24}"

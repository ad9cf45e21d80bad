"""A sampler of another package that makes up what no test machine has: GPUs, optics, RoCE adapters, a BMC, verdicts.

It shows every metric that any sampler or health can show, with the labels that real ones have, so that joins find
each other. Everything that can move does. A probe runs it like every other sampler (`install`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from math import sin
from pathlib import Path
from typing import ClassVar
from zlib import crc32

from fabricscope import plugins
from fabricscope.model import Kind, MetricSpec, Now, Reading
from probes.health import metrics as health
from probes.health.language.rule_files import shipped
from probes.sampling.sampler import Roots, SamplerSettings

NAME = "made_up"
SECOND = 1_000_000_000

NETDEVS, RDMA_DEVICES, GPUS = ("eth0", "eth1"), ("mlx5_0", "mlx5_1"), ("0", "1")

DEVICES: Mapping[str, tuple[str, ...]] = {
    "ethernet": NETDEVS,
    "roce": NETDEVS,
    "optics": NETDEVS,
    "infiniband": RDMA_DEVICES,
    "queue_pairs": RDMA_DEVICES,
    "bursts": RDMA_DEVICES,
    "cxl": ("mem0",),
}
"""What each sampler calls a device; sensors have the address of the device that they are in."""

LABELS: Mapping[str, tuple[str, ...]] = {
    "device": ("0000:18:00.0",),
    "gpu": GPUS,
    "link": ("0", "1"),
    "lane": ("1", "2"),
    "port": ("1",),
    "address": ("0000:18:00.0",),
    "upstream": ("0000:17:00.0",),
    "root_port": ("0000:16:00.0",),
    "priority": ("0", "3"),
    "direction": ("transmit", "receive"),
    "side": ("media",),
    "statistic": ("current",),
    "threshold": ("low_alarm", "high_alarm"),
    "property": ("speed", "width"),
    "severity": ("critical", "info", "warning"),
    "errors": ("0", "7"),
    "what": ("judge",),
    "link_layer": ("InfiniBand",),
}
"""Values of labels, by sampler in DEVICES where they differ; other labels have one that says which they are."""

UNITS: Mapping[str, float] = {
    "amperes": 0.05,
    "bytes": 1e9,
    "bytes_per_second": 5e10,
    "celsius": 45.0,
    "decibels": 20.0,
    "lanes": 16.0,
    "ratio": 0.25,
    "revolutions_per_minute": 8000.0,
    "seconds": 0.01,
    "transfers_per_second": 3.2e10,
    "volts": 3.3,
    "watts": 300.0,
}
"""What is usual for a gauge in each unit; without one it is 1, which is yes."""
UNUSUAL: Mapping[str, float] = {
    "bit_error_ratio": 1e-9,
    "module_state": 3.0,
    "optics_receive_power_watts": 5e-4,
    "optics_transmit_power_watts": 8e-4,
    "power_threshold_watts": 1e-5,
}
"""The same by the end of the metric's name."""
A_SECOND: Mapping[str, float] = {"bytes": 1e9, "seconds": 0.25}
"""By how much a counter grows in a second, by unit; without one it is 3, or little for a narrow one."""
NARROW = 16
"""Bits below which a counter would soon be full."""


class MadeUpSampler:
    """Yields every metric there is, whatever the host."""

    name: ClassVar[str] = NAME
    Settings: ClassVar[type[SamplerSettings]] = SamplerSettings
    metrics: ClassVar[tuple[MetricSpec, ...]] = ()  # those of others

    def __init__(self, settings: SamplerSettings, roots: Roots) -> None:
        self._series = [(spec, labels) for spec in specs() for labels in rows(spec)]
        self._began: int | None = None

    def unavailable(self) -> str | None:
        return None

    def sample(self, now: Now) -> Iterable[Reading]:
        if self._began is None:
            self._began = now.mono
        seconds = (now.mono - self._began) / SECOND
        for spec, labels in self._series:
            yield Reading(spec, labels, value(spec, labels, seconds))

    def close(self) -> None:
        pass


def specs() -> list[MetricSpec]:
    """The metrics of every other sampler, and of health."""
    found = {spec.name: spec for spec in health.METRICS}
    for name, sampler in plugins.loaded(plugins.SAMPLERS):
        if name != NAME:
            assert not isinstance(sampler, plugins.PluginError), sampler
            found |= {spec.name: spec for spec in sampler.metrics}
    return list(found.values())


def rows(spec: MetricSpec) -> Iterator[tuple[str, ...]]:
    """The label values of each series of a metric."""
    if spec is health.VERDICT:
        yield from verdicts()
        return
    sampler = next((name for name in DEVICES if spec.name.startswith(f"fabricscope_{name}_")), "")
    known = {**LABELS, "device": DEVICES.get(sampler, LABELS["device"])}
    yield from product(*(known.get(label, (some(label),)) for label in spec.labels))


def verdicts() -> Iterator[tuple[str, ...]]:
    """One verdict of each rule that is shipped, as health labels it."""
    for rule in shipped():
        places = (first(place) if place in rule.by else "" for place in health.PLACES)
        other = ",".join(f"{label}={some(label)}" for label in rule.by if label not in health.PLACES)
        yield (rule.name, rule.severity, *places, other)


def first(label: str) -> str:
    """A value that the label has."""
    return LABELS.get(label, (some(label),))[0]


def some(label: str) -> str:
    """A value that says which label it is of."""
    return f"some {label}"


def value(spec: MetricSpec, labels: tuple[str, ...], seconds: float) -> int | float:
    """What the device says that many seconds after the first sample; series of a metric differ."""
    own = crc32("/".join([spec.name, *labels]).encode()) % 1000 / 1000
    if spec.kind is Kind.COUNTER:
        growth = A_SECOND.get(spec.unit, 3.0 if spec.bits >= NARROW else 0.1) * spec.per_unit / spec.scale
        return min(int(growth * (1 + own) * seconds), (1 << spec.bits) - 2)
    if spec.watch is not None or not spec.unit or spec.unit == "lanes":
        # States, and what is an event when it changes, stand still.
        return UNITS.get(spec.unit, usual(spec))
    return usual(spec) * (1 + 0.1 * own + 0.05 * sin(seconds + 6 * own))


def usual(spec: MetricSpec) -> float:
    """A number that is usual for a gauge."""
    unusual = (number for end, number in UNUSUAL.items() if spec.name.endswith(end))
    return next(unusual, UNITS.get(spec.unit, 1.0))


def install(folder: Path) -> None:
    """Write a distribution into a folder, to be found by its entry point where the folder is in PYTHONPATH."""
    about = folder / "made_up-1.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: made_up\nVersion: 1\n")
    (about / "entry_points.txt").write_text(f"[{plugins.SAMPLERS}]\n{NAME} = {__name__}:{MadeUpSampler.__name__}\n")

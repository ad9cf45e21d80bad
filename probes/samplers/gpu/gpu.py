"""The series of one GPU: what to ask for at this sample, and the readings of the answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fabricscope.model import MetricSpec, Quality, Reading
from probes.samplers.gpu import columns, metrics
from probes.sources import sysfs
from probes.sources.nvml import codes
from probes.sources.nvml.columns import ASK_AGAIN_NS, FieldColumns
from probes.sources.nvml.replies import Ask, Call, GpuAnswer
from probes.sources.nvml.roster import Gpu

_MIB = 1 << 20
_FAST = ("temperature", "clocks_event_reasons", "pcie_generation", "pcie_width", "pcie_rates")
_SLOW = (
    *("identity", "mig", "pcie_generation_max", "pcie_width_max", "power_limit"),
    *("temperature_margin", "temperature_shutdown", "temperature_slowdown"),
)
_GAUGES: dict[str, tuple[MetricSpec, tuple[str, ...], float]] = {
    "pcie_generation": (metrics.PCIE_GENERATION, (), 1),
    "pcie_generation_max": (metrics.PCIE_GENERATION_MAX, (), 1),
    "pcie_width": (metrics.PCIE_WIDTH, (), 1),
    "pcie_width_max": (metrics.PCIE_WIDTH_MAX, (), 1),
    "temperature": (metrics.TEMPERATURE, ("gpu",), 1),
    "temperature_margin": (metrics.MARGIN, (), 1),
    "temperature_shutdown": (metrics.TEMPERATURE_LIMIT, ("shutdown",), 1),
    "temperature_slowdown": (metrics.TEMPERATURE_LIMIT, ("slowdown",), 1),
    "power": (metrics.POWER, (), 1000),
    "power_limit": (metrics.POWER_LIMIT, (), 1000),
}
"""Calls that give one number: metric, labels after `gpu`, divisor."""
_NOT_A_NUMBER = frozenset({0xFFFF_FFFF, -1})
"""NVML_VALUE_NOT_AVAILABLE as the calls' types show it."""
_SIGNED = frozenset({"temperature_margin"})


class GpuSeries:
    """Remembers, for one GPU, what it does not have and what was read last."""

    def __init__(self, number: int, slow_ns: int) -> None:
        self._gpu = str(number)
        self._slow_ns = slow_ns
        self._fast = FieldColumns("gpu.fast", list(columns.fast(self._gpu)))
        self._slow = FieldColumns("gpu.slow", list(columns.slow(self._gpu)))
        self._labels: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._made: dict[str, tuple[Call, list[Reading]]] = {}
        """By call its last answer and the readings of that."""
        self._without: dict[str, int] = {}
        """Calls that this GPU has no answer to, and when they are tried again."""
        self._slow_at: int | None = None
        self._asking_slow = False
        self._no_power_field = False
        self._slow_rows: list[Reading] = []
        self._last: list[Reading] = []
        self._info: list[Reading] = []
        self._instances: list[Reading] = []
        self._up = Reading(metrics.UP, (self._gpu,), 1.0)
        self._down = Reading(metrics.UP, (self._gpu,), 0.0)
        self._unknown = Reading(metrics.UP, (self._gpu,), None, Quality.UNREADABLE)

    def ask(self, now_ns: int) -> Ask:
        """What to ask for now."""
        self._asking_slow = self._slow_at is None or now_ns - self._slow_at >= self._slow_ns
        wanted = (*_FAST, *(("power",) if self._no_power_field else ()), *(_SLOW if self._asking_slow else ()))
        calls = tuple(name for name in wanted if self._without.get(name, 0) <= now_ns)
        plans = [self._fast.prepare(now_ns)]
        if self._asking_slow:
            plans.append(self._slow.prepare(now_ns))
        return Ask(tuple(plans), calls)

    def readings(self, said: GpuAnswer, gpu: Gpu, driver: str, now_ns: int) -> list[Reading]:
        """The readings of a GPU that answered."""
        for name, call in said.calls.items():
            if call.code in codes.UNSUPPORTED:
                self._without[name] = now_ns + ASK_AGAIN_NS
        rows = self._fast.readings(said.plans[0])
        self._no_power_field = metrics.POWER not in [row[0] for row in rows]
        rows += self._called(said.calls, (*_FAST, "power"))
        if self._asking_slow:
            self._slow_at = now_ns
            self._slow_rows = [*self._slow.readings(said.plans[1]), *self._called(said.calls, _SLOW)]
            self._describe(said.calls, gpu, driver)
            self._divide(said.calls.get("mig"))
        self._last = [*rows, *self._slow_rows]
        return [self._up, *self._info, *self._instances, *self._last]

    def silent(self, *, down: bool) -> list[Reading]:
        """The readings of a GPU that does not answer: `down` when that is its fault for all that is known."""
        # What was read before is too old when it is back.
        self._slow_at = None
        unreadable = [Reading(row.spec, row.labels, None, Quality.UNREADABLE) for row in self._last]
        return [self._down if down else self._unknown, *self._info, *self._instances, *unreadable]

    def _called(self, calls: Mapping[str, Call], names: tuple[str, ...]) -> list[Reading]:
        """The readings of these calls; those of an answer that is as it was are the same ones again."""
        rows: list[Reading] = []
        for name in names:
            call = calls.get(name)
            if call is None or call.code in codes.UNSUPPORTED:
                continue
            before, made = self._made.get(name, (None, []))
            if call != before:
                made = list(self._of_call(name, call))
                self._made[name] = call, made
            rows += made
        return rows

    def _of_call(self, name: str, call: Call) -> Iterator[Reading]:
        if name == "clocks_event_reasons":
            yield from self._throttled(call)
        elif name == "pcie_rates":
            yield from self._rates(call)
        elif name in _GAUGES:
            yield from self._gauge(name, call)

    def _gauge(self, name: str, call: Call) -> Iterator[Reading]:
        spec, labels, divisor = _GAUGES[name]
        if call.code:
            yield Reading(spec, self._with(*labels), None, Quality.UNREADABLE)
        elif isinstance(call.value, int) and (name in _SIGNED or call.value not in _NOT_A_NUMBER):
            yield Reading(spec, self._with(*labels), call.value / divisor)

    def _throttled(self, call: Call) -> Iterator[Reading]:
        for reason, bit in metrics.REASONS.items():
            labels = self._with(reason)
            if call.code or not isinstance(call.value, int):
                yield Reading(metrics.THROTTLED, labels, None, Quality.UNREADABLE)
            else:
                yield Reading(metrics.THROTTLED, labels, float(bool(call.value & bit)))

    def _rates(self, call: Call) -> Iterator[Reading]:
        specs = (metrics.PCIE_TRANSMIT, metrics.PCIE_RECEIVE)
        if call.code or not isinstance(call.value, list) or len(call.value) != len(specs):
            # NO_DATA is the first of the two samples that an average needs.
            yield from (Reading(spec, self._with(), None, Quality.UNREADABLE) for spec in specs)
            return
        for spec, rate in zip(specs, call.value, strict=True):
            if isinstance(rate, int | float) and rate >= 0:
                yield Reading(spec, self._with(), float(rate) * _MIB)

    def _describe(self, calls: Mapping[str, Call], gpu: Gpu, driver: str) -> None:
        identity = calls.get("identity")
        if identity is None or identity.code:
            return
        uuid, name, serial, vbios = _labels(identity.value, 4)
        labels = (self._gpu, uuid, gpu.address, name, serial, sysfs.printable(driver), vbios)
        self._info = [Reading(metrics.INFO, labels, 1.0)]

    def _divide(self, call: Call | None) -> None:
        """Take in which MIG instances there are; a call that fails for a moment leaves them without a value."""
        if call is None or call.code in codes.UNSUPPORTED:
            self._instances = []
        elif call.code or not isinstance(call.value, list):
            self._instances = [Reading(row.spec, row.labels, None, Quality.UNREADABLE) for row in self._instances]
        else:
            self._instances = [Reading(metrics.MIG_INFO, (self._gpu, *_labels(row, 4)), 1.0) for row in call.value]

    def _with(self, *labels: str) -> tuple[str, ...]:
        """The labels, as the same object each time."""
        return self._labels.setdefault(labels, (self._gpu, *labels))


def _labels(row: Any, count: int) -> tuple[str, ...]:
    """`count` label values from what should be a list of so many."""
    if not isinstance(row, list) or len(row) != count:
        return ("",) * count
    return tuple(sysfs.printable(str(value)) for value in row)

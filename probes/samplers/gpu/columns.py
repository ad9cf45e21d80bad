"""Which field of NVML each series of a GPU comes from."""

from __future__ import annotations

from collections.abc import Iterator

from probes.samplers.gpu import metrics
from probes.sources.nvml import fields
from probes.sources.nvml.columns import Column, Source

_ERRORS = {
    "correctable": fields.PCIE_CORRECTABLE,
    "naks_received": fields.PCIE_NAKS_RECEIVED,
    "receiver": fields.PCIE_RECEIVER_ERROR,
    "bad_tlp": fields.PCIE_BAD_TLP,
    "naks_sent": fields.PCIE_NAKS_SENT,
    "bad_dllp": fields.PCIE_BAD_DLLP,
    "nonfatal": fields.PCIE_NON_FATAL,
    "fatal": fields.PCIE_FATAL,
    "unsupported_request": fields.PCIE_UNSUPPORTED_REQUEST,
    "lcrc": fields.PCIE_LCRC,
    "lane": fields.PCIE_LANE,
}
_TIMES = {
    "sw_power_cap": fields.POLICY_POWER,
    "thermal": fields.POLICY_THERMAL,
    "sw_thermal": fields.THROTTLED_SW_THERMAL,
    "hw_thermal": fields.THROTTLED_HW_THERMAL,
    "hw_power_brake": fields.THROTTLED_HW_POWER_BRAKE,
}


def milli(value: int | float) -> float:
    """Watts from milliwatts."""
    return value / 1000


def fast(gpu: str) -> Iterator[Column]:
    """Field values of each sample."""
    yield Column(metrics.POWER, (gpu,), (Source(fields.POWER_INSTANT, convert=milli),))
    yield Column(metrics.PCIE_REPLAYS, (gpu,), (Source(fields.PCIE_REPLAYS),))
    yield Column(metrics.PCIE_TRANSMIT_BYTES, (gpu,), (Source(fields.PCIE_TX_BYTES, wide=True),))
    yield Column(metrics.PCIE_RECEIVE_BYTES, (gpu,), (Source(fields.PCIE_RX_BYTES, wide=True),))
    for reason, field in _TIMES.items():
        yield Column(metrics.THROTTLED_TIME, (gpu, reason), (Source(field),))


def slow(gpu: str) -> Iterator[Column]:
    """Field values that are read every `slow_seconds`."""
    yield Column(metrics.PCIE_REPLAY_ROLLOVERS, (gpu,), (Source(fields.PCIE_REPLAY_ROLLOVERS),))
    yield Column(metrics.PCIE_RECOVERIES, (gpu,), (Source(fields.PCIE_L0_TO_RECOVERY),))
    for error, field in _ERRORS.items():
        yield Column(metrics.PCIE_ERRORS, (gpu, error), (Source(field),))
    yield Column(metrics.TEMPERATURE, (gpu, "memory"), (Source(fields.MEMORY_TEMPERATURE, convert=float),))
    for limit, field in (("slowdown", fields.SLOWDOWN_MARGIN), ("shutdown", fields.SHUTDOWN_MARGIN)):
        yield Column(metrics.MARGIN_LIMIT, (gpu, limit), (Source(field, convert=float, minus_one=True),))
    yield Column(metrics.ECC_UNCORRECTED, (gpu,), (Source(fields.ECC_UNCORRECTED_VOLATILE),))
    yield Column(metrics.REMAP_PENDING, (gpu,), (Source(fields.REMAPPED_PENDING, convert=float),))
    yield Column(metrics.REMAP_FAILURE, (gpu,), (Source(fields.REMAPPED_FAILURE, convert=float),))
    yield Column(metrics.RECOVERY_ACTION, (gpu,), (Source(fields.RECOVERY_ACTION, convert=float),))

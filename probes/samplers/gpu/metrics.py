"""The `gpu` sampler's metrics and where NVML has them.

Not a copy of DCGM: there is no utilisation, no clock and no memory size here, but what tells whether the GPU is there,
whether its PCIe link is well, and whether power or heat hold it back.
"""

from __future__ import annotations

from fabricscope.model import Kind, MetricSpec, Watch

_NS = 1_000_000_000


def _gauge(
    name: str, text: str, source: str, *aliases: str, labels: tuple[str, ...] = (), unit: str = ""
) -> MetricSpec:
    return MetricSpec(
        f"fabricscope_gpu_{name}", Kind.GAUGE, text, ("gpu", *labels), unit=unit, source=source, aliases=aliases
    )


UP = MetricSpec(
    "fabricscope_gpu_up",
    Kind.GAUGE,
    "1 while the GPU answers; 0 when it is lost (fell off the bus, needs a reset) or the driver hangs in a call "
    "about it.",
    ("gpu",),
    source="the return codes of NVML's calls",
    watch=Watch.UP_DOWN,
    link="gpu",
)
INFO = _gauge(
    "info",
    "Always 1; the labels say what the GPU is. `gpu` is NVML's index when the probe first saw it, and `address` its "
    "place in /sys/bus/pci/devices.",
    "nvmlDeviceGetPciInfo, UUID, Name, Serial, VbiosVersion",
    "DCGM_FI_DEV_UUID",
    "DCGM_FI_DEV_PCI_BUSID",
    labels=("uuid", "address", "name", "serial", "driver", "vbios"),
)
MIG_INFO = _gauge(
    "mig_instance_info",
    "Always 1; one MIG instance of the GPU.",
    "nvmlDeviceGetMigDeviceHandleByIndex",
    labels=("uuid", "name", "gpu_instance", "compute_instance"),
)
PCIE_GENERATION = _gauge(
    "pcie_generation",
    "Generation of PCIe that the link runs at now. Idle GPUs lower it to save power.",
    "nvmlDeviceGetCurrPcieLinkGeneration",
    "DCGM_FI_DEV_PCIE_LINK_GEN",
)
PCIE_GENERATION_MAX = _gauge(
    "pcie_generation_max",
    "Highest generation that the GPU and its slot have in common.",
    "nvmlDeviceGetMaxPcieLinkGeneration",
    "DCGM_FI_DEV_PCIE_MAX_LINK_GEN",
)
PCIE_WIDTH = _gauge(
    "pcie_width_lanes",
    "Lanes that the link runs with now.",
    "nvmlDeviceGetCurrPcieLinkWidth",
    "DCGM_FI_DEV_PCIE_LINK_WIDTH",
    unit="lanes",
)
PCIE_WIDTH_MAX = _gauge(
    "pcie_width_max_lanes",
    "Most lanes that the GPU and its slot have in common.",
    "nvmlDeviceGetMaxPcieLinkWidth",
    "DCGM_FI_DEV_PCIE_MAX_LINK_WIDTH",
    unit="lanes",
)
PCIE_TRANSMIT = _gauge(
    "pcie_transmit_bytes_per_second",
    "PCIe traffic from the GPU, averaged since the last sample. By GPM, so from Hopper on.",
    "NVML_GPM_METRIC_PCIE_TX_PER_SEC",
    "DCGM_FI_PROF_PCIE_TX_BYTES",
    unit="bytes_per_second",
)
PCIE_RECEIVE = _gauge(
    "pcie_receive_bytes_per_second",
    "PCIe traffic to the GPU, averaged since the last sample. By GPM, so from Hopper on.",
    "NVML_GPM_METRIC_PCIE_RX_PER_SEC",
    "DCGM_FI_PROF_PCIE_RX_BYTES",
    unit="bytes_per_second",
)
THROTTLED = _gauge(
    "throttled",
    "1 while the GPU runs slower for this `reason`, which is one of power or heat.",
    "nvmlDeviceGetCurrentClocksEventReasons",
    "DCGM_FI_DEV_CLOCKS_EVENT_REASONS",
    labels=("reason",),
)
TEMPERATURE = _gauge(
    "temperature_celsius",
    "Temperature of the die (`sensor` gpu) and of its memory.",
    "nvmlDeviceGetTemperature, NVML_FI_DEV_MEMORY_TEMP",
    "DCGM_FI_DEV_GPU_TEMP",
    "DCGM_FI_DEV_MEMORY_TEMP",
    "hw.temperature",
    labels=("sensor",),
    unit="celsius",
)
TEMPERATURE_LIMIT = _gauge(
    "temperature_limit_celsius",
    "Temperature at which the GPU slows down or shuts down. GPUs since Ada and Hopper may tell margins instead.",
    "nvmlDeviceGetTemperatureThreshold",
    "DCGM_FI_DEV_SLOWDOWN_TEMP",
    "DCGM_FI_DEV_SHUTDOWN_TEMP",
    "hw.temperature.limit",
    labels=("limit",),
    unit="celsius",
)
MARGIN = _gauge(
    "temperature_margin_celsius",
    "Degrees left until the GPU begins to slow down (nvidia-smi's T.Limit).",
    "nvmlDeviceGetMarginTemperature",
    unit="celsius",
)
MARGIN_LIMIT = _gauge(
    "temperature_margin_limit_celsius",
    "The margin at which the GPU slows down or shuts down; below zero is past the point where it begins to slow.",
    "NVML_FI_DEV_TEMPERATURE_{SLOWDOWN,SHUTDOWN}_TLIMIT",
    labels=("limit",),
    unit="celsius",
)
POWER = _gauge(
    "power_watts",
    "Power that the GPU draws now.",
    "NVML_FI_DEV_POWER_INSTANT, else nvmlDeviceGetPowerUsage",
    "DCGM_FI_DEV_POWER_USAGE",
    "hw.power",
    unit="watts",
)
POWER_LIMIT = _gauge(
    "power_limit_watts",
    "Power limit that is in force.",
    "nvmlDeviceGetEnforcedPowerLimit",
    "DCGM_FI_DEV_ENFORCED_POWER_LIMIT",
    "hw.power.limit",
    unit="watts",
)
REMAP_PENDING = _gauge(
    "row_remap_pending",
    "1 while a row of memory waits for the next reset to be replaced.",
    "NVML_FI_DEV_REMAPPED_PENDING",
    "DCGM_FI_DEV_ROW_REMAP_PENDING",
)
REMAP_FAILURE = _gauge(
    "row_remap_failure",
    "1 after a row of memory could not be replaced: the GPU is to be exchanged.",
    "NVML_FI_DEV_REMAPPED_FAILURE",
    "DCGM_FI_DEV_ROW_REMAP_FAILURE",
)
RECOVERY_ACTION = _gauge(
    "recovery_action",
    "What the driver asks for: 0 nothing, 1 a reset of the GPU, 2 a reboot of the node, 3 to drain its peers, "
    "4 to drain it and reset.",
    "NVML_FI_DEV_GET_GPU_RECOVERY_ACTION",
    "DCGM_FI_DEV_GET_GPU_RECOVERY_ACTION",
)


def _counter(
    name: str,
    text: str,
    source: str,
    *aliases: str,
    labels: tuple[str, ...] = (),
    unit: str = "",
    per_unit: int = 1,
    bits: int = 64,
) -> MetricSpec:
    return MetricSpec(
        f"fabricscope_gpu_{name}",
        Kind.COUNTER,
        text,
        ("gpu", *labels),
        unit=unit,
        source=source,
        per_unit=per_unit,
        bits=bits,
        aliases=aliases,
    )


PCIE_REPLAYS = _counter(
    "pcie_replays_total",
    "TLPs that were sent again, since the last reset of the GPU.",
    "NVML_FI_DEV_PCIE_REPLAY_COUNTER",
    "DCGM_FI_DEV_PCIE_REPLAY_COUNTER",
    bits=32,
)
PCIE_REPLAY_ROLLOVERS = _counter(
    "pcie_replay_rollovers_total",
    "Times that a TLP had been sent so often in vain that the link was retrained.",
    "NVML_FI_DEV_PCIE_REPLAY_ROLLOVER_COUNTER",
    bits=32,
)
PCIE_RECOVERIES = _counter(
    "pcie_recoveries_total",
    "Times that the link left L0 to recover.",
    "NVML_FI_DEV_PCIE_L0_TO_RECOVERY_COUNTER",
    bits=32,
)
PCIE_ERRORS = _counter(
    "pcie_errors_total",
    "Errors that the GPU's end of the link counted, by kind.",
    "NVML_FI_DEV_PCIE_COUNT_*",
    labels=("error",),
    bits=32,
)
PCIE_TRANSMIT_BYTES = _counter(
    "pcie_transmit_bytes_total",
    "PCIe traffic from the GPU, where the driver counts it in 64 bits; a counter of 32 is not shown, since it goes "
    "round several times a second.",
    "NVML_FI_DEV_PCIE_COUNT_TX_BYTES",
    unit="bytes",
)
PCIE_RECEIVE_BYTES = _counter(
    "pcie_receive_bytes_total",
    "PCIe traffic to the GPU, where the driver counts it in 64 bits; a counter of 32 is not shown, since it goes "
    "round several times a second.",
    "NVML_FI_DEV_PCIE_COUNT_RX_BYTES",
    unit="bytes",
)
THROTTLED_TIME = _counter(
    "throttled_seconds_total",
    "Time for which the GPU ran slower for this `reason`.",
    "NVML_FI_DEV_PERF_POLICY_{POWER,THERMAL}, NVML_FI_DEV_CLOCKS_EVENT_REASON_*",
    "DCGM_FI_DEV_POWER_VIOLATION",
    "DCGM_FI_DEV_THERMAL_VIOLATION",
    labels=("reason",),
    unit="seconds",
    per_unit=_NS,
)
ECC_UNCORRECTED = _counter(
    "memory_uncorrected_errors_total",
    "Errors of memory that ECC could not repair, since the driver was loaded.",
    "NVML_FI_DEV_ECC_DBE_VOL_TOTAL",
    "DCGM_FI_DEV_ECC_DBE_VOL_TOTAL",
)

SPECS = (
    *(UP, INFO, MIG_INFO, PCIE_GENERATION, PCIE_GENERATION_MAX, PCIE_WIDTH, PCIE_WIDTH_MAX),
    *(PCIE_REPLAYS, PCIE_REPLAY_ROLLOVERS, PCIE_RECOVERIES, PCIE_ERRORS),
    *(PCIE_TRANSMIT, PCIE_RECEIVE, PCIE_TRANSMIT_BYTES, PCIE_RECEIVE_BYTES),
    *(THROTTLED, THROTTLED_TIME, TEMPERATURE, TEMPERATURE_LIMIT, MARGIN, MARGIN_LIMIT, POWER, POWER_LIMIT),
    *(ECC_UNCORRECTED, REMAP_PENDING, REMAP_FAILURE, RECOVERY_ACTION),
)

REASONS = {"sw_power_cap": 0x4, "hw_slowdown": 0x8, "sw_thermal": 0x20, "hw_thermal": 0x40, "hw_power_brake": 0x80}
"""Bits of nvmlClocksEventReasons that are of power or heat."""

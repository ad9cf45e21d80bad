"""The metrics of the `kernel` sampler. They count from when the probe started."""

from __future__ import annotations

from fabricscope.model import Kind, MetricSpec

_SOURCE = "/dev/kmsg"

EVENTS = MetricSpec(
    "fabricscope_kernel_events_total",
    Kind.COUNTER,
    "Lines of the kernel's log that say something of the fabric, by the kind of event that they are. Each is counted, "
    "also those that became no event because there were too many alike.",
    ("kind", "severity"),
    source=_SOURCE,
)
XIDS = MetricSpec(
    "fabricscope_kernel_xid_errors_total",
    Kind.COUNTER,
    "Errors that NVIDIA's driver reported of a GPU, by their Xid number.",
    ("address", "xid"),
    source=f"{_SOURCE}: NVRM: Xid (PCI:<address>): <xid>",
    aliases=("DCGM_FI_DEV_XID_ERRORS",),
)
SXIDS = MetricSpec(
    "fabricscope_kernel_sxid_errors_total",
    Kind.COUNTER,
    "Errors that NVIDIA's driver reported of an NVSwitch, by their SXid number.",
    ("address", "sxid"),
    source=f"{_SOURCE}: nvidia-nvswitch<n>: SXid (PCI:<address>): <sxid>",
)
RECORDS = MetricSpec(
    "fabricscope_kernel_records_total", Kind.COUNTER, "Records of the kernel's log that were read.", source=_SOURCE
)
LOST = MetricSpec(
    "fabricscope_kernel_records_lost_total",
    Kind.COUNTER,
    "Records of the kernel's log that were overwritten before they could be read. There may have been events in them.",
    source=f"{_SOURCE}: gaps in the sequence numbers",
)
MALFORMED = MetricSpec(
    "fabricscope_kernel_records_malformed_total",
    Kind.COUNTER,
    "Records of the kernel's log that could not be understood.",
    source=_SOURCE,
)
SUPPRESSED = MetricSpec(
    "fabricscope_kernel_events_suppressed_total",
    Kind.COUNTER,
    "Lines that became no event of their own, because there were too many of one kind and device in a minute. "
    "An event `kernel.repeated` tells of them.",
    source=_SOURCE,
)
LEFT_OUT = MetricSpec(
    "fabricscope_kernel_series_left_out",
    Kind.GAUGE,
    "Pairs of a device and an error number beyond those that have a series of their own.",
)

ALL = (EVENTS, XIDS, SXIDS, RECORDS, LOST, MALFORMED, SUPPRESSED, LEFT_OUT)

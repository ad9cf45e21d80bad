"""The metrics of the `pcie` sampler."""

from __future__ import annotations

from fabricscope.model import Kind, MetricSpec, Watch


def _link_spec(
    name: str, text: str, file: str, *aliases: str, unit: str = "", watch: Watch | None = None
) -> MetricSpec:
    """A gauge of a device's link, read from one of its files; aliases come without `node_pcidevice_`."""
    return MetricSpec(
        f"fabricscope_pcie_link_{name}",
        Kind.GAUGE,
        text,
        ("address",),
        unit=unit,
        source=f"/sys/bus/pci/devices/<address>/{file}",
        watch=watch,
        link="pcie" if watch else "",
        aliases=tuple(f"node_pcidevice_{alias}" for alias in aliases),
    )


UP = _link_spec(
    "up",
    "1 while the device has a link; 0 when it no longer answers, such as a GPU that fell off the bus.",
    "current_link_width",
    watch=Watch.UP_DOWN,
)
# Not watched: idle GPUs change it all day to save power, and each change would be an event.
SPEED = _link_spec(
    "speed_transfers_per_second",
    "Negotiated speed of each lane. Some GPUs lower it while they idle.",
    "current_link_speed",
    "current_link_transfers_per_second",
    unit="transfers_per_second",
)
SPEED_MAX = _link_spec(
    "speed_max_transfers_per_second",
    "Highest speed of each lane that the device is capable of.",
    "max_link_speed",
    "max_link_transfers_per_second",
    unit="transfers_per_second",
)
WIDTH = _link_spec(
    "width_lanes",
    "Negotiated number of lanes.",
    "current_link_width",
    "current_link_width",
    unit="lanes",
    watch=Watch.CHANGE,
)
WIDTH_MAX = _link_spec(
    "width_max_lanes",
    "Highest number of lanes that the device is capable of.",
    "max_link_width",
    "max_link_width",
    unit="lanes",
)
DEGRADED = MetricSpec(
    "fabricscope_pcie_link_degraded",
    Kind.GAUGE,
    "1 when the link's `property` (speed, width) is below what both of its ends are capable of: an x16 card in an x8 "
    "slot is not degraded at x8. A lower speed alone may be an idle GPU saving power; a lower width is a fault.",
    ("address", "upstream", "property"),
    source="/sys/bus/pci/devices/<address>/{current,max}_link_{speed,width} of the device and its upstream port",
)
AER = {
    severity: MetricSpec(
        f"fabricscope_pcie_aer_{severity}_errors_total",
        Kind.COUNTER,
        text,
        ("address", "error"),
        source=f"/sys/bus/pci/devices/<address>/aer_dev_{severity}",
    )
    for severity, text in (
        (
            "correctable",
            "Errors that the link layer repaired, by the name that the kernel gives them. Replays are `Timeout` (no "
            "answer in time) and `Rollover` (the same packet was sent four times).",
        ),
        ("nonfatal", "Errors that lost a transaction and not the link, by the name that the kernel gives them."),
        ("fatal", "Errors after which the link is unreliable, by the name that the kernel gives them."),
    )
}
ROOT_PORT = MetricSpec(
    "fabricscope_pcie_aer_root_port_errors_total",
    Kind.COUNTER,
    "Error messages that a root port received from all that is below it, or from itself.",
    ("address", "severity"),
    source="/sys/bus/pci/devices/<address>/aer_rootport_total_err_{cor,nonfatal,fatal}",
)
INFO = MetricSpec(
    "fabricscope_pcie_device_info",
    Kind.GAUGE,
    "Always 1; the labels say what the device is. `upstream` is the address of the port above it. `port` says what a "
    "bridge is: root_port, switch_upstream, switch_downstream, pci_bridge.",
    ("address", "upstream", "kind", "class_id", "vendor_id", "device_id", "driver", "numa_node", "slot", "port"),
    source="/sys/bus/pci/devices/<address>",
    aliases=("node_pcidevice_info",),
)
LINK_INFO = MetricSpec(
    "fabricscope_pcie_link_info",
    Kind.GAUGE,
    "Always 1; the labels say what is at the two ends of a link, where they are, and which root port it is below: the "
    "device `address` in slot `slot`, and the port `upstream` that it is plugged into.",
    ("address", "upstream", "kind", "upstream_kind", "upstream_vendor_id", "upstream_device_id", "slot", "root_port"),
    source="/sys/bus/pci/devices/<address>, /sys/bus/pci_express/devices, /sys/bus/pci/slots",
)
LEFT_OUT = MetricSpec(
    "fabricscope_pcie_devices_left_out", Kind.GAUGE, "Devices beyond the setting max_devices, not reported."
)

ALL = (UP, SPEED, SPEED_MAX, WIDTH, WIDTH_MAX, DEGRADED, INFO, LINK_INFO, LEFT_OUT, *AER.values(), ROOT_PORT)

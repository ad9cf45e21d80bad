"""The metrics of Ethernet interfaces, and where each comes from."""

from __future__ import annotations

from fabricscope.model import Kind, MetricSpec, Watch

_DEVICE = ("device",)


def _spec(
    name: str, text: str, source: str, *aliases: str, unit: str = "", bits: int = 64, watch: Watch | None = None
) -> MetricSpec:
    """A metric with a series per interface; aliases come without the `node_network_` of node_exporter."""
    return MetricSpec(
        f"fabricscope_ethernet_{name}",
        Kind.COUNTER if name.endswith("_total") else Kind.GAUGE,
        text,
        _DEVICE,
        unit=unit,
        source=source,
        bits=bits,
        watch=watch,
        link="ethernet" if watch else "",
        aliases=tuple(f"node_network_{alias}" for alias in aliases),
    )


def _statistic(field: str, text: str, *aliases: str) -> MetricSpec:
    """The counter for a field of rtnl_link_stats64; aliases come without their `_total` too."""
    words = field.replace("rx_", "receive_").replace("tx_", "transmit_")
    return _spec(
        f"{words}_total",
        text,
        f"rtnetlink IFLA_STATS64 {field}",
        *(f"{alias}_total" for alias in aliases),
        unit="bytes" if field.endswith("_bytes") else "",
    )


# node_exporter has two sets of names. `receive_drop`, `receive_frame` and `transmit_carrier` of its older one are sums
# of several of these, so they are nobody's alias.
STATISTICS = {
    field: _statistic(field, text, *aliases)
    for field, text, *aliases in (
        ("rx_bytes", "Bytes received.", "receive_bytes"),
        ("tx_bytes", "Bytes sent.", "transmit_bytes"),
        ("rx_packets", "Packets received.", "receive_packets"),
        ("tx_packets", "Packets sent.", "transmit_packets"),
        ("rx_errors", "Bad packets received.", "receive_errors", "receive_errs"),
        ("tx_errors", "Packets that could not be sent.", "transmit_errors", "transmit_errs"),
        ("rx_dropped", "Good packets dropped on receipt, for want of room or by policy.", "receive_dropped"),
        ("tx_dropped", "Packets dropped before they were sent.", "transmit_dropped", "transmit_drop"),
        ("multicast", "Multicast packets received.", "multicast", "receive_multicast"),
        ("collisions", "Collisions while sending.", "collisions", "transmit_colls"),
        ("rx_length_errors", "Packets received with a wrong length.", "receive_length_errors"),
        ("rx_over_errors", "Packets received that did not fit the receive ring.", "receive_over_errors"),
        ("rx_crc_errors", "Packets received with a bad checksum (FCS).", "receive_crc_errors"),
        ("rx_frame_errors", "Misaligned frames received.", "receive_frame_errors"),
        ("rx_fifo_errors", "Receiver FIFO overruns.", "receive_fifo_errors", "receive_fifo"),
        ("rx_missed_errors", "Packets that the host did not take from the device in time.", "receive_missed_errors"),
        ("tx_aborted_errors", "Transmissions that were aborted.", "transmit_aborted_errors"),
        ("tx_carrier_errors", "Transmissions that lost the carrier.", "transmit_carrier_errors"),
        ("tx_fifo_errors", "Transmitter FIFO underruns.", "transmit_fifo_errors", "transmit_fifo"),
        ("tx_heartbeat_errors", "Heartbeat (SQE) errors.", "transmit_heartbeat_errors"),
        ("tx_window_errors", "Late collisions.", "transmit_window_errors"),
        ("rx_nohandler", "Packets received on an inactive interface, such as a bond's spare.", "receive_nohandler"),
        ("rx_otherhost_dropped", "Packets received that were addressed to another host."),
    )
}

UP = _spec(
    "up",
    "1 when packets can pass: the operational state is up, or the driver keeps none and there is a carrier. "
    "0 as well for an interface that is switched off; see fabricscope_ethernet_admin_up.",
    "rtnetlink IFLA_OPERSTATE, IFF_UP, IFF_LOWER_UP",
    "up",
    watch=Watch.UP_DOWN,
)
ADMIN_UP = _spec("admin_up", "1 when the interface is switched on by configuration.", "rtnetlink IFF_UP")
CARRIER = _spec("carrier", "1 with a carrier; absent while switched off.", "rtnetlink IFLA_CARRIER", "carrier")
CARRIER_CHANGES = _spec(
    "carrier_changes_total",
    "Times that the carrier came or went.",
    "rtnetlink IFLA_CARRIER_CHANGES",
    "carrier_changes_total",
    bits=32,
    watch=Watch.FLAPS,
)
CARRIER_UP_CHANGES = _spec(
    "carrier_up_changes_total",
    "Times that the carrier came.",
    "rtnetlink IFLA_CARRIER_UP_COUNT",
    "carrier_up_changes_total",
    bits=32,
)
CARRIER_DOWN_CHANGES = _spec(
    "carrier_down_changes_total",
    "Times that the carrier went.",
    "rtnetlink IFLA_CARRIER_DOWN_COUNT",
    "carrier_down_changes_total",
    bits=32,
)
MTU = _spec(
    "mtu_bytes",
    "Largest packet that the interface sends.",
    "rtnetlink IFLA_MTU",
    "mtu_bytes",
    unit="bytes",
    watch=Watch.CHANGE,
)
SPEED = _spec(
    "speed_bytes_per_second",
    "Negotiated speed; absent while the link is down and for interfaces without one.",
    "/sys/class/net/<device>/speed",
    "speed_bytes",
    unit="bytes_per_second",
    watch=Watch.CHANGE,
)
FULL_DUPLEX = _spec(
    "full_duplex", "1 for full duplex, 0 for half; absent if unknown.", "/sys/class/net/<device>/duplex"
)
# State is not a label here: a series that changes its labels whenever a link flaps is a new series each time.
INFO = MetricSpec(
    "fabricscope_ethernet_info",
    Kind.GAUGE,
    "Always 1; the labels say what the interface is. `kind` is empty for hardware, `bus_address` is its PCI address.",
    (*_DEVICE, "mac_address", "kind", "driver", "bus_address"),
    source="rtnetlink IFLA_ADDRESS, IFLA_INFO_KIND, IFLA_PARENT_DEV_NAME; /sys/class/net/<device>/device",
    aliases=("node_network_info",),
)
LEFT_OUT = MetricSpec(
    "fabricscope_ethernet_interfaces_left_out",
    Kind.GAUGE,
    "Interfaces beyond the setting max_interfaces, not reported.",
)

ALL = (
    *(UP, ADMIN_UP, CARRIER, CARRIER_CHANGES, CARRIER_UP_CHANGES, CARRIER_DOWN_CHANGES),
    *(MTU, SPEED, FULL_DUPLEX, INFO, LEFT_OUT),
    *STATISTICS.values(),
)

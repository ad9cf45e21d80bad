"""What is known of every metric of a subnet, and which of perfquery's counters each is.

A switch counts in 64 bits where it can, and else in the 4 to 32 bits of the classic set, under the same name here. A
classic counter at its ceiling is told by the quality of its value, which is why the table has 64 bits for all.
"""

from __future__ import annotations

from fabricscope.model import Kind, MetricSpec, Overflow, Watch
from probes.sources.ib_tools.perfquery import CLASSIC_BITS

PORT = ("guid", "port")
_LINK = "ib_fabric"


def _counter(
    field: str, name: str, text: str, alias: str, *, scale: int = 1, watch: Watch | None = None
) -> tuple[str, MetricSpec]:
    """A row of the table, by perfquery's name; only `bytes` have a unit. The alias is infiniband_exporter's."""
    bits = CLASSIC_BITS.get(field)
    source = f"perfquery -x: {field}" + (f"; else perfquery, {bits} bits" if bits else "")
    spec = MetricSpec(
        f"fabricscope_ib_fabric_port_{name}_total",
        Kind.COUNTER,
        text,
        PORT,
        unit="bytes" if name.endswith("_bytes") else "",
        source=source,
        overflow=Overflow.SATURATES,
        scale=scale,
        watch=watch,
        link=_LINK if watch else "",
        aliases=tuple(f"infiniband_{kind}_port_{alias}_total" for kind in ("switch", "hca")),
    )
    return field, spec


# fmt: off
COUNTERS = dict((
    _counter("PortXmitData", "transmit_bytes", "Bytes sent.", "transmit_data_bytes", scale=4),
    _counter("PortRcvData", "receive_bytes", "Bytes received.", "receive_data_bytes", scale=4),
    _counter("PortXmitPkts", "transmit_packets", "Packets sent.", "transmit_packets"),
    _counter("PortRcvPkts", "receive_packets", "Packets received.", "receive_packets"),
    _counter("PortUnicastXmitPkts", "transmit_unicast_packets", "Unicast packets sent.", "unicast_transmit_packets"),
    _counter("PortUnicastRcvPkts", "receive_unicast_packets", "Unicast packets received.", "unicast_receive_packets"),
    _counter("PortMulticastXmitPkts", "transmit_multicast_packets", "Multicast packets sent.",
             "multicast_transmit_packets"),
    _counter("PortMulticastRcvPkts", "receive_multicast_packets", "Multicast packets received.",
             "multicast_receive_packets"),
    _counter("PortXmitWait", "transmit_wait_ticks",
             "Ticks in which there was data to send and none could go, for want of credits or arbitration.",
             "transmit_wait"),
    _counter("PortXmitDiscards", "transmit_discards", "Packets not sent because the port was down or congested.",
             "transmit_discards"),
    _counter("SymbolErrorCounter", "symbol_errors", "Minor errors on one or more lanes.", "symbol_error"),
    _counter("LinkErrorRecoveryCounter", "link_error_recoveries",
             "Times that the link recovered from errors by itself.", "link_error_recovery"),
    _counter("LinkDownedCounter", "link_downed",
             "Times that the link could not recover from errors and went down.", "link_downed", watch=Watch.FLAPS),
    _counter("PortRcvErrors", "receive_errors", "Packets with an error received.", "receive_errors"),
    _counter("PortRcvRemotePhysicalErrors", "receive_remote_physical_errors",
             "Packets received that were marked bad on their way, by a port further off.",
             "receive_remote_physical_errors"),
    _counter("PortRcvSwitchRelayErrors", "receive_switch_relay_errors",
             "Packets received that the switch could not forward.", "receive_switch_relay_errors"),
    _counter("PortXmitConstraintErrors", "transmit_constraint_errors",
             "Packets not sent because of a partition or filter.", "transmit_constraint_errors"),
    _counter("PortRcvConstraintErrors", "receive_constraint_errors",
             "Packets discarded on receipt because of a partition or filter.", "receive_constraint_errors"),
    _counter("LocalLinkIntegrityErrors", "local_link_integrity_errors",
             "Times that local physical errors passed the threshold of the subnet manager.",
             "local_link_integrity_errors"),
    _counter("ExcessiveBufferOverrunErrors", "excessive_buffer_overruns",
             "Times that buffer overruns lasted: misconfigured credits, or a link of very bad quality.",
             "excessive_buffer_overrun_errors"),
    _counter("VL15Dropped", "vl15_dropped_packets", "Management packets dropped for want of room.", "vl15_dropped"),
    _counter("QP1Dropped", "qp1_dropped_packets", "Packets for general management dropped for want of room.",
             "qp1_dropped"),
))
# fmt: on


def _gauge(
    name: str,
    text: str,
    labels: tuple[str, ...] = (),
    *,
    unit: str = "",
    watch: Watch | None = None,
    source: str = "ibnetdiscover -p",
    aliases: tuple[str, ...] = (),
) -> MetricSpec:
    return MetricSpec(
        f"fabricscope_ib_fabric_{name}",
        Kind.GAUGE,
        text,
        labels,
        unit=unit,
        source=source,
        watch=watch,
        link=_LINK if watch else "",
        aliases=aliases,
    )


def _own(name: str, text: str, *, unit: str = "", per_unit: int = 1) -> MetricSpec:
    return MetricSpec(f"fabricscope_ib_fabric_{name}_total", Kind.COUNTER, text, unit=unit, per_unit=per_unit)


# fmt: off
UP = _gauge("link_up", "1 while a cable with a working link is in the port; 0 for one that was there and is gone, "
            "until it is forgotten.", PORT, watch=Watch.UP_DOWN)
RATE = _gauge("link_rate_bytes_per_second", "Rate of all lanes together, as Linux gives it for its own ports; stale "
              "while the link is down.", PORT, unit="bytes_per_second", watch=Watch.CHANGE,
              aliases=("infiniband_switch_port_rate_bytes_per_second", "infiniband_hca_rate_bytes_per_second"))
LANES = _gauge("link_width_lanes", "Lanes in use; stale while the link is down.", PORT, unit="lanes",
               watch=Watch.CHANGE)
LINK_INFO = _gauge("link_info", "Always 1; the labels say what the cable connects. `type` is SW (switch), CA (channel "
                   "adapter) or RT (router).",
                   (*PORT, "node", "type", "remote_guid", "remote_port", "remote_node", "remote_type"),
                   aliases=("infiniband_switch_uplink_info", "infiniband_hca_uplink_info"))
SWITCH_INFO = _gauge("switch_info", "Always 1; the labels say how a switch is called and addressed.",
                     ("guid", "node", "lid"), aliases=("infiniband_switch_info",))
SWITCHES = _gauge("switches", "Switches that the last discovery found.")
LINKS_UP = _gauge("links_up", "Cables that the last discovery found, in the whole subnet.")
SWITCHES_LEFT_OUT = _gauge("switches_left_out", "Switches of this host's part that max_switches leaves out.")
PORTS_LEFT_OUT = _gauge("ports_left_out", "Ports that max_ports leaves out.")
UNREAD = _gauge("nodes_unread", "Nodes that did not give all their counters in the last sample.", source="perfquery")
WAITING = _gauge("nodes_waiting", "Nodes that were not asked in the last sample because its time was used up; they are "
                 "asked first in the next.", source="perfquery")
DISCOVERED = _gauge("discovery_success", "1 when the last discovery worked; while it is 0, links are stale.")
DISCOVERY_LINES = _gauge("discovery_lines_unread", "Lines of the last discovery that were no port.")
DISCOVERY_SECONDS = _gauge("discovery_seconds", "Time that the last discovery took.", unit="seconds")
QUERY_SECONDS = _gauge("query_seconds", "Time that the last reading of all counters took.", unit="seconds",
                       source="perfquery")
STARTS = _own("process_starts", "Programs that were started to ask the subnet.")
CPU = _own("process_cpu_seconds", "Processor time of those programs.", unit="seconds", per_unit=1_000_000)
# fmt: on

TABLE = (
    *(UP, RATE, LANES, LINK_INFO, SWITCH_INFO, SWITCHES, LINKS_UP, SWITCHES_LEFT_OUT, PORTS_LEFT_OUT, UNREAD, WAITING),
    *(DISCOVERED, DISCOVERY_LINES, DISCOVERY_SECONDS, QUERY_SECONDS, STARTS, CPU),
    *COUNTERS.values(),
)

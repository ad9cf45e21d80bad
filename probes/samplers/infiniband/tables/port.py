"""Counters of a port's performance management agent, which every InfiniBand port has, and many a RoCE port as well.

Widths: PORT_PMA_ATTR and PORT_PMA_ATTR_EXT of the kernel's drivers/infiniband/core/sysfs.c. They stop at their ceiling.
"""

from __future__ import annotations

from fabricscope.model import Watch
from probes.samplers.infiniband.tables.rows import port

# fmt: off
COUNTERS = (
    # Data and packets have 64 bits in the extended set.
    port("port_xmit_data", "transmit_bytes", 64, "Bytes sent.", "port_data_transmitted_bytes", scale=4),
    port("port_rcv_data", "receive_bytes", 64, "Bytes received.", "port_data_received_bytes", scale=4),
    port("port_xmit_packets", "transmit_packets", 64, "Packets sent.", "port_packets_transmitted"),
    port("port_rcv_packets", "receive_packets", 64, "Packets received.", "port_packets_received"),
    port("unicast_xmit_packets", "transmit_unicast_packets", 64, "Unicast packets sent.",
         "unicast_packets_transmitted"),
    port("unicast_rcv_packets", "receive_unicast_packets", 64, "Unicast packets received.",
         "unicast_packets_received"),
    port("multicast_xmit_packets", "transmit_multicast_packets", 64, "Multicast packets sent.",
         "multicast_packets_transmitted"),
    port("multicast_rcv_packets", "receive_multicast_packets", 64, "Multicast packets received.",
         "multicast_packets_received"),
    port("port_xmit_wait", "transmit_wait_ticks", 32,
         "Ticks in which there was data to send and none could go, for want of credits or arbitration.",
         "port_transmit_wait"),
    port("port_xmit_discards", "transmit_discards", 16,
         "Packets not sent because the port was down or congested.", "port_discards_transmitted"),
    port("port_rcv_discards", "receive_discards", 64, "Packets discarded on receipt.", "port_discards_received"),
    port("symbol_error", "symbol_errors", 16, "Minor errors on one or more lanes.", "symbol_error"),
    port("link_error_recovery", "link_error_recoveries", 8, "Times that the link recovered from errors by itself.",
         "link_error_recovery"),
    port("link_downed", "link_downed", 8, "Times that the link could not recover from errors and went down.",
         "link_downed", watch=Watch.FLAPS),
    port("port_rcv_errors", "receive_errors", 16, "Packets with an error received.", "port_errors_received"),
    port("port_rcv_remote_physical_errors", "receive_remote_physical_errors", 16,
         "Packets received that were marked bad on their way, by a port further off.",
         "port_receive_remote_physical_errors"),
    port("port_rcv_switch_relay_errors", "receive_switch_relay_errors", 16,
         "Packets received that the switch could not forward.", "port_receive_switch_relay_errors"),
    port("port_xmit_constraint_errors", "transmit_constraint_errors", 8,
         "Packets not sent because of a partition or filter.", "port_constraint_errors_transmitted"),
    port("port_rcv_constraint_errors", "receive_constraint_errors", 8,
         "Packets discarded on receipt because of a partition or filter.", "port_constraint_errors_received"),
    port("local_link_integrity_errors", "local_link_integrity_errors", 4,
         "Times that local physical errors passed the threshold of the subnet manager.",
         "local_link_integrity_errors"),
    port("excessive_buffer_overrun_errors", "excessive_buffer_overruns", 4,
         "Times that buffer overruns lasted: misconfigured credits, or a link of very bad quality.",
         "excessive_buffer_overrun_errors"),
    port("VL15_dropped", "vl15_dropped_packets", 16, "Management packets dropped for want of room.", "vl15_dropped"),
    # Kernels before 4.5, where the same names in `counters` have 32 bits.
    port("port_xmit_data_64", "legacy_transmit_bytes", 64, "Bytes sent, on old kernels.",
         "legacy_data_transmitted_bytes", scale=4),
    port("port_rcv_data_64", "legacy_receive_bytes", 64, "Bytes received, on old kernels.",
         "legacy_data_received_bytes", scale=4),
    port("port_xmit_packets_64", "legacy_transmit_packets", 64, "Packets sent, on old kernels.",
         "legacy_packets_transmitted"),
    port("port_rcv_packets_64", "legacy_receive_packets", 64, "Packets received, on old kernels.",
         "legacy_packets_received"),
    port("port_unicast_xmit_packets", "legacy_transmit_unicast_packets", 64, "Unicast packets sent, on old kernels.",
         "legacy_unicast_packets_transmitted"),
    port("port_unicast_rcv_packets", "legacy_receive_unicast_packets", 64, "Unicast packets received, on old kernels.",
         "legacy_unicast_packets_received"),
    port("port_multicast_xmit_packets", "legacy_transmit_multicast_packets", 64,
         "Multicast packets sent, on old kernels.", "legacy_multicast_packets_transmitted"),
    port("port_multicast_rcv_packets", "legacy_receive_multicast_packets", 64,
         "Multicast packets received, on old kernels.", "legacy_multicast_packets_received"),
)
# fmt: on

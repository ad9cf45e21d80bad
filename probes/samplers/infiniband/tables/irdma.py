"""Counters that Intel's irdma alone has: IP, TCP (iWARP) and RDMA operations. The rest is in transport.py.

Source: the kernel's drivers/infiniband/hw/irdma/verbs.c. The driver adds up the adapter's counters of 24 to 56 bits in
64. Newer kernels leave out the `tcp` and `iw` of the names.
"""

from __future__ import annotations

from probes.samplers.infiniband.tables.rows import Counter, hardware


def _ip(version: int) -> tuple[Counter, ...]:
    return (
        hardware(f"ip{version}InOctets", f"ip{version}_receive_bytes", f"Bytes of IPv{version} received."),
        hardware(f"ip{version}OutOctets", f"ip{version}_transmit_bytes", f"Bytes of IPv{version} sent."),
        hardware(f"ip{version}InPkts", f"ip{version}_receive_packets", f"Packets of IPv{version} received."),
        hardware(f"ip{version}OutPkts", f"ip{version}_transmit_packets", f"Packets of IPv{version} sent."),
        hardware(
            f"ip{version}InMcastOctets",
            f"ip{version}_receive_multicast_bytes",
            f"Bytes of IPv{version} received by multicast.",
        ),
        hardware(
            f"ip{version}OutMcastOctets",
            f"ip{version}_transmit_multicast_bytes",
            f"Bytes of IPv{version} sent by multicast.",
        ),
        hardware(
            f"ip{version}InMcastPkts",
            f"ip{version}_receive_multicast_packets",
            f"Packets of IPv{version} received by multicast.",
        ),
        hardware(
            f"ip{version}OutMcastPkts",
            f"ip{version}_transmit_multicast_packets",
            f"Packets of IPv{version} sent by multicast.",
        ),
        hardware(f"ip{version}InDiscards", f"ip{version}_receive_discards", f"Packets of IPv{version} dropped."),
        hardware(
            f"ip{version}InTruncatedPkts",
            f"ip{version}_receive_truncated_packets",
            f"Packets of IPv{version} received that were cut short.",
        ),
        hardware(f"ip{version}InReasmRqd", f"ip{version}_receive_fragments", f"Fragments of IPv{version} received."),
        hardware(f"ip{version}OutSegRqd", f"ip{version}_transmit_fragments", f"Fragments of IPv{version} sent."),
        hardware(
            f"ip{version}OutNoRoutes",
            f"ip{version}_transmit_no_route",
            f"Packets of IPv{version} not sent for want of a route.",
        ),
    )


# fmt: off
COUNTERS = (
    *_ip(4),
    *_ip(6),
    hardware("tcpInSegs, InSegs", "tcp_receive_segments", "Segments received by the reliable transport."),
    hardware("tcpOutSegs, OutSegs", "tcp_transmit_segments", "Segments sent by the reliable transport."),
    hardware("tcpRetransSegs, RetransSegs", "tcp_retransmitted_segments", "Segments sent once more."),
    hardware("tcpInOptErrors, InOptErrors", "tcp_option_errors", "Segments received with bad options."),
    hardware("tcpInProtoErrors, InProtoErrors", "tcp_protocol_errors", "Segments received that broke the protocol."),
    hardware("iwInRdmaReads, InRdmaReads", "receive_rdma_reads",
             "RDMA reads received; a long one may count by its packets."),
    hardware("iwInRdmaWrites, InRdmaWrites", "receive_rdma_writes",
             "RDMA writes received; a long one may count by its packets."),
    hardware("iwInRdmaSends, InRdmaSends", "receive_rdma_sends",
             "RDMA sends received; a long one may count by its packets."),
    hardware("iwOutRdmaReads, OutRdmaReads", "transmit_rdma_reads",
             "RDMA reads sent; a long one may count by its packets."),
    hardware("iwOutRdmaWrites, OutRdmaWrites", "transmit_rdma_writes",
             "RDMA writes sent; a long one may count by its packets."),
    hardware("iwOutRdmaSends, OutRdmaSends", "transmit_rdma_sends",
             "RDMA sends sent; a long one may count by its packets."),
    hardware("Rx atomics", "receive_rdma_atomics", "Atomic operations received."),
    hardware("Tx atomics", "transmit_rdma_atomics", "Atomic operations sent."),
    hardware("iwRdmaBnd, RdmaBnd", "memory_window_binds", "Memory windows bound."),
    hardware("iwRdmaInv, RdmaInv", "memory_invalidates", "Memory keys invalidated."),
    hardware("RxUDP", "udp_receive_packets", "Packets of UDP received."),
    hardware("TxUDP", "udp_transmit_packets", "Packets of UDP sent."),
    hardware("rxVlanErrors", "receive_vlan_errors", "Packets received of a VLAN that is not ours."),
    hardware("ord limit count", "outbound_read_limits", "Times that a read waited for others under way to the same "
             "end."),
    hardware("ird limit count", "inbound_read_limits", "Times that more reads came in at once than were agreed on."),
)
# fmt: on

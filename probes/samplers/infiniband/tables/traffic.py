"""RDMA traffic as adapters other than NVIDIA's count it, which have no `counters` of a port or none of RDMA alone.

Sources: the kernel's drivers/infiniband/hw/bnxt_re/hw_counters.c, hw/efa/efa_verbs.c, hw/hns/hns_roce_main.c,
sw/rxe/rxe_hw_counters.c; the names of ionic are its firmware's. All are 64 bits wide.
"""

from __future__ import annotations

from probes.samplers.infiniband.tables.rows import hardware

# fmt: off
COUNTERS = (
    # bnxt_re and efa, ionic, rxe, hns. bnxt_re and ionic count unicast alone here.
    hardware("tx_bytes, tx_rdma_ucast_bytes", "rdma_transmit_bytes", "Bytes of RDMA sent; without multicast where that "
             "is counted apart."),
    hardware("rx_bytes, rx_rdma_ucast_bytes", "rdma_receive_bytes", "Bytes of RDMA received; without multicast where "
             "that is counted apart."),
    hardware("tx_pkts, tx_rdma_ucast_pkts, sent_pkts, tx_pkt", "rdma_transmit_packets", "Packets of RDMA sent; without "
             "multicast where that is counted apart."),
    hardware("rx_pkts, rx_rdma_ucast_pkts, rcvd_pkts, rx_pkt", "rdma_receive_packets", "Packets of RDMA received; "
             "without multicast where that is counted apart."),
    hardware("tx_rdma_mcast_bytes", "rdma_transmit_multicast_bytes", "Bytes of RDMA sent by multicast."),
    hardware("rx_rdma_mcast_bytes", "rdma_receive_multicast_bytes", "Bytes of RDMA received by multicast."),
    hardware("tx_rdma_mcast_pkts", "rdma_transmit_multicast_packets", "Packets of RDMA sent by multicast."),
    hardware("rx_rdma_mcast_pkts", "rdma_receive_multicast_packets", "Packets of RDMA received by multicast."),
    hardware("tx_roce_only_bytes", "roce_transmit_bytes", "Bytes of RoCE sent, of the whole adapter."),
    hardware("rx_roce_only_bytes", "roce_receive_bytes", "Bytes of RoCE received, of the whole adapter."),
    hardware("tx_roce_only_pkts", "roce_transmit_packets", "Packets of RoCE sent, of the whole adapter."),
    hardware("rx_roce_only_pkts", "roce_receive_packets", "Packets of RoCE received, of the whole adapter."),
    hardware("rx_roce_good_bytes, rx_good_bytes", "roce_receive_good_bytes", "Bytes of RoCE received in good packets."),
    hardware("rx_roce_good_pkts, rx_good_pkts", "roce_receive_good_packets", "Packets of RoCE received and taken."),
    hardware("rx_roce_errors, rx_err_pkt", "rdma_receive_errors", "Packets of RDMA received with an error."),
    hardware("tx_err_pkt, send_err", "rdma_transmit_errors", "Packets of RDMA that could not be sent."),
    hardware("rx_roce_discards, rx_drops, rx_rdma_mtu_discard_pkts", "rdma_receive_drops",
             "Packets of RDMA received and dropped."),
    hardware("retrans_bytes, tx_rdma_retx_bytes", "retransmitted_bytes", "Bytes of RDMA sent once more."),
    hardware("retrans_pkts, tx_rdma_retx_pkts", "retransmitted_packets", "Packets of RDMA sent once more."),
    # Messages by operation: bnxt_re, rxe.
    hardware("tx_write_req", "sent_write_requests", "RDMA write requests sent."),
    hardware("tx_read_req", "sent_read_requests", "RDMA read requests sent."),
    hardware("tx_read_resp", "sent_read_responses", "Responses to RDMA reads sent."),
    hardware("tx_atomic_req", "sent_atomic_requests", "Atomic requests sent."),
    hardware("tx_send_req, rdma_sends", "sent_sends", "Send requests sent."),
    hardware("rx_send_req, rdma_recvs", "received_sends", "Send requests received."),
    hardware("rx_read_resp", "received_read_responses", "Responses to RDMA reads received."),
    # rxe, the software adapter.
    hardware("ack_deferred", "deferred_completions", "Completions that were put off to a worker."),
    hardware("completer_retry_err", "completer_retries", "Times that the completer tried again."),
    hardware("link_downed", "software_link_downs", "Times that the interface below went down."),
)
# fmt: on

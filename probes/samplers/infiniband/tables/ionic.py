"""Counters that AMD's ionic (Pensando) alone has. What others count as well is in transport.py and traffic.py.

The driver asks the firmware for names, offsets and widths (drivers/infiniband/hw/ionic/ionic_hw_stats.c in the kernel),
so these are the firmware's; all known ones have 64 bits. `outouf` is how it writes it.
"""

from __future__ import annotations

from probes.samplers.infiniband.tables.rows import hardware

# fmt: off
COUNTERS = (
    hardware("req_rx_dup_response", "requester_duplicate_responses", "Responses received that had come before."),
    hardware("req_rx_inval_pkts", "requester_invalid_packets", "Responses received that were invalid."),
    hardware("req_tx_loc_sgl_inv_err", "requester_scatter_list_errors", "Requests with an invalid scatter list."),
    hardware("resp_rx_inval_request", "responder_invalid_requests", "Invalid requests received."),
    hardware("resp_rx_outof_atomic", "responder_atomic_resources_exceeded",
             "Atomic requests received for which there was no room."),
    hardware("resp_rx_s0_table_err", "responder_table_errors", "Requests received that an internal table refused."),
    hardware("resp_tx_pkt_seq_err", "responder_sequence_error_naks_sent",
             "Answers that told the other end of a gap in the sequence."),
    hardware("resp_tx_rmt_oper_err", "responder_operation_errors", "Requests refused here because they failed."),
    hardware("resp_tx_loc_sgl_inv_err", "responder_scatter_list_errors", "Responses with an invalid scatter list."),
    hardware("tx_rdma_ccl_cts_ack_timeout", "collective_ack_timeouts",
             "Clear-to-send messages of collectives that were not answered in time."),
    hardware("resp_rx_ccl_cts_outouf_seq", "collective_out_of_sequence",
             "Clear-to-send messages of collectives received out of sequence."),
)
# fmt: on

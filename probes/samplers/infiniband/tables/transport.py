"""Counters of the reliable transport and of its congestion control, which adapters have in common under many names.

One row is one metric: the names are those of mlx5, mlx4, bnxt_re, irdma, ionic and rxe, as far as they count the same.
Those of mlx5's queue counters (query_q_counter) have 32 bits and go round; other drivers add them up in 64. Sources:
the kernel's drivers/infiniband/hw/mlx5/counters.c, hw/mlx4/main.c, hw/bnxt_re/hw_counters.c, hw/irdma/verbs.c,
sw/rxe/rxe_hw_counters.c; the names of ionic are its firmware's.
"""

from __future__ import annotations

from probes.samplers.infiniband.tables.rows import Counter, hardware


def _queue(files: str, name: str, text: str, alias: str = "") -> Counter:
    """A counter that mlx5 or mlx4 has among others."""
    return hardware(files, name, text, alias, bits=32)


# fmt: off
COUNTERS = (
    _queue("rx_write_requests, rx_write_req", "received_write_requests", "RDMA write requests received.",
           "rx_write_requests"),
    _queue("rx_read_requests, rx_read_req", "received_read_requests", "RDMA read requests received.",
           "rx_read_requests"),
    _queue("rx_atomic_requests, rx_atomic_req", "received_atomic_requests", "Atomic requests received.",
           "rx_atomic_requests"),
    _queue("rx_dct_connect", "received_dct_connects", "Connection requests received for dynamically connected "
           "targets.", "rx_dct_connect_requests"),
    _queue("out_of_buffer, rx_out_of_buffer, resp_rx_outof_buf", "out_of_buffer_drops",
           "Packets dropped for want of a posted receive.", "out_of_buffer_drops"),
    _queue("out_of_sequence, rq_num_oos, oos_drop_count, Rcvd Out of order packets, resp_rx_outouf_seq, "
           "out_of_seq_request", "out_of_sequence_packets", "Packets received out of sequence.",
           "out_of_sequence_packets_received"),
    _queue("duplicate_request, rq_num_dup, dup_req, resp_rx_dup_request", "duplicate_requests",
           "Requests received that were served before.", "duplicate_requests_packets"),
    _queue("rnr_nak_retry_err, sq_num_rnr, rnr_naks_rcvd, RNR received, req_rx_rnr_retry_err, rcvd_rnr_err",
           "rnr_naks_received", "Answers of a receiver that was not ready; the request was tried again.",
           "rnr_nak_retry_packets_received"),
    _queue("packet_seq_err, sq_num_oos, seq_err_naks_rcvd, Nak Sequence Error, req_rx_pkt_seq_err, rcvd_seq_err",
           "sequence_error_naks_received", "Answers that told of a gap in the sequence; the request was tried again.",
           "packet_sequence_errors"),
    _queue("implied_nak_seq_err, Nak Sequence Error Implied, req_rx_impl_nak_seq_err", "implied_sequence_errors",
           "Responses to reads with a later sequence number than was due.", "implied_nak_seq_errors"),
    _queue("local_ack_timeout_err, sq_num_to, to_retransmits, RTO, tx_rdma_ack_timeout", "ack_timeouts",
           "Requests that were not answered in time; they were tried again.", "local_ack_timeout_errors"),
    _queue("req_transport_retries_exceeded, sq_num_tree, max_retry_exceeded, req_tx_retry_excd_err, "
           "retry_exceeded_err", "requester_transport_retries_exceeded",
           "Requests given up after too many timeouts: the queue pair is broken."),
    _queue("req_rnr_retries_exceeded, sq_num_rree, retry_rnr_exceeded_err", "requester_rnr_retries_exceeded",
           "Requests given up because the receiver never was ready: the queue pair is broken."),
    _queue("req_cqe_error, req_rx_cqe_err", "requester_completion_errors", "Requests that completed with an error.",
           "req_cqes_errors"),
    _queue("req_cqe_flush_error, sq_num_wrfe, req_rx_cqe_flush", "requester_flush_errors",
           "Requests flushed because their queue pair was broken.", "req_cqes_flush_errors"),
    _queue("req_remote_access_errors, sq_num_rae, remote_access_err, req_rx_rmt_acc_err",
           "requester_remote_access_errors", "Requests that the other end refused for a bad key or address.",
           "req_remote_access_errors"),
    _queue("req_remote_invalid_request, sq_num_rire, remote_invalid_req_err, req_rx_rmt_req_err",
           "requester_invalid_request_errors", "Requests that the other end refused as invalid.",
           "req_remote_invalid_request_errors"),
    _queue("resp_cqe_error, resp_rx_cqe_err", "responder_completion_errors", "Receives that completed with an error.",
           "resp_cqes_errors"),
    _queue("resp_cqe_flush_error, rq_num_wrfe, resp_rx_cqe_flush", "responder_flush_errors",
           "Receives flushed because their queue pair was broken.", "resp_cqes_flush_errors"),
    _queue("resp_local_length_error, rq_num_lle, res_length_mismatch, resp_rx_loc_len_err", "responder_length_errors",
           "Messages received that were longer than the posted receive.", "resp_local_length_errors"),
    _queue("resp_remote_access_errors, rq_num_rae, resp_tx_rmt_acc_err", "responder_remote_access_errors",
           "Requests refused here for a bad key or address.", "resp_remote_access_errors"),
    _queue("roce_adp_retrans", "roce_adaptive_retransmissions", "Adaptive retransmissions.", "roce_adp_retransmits"),
    _queue("roce_adp_retrans_to", "roce_adaptive_retransmission_timeouts",
           "Timeouts that led to an adaptive retransmission.", "roce_adp_retransmits_timeout"),
    _queue("roce_slow_restart", "roce_slow_restarts", "Times that slow restart was used.", "roce_slow_restart_used"),
    _queue("roce_slow_restart_cnps", "roce_slow_restart_cnps", "Congestion notifications that slow restart made.",
           "roce_slow_restart_cnps"),
    _queue("roce_slow_restart_trans", "roce_slow_restart_transitions",
           "Times that a queue pair went into slow restart.", "roce_slow_restart"),
    _queue("rq_num_lqpoe, resp_rx_loc_oper_err", "responder_queue_pair_errors",
           "Receives that failed in the local queue pair."),
    _queue("sq_num_lqpoe, local_qp_op_err, req_tx_loc_oper_err", "requester_queue_pair_errors",
           "Requests that failed in the local queue pair."),
    _queue("rq_num_lpe", "responder_protection_errors", "Receives into memory that was not registered for it."),
    _queue("sq_num_lpe, local_protection_err, req_tx_loc_acc_err", "requester_protection_errors",
           "Requests from memory that was not registered for it."),
    _queue("sq_num_lle", "requester_length_errors", "Requests whose length did not fit."),
    _queue("sq_num_mwbe", "requester_memory_window_errors", "Memory windows that could not be bound."),
    _queue("sq_num_bre, bad_resp_err", "requester_bad_responses", "Responses that made no sense."),
    _queue("sq_num_roe, remote_op_err, req_rx_oper_err", "requester_remote_operation_errors",
           "Requests that failed at the other end."),
    _queue("rq_num_rire, resp_tx_rmt_inval_req_err", "responder_invalid_request_errors",
           "Requests refused here as invalid."),
    _queue("rq_num_rnr, RNR sent, resp_tx_rnr_retry_err, send_rnr_err", "rnr_naks_sent",
           "Answers that no receive was posted here."),
    _queue("rq_num_udsdprd", "datagrams_discarded", "Datagrams dropped for want of a posted receive."),
    _queue("num_cqovf", "completion_queue_overflows", "Completion queues that overflowed."),
    hardware("mem_mgmt_op_err, req_tx_mem_mgmt_err", "requester_memory_management_errors",
             "Requests that failed while registering or invalidating memory."),

    # Congestion control of RoCE. mlx5 counts these (query_cong_statistics, PPCNT) in 64 bits too.
    hardware("np_ecn_marked_roce_packets, rx_ecn_marked_pkts, RxECNMrkd, rx_rdma_ecn_pkts",
             "ecn_marked_packets_received", "RoCE packets received that a switch had marked for congestion.",
             "np_ecn_marked_roce_packets_received"),
    hardware("np_cnp_sent, tx_cnp_pkts, cnpSent, tx_rdma_cnp_pkts, tx_cnp_pkt", "cnps_sent",
             "Congestion notifications sent, as the receiver of marked packets.", "np_cnp_packets_sent"),
    hardware("rp_cnp_handled, rx_cnp_pkts, cnpHandled, rx_rdma_cnp_pkts, rx_cnp_pkt", "cnps_handled",
             "Congestion notifications received that slowed a sender here.", "rp_cnp_packets_handled"),
    hardware("rp_cnp_ignored, cnpIgnored", "cnps_ignored",
             "Congestion notifications received to which no sender here reacted.", "rp_cnp_ignored_packets_received"),
    hardware("rx_icrc_encapsulated, CRC errors", "icrc_errors",
             "RoCE packets received with a bad invariant checksum.", "rx_icrc_encapsulated_errors"),
)
# fmt: on

"""What is known of every metric of RDMA devices: the file it comes from, its width, what it does when that is used up.

A new counter is a new row here. Widths and names: the kernel's drivers/infiniband/core/sysfs.c (performance management
counters, which saturate), hw/mlx5/counters.c and hw/mlx4/main.c (adapter counters, which wrap).
"""

from __future__ import annotations

from typing import NamedTuple

from fabricscope.model import Kind, MetricSpec, Overflow, Watch

_PORT = ("device", "port")


class Counter(NamedTuple):
    """A row of the table: the files that hold one metric, of which a port has one at most."""

    directory: str
    files: tuple[str, ...]
    spec: MetricSpec


def _port(
    file: str, name: str, bits: int, text: str, alias: str, *, scale: int = 1, watch: Watch | None = None
) -> Counter:
    """A counter of the port's performance management agent: it stops at its ceiling. Only `bytes` have a unit."""
    directory = "counters_ext" if name.startswith("legacy_") else "counters"
    spec = MetricSpec(
        f"fabricscope_infiniband_port_{name}_total",
        Kind.COUNTER,
        text,
        _PORT,
        unit="bytes" if name.endswith("_bytes") else "",
        source=f"/sys/class/infiniband/<device>/ports/<port>/{directory}/{file}",
        bits=bits,
        overflow=Overflow.SATURATES,
        scale=scale,
        watch=watch,
        link="infiniband" if watch else "",
        aliases=(f"node_infiniband_{alias}_total",),
    )
    return Counter(directory, (file,), spec)


def _hardware(files: str, name: str, text: str, alias: str = "", *, bits: int = 32) -> Counter:
    """A counter of the adapter: it goes round. The files are mlx5's and mlx4's, where both count the same."""
    spec = MetricSpec(
        f"fabricscope_infiniband_{name}_total",
        Kind.COUNTER,
        text,
        _PORT,
        source=" or ".join(f"/sys/class/infiniband/<device>/ports/<port>/hw_counters/{file}" for file in files.split()),
        bits=bits,
        aliases=(f"node_infiniband_{alias}_total",) if alias else (),
    )
    return Counter("hw_counters", tuple(files.split()), spec)


# fmt: off
COUNTERS = (
    # Widths as in the kernel's drivers/infiniband/core/sysfs.c. Data and packets have 64 bits in the extended set.
    _port("port_xmit_data", "transmit_bytes", 64, "Bytes sent.", "port_data_transmitted_bytes", scale=4),
    _port("port_rcv_data", "receive_bytes", 64, "Bytes received.", "port_data_received_bytes", scale=4),
    _port("port_xmit_packets", "transmit_packets", 64, "Packets sent.", "port_packets_transmitted"),
    _port("port_rcv_packets", "receive_packets", 64, "Packets received.", "port_packets_received"),
    _port("unicast_xmit_packets", "transmit_unicast_packets", 64, "Unicast packets sent.",
          "unicast_packets_transmitted"),
    _port("unicast_rcv_packets", "receive_unicast_packets", 64, "Unicast packets received.",
          "unicast_packets_received"),
    _port("multicast_xmit_packets", "transmit_multicast_packets", 64, "Multicast packets sent.",
          "multicast_packets_transmitted"),
    _port("multicast_rcv_packets", "receive_multicast_packets", 64, "Multicast packets received.",
          "multicast_packets_received"),
    _port("port_xmit_wait", "transmit_wait_ticks", 32,
          "Ticks in which there was data to send and none could go, for want of credits or arbitration.",
          "port_transmit_wait"),
    _port("port_xmit_discards", "transmit_discards", 16,
          "Packets not sent because the port was down or congested.", "port_discards_transmitted"),
    _port("port_rcv_discards", "receive_discards", 64, "Packets discarded on receipt.", "port_discards_received"),
    _port("symbol_error", "symbol_errors", 16, "Minor errors on one or more lanes.", "symbol_error"),
    _port("link_error_recovery", "link_error_recoveries", 8, "Times that the link recovered from errors by itself.",
          "link_error_recovery"),
    _port("link_downed", "link_downed", 8, "Times that the link could not recover from errors and went down.",
          "link_downed", watch=Watch.FLAPS),
    _port("port_rcv_errors", "receive_errors", 16, "Packets with an error received.", "port_errors_received"),
    _port("port_rcv_remote_physical_errors", "receive_remote_physical_errors", 16,
          "Packets received that were marked bad on their way, by a port further off.",
          "port_receive_remote_physical_errors"),
    _port("port_rcv_switch_relay_errors", "receive_switch_relay_errors", 16,
          "Packets received that the switch could not forward.", "port_receive_switch_relay_errors"),
    _port("port_xmit_constraint_errors", "transmit_constraint_errors", 8,
          "Packets not sent because of a partition or filter.", "port_constraint_errors_transmitted"),
    _port("port_rcv_constraint_errors", "receive_constraint_errors", 8,
          "Packets discarded on receipt because of a partition or filter.", "port_constraint_errors_received"),
    _port("local_link_integrity_errors", "local_link_integrity_errors", 4,
          "Times that local physical errors passed the threshold of the subnet manager.",
          "local_link_integrity_errors"),
    _port("excessive_buffer_overrun_errors", "excessive_buffer_overruns", 4,
          "Times that buffer overruns lasted: misconfigured credits, or a link of very bad quality.",
          "excessive_buffer_overrun_errors"),
    _port("VL15_dropped", "vl15_dropped_packets", 16, "Management packets dropped for want of room.", "vl15_dropped"),
    # Kernels before 4.5, where the same names in `counters` have 32 bits.
    _port("port_xmit_data_64", "legacy_transmit_bytes", 64, "Bytes sent, on old kernels.",
          "legacy_data_transmitted_bytes", scale=4),
    _port("port_rcv_data_64", "legacy_receive_bytes", 64, "Bytes received, on old kernels.",
          "legacy_data_received_bytes", scale=4),
    _port("port_xmit_packets_64", "legacy_transmit_packets", 64, "Packets sent, on old kernels.",
          "legacy_packets_transmitted"),
    _port("port_rcv_packets_64", "legacy_receive_packets", 64, "Packets received, on old kernels.",
          "legacy_packets_received"),
    _port("port_unicast_xmit_packets", "legacy_transmit_unicast_packets", 64, "Unicast packets sent, on old kernels.",
          "legacy_unicast_packets_transmitted"),
    _port("port_unicast_rcv_packets", "legacy_receive_unicast_packets", 64, "Unicast packets received, on old kernels.",
          "legacy_unicast_packets_received"),
    _port("port_multicast_xmit_packets", "legacy_transmit_multicast_packets", 64,
          "Multicast packets sent, on old kernels.", "legacy_multicast_packets_transmitted"),
    _port("port_multicast_rcv_packets", "legacy_receive_multicast_packets", 64,
          "Multicast packets received, on old kernels.", "legacy_multicast_packets_received"),
    # Queue counters of mlx5 (query_q_counter) and diagnostic counters of mlx4.
    _hardware("rx_write_requests", "received_write_requests", "RDMA write requests received.", "rx_write_requests"),
    _hardware("rx_read_requests", "received_read_requests", "RDMA read requests received.", "rx_read_requests"),
    _hardware("rx_atomic_requests", "received_atomic_requests", "Atomic requests received.", "rx_atomic_requests"),
    _hardware("rx_dct_connect", "received_dct_connects", "Connection requests received for dynamically connected "
              "targets.", "rx_dct_connect_requests"),
    _hardware("out_of_buffer", "out_of_buffer_drops", "Packets dropped for want of a posted receive.",
              "out_of_buffer_drops"),
    _hardware("out_of_sequence rq_num_oos", "out_of_sequence_packets", "Packets received out of sequence.",
              "out_of_sequence_packets_received"),
    _hardware("duplicate_request rq_num_dup", "duplicate_requests", "Requests received that were served before.",
              "duplicate_requests_packets"),
    _hardware("rnr_nak_retry_err sq_num_rnr", "rnr_naks_received",
              "Answers of a receiver that was not ready; the request was tried again.",
              "rnr_nak_retry_packets_received"),
    _hardware("packet_seq_err sq_num_oos", "sequence_error_naks_received",
              "Answers that told of a gap in the sequence; the request was tried again.", "packet_sequence_errors"),
    _hardware("implied_nak_seq_err", "implied_sequence_errors",
              "Responses to reads with a later sequence number than was due.", "implied_nak_seq_errors"),
    _hardware("local_ack_timeout_err sq_num_to", "ack_timeouts",
              "Requests that were not answered in time; they were tried again.", "local_ack_timeout_errors"),
    _hardware("req_transport_retries_exceeded sq_num_tree", "requester_transport_retries_exceeded",
              "Requests given up after too many timeouts: the queue pair is broken."),
    _hardware("req_rnr_retries_exceeded sq_num_rree", "requester_rnr_retries_exceeded",
              "Requests given up because the receiver never was ready: the queue pair is broken."),
    _hardware("req_cqe_error", "requester_completion_errors", "Requests that completed with an error.",
              "req_cqes_errors"),
    _hardware("req_cqe_flush_error sq_num_wrfe", "requester_flush_errors",
              "Requests flushed because their queue pair was broken.", "req_cqes_flush_errors"),
    _hardware("req_remote_access_errors sq_num_rae", "requester_remote_access_errors",
              "Requests that the other end refused for a bad key or address.", "req_remote_access_errors"),
    _hardware("req_remote_invalid_request sq_num_rire", "requester_invalid_request_errors",
              "Requests that the other end refused as invalid.", "req_remote_invalid_request_errors"),
    _hardware("resp_cqe_error", "responder_completion_errors", "Receives that completed with an error.",
              "resp_cqes_errors"),
    _hardware("resp_cqe_flush_error rq_num_wrfe", "responder_flush_errors",
              "Receives flushed because their queue pair was broken.", "resp_cqes_flush_errors"),
    _hardware("resp_local_length_error rq_num_lle", "responder_length_errors",
              "Messages received that were longer than the posted receive.", "resp_local_length_errors"),
    _hardware("resp_remote_access_errors rq_num_rae", "responder_remote_access_errors",
              "Requests refused here for a bad key or address.", "resp_remote_access_errors"),
    _hardware("roce_adp_retrans", "roce_adaptive_retransmissions", "Adaptive retransmissions.",
              "roce_adp_retransmits"),
    _hardware("roce_adp_retrans_to", "roce_adaptive_retransmission_timeouts",
              "Timeouts that led to an adaptive retransmission.", "roce_adp_retransmits_timeout"),
    _hardware("roce_slow_restart", "roce_slow_restarts", "Times that slow restart was used.",
              "roce_slow_restart_used"),
    _hardware("roce_slow_restart_cnps", "roce_slow_restart_cnps",
              "Congestion notifications that slow restart made.", "roce_slow_restart_cnps"),
    _hardware("roce_slow_restart_trans", "roce_slow_restart_transitions",
              "Times that a queue pair went into slow restart.", "roce_slow_restart"),
    _hardware("rq_num_lqpoe", "responder_queue_pair_errors", "Receives that failed in the local queue pair."),
    _hardware("sq_num_lqpoe", "requester_queue_pair_errors", "Requests that failed in the local queue pair."),
    _hardware("rq_num_lpe", "responder_protection_errors", "Receives into memory that was not registered for it."),
    _hardware("sq_num_lpe", "requester_protection_errors", "Requests from memory that was not registered for it."),
    _hardware("sq_num_lle", "requester_length_errors", "Requests whose length did not fit."),
    _hardware("sq_num_mwbe", "requester_memory_window_errors", "Memory windows that could not be bound."),
    _hardware("sq_num_bre", "requester_bad_responses", "Responses that made no sense."),
    _hardware("sq_num_roe", "requester_remote_operation_errors", "Requests that failed at the other end."),
    _hardware("rq_num_rire", "responder_invalid_request_errors", "Requests refused here as invalid."),
    _hardware("rq_num_rnr", "rnr_naks_sent", "Answers that no receive was posted here."),
    _hardware("rq_num_udsdprd", "datagrams_discarded", "Datagrams dropped for want of a posted receive."),
    _hardware("num_cqovf", "completion_queue_overflows", "Completion queues that overflowed."),
    # Congestion (query_cong_statistics) and port (PPCNT) counters of mlx5.
    _hardware("np_ecn_marked_roce_packets", "ecn_marked_packets_received",
              "RoCE packets received that a switch had marked for congestion.",
              "np_ecn_marked_roce_packets_received", bits=64),
    _hardware("np_cnp_sent", "cnps_sent", "Congestion notifications sent, as the receiver of marked packets.",
              "np_cnp_packets_sent", bits=64),
    _hardware("rp_cnp_handled", "cnps_handled", "Congestion notifications received that slowed a sender here.",
              "rp_cnp_packets_handled", bits=64),
    _hardware("rp_cnp_ignored", "cnps_ignored", "Congestion notifications received to which no sender here reacted.",
              "rp_cnp_ignored_packets_received", bits=64),
    _hardware("rx_icrc_encapsulated", "icrc_errors", "RoCE packets received with a bad invariant checksum.",
              "rx_icrc_encapsulated_errors", bits=64),
)
# fmt: on
BY_FILE = {(row.directory, file): row.spec for row in COUNTERS for file in row.files}
CLASSIC_CEILING = (1 << 32) - 1
NARROW_IN_CLASSIC_SET = frozenset(
    BY_FILE["counters", file] for file in ("port_xmit_data", "port_rcv_data", "port_xmit_packets", "port_rcv_packets")
)


def _gauge(
    file: str,
    name: str,
    text: str,
    labels: tuple[str, ...] = _PORT,
    *,
    unit: str = "",
    alias: str = "",
    watch: Watch | None = None,
) -> MetricSpec:
    return MetricSpec(
        f"fabricscope_infiniband_{name}",
        Kind.GAUGE,
        text,
        labels,
        unit=unit,
        source=f"/sys/class/infiniband/{file}",
        watch=watch,
        link="infiniband" if watch else "",
        aliases=(f"node_infiniband_{alias}",) if alias else (),
    )


# fmt: off
_PORT_PATH = "<device>/ports/<port>"
UP = _gauge(f"{_PORT_PATH}/state", "port_up", "1 when the port is active: its link is up and configured.",
            watch=Watch.UP_DOWN)
STATE = _gauge(f"{_PORT_PATH}/state", "port_state", "1 down, 2 initializing, 3 armed, 4 active, 5 active deferred.",
               alias="state_id")
PHYSICAL_STATE = _gauge(f"{_PORT_PATH}/phys_state", "port_physical_state",
                        "1 sleep, 2 polling, 3 disabled, 4 training, 5 link up, 6 error recovery, 7 test.",
                        alias="physical_state_id")
RATE = _gauge(f"{_PORT_PATH}/rate", "port_rate_bytes_per_second",
              "Signalling rate, of all lanes together; stale while the port is down.", unit="bytes_per_second",
              alias="rate_bytes_per_second", watch=Watch.CHANGE)
LANES = _gauge(f"{_PORT_PATH}/rate", "port_lanes", "Lanes in use; stale while the port is down.")
LIFESPAN = _gauge(f"{_PORT_PATH}/hw_counters/lifespan", "port_statistics_lifespan_seconds",
                  "Setting of the kernel: how long it answers reads of hw_counters from memory.", unit="seconds",
                  alias="lifespan_seconds")
PORT_INFO = _gauge(_PORT_PATH, "port_info", "Always 1; the labels say what the port is. `link_layer` is InfiniBand or "
                   "Ethernet (RoCE), `netdev` the interface of a RoCE port.",
                   (*_PORT, "link_layer", "netdev", "lid", "gid"))
DEVICE_INFO = _gauge("<device>", "device_info", "Always 1; the labels say what the device is.",
                     ("device", "firmware", "hca_type", "board_id", "node_guid", "bus_address"), alias="info")
PORTS_LEFT_OUT = _gauge("", "ports_left_out", "Ports that the settings choose and max_ports leaves out.", ())
# fmt: on

GAUGES = (UP, STATE, PHYSICAL_STATE, RATE, LANES, LIFESPAN, PORT_INFO, DEVICE_INFO, PORTS_LEFT_OUT)

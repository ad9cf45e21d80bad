"""What the `flows` sampler says: bounded series made from flow records and the meter's books."""

from __future__ import annotations

from fabricscope.model import Kind, MetricSpec, Watch

_OBSERVED = ("observer",)


def _counter(name: str, help_text: str, labels: tuple[str, ...] = (), unit: str = "", source: str = "") -> MetricSpec:
    return MetricSpec(f"fabricscope_flows_{name}_total", Kind.COUNTER, help_text, (*_OBSERVED, *labels), unit, source)


def _gauge(name: str, help_text: str, labels: tuple[str, ...] = (), unit: str = "", source: str = "") -> MetricSpec:
    return MetricSpec(f"fabricscope_flows_{name}", Kind.GAUGE, help_text, (*_OBSERVED, *labels), unit, source)


OTHER = "other"
"""The label value that stands for all that are not among the largest."""

UP = MetricSpec(
    "fabricscope_flows_up",
    Kind.GAUGE,
    "Whether packets of this interface are captured: it is there, up, and may be.",
    _OBSERVED,
    watch=Watch.UP_DOWN,
    link="flows",
)

# --- the meter's books: packets on the wire = ring drops + filtered + undecodable + counted + not sampled
WIRE_PACKETS = _counter(
    "packets",
    "Packets that came: ring drops, filtered, undecodable, unsampled and counted ones together.",
    source="PACKET_STATISTICS",
)
WIRE_OCTETS = _counter(
    "bytes", "Octets of whole frames, of packets that were read from the ring.", unit="bytes", source="the capture ring"
)
RING_DROPS = _counter("ring_drops", "Packets that found no room in the capture ring.", source="PACKET_STATISTICS")
FILTERED = _counter("filtered_packets", "Packets that the filter left out.", source="the capture filter")
UNDECODABLE = _counter("undecodable_packets", "Packets that no flow could take, by reason.", ("reason",))
NOT_SAMPLED = _counter("unsampled_packets", "Packets of flows that were left out in a flood of beginning flows.")
COUNTED = _counter("counted_packets", "Packets that belong to a flow.")
ACTIVE = _gauge("active", "Flows in the table.")
EVICTED = _counter("evicted", "Flows that ended to make room for others.")
RECORDS = _counter("records", "Flow records written.")
RECORDS_DROPPED = _counter("records_dropped", "Flow records that were not taken in time.")
VISIBILITY = _gauge(
    "visibility_ratio",
    "Share of the mirrored packets that arrived, as far as gaps in ERSPAN and GRE sequence numbers tell.",
    unit="ratio",
)
MIRROR_MISSING = _gauge(
    "mirror_missing_packets",
    "Mirrored packets that have not arrived, by gaps in sequence numbers; one that comes late is missing no more.",
)
KEPT = _counter("kept_packets", "Packets of flows whose policy keeps them that were written to a file.")
KEPT_MISSED = _counter(
    "kept_missed_packets", "Packets of such flows that had left the memory before, or found no room in the file."
)
PAUSES = _counter(
    "pause_frames",
    "Pause frames that were seen, by priority; `all` are those of 802.3 annex 31B, which stop all of them.",
    ("priority",),
)

# --- records, when they are written
CLASS_FLOWS = _counter("class_records", "Flow records by what the payload says.", ("label",))
CLASS_PACKETS = _counter("class_packets", "Packets in them.", ("label",))
CLASS_OCTETS = _counter("class_bytes", "Octets of whole frames in them.", ("label",), "bytes")
BEHAVIOUR_FLOWS = _counter("behaviour_records", "Flow records by how they behave.", ("behaviour",))
BEHAVIOUR_OCTETS = _counter("behaviour_bytes", "Octets of whole frames in them.", ("behaviour",), "bytes")
PAIR_PACKETS = _counter("pair_packets", "Packets between two hosts; the largest pairs.", ("a", "b"))
PAIR_OCTETS = _counter("pair_bytes", "Octets of whole frames between them.", ("a", "b"), "bytes")
PAIR_RETRANSMISSIONS = _counter("pair_retransmissions", "TCP segments sent again between them.", ("a", "b"))

_QUEUE_PAIRS = ("source", "source_qp", "destination", "destination_qp")
RDMA_PACKETS = _counter("rdma_packets", "Packets of queue pair connections; the worst and largest.", _QUEUE_PAIRS)
RDMA_OCTETS = _counter("rdma_bytes", "Octets of whole frames in them.", _QUEUE_PAIRS, "bytes")
RDMA_GOODPUT = _counter("rdma_goodput_bytes", "Payload sent for the first time.", _QUEUE_PAIRS, "bytes")
RDMA_REPEATED = _counter("rdma_repeated_bytes", "Payload sent again (go-back-N).", _QUEUE_PAIRS, "bytes")
RDMA_LOST = _counter("rdma_lost_packets", "Sequence numbers that the fabric lost.", _QUEUE_PAIRS)
RDMA_UNSEEN = _counter("rdma_unseen_packets", "Sequence numbers that only the mirror lost.", _QUEUE_PAIRS)
RDMA_NAKS = _counter("rdma_naks", "Negative acknowledgements.", _QUEUE_PAIRS)
RDMA_RNR_NAKS = _counter("rdma_rnr_naks", "Acknowledgements of a receiver that was not ready.", _QUEUE_PAIRS)
RDMA_CNPS = _counter("rdma_cnps", "Congestion notification packets.", _QUEUE_PAIRS)
RDMA_MARKED = _counter("rdma_ecn_marked_packets", "Packets marked congestion experienced.", _QUEUE_PAIRS)
RDMA_ICRC_WRONG = _counter(
    "rdma_icrc_errors", "Packets with a wrong invariant CRC, of those that were checked.", _QUEUE_PAIRS
)

CLASS = (CLASS_FLOWS, CLASS_PACKETS, CLASS_OCTETS)
BEHAVIOUR = (BEHAVIOUR_FLOWS, BEHAVIOUR_OCTETS)
PAIR = (PAIR_PACKETS, PAIR_OCTETS, PAIR_RETRANSMISSIONS)
RDMA = (
    RDMA_PACKETS,
    RDMA_OCTETS,
    RDMA_GOODPUT,
    RDMA_REPEATED,
    RDMA_LOST,
    RDMA_UNSEEN,
    RDMA_NAKS,
    RDMA_RNR_NAKS,
    RDMA_CNPS,
    RDMA_MARKED,
    RDMA_ICRC_WRONG,
)
BOOKS = (
    UP,
    WIRE_PACKETS,
    WIRE_OCTETS,
    RING_DROPS,
    FILTERED,
    UNDECODABLE,
    NOT_SAMPLED,
    COUNTED,
    ACTIVE,
    EVICTED,
    RECORDS,
    RECORDS_DROPPED,
    VISIBILITY,
    MIRROR_MISSING,
    KEPT,
    KEPT_MISSED,
    PAUSES,
)
METRICS = (*BOOKS, *CLASS, *BEHAVIOUR, *PAIR, *RDMA)

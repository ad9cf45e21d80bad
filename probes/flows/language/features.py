"""Features of flow records, by the names that conditions have for them. Pure.

What a record does not have is left out: absent is not zero.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest

from fabricscope.flow import FlowRecord, Rdma, RdmaWay, Tcp

_SECOND = 1e9
_WAYS = ("forward", "reverse")
_EACH_WAY = ("size_p50", "size_p90", "gap_p50", "gap_p90", "payload_mean")

NAMES = frozenset(
    {
        *(f"{name}{way}" for name in ("packets", "octets", "payload") for way in ("", "_forward", "_reverse")),
        *(f"{name}_{way}" for name in _EACH_WAY for way in _WAYS),
        *(
            "protocol",
            "duration",
            "rate",
            "forward_share",
            "balance",
            "bursts",
            "burst_octets",
            "duty",
            "period",
            "period_strength",
            "repeats",
            "answered",
        ),
        *("retransmissions", "resets", "zero_windows", "handshake", "round_trip"),
        *("messages", "message_mean", "message_alike", "lost", "repeated", "naks", "congestion_notifications"),
        *("write_share", "read_share", "send_share"),
        *("peers_of_source", "peers_of_destination", "ports_of_pair", "sources_at_once", "tried_hosts", "tried_ports"),
        *(f"alike_{name}" for name in ("flows", "hosts", "links", "degree", "loops", "density", "star", "balance")),
        *("alike_relays", "alike_to_hub"),
    }
)

# Opcodes of the base transport header without the service, by what they carry (InfiniBand Architecture Specification,
# volume 1, table 38).
_SENDS = frozenset({*range(0x06), 0x16, 0x17})
_WRITES = frozenset(range(0x06, 0x0C))
_READS = frozenset(range(0x0D, 0x11))
_OPERATIONS = {"send": _SENDS, "write": _WRITES, "read": _READS}
_OPERATION = 0x1F


def of(record: FlowRecord) -> dict[str, float]:
    """What one record says of itself; see `neighbours.of` for what several say together."""
    found: dict[str, float] = {"protocol": record.key.protocol}
    ways = {"forward": record.forward, "reverse": record.reverse}
    for name, total in (("packets", "packets"), ("octets", "octets"), ("payload", "payload_octets")):
        for way, side in ways.items():
            found[f"{name}_{way}"] = getattr(side, total)
        found[name] = found[f"{name}_forward"] + found[f"{name}_reverse"]
    for way, side in ways.items():
        if side.packets:
            found[f"payload_mean_{way}"] = side.payload_octets / side.packets
    if found["payload"]:
        found["forward_share"] = found["payload_forward"] / found["payload"]
        both = (found["payload_forward"], found["payload_reverse"])
        found["balance"] = min(both) / max(both)
    found["answered"] = float(bool(record.forward.packets and record.reverse.packets))
    duration = max(record.end_ns - record.start_ns, 0) / _SECOND
    found["duration"] = duration
    if duration:
        found["rate"] = found["octets"] / duration
        found["duty"] = min(record.features.busy_ns / _SECOND / duration, 1.0)
    found |= _shape(record)
    if duration and "period" in found:
        found["repeats"] = duration / found["period"]
    found |= _tcp(record.tcp) if record.tcp else {}
    found |= _rdma(record.rdma) if record.rdma else {}
    return found


def _shape(record: FlowRecord) -> dict[str, float]:
    features = record.features
    found: dict[str, float] = {"bursts": features.bursts, "burst_octets": features.burst_octets}
    histograms = {
        "size": (features.sizes_forward, features.sizes_reverse, 1.0),
        "gap": (features.gaps_forward, features.gaps_reverse, 1e-6),
    }
    for name, (forward, reverse, unit) in histograms.items():
        for way, histogram in zip(_WAYS, (forward, reverse), strict=True):
            for part in (50, 90):
                if (value := quantile(histogram, part / 100)) is not None:
                    found[f"{name}_p{part}_{way}"] = value * unit
    if features.period_ns:
        found["period"] = features.period_ns / _SECOND
        found["period_strength"] = features.period_strength
    return found


def quantile(histogram: Sequence[int], part: float) -> int | None:
    """The upper end of the bucket that it is in; the nth bucket counts numbers of n bits. None of an empty one."""
    wanted = sum(histogram) * part
    if not wanted:
        return None
    count = 0
    for bits, inside in enumerate(histogram):
        count += inside
        if count >= wanted:
            return (1 << bits) - 1
    return None


def _tcp(tcp: Tcp) -> dict[str, float]:
    ways = (tcp.forward, tcp.reverse)
    found: dict[str, float] = {
        "retransmissions": sum(way.retransmissions for way in ways),
        "resets": sum(way.resets for way in ways),
        "zero_windows": sum(way.zero_windows for way in ways),
    }
    if tcp.handshake_ns:
        found["handshake"] = tcp.handshake_ns / _SECOND
    if count := sum(way.round_trips.count for way in ways):
        found["round_trip"] = sum(way.round_trips.sum_ns for way in ways) / count / _SECOND
    return found


def _rdma(rdma: Rdma) -> dict[str, float]:
    ways = (rdma.forward, rdma.reverse)
    found: dict[str, float] = {
        "messages": sum(way.messages for way in ways),
        "lost": sum(way.lost for way in ways),
        "repeated": sum(way.repeated_octets for way in ways),
        "naks": sum(count for way in ways for _, count in way.naks),
        "congestion_notifications": sum(way.cnps for way in ways),
    }
    if found["messages"]:
        found["message_mean"] = sum(way.message_octets for way in ways) / found["messages"]
    sizes = [sum(counts) for counts in zip_longest(*(way.message_sizes for way in ways), fillvalue=0)]
    if total := sum(sizes):
        found["message_alike"] = max(sizes) / total
    counts = operations(rdma)
    if total := sum(counts):
        found |= {f"{name}_share": count / total for name, count in zip(_OPERATIONS, counts, strict=True)}
    return found


def operations(rdma: Rdma) -> tuple[int, int, int]:
    """Packets with data of SENDs, WRITEs and READs, both ways."""
    sends, writes, reads = (sum(_counted((rdma.forward, rdma.reverse), opcodes)) for opcodes in _OPERATIONS.values())
    return sends, writes, reads


def _counted(ways: Sequence[RdmaWay], opcodes: frozenset[int]) -> Iterator[int]:
    for way in ways:
        yield from (count for opcode, count in way.opcodes if opcode & _OPERATION in opcodes)

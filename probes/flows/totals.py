"""Flow records added up to a bounded number of series. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fabricscope.flow import Flow, FlowRecord, address_text
from fabricscope.model import MetricSpec, Reading
from probes.flows import metrics
from probes.flows.top import Top

NONE = "none"
"""The label value of flows that nothing matched."""

Pair = tuple[str, str]
Connection = tuple[str, str, str, str]


class Totals:
    """What the flows of one observer came to so far."""

    def __init__(self, observer: str, classes: int = 100, pairs: int = 50, connections: int = 50) -> None:
        """Series for so many `classes` (and behaviours), `pairs` of hosts, and `connections` of queue pairs."""
        self._observer = observer
        self._classes: Top[str] = Top(classes, len(metrics.CLASS))
        self._behaviours: Top[str] = Top(classes, len(metrics.BEHAVIOUR))
        self._pairs: Top[Pair] = Top(pairs, len(metrics.PAIR))
        self._connections: Top[Connection] = Top(connections, len(metrics.RDMA))

    def add(self, flow: Flow) -> None:
        """Count a record. One that stands for N, since only one of N was looked at, counts N times."""
        record, times = flow.record, max(flow.record.sampling, 1)
        packets = (record.forward.packets + record.reverse.packets) * times
        octets = (record.forward.octets + record.reverse.octets) * times
        label = record.classification.label or NONE
        self._classes.add(label, (times, packets, octets), octets)
        self._behaviours.add(flow.behaviour.label or NONE, (times, octets), octets)
        source, destination = address_text(record.key.source), address_text(record.key.destination)
        pair = (source, destination) if source <= destination else (destination, source)
        self._pairs.add(pair, (packets, octets, _retransmissions(record) * times), octets)
        if record.rdma is not None:
            connection = (
                source,
                str(record.key.source_queue_pair),
                destination,
                str(record.key.destination_queue_pair),
            )
            counts = [count * times for count in rdma_counts(record)]
            self._connections.add(connection, counts, _badness(counts))

    def turn(self) -> None:
        """Let those in that have become large. Called at even intervals."""
        for top in (self._classes, self._behaviours, self._pairs, self._connections):
            top.turn()

    def readings(self) -> Iterator[Reading]:
        """All series."""
        yield from self._readings(metrics.CLASS, [((label,), counts) for label, counts in self._classes])
        yield from self._readings(metrics.CLASS, [((metrics.OTHER,), self._classes.rest)])
        yield from self._readings(metrics.BEHAVIOUR, [((label,), counts) for label, counts in self._behaviours])
        yield from self._readings(metrics.BEHAVIOUR, [((metrics.OTHER,), self._behaviours.rest)])
        yield from self._readings(metrics.PAIR, [*self._pairs, ((metrics.OTHER,) * 2, self._pairs.rest)])
        yield from self._readings(metrics.RDMA, [*self._connections, ((metrics.OTHER,) * 4, self._connections.rest)])

    def _readings(
        self, specs: Sequence[MetricSpec], rows: Sequence[tuple[tuple[str, ...], Sequence[int]]]
    ) -> Iterator[Reading]:
        for labels, counts in rows:
            for spec, count in zip(specs, counts, strict=True):
                yield Reading(spec, (self._observer, *labels), count)


def _retransmissions(record: FlowRecord) -> int:
    tcp = record.tcp
    return 0 if tcp is None else tcp.forward.retransmissions + tcp.reverse.retransmissions


def rdma_counts(record: FlowRecord) -> list[int]:
    """The columns of metrics.RDMA."""
    rdma = record.rdma
    ways = () if rdma is None else (rdma.forward, rdma.reverse)
    return [
        record.forward.packets + record.reverse.packets,
        record.forward.octets + record.reverse.octets,
        sum(way.fresh_octets for way in ways),
        sum(way.repeated_octets for way in ways),
        sum(way.lost for way in ways),
        sum(way.unseen for way in ways),
        sum(count for way in ways for _, count in way.naks),
        sum(way.rnr_naks for way in ways),
        sum(way.cnps for way in ways),
        record.forward.ecn_marked + record.reverse.ecn_marked,
        sum(way.icrc_wrong for way in ways),
    ]


_TROUBLE = 1_000_000
"""What a lost packet, a NAK or a CNP weighs, in octets: trouble is shown before size."""


def _badness(counts: Sequence[int]) -> float:
    by_spec = dict(zip(metrics.RDMA, counts, strict=True))
    trouble = sum(
        by_spec[spec] for spec in (metrics.RDMA_LOST, metrics.RDMA_NAKS, metrics.RDMA_RNR_NAKS, metrics.RDMA_CNPS)
    )
    return by_spec[metrics.RDMA_OCTETS] + _TROUBLE * trouble

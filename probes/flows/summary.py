"""What a capture came to, as a document: JSON for scripts, and what probes/flows/report.py shows. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any

import msgspec

from fabricscope.books import Books, Mirror
from fabricscope.clock import NANOSECONDS
from fabricscope.flow import Flow, JoinedBy, Tunnel, address_text
from fabricscope.model import Event
from probes.flows import metrics
from probes.flows.totals import rdma_counts

MAX_EVENTS = 1000
"""Events of policies that are kept."""
MAX_CONNECTIONS = 100_000
"""Connections of queue pairs that are told apart; those after them are counted together."""

_ANSWERED = 0
"""The service of reliable connections, of which both ways are to be seen."""
_COLUMNS = tuple(spec.name.removeprefix("fabricscope_flows_rdma_").removesuffix("_total") for spec in metrics.RDMA)


class Summary:
    """Adds up the flows of a replay."""

    def __init__(self) -> None:
        self._records = 0
        self._span: tuple[int, int] | None = None
        self._labels: dict[str, list[int]] = {}
        self._behaviours: dict[str, list[int]] = {}
        self._connections: dict[tuple[str, int, str, int], list[int]] = {}
        self._events: list[dict[str, Any]] = []
        self._tcp = dict.fromkeys(("records", "retransmissions", "out_of_order", "zero_windows", "resets"), 0)
        self._one_way = 0

    def add_events(self, events: Iterable[Event]) -> None:
        """Keep what policies tell."""
        for event in events:
            if len(self._events) < MAX_EVENTS:
                self._events.append({"severity": event.severity.name.lower(), "message": event.message})

    def add(self, flows: Iterable[Flow]) -> None:
        """Count flows."""
        for flow in flows:
            record = flow.record
            self._records += 1
            first, last = self._span or (record.start_ns, record.end_ns)
            self._span = (min(first, record.start_ns), max(last, record.end_ns))
            counts = (1, record.forward.packets + record.reverse.packets, record.forward.octets + record.reverse.octets)
            _add(self._labels.setdefault(record.classification.label, [0] * 3), counts)
            _add(self._behaviours.setdefault(flow.behaviour.label, [0] * 3), counts)
            if record.tcp is not None:
                ways = (record.tcp.forward, record.tcp.reverse)
                self._tcp["records"] += 1
                for name in ("retransmissions", "out_of_order", "zero_windows", "resets"):
                    self._tcp[name] += sum(getattr(way, name) for way in ways)
            if record.rdma is not None:
                if record.rdma.service == _ANSWERED and record.rdma.joined_by is JoinedBy.NOTHING:
                    self._one_way += 1
                ends = (
                    address_text(record.key.source),
                    record.key.source_queue_pair,
                    address_text(record.key.destination),
                    record.key.destination_queue_pair,
                )
                if ends not in self._connections and len(self._connections) >= MAX_CONNECTIONS:
                    ends = (metrics.OTHER, 0, metrics.OTHER, 0)
                _add(self._connections.setdefault(ends, [0] * len(_COLUMNS)), rdma_counts(record))

    def document(self, books: Books, capture: Mapping[str, Any]) -> dict[str, Any]:
        """Everything. `books` are the meter's, `capture` what the files say of themselves."""
        first, last = self._span or (0, 0)
        return {
            "capture": dict(capture),
            "start_unix_ns": first,
            "seconds": (last - first) / NANOSECONDS,
            "books": msgspec.to_builtins(books, str_keys=True)
            | {"visibility": books.visibility, "mirrors": [_mirror(mirror) for mirror in books.mirrors]},
            "records": self._records,
            "labels": _groups(self._labels, "label"),
            "behaviours": _groups(self._behaviours, "behaviour"),
            "tcp": self._tcp,
            "events": self._events,
            "rdma": self._rdma(),
            "connections": [
                dict(zip(("source", "source_qp", "destination", "destination_qp"), ends, strict=True))
                | dict(zip(_COLUMNS, counts, strict=True))
                for ends, counts in sorted(self._connections.items(), key=lambda item: (-_trouble(item[1]), item[0]))
            ],
        }

    def _rdma(self) -> dict[str, int]:
        sums = [0] * len(_COLUMNS)
        for counts in self._connections.values():
            _add(sums, counts)
        seen = {"connections": len(self._connections), "one_way": self._one_way}
        return seen | dict(zip(_COLUMNS, sums, strict=True))


def _mirror(mirror: Mirror) -> dict[str, Any]:
    ends = {name: address_text(_address(getattr(mirror, name))) for name in ("source", "destination")}
    return {**msgspec.to_builtins(mirror), **ends, "tunnel": Tunnel(mirror.tunnel).name.lower()}


def _address(octets: bytes) -> bytes:
    """IPv4 is in the first four octets of sixteen."""
    return octets if any(octets[4:]) else octets[:4]


def _add(sums: list[int], counts: Iterable[int]) -> None:
    for column, count in enumerate(counts):
        sums[column] += count


def _groups(sums: Mapping[str, Sequence[int]], name: str) -> list[dict[str, Any]]:
    rows = [
        dict(zip((name, "records", "packets", "octets"), (key, *counts), strict=True)) for key, counts in sums.items()
    ]
    return sorted(rows, key=itemgetter("octets"), reverse=True)


def _trouble(counts: Sequence[int]) -> int:
    """Losses, NAKs and CNPs of a connection, which is shown before others that have less; then its octets count."""
    by_name = dict(zip(_COLUMNS, counts, strict=True))
    trouble = by_name["lost_packets"] + by_name["naks"] + by_name["rnr_naks"] + by_name["cnps"]
    return (trouble << 64) + by_name["bytes"]

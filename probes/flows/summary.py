"""What a capture came to: tables for people, the same as JSON for scripts. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any

import msgspec

from fabricscope.books import Books
from fabricscope.cli import plain
from fabricscope.clock import NANOSECONDS
from fabricscope.flow import Flow, address_text
from probes.flows import metrics
from probes.flows.totals import rdma_counts

SHOWN = 20
"""Rows of a table at most."""
MAX_CONNECTIONS = 100_000
"""Connections of queue pairs that are told apart; those after them are counted together."""

_COLUMNS = tuple(spec.name.removeprefix("fabricscope_flows_rdma_").removesuffix("_total") for spec in metrics.RDMA)


class Summary:
    """Adds up the flows of a replay."""

    def __init__(self) -> None:
        self._records = 0
        self._span: tuple[int, int] | None = None
        self._labels: dict[str, list[int]] = {}
        self._behaviours: dict[str, list[int]] = {}
        self._connections: dict[tuple[str, int, str, int], list[int]] = {}

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
            if record.rdma is not None:
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
            "seconds": (last - first) / NANOSECONDS,
            "books": msgspec.to_builtins(books, str_keys=True) | {"visibility": books.visibility},
            "records": self._records,
            "labels": _groups(self._labels, "label"),
            "behaviours": _groups(self._behaviours, "behaviour"),
            "connections": [
                dict(zip(("source", "source_qp", "destination", "destination_qp"), ends, strict=True))
                | dict(zip(_COLUMNS, counts, strict=True))
                for ends, counts in sorted(self._connections.items(), key=lambda item: (-_trouble(item[1]), item[0]))
            ],
        }


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


def as_text(document: Mapping[str, Any]) -> str:
    """For people."""
    return "\n".join(map(plain, _lines(document)))


def _lines(document: Mapping[str, Any]) -> Iterator[str]:
    books, capture = document["books"], document["capture"]
    packets, octets = books["packets"]["packets"], books["packets"]["octets"]
    yield f"{packets:,} packets, {_size(octets)}, {document['seconds']:,.3f} s, {document['records']:,} flow records"
    for what, count in (
        ("filtered", capture.get("filtered") or 0),
        ("lost before the capture was written", capture.get("dropped") or 0),
        ("in flows that were left out in a flood", books["not_sampled"]["packets"]),
        ("in records that nobody took", books["dropped"]["packets"]),
    ):
        if count:
            yield f"  {count:,} packets {what}"
    for reason, count in books["undecodable"].items():
        if count["packets"]:
            yield f"  {count['packets']:,} packets undecodable: {reason}"
    for notice in capture.get("notices", ()):
        yield f"  {notice}"
    for mirror in books["mirrors"]:
        if mirror["visibility"] < 1:
            yield f"  a mirror session (tunnel {mirror['tunnel_id']}) shows {mirror['visibility']:.2%} of its packets"
    yield ""
    yield from _table("application", document["labels"], "label")
    yield ""
    yield from _table("behaviour", document["behaviours"], "behaviour")
    if document["connections"]:
        yield ""
        yield from _connections(document["connections"])


def _table(heading: str, rows: Sequence[Mapping[str, Any]], name: str) -> Iterator[str]:
    yield f"{heading:<24}{'records':>10}{'packets':>12}{'octets':>12}"
    for row in rows[:SHOWN]:
        yield f"{row[name] or '-':<24}{row['records']:>10,}{row['packets']:>12,}{_size(row['octets']):>12}"
    if len(rows) > SHOWN:
        yield f"... and {len(rows) - SHOWN} more; --json shows all"


def _connections(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    headings = {"goodput": 10, "again": 10, "lost": 7, "unseen": 7, "NAKs": 6, "RNR": 6, "CNPs": 7, "ECN": 7}
    yield f"{'RDMA connection':<52}" + "".join(f"{heading:>{width}}" for heading, width in headings.items())
    for row in rows[:SHOWN]:
        ends = f"{row['source']}/{row['source_qp']} > {row['destination']}/{row['destination_qp']}"
        yield (
            f"{ends:<52}{_size(row['goodput_bytes']):>10}{_size(row['repeated_bytes']):>10}{row['lost_packets']:>7,}"
            f"{row['unseen_packets']:>7,}{row['naks']:>6,}{row['rnr_naks']:>6,}{row['cnps']:>7,}"
            f"{row['ecn_marked_packets']:>7,}"
        )
    if len(rows) > SHOWN:
        yield f"... and {len(rows) - SHOWN} more; --json shows all"


def _size(octets: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if octets < 1000:
            return f"{octets:.0f} {unit}" if unit == "B" else f"{octets:.1f} {unit}"
        octets /= 1000
    return f"{octets:,.1f} TB"

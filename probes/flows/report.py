"""The summary of a capture for people, what is wrong before what there is. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from fabricscope.cli import plain
from fabricscope.clock import NANOSECONDS

SHOWN = 20
"""Rows of a table at most."""

_TROUBLE = {
    "lost": ("lost_packets", 7),
    "again": ("repeated_bytes", 10),
    "NAKs": ("naks", 6),
    "RNR": ("rnr_naks", 6),
    "CNPs": ("cnps", 7),
    "ECN": ("ecn_marked_packets", 7),
    "unseen": ("unseen_packets", 8),
    "goodput": ("goodput_bytes", 10),
}
"""Columns of connections."""
_LEGEND = (
    "lost: by the fabric, and sent again;  again: payload that was sent once more, with all behind it;",
    "RNR: the receiver was not ready;  CNPs: the receiver asked to slow down;  ECN: marked by a congested switch;",
    "unseen: by this capture alone, the receiver had it",
)


def as_text(document: Mapping[str, Any]) -> str:
    """For a terminal."""
    return "\n".join(map(plain, _lines(document)))


def _lines(document: Mapping[str, Any]) -> Iterator[str]:
    packets, octets = (document["books"]["packets"][unit] for unit in ("packets", "octets"))
    yield f"{packets:,} packets, {_size(octets)}, {_time(document['seconds'])}, {document['records']:,} flow records"
    if document["records"]:
        start = datetime.fromtimestamp(document["start_unix_ns"] / NANOSECONDS, UTC)
        yield f"  from {start:%Y-%m-%d %H:%M:%S} UTC on"
    yield from (f"  {line}" for line in _missing(document["books"], document["capture"]))
    found = [*_rdma(document["rdma"]), *_tcp(document["tcp"]), *_pauses(document["books"]["pauses"])]
    if found:
        yield ""
        yield from found
    for heading, rows, name, nothing in (
        ("application", document["labels"], "label", "(not recognised)"),
        ("behaviour", document["behaviours"], "behaviour", "(of no class)"),
    ):
        if rows:
            yield ""
            yield from _table(heading, rows, name, nothing)
    if document["connections"]:
        yield ""
        yield from _connections(document["connections"])
    if document["events"]:
        yield ""
        yield from _cut([f"{event['severity']}: {event['message']}" for event in document["events"]])


def _missing(books: Mapping[str, Any], capture: Mapping[str, Any]) -> Iterator[str]:
    """What of the wire is in no record, and why."""
    for what, count in (
        ("filtered", capture.get("filtered") or 0),
        ("lost before the capture was written", capture.get("dropped") or 0),
        ("in flows that were left out in a flood", books["not_sampled"]["packets"]),
        ("in records that nobody took", books["dropped"]["packets"]),
    ):
        if count:
            yield f"{count:,} packets {what}"
    for reason, count in books["undecodable"].items():
        if count["packets"]:
            yield f"{count['packets']:,} packets undecodable: {reason}"
    for mirror in books["mirrors"]:
        if mirror["missing"]:
            yield (
                f"{mirror['missing']:,} packets of {mirror['tunnel']} session {mirror['tunnel_id']} from "
                f"{mirror['source']} never came: {mirror['visibility']:.2%} of it is seen"
            )
    yield from capture.get("notices", ())


def _rdma(sums: Mapping[str, int]) -> Iterator[str]:
    if not sums["connections"]:
        return
    sent = sums["goodput_bytes"] + sums["repeated_bytes"]
    share = sums["repeated_bytes"] / sent if sent else 0.0
    yield f"RDMA: {sums['connections']:,} connections, {_size(sums['goodput_bytes'])} of payload"
    yield (
        f"  {sums['lost_packets']:,} packets lost in the fabric, {share:.2%} of the payload sent again, "
        f"{sums['naks']:,} NAKs, {sums['rnr_naks']:,} RNR NAKs"
    )
    yield f"  {sums['cnps']:,} CNPs, {sums['ecn_marked_packets']:,} packets marked as congested"
    if sums["icrc_errors"]:
        yield f"  {sums['icrc_errors']:,} packets have a wrong invariant CRC: they were damaged on the way"
    if sums["unseen_packets"]:
        yield f"  {sums['unseen_packets']:,} packets that arrived are not here: the capture lost them, not the fabric"
    if sums["one_way"]:
        yield (f"  {sums['one_way']:,} records show one way alone, where losses cannot be told: mirror both directions")


def _tcp(sums: Mapping[str, int]) -> Iterator[str]:
    if sums["records"]:
        yield (
            f"TCP: {sums['records']:,} records, {sums['retransmissions']:,} segments sent again, "
            f"{sums['out_of_order']:,} out of order, {sums['zero_windows']:,} zero windows, {sums['resets']:,} resets"
        )


def _pauses(pauses: Mapping[str, Any]) -> Iterator[str]:
    for sender, pause in list(pauses.items())[:SHOWN]:
        frames = {
            ("all" if priority == 8 else priority): count for priority, count in enumerate(pause["frames"]) if count
        }
        if frames:
            by_priority = ", ".join(f"{count:,} for priority {priority}" for priority, count in frames.items())
            yield f"Pause frames from {sender or 'others'}: {by_priority}"


def _table(heading: str, rows: Sequence[Mapping[str, Any]], name: str, nothing: str) -> Iterator[str]:
    yield f"{heading:<24}{'records':>10}{'packets':>12}{'octets':>12}"
    yield from _cut(
        [
            f"{row[name] or nothing:<24}{row['records']:>10,}{row['packets']:>12,}{_size(row['octets']):>12}"
            for row in rows
        ]
    )


def _connections(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    ends = [f"{row['source']}/{row['source_qp']} > {row['destination']}/{row['destination_qp']}" for row in rows]
    width = max(map(len, ["RDMA connection (address/queue pair)", *ends[:SHOWN]]))
    headings = "".join(f"{heading:>{columns}}" for heading, (_, columns) in _TROUBLE.items())
    yield f"{'RDMA connection (address/queue pair)':<{width}}{headings}"
    yield from _cut([f"{end:<{width}}{_figures(row)}" for end, row in zip(ends, rows, strict=True)])
    yield from _LEGEND


def _figures(row: Mapping[str, Any]) -> str:
    return "".join(
        f"{_size(row[name]) if name.endswith('_bytes') else format(row[name], ','):>{columns}}"
        for name, columns in _TROUBLE.values()
    )


def _cut(lines: Sequence[str]) -> Iterator[str]:
    yield from lines[:SHOWN]
    if len(lines) > SHOWN:
        yield f"... and {len(lines) - SHOWN:,} more; --json shows all"


def _size(octets: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if octets < 1000:
            return f"{octets:.0f} {unit}" if unit == "B" else f"{octets:.1f} {unit}"
        octets /= 1000
    return f"{octets:,.1f} TB"


def _time(seconds: float) -> str:
    return f"{seconds:,.1f} s" if seconds >= 1 else f"{seconds * 1000:.3f} ms"

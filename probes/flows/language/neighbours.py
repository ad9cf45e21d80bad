"""What flows that went on at one time say together: who sent to how many, how many to one, and what was tried. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from itertools import compress

from fabricscope.flow import FlowRecord
from probes.flows.language import alike

SLOT_NS = 10_000_000
MAX_SLOTS = 300_000
"""Of all flows together; those after them have no `sources_at_once`."""
LATELY_NS = 60_000_000_000
"""Attempts that lie so far apart at most count together."""
MAX_TRIED = 8
"""Packets of an attempt, at most: SYN again and again, or a handshake that is torn down at once."""

_TCP = 6
_Of = Callable[[FlowRecord], Hashable]
_Span = tuple[int, int]


def relevant(before: Iterable[FlowRecord], records: Sequence[FlowRecord]) -> list[FlowRecord]:
    """Of earlier records those that may say something of later ones: of the same hosts, and of RDMA, at that time."""
    if not records:
        return []
    since = min(record.start_ns for record in records) - LATELY_NS
    hosts = {host for record in records for host in (record.key.source, record.key.destination)}
    return [
        record
        for record in before
        if record.end_ns >= since
        and (record.rdma is not None or record.key.source in hosts or record.key.destination in hosts)
    ]


def of(records: Sequence[FlowRecord]) -> list[dict[str, float]]:
    """For each record, in their order: the features that depend on the others."""
    everyone = range(len(records))
    found: list[dict[str, float]] = [{} for _ in records]
    _count(records, everyone, "peers_of_source", _source, _destination, found)
    _count(records, everyone, "peers_of_destination", _destination, _source, found)
    _count(records, everyone, "ports_of_pair", _pair, _port, found)
    tried = [index for index in everyone if _is_attempt(records[index])]
    _count(records, tried, "tried_hosts", _service, _destination, found, LATELY_NS)
    _count(records, tried, "tried_ports", _pair, _port, found, LATELY_NS)
    for features, count in zip(found, _at_once(records, found), strict=True):
        if count:
            features["sources_at_once"] = float(count)
    for index, more in alike.of(records).items():
        found[index] |= more
    return found


def _source(record: FlowRecord) -> Hashable:
    return record.key.source


def _destination(record: FlowRecord) -> Hashable:
    return record.key.destination


def _port(record: FlowRecord) -> Hashable:
    return record.key.destination_port


def _pair(record: FlowRecord) -> Hashable:
    return record.key.source, record.key.destination, record.key.protocol


def _service(record: FlowRecord) -> Hashable:
    return record.key.source, record.key.destination_port, record.key.protocol


def _is_attempt(record: FlowRecord) -> bool:
    """Whether somebody knocked and got nothing but a refusal, or hung up without a word."""
    packets = record.forward.packets + record.reverse.packets
    if not record.key.protocol or record.rdma is not None or packets > MAX_TRIED or not record.forward.packets:
        return False
    if record.key.protocol == _TCP:
        return not record.forward.payload_octets and not record.reverse.payload_octets
    return not record.reverse.packets


def _count(
    records: Sequence[FlowRecord],
    which: Iterable[int],
    name: str,
    by: _Of,
    of_what: _Of,
    found: Sequence[dict[str, float]],
    margin_ns: int = 0,
) -> None:
    """Note how many different things records have that share `by` and, give or take a margin, a moment with each."""
    groups: dict[Hashable, dict[Hashable, list[int]]] = defaultdict(lambda: defaultdict(list))
    for index in which:
        groups[by(records[index])][of_what(records[index])].append(index)
    for group in groups.values():
        if len(group) == 1:
            for index in next(iter(group.values())):
                found[index][name] = 1.0
            continue
        spans = [[(records[index].start_ns, records[index].end_ns) for index in each] for each in group.values()]
        asked = [index for each in group.values() for index in each]
        moments = [(records[index].start_ns - margin_ns, records[index].end_ns + margin_ns) for index in asked]
        for index, count in zip(asked, distinct(spans, moments), strict=True):
            found[index][name] = float(count)


def distinct(things: Iterable[Sequence[_Span]], asked: Sequence[_Span]) -> list[int]:
    """How many things were there at any time in each of the spans that are asked for.

    Takes n log n. The spans of one thing are joined where they overlap. Then the things that were there are the spans
    that were, less the gaps between two spans of one thing that lie inside, as such a thing was counted twice.
    """
    starts: list[int] = []
    ends: list[int] = []
    gaps: list[tuple[int, int]] = []
    """When the next span began, and the one before had ended."""
    for spans in things:
        last = None
        for start, end in sorted(spans):
            if last is not None and start <= last:
                last = max(last, end)
                continue
            if last is not None:
                ends.append(last)
                gaps.append((start, last))
            starts.append(start)
            last = end
        if last is not None:
            ends.append(last)
    starts.sort()
    ends.sort()
    gaps.sort()
    counts = [0] * len(asked)
    begun: list[int] = []
    """Ends before the gaps that were over by then."""
    waiting = 0
    for index in sorted(range(len(asked)), key=lambda index: asked[index][1]):
        start, end = asked[index]
        while waiting < len(gaps) and gaps[waiting][0] <= end:
            insort(begun, gaps[waiting][1])
            waiting += 1
        inside = len(begun) - bisect_left(begun, start)
        counts[index] = bisect_right(starts, end) - bisect_left(ends, start) - inside
    return counts


def _at_once(records: Sequence[FlowRecord], found: Sequence[dict[str, float]]) -> list[int]:
    """The largest number of senders to each record's destination in one of the slots in which it sent something."""
    slots: list[list[int]] = []
    senders: dict[bytes, dict[bytes, set[int]]] = defaultdict(lambda: defaultdict(set))
    room = MAX_SLOTS
    for record, known in zip(records, found, strict=True):
        own = _slots(record, alone=known["peers_of_destination"] == 1)[:room]
        room -= len(own)
        slots.append(own)
        senders[record.key.destination][record.key.source].update(own)
    counts: dict[bytes, Counter[int]] = {}
    for destination, by_source in senders.items():
        counts[destination] = Counter()
        for busy in by_source.values():
            counts[destination].update(busy)
    return [
        max(map(counts[record.key.destination].__getitem__, own), default=0)
        for record, own in zip(records, slots, strict=True)
    ]


def _slots(record: FlowRecord, *, alone: bool) -> list[int]:
    """Slots in which the source sent, as far as that is known. What flows the other way is nobody's sending."""
    if record.forward.payload_octets < record.reverse.payload_octets:
        return []
    features = record.features
    if features.bin_ns != SLOT_NS:
        # Too few packets for a series, or so long that its bins are wide: the first and the last packet.
        way = record.forward
        return sorted({time // SLOT_NS for time in (way.first_ns, way.last_ns)}) if way.packets else []
    first = record.start_ns // SLOT_NS
    if alone:
        # With nobody else one slot says as much as all.
        return [first] if any(features.bins) else []
    return list(compress(range(first, first + len(features.bins)), features.bins))

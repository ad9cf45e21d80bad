"""What flows that went on at one time say together: who sent to how many, and how many to one. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence

from fabricscope.flow import FlowRecord

SLOT_NS = 10_000_000
MAX_COMPARED = 256
"""Flows of one host that are compared one by one; of more, all count as having gone on at once."""
MAX_SLOTS = 2_000_000
"""Of all flows together; those after them have no `sources_at_once`."""


def of(records: Sequence[FlowRecord]) -> list[dict[str, float]]:
    """For each record, in their order: the features that depend on the others."""
    sources = _distinct(records, lambda record: record.key.source, lambda record: record.key.destination)
    destinations = _distinct(records, lambda record: record.key.destination, lambda record: record.key.source)
    ports = _distinct(
        records,
        lambda record: (record.key.source, record.key.destination, record.key.protocol),
        lambda record: record.key.destination_port,
    )
    found = [
        {"peers_of_source": float(source), "peers_of_destination": float(destination), "ports_of_pair": float(port)}
        for source, destination, port in zip(sources, destinations, ports, strict=True)
    ]
    for features, count in zip(found, _at_once(records), strict=True):
        if count:
            features["sources_at_once"] = float(count)
    return found


def _distinct(
    records: Sequence[FlowRecord], by: Callable[[FlowRecord], Hashable], of_what: Callable[[FlowRecord], Hashable]
) -> list[int]:
    """How many different things the records have that share `by` and a moment with each."""
    groups: dict[Hashable, list[int]] = defaultdict(list)
    for index, record in enumerate(records):
        groups[by(record)].append(index)
    counts = [1] * len(records)
    for group in groups.values():
        if len(group) > MAX_COMPARED:
            number = len({of_what(records[index]) for index in group})
            for index in group:
                counts[index] = number
            continue
        for index in group:
            own = records[index]
            others = (records[other] for other in group)
            counts[index] = len({of_what(other) for other in others if _overlap(own, other)})
    return counts


def _overlap(one: FlowRecord, other: FlowRecord) -> bool:
    return one.start_ns <= other.end_ns and other.start_ns <= one.end_ns


def _at_once(records: Sequence[FlowRecord]) -> list[int]:
    """The largest number of senders to each record's destination in one of the slots in which it sent something."""
    senders: dict[tuple[bytes, int], set[bytes]] = defaultdict(set)
    slots: list[list[int]] = []
    room = MAX_SLOTS
    for record in records:
        features = record.features
        # A wide bin does not say in which of its slots something was sent.
        own = [] if features.bin_ns != SLOT_NS else [index for index, octets in enumerate(features.bins) if octets]
        own = [record.start_ns // SLOT_NS + index for index in own[:room]]
        room -= len(own)
        slots.append(own)
        for slot in own:
            senders[record.key.destination, slot].add(record.key.source)
    return [
        max((len(senders[record.key.destination, slot]) for slot in own), default=0)
        for record, own in zip(records, slots, strict=True)
    ]

"""Sessions of numbered mirrored packets that several workers saw a part of each. Pure.

A session's packets are shared among the workers by their inner addresses, while its sequence numbers go through all
of them: what one worker misses, another has. Together they saw what they saw, of as many as the longest of their spans
has; at both ends of the capture some may have been lost without being noticed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import structs

from fabricscope.books import Books, Mirror
from fabricscope.flow import FlowRecord

Session = tuple[bytes, bytes, int, int]


def together(books: Sequence[Books]) -> list[Mirror]:
    """The sessions of all workers of one port, each once."""
    if len(books) == 1:
        return books[0].mirrors
    sessions: dict[Session, list[Mirror]] = {}
    for each in books:
        for mirror in each.mirrors:
            key = (mirror.source, mirror.destination, mirror.tunnel, mirror.tunnel_id)
            sessions.setdefault(key, []).append(mirror)
    return [_joined(parts) for parts in sessions.values()]


def _joined(parts: Sequence[Mirror]) -> Mirror:
    seen = sum(part.seen for part in parts)
    missing = max(max(part.seen + part.missing for part in parts) - seen, 0)
    return structs.replace(
        parts[0],
        seen=seen,
        missing=missing,
        late=sum(part.late for part in parts),
        repeated=sum(part.repeated for part in parts),
        restarts=max(part.restarts for part in parts),
        visibility=seen / (seen + missing) if seen else 1.0,
    )


def seen_by_all(records: Sequence[FlowRecord], books: Sequence[Books]) -> list[FlowRecord]:
    """The records with the visibility of all workers together: each worker knows its own alone."""
    if len(books) == 1:
        return list(records)
    return list(_seen(records, together(books)))


def _seen(records: Iterable[FlowRecord], mirrors: Iterable[Mirror]) -> Iterable[FlowRecord]:
    sums: dict[tuple[int, int], tuple[int, int]] = {}
    for mirror in mirrors:
        seen, missing = sums.get((mirror.tunnel, mirror.tunnel_id), (0, 0))
        sums[mirror.tunnel, mirror.tunnel_id] = (seen + mirror.seen, missing + mirror.missing)
    for record in records:
        seen, missing = sums.get((record.key.tunnel, record.key.tunnel_id), (0, 0))
        yield structs.replace(record, visibility=seen / (seen + missing)) if seen else record

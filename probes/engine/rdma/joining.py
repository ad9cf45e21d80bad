"""Which two ways are one connection, when connection management was not seen.

A packet names its destination queue pair alone. But an answer has a sequence number of the other end's requests. A way
that answers is joined with a way between the same two addresses that asks, waits to be joined, has the same service,
and sent that number within its last 65,536. When several did:

1. one alone whose UDP source port is the one that Linux makes out of both queue pair numbers wins;
2. otherwise it is waited for an answer that only one fits, since the right one fits all of them;
3. after `MAX_DOUBTS` answers it is the one whose last request for an acknowledgement has this number, and of several
   of those the one that began first, since answers come in the order of requests.

When one of the first answers after that fits nothing that was sent, the ways are parted again.
"""

from __future__ import annotations

from probes.engine.rdma.connection import Connection
from probes.engine.rdma.way import Pair, Way

MAX_DOUBTS = 8
"""Answers with more than one way that fits."""
MAX_LOOKED_AT = 256
"""Ways of a pair of addresses that are looked at, the latest first."""
MAX_AGE = 1 << 16
"""How far back an answer may reach."""
MAX_TRIES = 64
"""Answers that are tried one by one; after that every one whose count is a power of two."""


class Waiting:
    """Ways that ask and wait to be joined, by their addresses."""

    def __init__(self) -> None:
        self._by_pair: dict[Pair, list[Connection]] = {}

    def add(self, connection: Connection) -> None:
        """A connection's one way begins to wait, once it has asked for something."""
        way = connection.ways[0]
        if way.asks and way.waiting is None:
            waiting = self._by_pair.setdefault(way.key.pair, [])
            way.waiting = len(waiting)
            waiting.append(connection)

    def remove(self, connection: Connection) -> None:
        """It waits no more."""
        for way in connection.ways:
            if way.waiting is None:
                continue
            at, way.waiting = way.waiting, None
            waiting = self._by_pair[way.key.pair]
            last = waiting.pop()
            if at < len(waiting):
                waiting[at] = last
                last.ways[0].waiting = at
            if not waiting:
                del self._by_pair[way.key.pair]
            return

    def of(self, pair: Pair) -> list[Connection]:
        """Those between these addresses."""
        return self._by_pair.get(pair, [])

    def choose(self, answering: Connection, psn: int) -> Connection | None:
        """The connection that asked for what `answering` answers with `psn`.

        None when there is none, or doubt that may still be cleared.
        """
        way = answering.ways[0]
        fitting = by_port = 0
        best: tuple[tuple[bool, bool, int], Connection] | None = None
        for candidate in self.of(way.key.pair.reversed())[: -MAX_LOOKED_AT - 1 : -1]:
            asking = candidate.ways[0]
            age = asking.requests.age(psn)
            if candidate is answering or asking.key.service != way.key.service or age is None or age > MAX_AGE:
                continue
            port = asking.source_port == linux_source_port(asking.key.qp, way.key.qp)
            rank = (port, asking.asking == psn, -candidate.start_ns)
            fitting += 1
            by_port += port
            if best is None or best[0] < rank:
                best = (rank, candidate)
        if best is None:
            return None
        if fitting > 1 and by_port != 1:
            way.doubts += 1
            if way.doubts < MAX_DOUBTS:
                return None
        return best[1]


def worth_trying(way: Way) -> bool:
    """Whether this answer of a way that is alone shall be tried."""
    way.tries += 1
    return way.tries <= MAX_TRIES or way.tries & (way.tries - 1) == 0


def linux_source_port(one: int, other: int) -> int:
    """The UDP source port that Linux gives a connection without a flow label of its own (`rdma_get_udp_sport`)."""
    number = one * other
    number ^= number >> 20
    number ^= number >> 40
    label = number & 0xF_FFFF
    return (label & 0x3FFF) ^ (label >> 14) | 0xC000

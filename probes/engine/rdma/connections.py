"""The table of connections between queue pairs.

A record is a connection of both ways, whose source is who asked first: who sent the first SEND, WRITE, READ or ATOMIC
that was seen, or with connection management who sent the ConnectRequest. Of unreliable datagrams it is one way between
two queue pairs. Payload is what stands between the headers and the invariant CRC, without padding; a message is a
SEND, a WRITE or the answer to a READ or ATOMIC. Lengths come from headers, so that packets may be cut off behind the
transport headers; `joining` says how ways are joined, `stream` what is lost, unseen and repeated.

VLAN and mirror tunnel are those of a record's first packet: they do not tell connections apart, since both ways may be
mirrored at different ports. VXLAN and Geneve networks do. A packet that is mirrored twice counts as a duplicate.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from fabricscope.flow import EndReason, FlowRecord
from probes.engine.packets.packet import Packet
from probes.engine.rdma.connection import Connection
from probes.engine.rdma.headers import MANAGEMENT_QP, Headers, Kind, Service, parse
from probes.engine.rdma.joining import Waiting, worth_trying
from probes.engine.rdma.management import Disconnect, Disconnected, Exchanges, Reply, Request
from probes.engine.rdma.management import parse as parse_management
from probes.engine.rdma.way import Key, Pair, Way, key_of, pair_of

CONNECTED = (Service.RC, Service.XRC, Service.UC, Service.RD)
"""Which services a queue pair that is notified of congestion may have, likeliest first."""
CHECKS = 1024
"""How many of those that are due are looked at in one call, so that none takes long after a jump of the clock."""
CHOICES = 8
"""Out of how many the one is chosen that makes room."""
SMALL = 4
"""One with fewer packets makes room before others."""
_U64 = (1 << 64) - 1


class ConnectionLimits(NamedTuple):
    """Bounds and settings of the table."""

    connections: int = 32_768
    """Connections that are followed at a time."""
    check_icrc_every: int = 0
    """Check the invariant CRC of every nth packet; 0 for of none."""


class Place(NamedTuple):
    """A way of a connection, and which of both it is."""

    connection: Connection
    at: int


class Connections:
    """Connections between queue pairs."""

    def __init__(self, limits: ConnectionLimits) -> None:
        self.evicted = 0
        """How many ended to make room for others."""
        self._limits = limits
        self._places: dict[Key, Place] = {}
        self._checks: deque[tuple[int, Connection]] = deque()
        """When to look whether which connection is over."""
        self._count = 0
        self._waiting = Waiting()
        self._requests: Exchanges[Pair, tuple[Request, bool] | Key] = Exchanges()
        """Requests to connect and whether their reply was seen, and which way is to be disconnected."""
        self._records: list[FlowRecord] = []
        self._idle_ns = _U64
        self._active_ns = _U64
        self._unchecked = 0

    def __len__(self) -> int:
        """How many connections are followed."""
        return self._count

    def observe(self, packet: Packet) -> bool:
        """Takes a packet that carries RDMA.

        False for one that ends inside the base transport header, and belongs to no connection.
        """
        rdma = packet.rdma
        headers = parse(rdma.transport, rdma.wire_octets) if rdma is not None else None
        if rdma is None or headers is None:
            return False
        check = self._is_to_check()
        pair = pair_of(packet, rdma)
        key = key_of(pair, headers)
        if headers.kind is Kind.CNP:
            key = self._notified(key)
        place = self._place(key, packet.time_ns)
        if headers.is_answer():
            place = self._belonging(place, headers)
        if not self._observe(place, packet, headers, check):
            self._end(place.connection, EndReason.END_OF_FLOW)
            self._observe(self._begin(key, packet.time_ns), packet, headers, check)
        if headers.destination_qp == MANAGEMENT_QP and headers.service == Service.UD:
            self._manage(pair, rdma.transport[headers.payload_at :], packet.time_ns)
        return True

    def expire(self, now_ns: int, idle_ns: int, active_ns: int) -> None:
        """Ends what has been silent for `idle_ns`, and tells what has gone on for `active_ns`.

        A call looks at a few only.
        """
        if (self._idle_ns, self._active_ns) != (idle_ns, active_ns):
            self._idle_ns, self._active_ns = idle_ns, active_ns
            self._checks = deque((now_ns, connection) for _, connection in self._checks)
        for _ in range(CHECKS):
            connection = self._due(now_ns)
            if connection is None:
                return
            self._renew(connection, now_ns)
            if connection.alive:
                self._check_later(connection, now_ns)

    def finish(self) -> None:
        """Ends everything: the input is over."""
        while (connection := self._due(_U64)) is not None:
            self._end(connection, EndReason.FORCED)

    def take(self) -> list[FlowRecord]:
        """The records since the last call."""
        records, self._records = self._records, []
        return records

    def _is_to_check(self) -> bool:
        every = self._limits.check_icrc_every
        self._unchecked += every > 0
        if not 0 < every <= self._unchecked:
            return False
        self._unchecked = 0
        return True

    def _check_later(self, connection: Connection, now_ns: int) -> None:
        """Connections are looked at four times in the time after which a silent one is over."""
        if len(self._checks) > self._count * 2 + 64:
            self._checks = deque(check for check in self._checks if check[1].alive)
        self._checks.append((min(now_ns + min(self._idle_ns, self._active_ns) // 4, _U64), connection))

    def _due(self, now_ns: int) -> Connection | None:
        while self._checks and self._checks[0][0] <= now_ns:
            _, connection = self._checks.popleft()
            if connection.alive:
                return connection
        return None

    def _notified(self, key: Key) -> Key:
        """The way that a congestion notification goes along: that of the connection which is to send less."""
        keys = (key._replace(service=service) for service in CONNECTED)
        return next((each for each in keys if each in self._places), key._replace(service=Service.RC))

    def _place(self, key: Key, now_ns: int) -> Place:
        place = self._places.get(key)
        if place is not None:
            self._renew(place.connection, now_ns)
            if place.connection.alive:
                return place
        return self._begin(key, now_ns)

    def _renew(self, connection: Connection, now_ns: int) -> None:
        """Ends it when it was silent for too long, tells it when it went on for long enough."""
        if max(0, now_ns - connection.last_ns) >= self._idle_ns:
            self._end(connection, EndReason.END_OF_FLOW if connection.closing else EndReason.IDLE)
        elif connection.start_ns and max(0, now_ns - connection.start_ns) >= self._active_ns:
            self._tell(connection, EndReason.ACTIVE)

    def _observe(self, place: Place, packet: Packet, headers: Headers, check: bool) -> bool:
        connection = place.connection
        belongs = packet.rdma is None or connection.observe(place.at, packet, packet.rdma, headers, check)
        if len(connection.ways) == 1:
            self._waiting.add(connection)
        return belongs

    def _begin(self, key: Key, now_ns: int) -> Place:
        return self._insert(Connection(Way(key), now_ns), now_ns)

    def _insert(self, connection: Connection, now_ns: int) -> Place:
        while self._count >= max(self._limits.connections, 1) and self._make_room(now_ns):
            pass
        self._count += 1
        self._check_later(connection, now_ns)
        self._place_ways(connection)
        return Place(connection, 0)

    def _place_ways(self, connection: Connection) -> None:
        """Notes where the ways of a connection are."""
        for at, way in enumerate(connection.ways):
            self._places[way.key] = Place(connection, at)

    def _make_room(self, now_ns: int) -> bool:
        """Ends one of those that were looked at longest ago: a small one, if there is, and of these the most silent."""
        worst: tuple[tuple[bool, int], Connection] | None = None
        for _ in range(CHOICES):
            connection = self._due(_U64)
            if connection is None:
                break
            rank = (connection.packets() >= SMALL, connection.last_ns)
            if worst is None or rank < worst[0]:
                worst = (rank, connection)
            self._check_later(connection, now_ns)
        if worst is None:
            return False
        self.evicted += 1
        self._end(worst[1], EndReason.LACK_OF_RESOURCES)
        return True

    def _remove(self, connection: Connection) -> None:
        connection.alive = False
        self._count -= 1

    def _end(self, connection: Connection, reason: EndReason) -> None:
        self._waiting.remove(connection)
        if not connection.alive:
            return
        self._remove(connection)
        for way in connection.ways:
            place = self._places.get(way.key)
            if place is not None and place.connection is connection:
                del self._places[way.key]
        self._tell(connection, reason)

    def _tell(self, connection: Connection, reason: EndReason) -> None:
        record = connection.tell(reason)
        if record is not None:
            self._records.append(record)

    def _belonging(self, place: Place, headers: Headers) -> Place:
        """Where an answer belongs: with the way that asked, once that is known."""
        connection = place.connection
        if connection.refutes(place.at, headers):
            return self._part(place)
        if len(connection.ways) > 1 or not worth_trying(connection.ways[0]):
            return place
        asking = self._waiting.choose(connection, headers.psn)
        return place if asking is None else self._join(asking, connection)

    def _join(self, asking: Connection, answering: Connection) -> Place:
        """Both were ways of one connection."""
        self._waiting.remove(asking)
        self._waiting.remove(answering)
        self._remove(answering)
        asking.join(answering)
        self._place_ways(asking)
        return Place(asking, 1)

    def _part(self, place: Place) -> Place:
        other = place.connection.part()
        if other is None:
            return place
        parted = self._insert(other, place.connection.last_ns)
        for connection in (place.connection, other):
            if connection.alive:
                self._waiting.add(connection)
        return parted if place.at == 1 else place

    def _manage(self, pair: Pair, datagram: bytes, now_ns: int) -> None:
        """A datagram went to queue pair 1: connections that are known before their first packet, and that end."""
        match parse_management(datagram):
            case Request() as request:
                known = self._requests.get(pair, request.communication)
                if not (isinstance(known, tuple) and known[0] == request):
                    self._requests.insert(pair, request.communication, (request, False))
            case Reply() as reply:
                self._establish(pair.reversed(), reply, now_ns)
            case Disconnect(communication, qp):
                keys = (Key(pair, qp, 0, service) for service in CONNECTED)
                key = next((each for each in keys if each in self._places), None)
                if key is not None:
                    self._places[key].connection.closing = True
                    self._requests.insert(pair, communication, key)
            case Disconnected(remote):
                known = self._requests.get(pair.reversed(), remote)
                place = self._places.get(known) if isinstance(known, Key) else None
                if place is not None and place.connection.closing:
                    self._end(place.connection, EndReason.END_OF_FLOW)

    def _establish(self, pair: Pair, reply: Reply, now_ns: int) -> None:
        """Whoever of `pair` is the source asked, and the other end agreed."""
        known = self._requests.get(pair, reply.remote)
        if known is None or isinstance(known, Key) or known[1]:
            # None that is known, or the reply once more.
            return
        request = known[0]
        self._requests.insert(pair, reply.remote, (request, True))
        forward = Way(Key(pair, reply.qp, 0, request.service))
        reverse = Way(Key(pair.reversed(), request.qp, 0, request.service))
        for way in (forward, reverse):
            place = self._places.get(way.key)
            if place is not None:
                # An earlier connection had that number.
                self._end(place.connection, EndReason.END_OF_FLOW)
        if request.psn is not None:
            forward.requests.begin(request.psn)
        if reply.psn is not None:
            reverse.requests.begin(reply.psn)
        connection = Connection(forward, now_ns)
        connection.establish(reverse, request)
        self._insert(connection, now_ns)

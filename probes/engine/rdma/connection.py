"""A connection between two queue pairs, or what is seen of one: one way or both."""

from __future__ import annotations

from fabricscope.flow import Classification, EndReason, FlowKey, FlowRecord, JoinedBy, Rdma, RdmaLink, RdmaWay
from fabricscope.flow import Tunnel as TunnelKind
from fabricscope.flow import Way as PlainWay
from probes.engine.flows.features import FeatureState
from probes.engine.packets.packet import Packet
from probes.engine.packets.packet import Rdma as RdmaPacket
from probes.engine.rdma.headers import SEQUENCE_ERROR, Headers, Kind, Position, Service, Syndrome, ahead
from probes.engine.rdma.management import Request, fields_of
from probes.engine.rdma.messages import Piece, packets
from probes.engine.rdma.stream import Arrival
from probes.engine.rdma.way import Counts, Way

SMALLEST_MTU = 256
"""The smallest payload of a full packet that there is (PMTU)."""
CERTAIN = 8
"""So many answers that fit are no accident."""
PORT_ROCE = 4791
UDP = 17
NO_WAY = PlainWay(*[0] * 10)
NO_RDMA = RdmaWay([], 0, 0, 0, 0, [], 0, 0, 0, 0, 0, [], 0, 0, 0, 0)
_U8 = 255


class Connection:
    """A connection."""

    def __init__(self, way: Way, time_ns: int) -> None:
        self.ways = [way]
        """In the order in which they were seen."""
        self.joined = JoinedBy.NOTHING
        self.closing = False
        """A disconnect was seen."""
        self.facts: Request | None = None
        """What connection management said of it."""
        self.start_ns = 0
        """First packet since the last record; 0 before there was one."""
        self.last_ns = time_ns
        self.source: int | None = None
        """The way that asked first; None before one did."""
        self.alive = True
        """It is in the table."""
        self._vlan = self._ether_type = 0
        self._tunnel = (TunnelKind.NONE, 0)
        self._mtu = 0
        """Octets of payload in a full packet; 0 while that is not known."""
        self._behaviour = FeatureState()
        """With the first way as forward. What a way did before it was joined to another is not in it."""
        self._fitting = 0
        """Answers that fitted since it was joined."""

    def establish(self, reverse: Way, request: Request) -> None:
        """What connection management said: the other way, the payload of a full packet, and what for."""
        self.ways.append(reverse)
        self.joined = JoinedBy.CONNECTION_MANAGEMENT
        self.source = 0
        self._mtu = request.mtu or 0
        self.facts = request

    def packets(self) -> int:
        """Packets since the last record."""
        return sum(way.counts.packets for way in self.ways)

    def join(self, other: Connection) -> None:
        """The other way was found."""
        self.ways = [self.ways[0], other.ways[0]]
        self.joined = JoinedBy.SEQUENCE_NUMBERS
        self._fitting = 0
        self.last_ns = max(self.last_ns, other.last_ns)
        if 0 < other.start_ns < self.start_ns:
            self.start_ns = other.start_ns
            if other.source is not None:
                self.source = 1
        self._mtu = self._mtu or other._mtu

    def part(self) -> Connection | None:
        """The ways do not belong together after all: the second becomes a connection of its own."""
        if len(self.ways) < 2:
            return None
        self.joined = JoinedBy.NOTHING
        other = Connection(self.ways.pop(), self.last_ns)
        other.start_ns = self.start_ns
        other._vlan, other._ether_type, other._tunnel = self._vlan, self._ether_type, self._tunnel
        for alone in (self, other):
            alone.source = 0 if alone.ways[0].asks else None
        return other

    def refutes(self, at: int, headers: Headers) -> bool:
        """Whether way `at` answers what the other one never sent, so early that they were joined by accident."""
        if self.joined is not JoinedBy.SEQUENCE_NUMBERS or self._fitting >= CERTAIN or len(self.ways) < 2:
            return False
        return ahead(self.ways[1 - at].requests.next, headers.acknowledged()) > 0

    def observe(self, at: int, packet: Packet, rdma: RdmaPacket, headers: Headers, check: bool) -> bool:
        """A packet of way `at`.

        False when it is of another connection that has the same numbers; it is not counted then.
        """
        way = self.ways[at]
        other = self.ways[1 - at] if len(self.ways) > 1 else None
        payload = headers.payload
        inside = headers.position in (Position.FIRST, Position.MIDDLE)
        if inside and payload >= SMALLEST_MTU and payload & (payload - 1) == 0:
            self._mtu = payload
        resumes = headers.kind is Kind.READ_ANSWER
        piece = Piece(headers.psn, 1, headers.position, resumes, None, payload, self._mtu, packet.time_ns)
        if way.key.service == Service.UD:
            if headers.position is Position.ONLY:
                way.counts.tally.sizes.add(payload)
                way.counts.tally.fresh_octets += payload
        elif headers.is_request():
            mtu = way.settle_read(headers.psn, self._mtu)
            if mtu is not None:
                self._mtu = mtu
                piece = piece._replace(mtu=mtu)
            if not _request(way, other, piece, headers):
                return False
            way.asks = True
            self.source = at if self.source is None else self.source
        elif headers.is_answer():
            self._fitting = min(self._fitting + 1, _U8)
            _answer(way, other, piece, headers)
        if self.start_ns == 0:
            self.start_ns = packet.time_ns
            self._vlan = packet.vlan
            self._ether_type = packet.network.ether_type
            self._tunnel = (packet.tunnel.kind, packet.tunnel.id) if packet.tunnel else (TunnelKind.NONE, 0)
        self.last_ns = max(self.last_ns, packet.time_ns)
        way.count(packet, rdma, headers, check)
        self._behaviour.observe(at == 0, packet.time_ns, packet.wire_octets)
        return True

    def tell(self, reason: EndReason) -> FlowRecord | None:
        """Tells what was seen since the last record, and begins to count anew. None when that was nothing."""
        if self.packets() == 0:
            return None
        if reason is not EndReason.ACTIVE:
            self._conclude(reason)
        record = self._record(reason)
        for way in self.ways:
            way.counts = Counts()
        self.start_ns = 0
        self._behaviour = FeatureState()
        return record

    def _conclude(self, reason: EndReason) -> None:
        """What became of numbers that were passed over is not going to be seen any more.

        After a while of silence nobody asks for anything; a capture may end before it is asked for.
        """
        over = reason in (EndReason.IDLE, EndReason.END_OF_FLOW)
        both = sum(way.counts.packets > 0 for way in self.ways) == 2
        for way in self.ways:
            way.requests.close(self._mtu, way.counts.tally, known=over or not both)
            way.answers.close(self._mtu, way.counts.tally, known=True)

    def _record(self, reason: EndReason) -> FlowRecord:
        first, second = self.ways[0], self.ways[1] if len(self.ways) > 1 else None
        forward: Way | None = first
        reverse = second
        if self.source == 1 or (second is None and first.answers_only()):
            forward, reverse = second, first
        pair = first.key.pair if forward is None else forward.key.pair
        if forward is None:
            pair = pair.reversed()
        rocev2 = pair.link is RdmaLink.ROCEV2
        source_qp = reverse.key.qp if reverse else 0
        if first.key.service == Service.UD:
            source_qp = first.key.source_qp
        only_notifies = all(way.only_notifies() for way in self.ways)
        return FlowRecord(
            FlowKey(
                pair.source,
                pair.destination,
                UDP if rocev2 else 0,
                self._ether_type,
                0,
                PORT_ROCE if rocev2 else 0,
                source_qp,
                forward.key.qp if forward else 0,
                self._vlan,
                *self._tunnel,
            ),
            self.start_ns,
            self.last_ns,
            reason,
            forward.plain() if forward else NO_WAY,
            reverse.plain() if reverse else NO_WAY,
            1,
            None,
            Rdma(
                pair.link,
                Service.CNP if only_notifies else first.key.service,
                self.joined,
                forward.rdma() if forward else NO_RDMA,
                reverse.rdma() if reverse else NO_RDMA,
            ),
            self._behaviour.finish(turned=forward is not first),
            Classification("", "", 0.0, [], 0, [], fields_of(self.facts) if self.facts else []),
            1.0,
        )


def _request(way: Way, other: Way | None, piece: Piece, headers: Headers) -> bool:
    """False when the packet is of another connection."""
    length = headers.length or 0
    if headers.kind is Kind.WRITE:
        piece = piece._replace(length=headers.length)
    elif headers.kind is Kind.READ_REQUEST:
        piece = piece._replace(span=packets(length, piece.mtu))
    arrival = way.requests.arrive(piece, way.counts.tally)
    if headers.acknowledge:
        way.asking = piece.psn
    if arrival is Arrival.FAR:
        return False
    if headers.kind in (Kind.READ_REQUEST, Kind.ATOMIC) and arrival is not Arrival.DUPLICATE:
        length = 0 if headers.kind is Kind.ATOMIC else length
        way.reads.add(piece.psn, length)
        if piece.mtu == 0 and length > SMALLEST_MTU:
            way.unsure_read = (piece.psn, length)
    elif headers.kind is Kind.READ_REQUEST and other is not None:
        # What is asked for once more did not come.
        other.answers.ask(piece.psn, piece.span)
    return True


def _answer(way: Way, other: Way | None, piece: Piece, headers: Headers) -> None:
    carries = headers.kind in (Kind.READ_ANSWER, Kind.ATOMIC_ANSWER)
    if carries:
        if other is not None:
            other.reads.lead(piece, way.answers, way.counts.tally)
        if way.answers.arrive(piece, way.counts.tally) is Arrival.FAR:
            way.answers.begin(piece.psn)
            way.answers.arrive(piece, way.counts.tally)
    if other is None:
        return
    if carries and headers.position in (Position.MIDDLE, Position.LAST):
        other.requests.is_answered(piece.psn)
    tally = other.counts.tally
    if headers.syndrome is Syndrome.NEGATIVE and headers.code == SEQUENCE_ERROR:
        other.requests.refuse(piece.psn, piece.mtu, tally)
    else:
        other.requests.acknowledge(headers.acknowledged(), piece.mtu, tally)

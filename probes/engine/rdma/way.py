"""What one end of a connection sends."""

from __future__ import annotations

from typing import NamedTuple

from fabricscope.flow import RdmaLink, RdmaWay
from fabricscope.flow import Tunnel as TunnelKind
from fabricscope.flow import Way as PlainWay
from probes.engine.packets.packet import Family, Fragment, Packet, Rdma
from probes.engine.rdma import icrc
from probes.engine.rdma.headers import CNP, Headers, Kind, Service, Syndrome, add, ahead, distance
from probes.engine.rdma.messages import Tally, fitting_mtu, packets
from probes.engine.rdma.reads import Reads
from probes.engine.rdma.stream import Stream

CONGESTION_EXPERIENCED = 3
OVERLAYS = frozenset({TunnelKind.VXLAN, TunnelKind.GENEVE})


class Pair(NamedTuple):
    """Who sends to whom, inside which overlay.

    How the mirror sends it and its VLAN are not part of it: they may differ between both ways.
    """

    source: bytes
    destination: bytes
    family: Family
    link: RdmaLink
    overlay: tuple[TunnelKind, int] | None

    def reversed(self) -> Pair:
        """The other way."""
        return self._replace(source=self.destination, destination=self.source)


class Key(NamedTuple):
    """One way of a connection, or all of a datagram's."""

    pair: Pair
    qp: int
    """The destination queue pair. For RD it is the end-to-end context, which sequence numbers belong to there."""
    source_qp: int
    """The sender's queue pair, of UD alone: what is acknowledged does not name it."""
    service: int


def pair_of(packet: Packet, rdma: Rdma) -> Pair:
    """Who sent a packet to whom."""
    tunnel, network = packet.tunnel, packet.network
    overlay = (tunnel.kind, tunnel.id) if tunnel is not None and tunnel.kind in OVERLAYS else None
    return Pair(network.source, network.destination, network.family, rdma.link, overlay)


def key_of(pair: Pair, headers: Headers) -> Key:
    """The way that a packet goes."""
    service = headers.service
    context = headers.context if service == Service.RD else None
    source_qp = headers.source_qp if service == Service.UD else None
    return Key(pair, headers.destination_qp if context is None else context, source_qp or 0, service)


class Counts:
    """What was counted since the last record."""

    def __init__(self) -> None:
        self.packets = self.octets = self.payload_octets = self.first_ns = self.last_ns = 0
        self.ecn_capable = self.ecn_marked = self.fragments = self.dscp = 0
        self.opcodes = [0] * 32
        """By the lower five bits."""
        self.naks: dict[int, int] = {}
        self.rnr_naks = self.cnps = self.icrc_checked = self.icrc_wrong = 0
        self.tally = Tally()
        """What its sequence numbers say."""


class Way:
    """One way."""

    def __init__(self, key: Key) -> None:
        self.key = key
        """Where its packets go."""
        self.source_port = 0
        """UDP source port of the latest packet."""
        self.asks = False
        """Whether a request was seen."""
        self.doubts = 0
        """How often it could have been joined with more than one other."""
        self.tries = 0
        """How often it was tried to find the other way."""
        self.asking = 0
        """The number of the last request that wants to be acknowledged."""
        self.requests = Stream(key.service == Service.UC)
        self.reads = Reads()
        """What it asked that takes an answer."""
        self.unsure_read: tuple[int, int] | None = None
        """A READ request, and its length, after which it is not known how many numbers it took."""
        self.answers = Stream()
        """Its answers to the other end's."""
        self.waiting: int | None = None
        """Where it stands among those that wait to be joined."""
        self.counts = Counts()

    def settle_read(self, psn: int, mtu: int) -> int | None:
        """The request `psn` came.

        When a READ stood before it of which it was not known how many numbers it takes, that is known now. The payload
        of a full packet, if the READ tells it.
        """
        if self.unsure_read is None:
            return None
        first, length = self.unsure_read
        if ahead(self.requests.next, psn) == 0 and distance(first, psn) <= 0:
            return None
        self.unsure_read = None
        found = None if mtu else fitting_mtu(first, length, psn)
        if found or mtu:
            self.requests.skip_to(add(first, packets(length, found or mtu)))
        return found

    def count(self, packet: Packet, rdma: Rdma, headers: Headers, check: bool) -> None:
        """Counts a packet, whatever its sequence number is."""
        counts, network = self.counts, packet.network
        if counts.packets == 0:
            counts.first_ns = packet.time_ns
            counts.dscp = network.dscp
        counts.last_ns = max(counts.last_ns, packet.time_ns)
        counts.packets += 1
        counts.octets += packet.wire_octets
        counts.payload_octets += headers.payload
        counts.ecn_capable += network.ecn != 0
        counts.ecn_marked += network.ecn == CONGESTION_EXPERIENCED or headers.fecn
        counts.fragments += network.fragment is not Fragment.WHOLE
        self.source_port = packet.source_port
        if headers.kind is Kind.CNP:
            counts.cnps += 1
        else:
            counts.opcodes[headers.opcode & 0x1F] += 1
        if headers.syndrome is Syndrome.RECEIVER_NOT_READY:
            counts.rnr_naks += 1
        elif headers.syndrome is Syndrome.NEGATIVE:
            counts.naks[headers.code] = counts.naks.get(headers.code, 0) + 1
        right = icrc.right(rdma) if check else None
        if right is not None:
            counts.icrc_checked += 1
            counts.icrc_wrong += not right

    def answers_only(self) -> bool:
        """Whether it asks nothing, so that the other end is the one that does."""
        return not self.asks and self.key.service != Service.UD

    def only_notifies(self) -> bool:
        """Whether nothing but congestion notifications was seen."""
        return self.counts.packets == self.counts.cnps

    def plain(self) -> PlainWay:
        """What it comes to, as any flow's way."""
        counts = self.counts
        return PlainWay(
            counts.packets,
            counts.octets,
            counts.payload_octets,
            counts.first_ns,
            counts.last_ns,
            counts.ecn_capable,
            counts.ecn_marked,
            counts.fragments,
            counts.dscp,
            0,
        )

    def rdma(self) -> RdmaWay:
        """What it comes to, as RDMA."""
        counts = self.counts
        tally, sizes = counts.tally, counts.tally.sizes
        opcodes = [(self.key.service << 5 | each, count) for each, count in enumerate(counts.opcodes) if count]
        if counts.cnps:
            opcodes = sorted([*opcodes, (CNP, counts.cnps)])
        return RdmaWay(
            opcodes,
            sizes.count,
            sizes.octets,
            sizes.least,
            sizes.most,
            sizes.histogram(),
            tally.lost,
            tally.unseen,
            tally.duplicates,
            tally.repeated_octets,
            tally.fresh_octets,
            sorted(counts.naks.items()),
            counts.rnr_naks,
            counts.cnps,
            counts.icrc_checked,
            counts.icrc_wrong,
        )

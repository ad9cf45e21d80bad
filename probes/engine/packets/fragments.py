"""Fragments of IP packets: put together again within bounds, and given the ports of the first one otherwise.

The last missing part of a packet yields the whole. Two parts that overlap without being the same, parts behind the end,
and parts that were not captured in full end the attempt (RFC 5722 says so for IPv6, and Linux does it for both); later
parts are then attributed only. Memory is bounded by numbers and octets: a flood pushes the oldest out.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from msgspec import Struct

from probes.engine.packets.packet import Network, Packet, Tunnel
from probes.engine.packets.walk import Piece

MAX_PIECES = 128
"""Parts of one packet; 64 KiB in an MTU of 576 have 119."""


class DecoderLimits(Struct, frozen=True):
    """What a decoder may keep."""

    fragmented_packets: int = 1024
    """Packets whose fragments are remembered."""
    packet_octets: int = 1 << 16
    """Octets of one packet."""
    octets: int = 8 << 20
    """Octets of all of them."""
    age_ns: int = 30_000_000_000
    """How long fragments belong to one packet after its first one came; later the number is used again."""


@dataclass
class FragmentCounts:
    """What became of fragmented packets."""

    reassembled: int = 0
    incomplete: int = 0
    """Given up: parts were missing when they had to make room or were too old."""
    unusable: int = 0
    """Given up: parts contradict each other, are too large or too many, or were not captured in full."""


class Owner(Struct, frozen=True):
    """Who the parts of a packet belong to: what its first part was decoded to."""

    network: Network
    source_port: int
    destination_port: int
    vlan: int
    priority: int
    tunnel: Tunnel | None
    """Set when the first part had a tunnel's header in it."""


class Fit(enum.Enum):
    """What a part is to its packet."""

    PART = 0
    WHOLE = 1
    UNUSABLE = 2


@dataclass
class Datagram:
    """An IP packet that comes in fragments."""

    key: tuple[object, ...]
    began_ns: int
    protocol: int
    open: bool = True
    """Whether parts are still collected."""
    owner: Owner | None = None
    pieces: dict[int, bytes] = field(default_factory=dict)
    """By where they belong."""
    kept: int = 0
    end: int | None = None
    """Octets of the whole, once its last part came."""

    def take(self, piece: Piece, most: int) -> Fit:
        """Take a part in."""
        octets = len(piece.octets)
        after = piece.offset + octets
        # All but the last are made of units of eight octets.
        ragged = piece.more and (octets == 0 or octets % 8 != 0)
        if octets < piece.wire or ragged or after > most or len(self.pieces) >= MAX_PIECES:
            return Fit.UNUSABLE
        known = self.pieces.get(piece.offset)
        if known is not None and len(known) == octets:
            return Fit.PART
        reach = after
        for offset, part in self.pieces.items():
            end = offset + len(part)
            if offset < after and piece.offset < end:
                return Fit.UNUSABLE
            reach = max(reach, end)
        if not piece.more:
            if self.end is not None:
                return Fit.UNUSABLE
            self.end = after
        if self.end is not None and reach > self.end:
            return Fit.UNUSABLE
        if piece.offset == 0:
            self.protocol = piece.protocol
        self.pieces[piece.offset] = piece.octets
        self.kept += octets
        # Without overlap they leave no hole when they are as long as the whole.
        return Fit.WHOLE if self.end == self.kept else Fit.PART

    def assemble(self) -> bytes:
        """The whole."""
        return b"".join(self.pieces[offset] for offset in sorted(self.pieces))

    def close(self) -> None:
        """Nothing more is collected."""
        self.open = False
        self.pieces = {}
        self.kept = 0


class Fragments:
    """All packets of which fragments came. They stand in a ring: the oldest makes room."""

    def __init__(self, limits: DecoderLimits) -> None:
        self._limits = limits
        self._size = max(1, limits.fragmented_packets)
        self._places: dict[tuple[object, ...], int] = {}
        self._ring: list[Datagram] = []
        self._next = 0
        """The number of the next packet; modulo the ring's size it is its place."""
        self._kept_from = 0
        """Of all before this one the octets were let go."""
        self._kept = 0
        self.counts = FragmentCounts()

    def add(self, piece: Piece, now_ns: int) -> tuple[int, bytes | None, int, Owner | None]:
        """Take a fragment in.

        The packet's number for `own`, the whole if this completes it, the protocol that its first part says, and whose
        part it is.
        """
        number = self._find(piece, now_ns)
        datagram = self._ring[number % self._size]
        if not datagram.open:
            return number, None, piece.protocol, datagram.owner
        before = datagram.kept
        fit = datagram.take(piece, self._limits.packet_octets)
        whole = None
        if fit is Fit.WHOLE:
            whole = datagram.assemble()
            datagram.close()
            self.counts.reassembled += 1
        elif fit is Fit.UNUSABLE:
            datagram.close()
            self.counts.unusable += 1
        self._kept += datagram.kept - before
        protocol, owner = datagram.protocol, datagram.owner
        self._make_room()
        return number, whole, protocol, owner

    def own(self, number: int, packet: Packet, tunnel: Tunnel | None) -> None:
        """What the first part of packet `number` was decoded to."""
        self._ring[number % self._size].owner = Owner(
            packet.network, packet.source_port, packet.destination_port, packet.vlan, packet.priority, tunnel
        )

    def _find(self, piece: Piece, now_ns: int) -> int:
        known = self._places.get(piece.key)
        if known is not None:
            datagram = self._ring[known % self._size]
            old = now_ns - datagram.began_ns > self._limits.age_ns
            # A first part for a packet that is settled: the sender's counter came round, or it is mirrored twice.
            again = not datagram.open and piece.offset == 0
            if not old and not again:
                return known
        number = self._next
        self._next += 1
        datagram = Datagram(piece.key, now_ns, piece.protocol)
        if len(self._ring) < self._size:
            self._ring.append(datagram)
        else:
            gone = self._ring[number % self._size]
            self._ring[number % self._size] = datagram
            self._kept -= gone.kept
            self.counts.incomplete += gone.open
            oldest = number - self._size
            if self._places.get(gone.key) == oldest:
                del self._places[gone.key]
            self._kept_from = max(self._kept_from, oldest + 1)
        self._places[piece.key] = number
        return number

    def _make_room(self) -> None:
        while self._kept > self._limits.octets and self._kept_from < self._next:
            datagram = self._ring[self._kept_from % self._size]
            self._kept -= datagram.kept
            self.counts.incomplete += datagram.open
            datagram.close()
            self._kept_from += 1

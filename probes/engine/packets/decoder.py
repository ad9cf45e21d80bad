"""From the octets of a frame to what flows are made of.

Headers are read from the outside in, and the innermost network header counts:

- Ethernet (VLAN tags, MPLS labels, PPPoE, 802.2), PPP, cooked, raw and loopback captures, ERF, InfiniBand.
- IP in IP, GRE and ERSPAN are tunnels because the IP protocol says so: what cannot be decoded in them is undecodable.
- VXLAN, Geneve, GTP-U and CAPWAP are tunnels by a UDP port, which is a hint: what cannot be decoded in them is UDP.
  Teredo, L2TP and what is encrypted (ESP) stay what carries them.
- Fragments: see `fragments`.
"""

from __future__ import annotations

import msgspec

from probes.engine.packets.ethernet import ether_type, ethernet, llc
from probes.engine.packets.fragments import DecoderLimits, FragmentCounts, Fragments
from probes.engine.packets.ip import upper
from probes.engine.packets.link import any_ip, link
from probes.engine.packets.packet import Fragment, Frame, Packet, Reason, Undecodable
from probes.engine.packets.span import Span
from probes.engine.packets.walk import Header, Step, Walk

MAX_FRAGMENTED = 3
"""Fragmented packets within fragmented packets."""

HEADERS = {
    Header.LINK: link,
    Header.ETHERNET: ethernet,
    Header.ETHER_TYPE: ether_type,
    Header.LLC: llc,
    Header.IP: any_ip,
    Header.UPPER: upper,
}


class Decoder:
    """Decodes frames. It keeps fragments and nothing else."""

    def __init__(self, limits: DecoderLimits | None = None) -> None:
        self._fragments = Fragments(limits or DecoderLimits())

    def decode(self, frame: Frame) -> Packet:
        """What is in a frame. Raises Undecodable."""
        walk = Walk(frame)
        packet = self._packet(walk, (Header.LINK, frame.link, Span.captured(frame.octets, frame.wire_octets)))
        if walk.first_of is not None:
            # The other parts of a fragmented packet are told whose they are.
            number, tunnels = walk.first_of
            inside = walk.tunnels > tunnels and packet.tunnel == walk.tunnel
            self._fragments.own(number, packet, packet.tunnel if inside else None)
        return packet

    def fragments(self) -> FragmentCounts:
        """What became of fragmented packets so far."""
        return self._fragments.counts

    def _packet(self, walk: Walk, step: Step) -> Packet:
        wholes = 0
        try:
            while True:
                walk.deeper()
                if step is None:
                    return walk.packet()
                header, number, span = step
                if header is Header.FRAGMENT:
                    wholes += 1
                    step = self._fragment(walk, span, wholes)
                else:
                    step = HEADERS[header](walk, number, span)
        except Undecodable as error:
            if walk.plain is None or error.reason is Reason.TOO_DEEP:
                raise
            return walk.plain

    def _fragment(self, walk: Walk, span: Span, wholes: int) -> Step:
        """What a fragment is for the way through a frame.

        The whole that it completes, the first part, or a later one that is attributed to the first.
        """
        if wholes > MAX_FRAGMENTED:
            raise Undecodable(Reason.TOO_DEEP)
        piece = walk.piece
        if piece is None:
            return walk.carries(span)
        number, whole, protocol, owner = self._fragments.add(piece, walk.time_ns)
        walk.share = (piece.wire, 0)
        if whole is not None:
            if piece.offset == 0:
                walk.share = (piece.wire, len(whole))
            walk.part = walk.network.fragment = Fragment.REASSEMBLED
            walk.network.protocol = protocol
            walk.first_of = (number, walk.tunnels)
            walk.ip = b""
            return Header.UPPER, protocol, Span(whole, len(whole))
        if piece.offset == 0:
            walk.part = walk.network.fragment = Fragment.FIRST
            walk.network.protocol = piece.protocol
            walk.first_of = (number, walk.tunnels)
            return Header.UPPER, piece.protocol, span
        walk.part = walk.network.fragment = Fragment.LATER
        walk.network.protocol = piece.protocol
        if owner is not None:
            walk.network = msgspec.structs.replace(owner.network, fragment=Fragment.LATER)
            walk.source_port = owner.source_port
            walk.destination_port = owner.destination_port
            walk.vlan = owner.vlan
            walk.priority = owner.priority
            walk.tunnel = owner.tunnel or walk.tunnel
        return walk.carries(span)

"""From the octets of a frame to what flows are made of, in plain Python: the specification of engine/src/packets.

Header layouts and numbers are dpkt's. Its parsers are not used, as these go on to what a header carries and leave out
what they cannot read, without a word of how much was on the wire.
"""

from __future__ import annotations

from probes.engine.packets.decoder import Decoder
from probes.engine.packets.fragments import DecoderLimits
from probes.engine.packets.packet import Family, Fragment, Frame, LinkType, Packet, Reason, Undecodable

__all__ = ["Decoder", "DecoderLimits", "Family", "Fragment", "Frame", "LinkType", "Packet", "Reason", "Undecodable"]

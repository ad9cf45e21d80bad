"""What is kept of one flow while it is looked at, and what rules are asked with beside its payload."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from fabricscope.flow import RdmaLink
from fabricscope.flow import Tunnel as TunnelKind
from probes.engine.packets.packet import Family
from probes.engine.rules.sides import SideOctets

if TYPE_CHECKING:
    from probes.engine.rules.program import Program

MAX_PACKETS = 16
"""Packets with payload after which nobody looks any longer."""
TRANSPORTS = {6: "tcp", 17: "udp", 33: "dccp", 132: "sctp"}


class FlowFacts(Struct, frozen=True):
    """What rules are asked with beside the payload."""

    protocol: int
    """IP protocol; 0 for what is not IP."""
    ether_type: int
    source_port: int
    """0 where there is none."""
    destination_port: int
    family: Family
    tunnel: TunnelKind
    rdma: RdmaLink | None
    opened: bool
    """Whether the source is known to have opened the flow (its SYN was seen), so that rules need not be asked the other
    way round."""
    begins: tuple[int | None, int | None] = (None, None)
    """Sequence number of the first octet of TCP's payload from the source and from the destination (that of the SYN and
    1), where the SYN was seen."""

    def carrier(self) -> str:
        """What carries the payload, as the normal form of rules calls it."""
        if self.rdma is not None:
            return "rdma"
        if self.protocol == 0:
            return f"ether/{self.ether_type}"
        return TRANSPORTS.get(self.protocol) or f"ip/{self.protocol}"


class Match(NamedTuple):
    """A rule that matched."""

    alternative: int
    """Which of the program's alternatives."""
    swapped: bool
    """The client's tests held of the destination's side."""
    packets: int
    """Packets with payload when it was found."""
    confidence: float
    """With ports and direction in it."""


class Inspection:
    """A flow under inspection."""

    __slots__ = ("matches", "packets", "program", "settled", "sides")

    def __init__(self, program: Program | None) -> None:
        self.program = program
        self.sides = (SideOctets(), SideOctets())
        """From the source, and from the destination."""
        self.packets = 0
        self.settled = program is None
        """Whether more payload would change nothing."""
        self.matches: list[Match] = []

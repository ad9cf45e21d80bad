"""One flow while it goes on."""

from __future__ import annotations

from fabricscope.flow import Classification, EndReason, FlowKey, FlowRecord, Way
from fabricscope.flow import Tunnel as TunnelKind
from probes.engine.flows.features import FeatureState
from probes.engine.flows.key import Key, Opening, opening, source_of
from probes.engine.flows.mirrors import Mark, Mirrors
from probes.engine.flows.settings import MeterSettings
from probes.engine.flows.tcp import Connection
from probes.engine.flows.verdict import Looking
from probes.engine.packets.packet import Fragment, Packet
from probes.engine.rules.classifier import Rules
from probes.engine.rules.inspection import FlowFacts

_U32 = (1 << 32) - 1
_U64 = (1 << 64) - 1


class Side:
    """What one end sent, as far as it is in no record yet."""

    __slots__ = (
        "dscp",
        "ecn_capable",
        "ecn_marked",
        "first_ns",
        "fragments",
        "mark",
        "octets",
        "packets",
        "payload_octets",
        "tcp_flags",
    )

    def __init__(self) -> None:
        self.packets = self.octets = self.payload_octets = self.first_ns = 0
        self.ecn_capable = self.ecn_marked = self.fragments = self.dscp = self.tcp_flags = 0
        self.mark: Mark | None = None

    def observe(self, packet: Packet, session: int | None, mirrors: Mirrors) -> None:
        """A packet that it sent, and by which session it was mirrored."""
        network = packet.network
        if self.packets == 0:
            self.first_ns = packet.time_ns
            self.dscp = network.dscp
            self.mark = mirrors.mark(session)
        self.packets += 1
        self.octets += packet.wire_octets
        self.payload_octets += packet.payload_octets
        self.first_ns = min(self.first_ns, packet.time_ns)
        self.ecn_capable += network.ecn != 0
        self.ecn_marked += network.ecn == 3
        self.fragments += network.fragment is not Fragment.WHOLE
        if packet.tcp is not None:
            self.tcp_flags |= packet.tcp.flags

    def tell(self, last_ns: int | None) -> Way:
        """As a record has it."""
        return Way(
            self.packets,
            self.octets,
            self.payload_octets,
            self.first_ns,
            last_ns or 0,
            self.ecn_capable,
            self.ecn_marked,
            self.fragments,
            self.dscp,
            self.tcp_flags,
        )


class Flow:
    """A flow; ends (0 and 1) are numbered as in its key, whoever began."""

    __slots__ = (
        "_closed_ns",
        "_ether_type",
        "_icmp",
        "_opened",
        "_sides",
        "_source",
        "_told",
        "_tunnel",
        "connection",
        "features",
        "key",
        "last_ns",
        "looking",
        "sampling",
    )

    def __init__(self, key: Key, packet: Packet, sender: int, sampling: int) -> None:
        self.key = key
        self.sampling = sampling
        """One of how many beginning flows was followed."""
        self.connection: Connection | None = None
        self.features = FeatureState()
        self.looking = Looking()
        self.last_ns = packet.time_ns
        """The last packet, in this record or the one before."""
        self._sides = (Side(), Side())
        self._closed_ns: int | None = None
        """When its end was seen."""
        self._tunnel = (packet.tunnel.kind, packet.tunnel.id) if packet.tunnel else (TunnelKind.NONE, 0)
        self._ether_type = packet.network.ether_type
        self._icmp = packet.source_port if key.is_icmp() else 0
        """Type and code of the first packet."""
        self._source = source_of(packet, sender)
        self._opened = False
        """The source is known by SYN."""
        self._told = False
        """A record of it was written."""

    def observe(self, packet: Packet, sender: int, session: int | None, mirrors: Mirrors) -> bool:
        """Count a packet. True when the end of the flow was seen with it."""
        self._sides[sender].observe(packet, session, mirrors)
        self.features.observe(sender == 0, packet.time_ns, packet.wire_octets)
        self.last_ns = max(self.last_ns, packet.time_ns)
        tcp = packet.tcp
        if tcp is None:
            return False
        if self._turn(sender, tcp.flags):
            # Rules were asked the wrong way round.
            self.looking.again(self.facts())
        if self.connection is None:
            return False
        self.connection.observe(sender, tcp, packet.payload_octets, packet.time_ns)
        if self._closed_ns is not None or not self.connection.ended():
            return False
        self._closed_ns = min(packet.time_ns, _U64 - 1)
        return True

    def _turn(self, sender: int, flags: int) -> bool:
        """The first SYN says who began, whatever was thought before. True when it was the other end."""
        found = None if self._opened else opening(flags)
        if found is None:
            return False
        self._opened = True
        before, self._source = self._source, sender if found is Opening.SYN else 1 - sender
        return before != self._source

    def is_opened_again(self, packet: Packet, sender: int) -> bool:
        """Whether a packet opens this connection once more, after it ended."""
        return (
            self._closed_ns is not None
            and packet.tcp is not None
            and opening(packet.tcp.flags) is Opening.SYN
            and self.connection is not None
            and self.connection.is_other_opening(sender, packet.tcp)
        )

    def due(self, now_ns: int, settings: MeterSettings) -> EndReason | None:
        """Whether a record is due, by the first of the timeouts that passed.

        A time that is further back than the idle timeout ends a flow like one that is further on.
        """
        end_ns, reason = self._end(settings)
        active_ns = self._active_end(settings)
        set_back = self.last_ns - now_ns >= settings.idle_ns
        if not set_back and min(end_ns, active_ns) > now_ns:
            return None
        return EndReason.ACTIVE if not set_back and active_ns < end_ns else reason

    def next_look(self, settings: MeterSettings) -> int:
        """When a record may be due, if nothing comes."""
        # When the next record has not begun, no later than that it may be due.
        active = self._active_end(settings) if self.packets() else min(self.last_ns + settings.active_ns, _U64)
        return min(self._end(settings)[0], active)

    def _end(self, settings: MeterSettings) -> tuple[int, EndReason]:
        idle = min(self.last_ns + settings.idle_ns, _U64)
        if settings.linger_ns is not None and self._closed_ns is not None:
            return min(self._closed_ns + settings.linger_ns, idle), EndReason.END_OF_FLOW
        return idle, EndReason.IDLE

    def _active_end(self, settings: MeterSettings) -> int:
        return min(self.features.first_ns + settings.active_ns, _U64) if self.packets() else _U64

    def packets(self) -> int:
        """Packets that are in no record yet."""
        return self._sides[0].packets + self._sides[1].packets

    def is_single(self) -> bool:
        """Whether it never had more than one packet."""
        return not self._told and self.packets() == 1

    def is_forward(self, sender: int) -> bool:
        """Whether the source sent it."""
        return self._source == sender

    def facts(self) -> FlowFacts:
        """What rules are asked with."""
        source, destination = self._source, 1 - self._source
        connection = self.connection
        return FlowFacts(
            self.key.protocol,
            self._ether_type,
            self._source_port(),
            self.key.ports[destination],
            self.key.family,
            self._tunnel[0],
            None,
            self._opened,
            (connection.begins(source), connection.begins(destination)) if connection else (None, None),
        )

    def tell(self, reason: EndReason, rules: Rules | None, mirrors: Mirrors, sampling: int) -> FlowRecord | None:
        """The record of what was counted since the last one, which begins anew. None when nothing was."""
        if self.packets() == 0:
            return None
        self._told = True
        classification: Classification = self.looking.tell(rules, self.facts)
        features, self.features = self.features, FeatureState()
        sides, self._sides = self._sides, (Side(), Side())
        source = self._source
        forward, reverse = (sides[end].tell(features.last[end]) for end in (source, 1 - source))
        return FlowRecord(
            self._record_key(),
            min(way.first_ns for way in (forward, reverse) if way.packets),
            max(forward.last_ns, reverse.last_ns),
            reason,
            forward,
            reverse,
            min(self.sampling * sampling, _U32),
            self.connection.tell(source) if self.connection else None,
            None,
            features.finish(turned=source == 1),
            classification,
            mirrors.visibility_since(side.mark for side in sides),
        )

    def _record_key(self) -> FlowKey:
        key, source, destination = self.key, self._source, 1 - self._source
        return FlowKey(
            key.addresses[source],
            key.addresses[destination],
            key.protocol,
            self._ether_type,
            self._source_port(),
            key.ports[destination],
            0,
            0,
            key.vlan,
            *self._tunnel,
        )

    def _source_port(self) -> int:
        return self._icmp if self.key.is_icmp() else self.key.ports[self._source]

"""From frames to flow records, with books of where every packet went."""

from __future__ import annotations

import msgspec

from fabricscope.flow import FlowRecord
from fabricscope.flow import Tunnel as TunnelKind
from probes.engine.captures.file import CaptureFile
from probes.engine.captures.ring import Ring, refused
from probes.engine.flows.books import Outbox
from probes.engine.flows.settings import MeterSettings
from probes.engine.flows.table import Table
from probes.engine.packets.decoder import Decoder
from probes.engine.packets.packet import Family, Frame, Packet, Reason, Undecodable
from probes.engine.rdma.connections import ConnectionLimits, Connections
from probes.engine.rules.classifier import Classifier
from probes.engine.rules.inspection import FlowFacts

RDMA_TICK_NS = 1 << 24
"""Records of RDMA are fetched that often, on packet time."""
RDMA_LOOKS = 64
"""How often connections are looked at when time goes on without packets; each looks at a bounded number."""
FLOW_OCTETS = (3600, 900)
"""Octets of a flow, and what one of TCP takes beside that: by rough count of its objects, never measured."""
FAMILIES = {4: Family.V4, 6: Family.ETHERNET, 2: Family.LID}
_U32 = (1 << 32) - 1


class Meter:
    """Follows the flows of one capture."""

    def __init__(self, settings: bytes) -> None:
        """Settings are `MeterSettings` as JSON. Raises ValueError."""
        self._settings = MeterSettings.from_json(settings)
        self._decoder = Decoder()
        self._out = Outbox(self._settings.max_records)
        self._flows = Table(self._settings, self._out)
        limits = ConnectionLimits(self._settings.max_connections, self._settings.check_icrc_every)
        self._connections = Connections(limits)
        self._rdma_tick = 0

    def set_rules(self, rules: Classifier) -> None:
        """Look for these rules in flows that begin from now on."""
        self._flows.rules = rules

    def read(self, capture: CaptureFile | Ring, limit: int) -> int:
        """Count at most `limit` frames of a capture.

        Fewer when it ends, nothing is there yet, or there is no room for records. How many it were. OSError or
        ValueError for what the capture refuses; what came before is counted.
        """
        if isinstance(capture, Ring):
            raise refused()
        if not isinstance(capture, CaptureFile):
            raise TypeError("argument 'capture': no capture file")
        read = 0
        while read < limit and not self._out.is_full():
            record = capture.next_frame()
            if record is None:
                break
            self._observe(Frame(record.time_ns, record.wire_octets, record.link, record.octets))
            read += 1
        return read

    def observe(
        self, time_ns: int, link: int, octets: bytes, wire_octets: int, stripped_vlan: int | None = None
    ) -> None:
        """Count one frame."""
        self._observe(Frame(time_ns, wire_octets, link, octets, stripped_vlan))

    def advance(self, now_ns: int) -> None:
        """Time goes on without a packet."""
        self._flows.advance(now_ns)
        for _ in range(RDMA_LOOKS):
            self._connections.expire(now_ns, self._settings.idle_ns, self._settings.active_ns)
        self._tell_rdma()

    def finish(self) -> bool:
        """Everything left is told. False when there was no room for all of it: take, and call it again."""
        done = self._flows.finish()
        if done:
            self._connections.finish()
            self._tell_rdma()
        return done

    def take(self) -> bytes:
        """The records that were told since this was last asked, for `fabricscope.flow.decode_records`."""
        records, self._out.records = self._out.records, []
        return msgspec.msgpack.encode(records)

    def save_kept(self, wanted: bytes) -> tuple[int, bytes]:
        """None: packets are kept by the Rust engine alone (`MeterSettings.keep_octets`)."""
        return (0, b"")

    def kept(self) -> tuple[int, int, int]:
        """Packets that are kept, their octets, and those that made room: none."""
        return (0, 0, 0)

    def books(self) -> bytes:
        """Where all packets went, for `fabricscope.books.decode_books`."""
        flows = self._out.books.flows
        flows.now = len(self._flows)
        flows.sampling = self._flows.sampling()
        flows.rdma_now = len(self._connections)
        flows.rdma_evicted = self._connections.evicted
        return self._out.books.packed()

    @staticmethod
    def flow_octets() -> tuple[int, int]:
        """Octets that a flow costs while it goes on, and what one of TCP costs beside that: about."""
        return FLOW_OCTETS

    def _observe(self, frame: Frame) -> None:
        books = self._out.books
        try:
            packet = self._decoder.decode(frame)
        except Undecodable as error:
            books.packets.add(frame.wire_octets)
            books.undecodable[error.reason].add(frame.wire_octets)
        else:
            self._count(packet)
        self._follow_rdma(frame.time_ns)

    def _count(self, packet: Packet) -> None:
        books = self._out.books
        # Without what a capture puts before the frame.
        books.packets.add(packet.wire_octets)
        session = books.mirrors.observe(packet.mirror)
        books.tunnels[packet.tunnel.kind if packet.tunnel else TunnelKind.NONE] += 1
        if packet.network.family is Family.ETHERNET:
            books.ethernet(packet)
        if packet.rdma is None:
            counted = self._flows.observe(packet, session)
        elif self._connections.observe(packet):
            counted = True
        else:
            books.undecodable[Reason.BAD_TRANSPORT_HEADER].add(packet.wire_octets)
            return
        (books.counted if counted else books.not_sampled).add(packet.wire_octets)

    def _follow_rdma(self, now_ns: int) -> None:
        """A frame moved time on."""
        self._connections.expire(now_ns, self._settings.idle_ns, self._settings.active_ns)
        tick = now_ns // RDMA_TICK_NS
        if tick != self._rdma_tick:
            self._rdma_tick = tick
            self._tell_rdma()

    def _tell_rdma(self) -> None:
        """The records of RDMA, with what is known here alone. There are no more of them than connections."""
        for told in self._connections.take():
            record = msgspec.structs.replace(
                told,
                visibility=self._out.books.mirrors.visibility_of(told.key.tunnel, told.key.tunnel_id),
                sampling=min(told.sampling * self._settings.sampling, _U32),
            )
            rules = self._flows.rules
            if rules is not None and not record.classification.label:
                facts = _rdma_facts(record)
                # What connection management said stays.
                fields = record.classification.fields
                found = msgspec.structs.replace(rules.conclude_unseen(facts), fields=fields)
                record = msgspec.structs.replace(record, classification=found)
            self._out.tell(record)


def _rdma_facts(record: FlowRecord) -> FlowFacts:
    key = record.key
    return FlowFacts(
        key.protocol,
        key.ether_type,
        key.source_port,
        key.destination_port,
        FAMILIES.get(len(key.source), Family.V6),
        key.tunnel,
        record.rdma.link if record.rdma else None,
        False,
    )

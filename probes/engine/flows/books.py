"""Where every packet went, and the records that wait to be taken.

`packets` = `undecodable` + `counted` + `not_sampled`, in octets as well. What the capture itself dropped or filtered
comes before, and is in the capture's own counts.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from fabricscope.flow import FlowRecord, Tunnel
from probes.engine.flows.mirrors import Mirrors
from probes.engine.flows.pauses import Pauses
from probes.engine.packets.packet import Packet, Reason

MAX_TYPES = 256
"""EtherTypes that are counted one by one."""


class Count(Struct):
    """Packets and octets on the wire."""

    packets: int = 0
    octets: int = 0

    def add(self, octets: int) -> None:
        """One packet."""
        self.packets += 1
        self.octets += octets


class FlowCounts(Struct):
    """What became of flows."""

    begun: int = 0
    told: list[int] = msgspec.field(default_factory=lambda: [0] * 5)
    now: int = 0
    most: int = 0
    sampling: int = 1
    not_inspected: int = 0
    rdma_now: int = 0
    rdma_evicted: int = 0


class Books:
    """All counts of one meter, from its beginning on; `fabricscope.books` describes them."""

    def __init__(self) -> None:
        self.packets = Count()
        self.undecodable = {reason: Count() for reason in Reason}
        self.counted = Count()
        self.not_sampled = Count()
        self.dropped = Count()
        self.records_dropped = 0
        self.rewinds = 0
        self.tunnels = [0] * len(Tunnel)
        self.flows = FlowCounts()
        self.pauses = Pauses()
        self.mirrors = Mirrors()
        self._types: dict[int, Count] = {}
        self._other_types = Count()

    def ethernet(self, packet: Packet) -> None:
        """A packet that is not IP."""
        number = packet.network.ether_type
        count = self._types.get(number)
        if count is None:
            if len(self._types) < MAX_TYPES:
                count = self._types[number] = Count()
            else:
                count = self._other_types
        count.add(packet.wire_octets)
        self.pauses.observe(packet)

    def packed(self) -> bytes:
        """As a MessagePack map by the names of the fields."""
        types = dict(sorted(self._types.items()))
        if self._other_types.packets:
            types[-1] = self._other_types
        told: dict[str, Any] = {
            "packets": self.packets,
            "undecodable": {reason.value: count for reason, count in self.undecodable.items()},
            "counted": self.counted,
            "not_sampled": self.not_sampled,
            "dropped": self.dropped,
            "records_dropped": self.records_dropped,
            "rewinds": self.rewinds,
            "tunnels": self.tunnels,
            "flows": self.flows,
            "ether_types": types,
            "pauses": self.pauses.tell(),
            "mirrors": [mirror.tell() for mirror in self.mirrors.sessions],
            "mirrors_unfollowed": self.mirrors.unfollowed,
        }
        return msgspec.msgpack.encode(told)


class Outbox:
    """What comes out of a meter."""

    def __init__(self, most: int) -> None:
        self.records: list[FlowRecord] = []
        self.books = Books()
        self._most = most

    def is_full(self) -> bool:
        """Whether one more would be dropped."""
        return len(self.records) >= self._most

    def tell(self, record: FlowRecord) -> None:
        """A record, which is dropped and counted when there is no room for it."""
        books = self.books
        books.flows.told[record.end_reason - 1] += 1
        if self.is_full():
            for way in (record.forward, record.reverse):
                books.dropped.packets += way.packets
                books.dropped.octets += way.octets
            books.records_dropped += 1
        else:
            self.records.append(record)

"""The flow table.

- **Time** is the packets' own. With packets in order of time, what a record has does not depend on when the table
  comes to look at it: a packet that comes after a timeout finds that out itself. Timeouts without a packet are found
  by a timing wheel, at most `BUDGET` steps a packet. Time may go back: by less than the idle timeout that changes
  nothing, by more it is a jump, and flows from before it end.
- **Room**: when the table is three quarters full, one of two beginning flows is followed; with every halving of the
  room that is left, half of those. Which ones is a matter of the key's hash, so a flow is followed as a whole or not
  at all, as long as the rate does not change. Packets of the others are counted as not sampled. Flows that are
  followed stay. When the table is full nevertheless, the beginning flow takes the place of one of the next 64 round
  the table: the first that has a single packet, or else the one that is silent for longest, if that is a quarter of
  the idle timeout. Without one of these the beginning flow is not followed.
"""

from __future__ import annotations

from fabricscope.flow import EndReason
from probes.engine.flows.books import Outbox
from probes.engine.flows.flow import Flow
from probes.engine.flows.key import SYN, TCP, Key, key_of
from probes.engine.flows.settings import MeterSettings
from probes.engine.flows.tcp import Connection
from probes.engine.flows.verdict import Room
from probes.engine.flows.wheel import Wheel
from probes.engine.packets.packet import Fragment, Packet
from probes.engine.rules.classifier import Rules

BUDGET = 32
"""Steps of the wheel for one packet."""
BUDGET_FULL = 1024
"""Steps when there is no room."""
CANDIDATES = 64
MAX_SAMPLING = 4096
_U32 = (1 << 32) - 1


class Table:
    """Flows by key."""

    def __init__(self, settings: MeterSettings, out: Outbox) -> None:
        self.rules: Rules | None = None
        """What payload is looked for."""
        self._settings = settings
        self._out = out
        self._index: dict[Key, int] = {}
        self._places: list[Flow | None] = []
        self._free: list[int] = []
        self._wheel = Wheel()
        self._room = Room(settings.max_inspections)
        self._now_ns: int | None = None
        self._hand = 0
        """Where the search for a flow that has to go begins."""

    def __len__(self) -> int:
        """Flows that are followed."""
        return len(self._index)

    def sampling(self) -> int:
        """One of how many beginning flows is followed."""
        return sampling(self._settings.max_flows, len(self._index))

    def observe(self, packet: Packet, session: int | None) -> bool:
        """Count a packet. False when its flow is not followed."""
        self._clock(packet.time_ns)
        self._expire(BUDGET)
        key, sender = key_of(packet)
        number = self._index.get(key)
        if number is None:
            number = self._admit(key, packet, sender)
            if number is None:
                return False
        else:
            self._go_on(number, packet, sender)
        flow = self._at(number)
        if flow.observe(packet, sender, session, self._out.books.mirrors) and self._settings.linger_ns is not None:
            self._wheel.put(number, flow.next_look(self._settings))
        if (
            self.rules is not None
            and packet.payload
            and flow.looking.wants()
            and packet.network.fragment is not Fragment.LATER
        ):
            self._look(flow, packet, sender, self.rules)
        return True

    def advance(self, now_ns: int) -> None:
        """Time goes on without a packet: everything that is due, as long as there is room for records."""
        self._clock(now_ns)
        self._expire(_U32)

    def finish(self) -> bool:
        """Everything left is told, as long as there is room for records. True when nothing is left."""
        for number, flow in enumerate(self._places):
            if self._out.is_full():
                return not self._index
            if flow is not None:
                self._wheel.remove(number)
                self._end(number, EndReason.FORCED)
        return True

    def _at(self, number: int) -> Flow:
        flow = self._places[number]
        if flow is None:
            raise LookupError(number)
        return flow

    def _look(self, flow: Flow, packet: Packet, sender: int, rules: Rules) -> None:
        """A packet's payload, for the rules."""
        tcp = packet.tcp
        # A SYN takes the number before its payload.
        sequence = None if tcp is None else (tcp.sequence + (1 if tcp.flags & SYN else 0)) & _U32
        looked = flow.looking.look(
            rules,
            flow.facts(),
            flow.is_forward(sender),
            packet.payload,
            # Of a packet that was put together, the last fragment alone has its octets here.
            max(packet.payload_octets, len(packet.payload)),
            sequence,
            self._room,
        )
        if not looked:
            self._out.books.flows.not_inspected += 1

    def _clock(self, time_ns: int) -> None:
        if self._now_ns is None:
            self._now_ns = time_ns
            self._wheel.rewind(time_ns)
        elif time_ns >= self._now_ns:
            self._now_ns = time_ns
        elif self._now_ns - time_ns >= self._settings.idle_ns:
            self._now_ns = time_ns
            self._wheel.rewind(time_ns)
            self._out.books.rewinds += 1

    def _expire(self, budget: int) -> None:
        now_ns = self._now_ns or 0
        while not self._out.is_full():
            number, budget = self._wheel.due(now_ns, budget)
            if number is None:
                return
            if self._tell_due(number, now_ns):
                self._end(number, EndReason.IDLE)
            else:
                self._wheel.put(number, self._at(number).next_look(self._settings))

    def _tell_due(self, number: int, now_ns: int) -> bool:
        """Tell of a flow what is due. True when it has ended with that."""
        while True:
            reason = self._at(number).due(now_ns, self._settings)
            if reason is None:
                return False
            self._tell(number, reason)
            if reason is not EndReason.ACTIVE:
                return True

    def _go_on(self, number: int, packet: Packet, sender: int) -> None:
        """A packet of a known flow: it may have ended before, and this is the first of another one."""
        flow = self._at(number)
        again = self._settings.linger_ns is not None and flow.is_opened_again(packet, sender)
        if not again and flow.due(packet.time_ns, self._settings) is None:
            return
        if not self._tell_due(number, packet.time_ns):
            if not again:
                return
            self._tell(number, EndReason.END_OF_FLOW)
        # It keeps its place, in the wheel as well: it is looked at there no later than it has to be.
        flow.looking.close(self._room)
        begun = Flow(flow.key, packet, sender, flow.sampling)
        begun.connection = None if flow.connection is None else Connection()
        self._places[number] = begun
        self._out.books.flows.begun += 1

    def _admit(self, key: Key, packet: Packet, sender: int) -> int | None:
        """A flow begins, if it is to be followed."""
        one_of = self.sampling()
        if hash(key) & (one_of - 1):
            return None
        most = self._settings.max_flows
        if len(self._index) >= most:
            self._expire(BUDGET_FULL)
        if len(self._index) >= most and not self._evict():
            return None
        flow = Flow(key, packet, sender, one_of)
        if key.protocol == TCP and packet.tcp is not None:
            flow.connection = Connection()
        if self._free:
            number = self._free.pop()
            self._places[number] = flow
        else:
            number = len(self._places)
            self._places.append(flow)
        self._wheel.put(number, flow.next_look(self._settings))
        self._index[key] = number
        counts = self._out.books.flows
        counts.begun += 1
        counts.most = max(counts.most, len(self._index))
        return number

    def _evict(self) -> bool:
        """Make room. False when all that could go are at work."""
        chosen: tuple[int, int] | None = None
        for _ in range(CANDIDATES):
            self._hand = (self._hand + 1) % max(len(self._places), 1)
            flow = self._places[self._hand]
            if flow is None:
                continue
            if flow.is_single():
                chosen = (0, self._hand)
                break
            silent = (flow.last_ns, self._hand)
            chosen = silent if chosen is None else min(chosen, silent)
        if chosen is None or chosen[0] > max(0, (self._now_ns or 0) - self._settings.idle_ns // 4):
            return False
        self._wheel.remove(chosen[1])
        self._end(chosen[1], EndReason.LACK_OF_RESOURCES)
        return True

    def _tell(self, number: int, reason: EndReason) -> None:
        mirrors = self._out.books.mirrors
        record = self._at(number).tell(reason, self.rules, mirrors, self._settings.sampling)
        if record is not None:
            self._out.tell(record)

    def _end(self, number: int, reason: EndReason) -> None:
        """A flow that is in no slot of the wheel goes; what was not told of it is told."""
        self._tell(number, reason)
        flow = self._at(number)
        flow.looking.close(self._room)
        del self._index[flow.key]
        self._places[number] = None
        self._free.append(number)


def sampling(most: int, count: int) -> int:
    """One of how many beginning flows is followed when `count` of at most `most` are."""
    free = max(0, most - count)
    quarter = most // 4
    if free >= quarter:
        return 1
    short = min(max(quarter // max(free, 1), 1), MAX_SAMPLING // 2)
    return 2 << short.bit_length() - 1

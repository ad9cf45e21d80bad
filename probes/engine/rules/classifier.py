"""The rules in force, and a flow's way through them."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from fabricscope.flow import UNCLASSIFIED, Classification, RdmaLink
from fabricscope.flow import Tunnel as TunnelKind
from probes.engine.flows.single import single
from probes.engine.packets.packet import Family
from probes.engine.rules.conclusion import conclude
from probes.engine.rules.form import Document
from probes.engine.rules.inspection import MAX_PACKETS, FlowFacts, Inspection
from probes.engine.rules.matching import Asked
from probes.engine.rules.program import Programs

CERTAIN = single(0.9)
"""A verdict as good as this ends the inspection."""
TCP = 6
_U32 = (1 << 32) - 1


class Rules:
    """Rules in force, and a flow's way through them."""

    def __init__(self, rules: bytes) -> None:
        """Rules in their normal form (JSON). Raises ValueError, which names the rule."""
        try:
            document = msgspec.json.decode(rules, type=Document)
        except msgspec.DecodeError as error:
            raise ValueError(f"rules: {error}") from error
        self._programs = Programs(document)

    def begin(self, facts: FlowFacts) -> Inspection:
        """Look at a flow. It is settled at once where there is no rule for what carries it."""
        return Inspection(self._programs.program_for(facts))

    def inspect(
        self,
        inspection: Inspection,
        facts: FlowFacts,
        forward: bool,
        payload: bytes,
        wire_octets: int,
        tcp_sequence: int | None,
    ) -> bool:
        """Look at a packet's payload, which had `wire_octets` on the wire.

        True when the flow is settled: no more is needed. `forward`: from the flow's source; `tcp_sequence`: the number
        of TCP's first octet of payload.
        """
        program = inspection.program
        if program is None or inspection.settled or not payload:
            return inspection.settled
        asked = Asked(self._programs, program, facts)
        inspection.packets += 1
        side = inspection.sides[0 if forward else 1]
        before = len(side.octets)
        if tcp_sequence is None:
            grown = side.datagram(payload, wire_octets)
        else:
            grown = side.segment(payload, wire_octets, tcp_sequence, facts.begins[0 if forward else 1])
        last = side.messages() - 1
        if grown:
            anew, side.began_earlier = side.began_earlier, False
            seen = before if tcp_sequence is not None and not anew else 0
            if seen == 0:
                del side.hits[last:]
            while len(side.hits) <= last:
                side.hits.append(set())
            message = side.message(last)
            if message is not None:
                program.patterns.search(message.octets, seen, side.hits[last])
            if anew:
                # What was found in it was found in the middle.
                inspection.matches = []
        if grown or program.patient:
            first = grown and last == 0
            asked.evaluate(inspection, later=tcp_sequence is None and not first)
        inspection.settled = _done(asked, inspection)
        return inspection.settled

    def conclude(self, inspection: Inspection, facts: FlowFacts) -> Classification:
        """What the flow is, as far as it was looked at."""
        if inspection.program is None:
            return UNCLASSIFIED
        return conclude(Asked(self._programs, inspection.program, facts), inspection)

    def conclude_unseen(self, facts: FlowFacts) -> Classification:
        """What a flow is of which no payload is looked at, such as one of RDMA: what carries it alone tells."""
        inspection = self.begin(facts)
        if inspection.program is not None:
            inspection.packets = 1
            Asked(self._programs, inspection.program, facts).evaluate(inspection, later=False)
        return msgspec.structs.replace(self.conclude(inspection, facts), packets=0)


class Classifier(Rules):
    """Rules in force; one that is made anew takes the place of the old one."""

    def __len__(self) -> int:
        """How many rules there are."""
        return len(self._programs.rules)

    def classify(
        self,
        carrier: tuple[int, int, bool],
        ports: tuple[int, int],
        packets: Sequence[tuple[bool, bytes]],
        opened: bool,
    ) -> bytes:
        """What a flow with these payloads is: a `Classification` as a MessagePack array.

        `carrier`: IP protocol, EtherType and whether it is RDMA. A packet is from the source (True) or not, and its
        payload; those of TCP follow one another without a gap. `opened`: the source's SYN was seen.
        """
        protocol, ether_type, rdma = carrier
        facts = FlowFacts(
            protocol,
            ether_type,
            *ports,
            Family.V4 if protocol else Family.ETHERNET,
            TunnelKind.NONE,
            RdmaLink.ROCEV2 if rdma else None,
            opened,
        )
        inspection = self.begin(facts)
        sent = {True: 0, False: 0}
        for forward, payload in packets:
            sequence = sent[forward] if protocol == TCP else None
            sent[forward] = (sent[forward] + len(payload)) & _U32
            if self.inspect(inspection, facts, forward, payload, len(payload), sequence):
                break
        return msgspec.msgpack.encode(self.conclude(inspection, facts))


def _done(asked: Asked, inspection: Inspection) -> bool:
    """Whether looking on would change nothing that counts."""
    if inspection.packets >= MAX_PACKETS or all(side.full() for side in inspection.sides):
        return True
    winner = asked.winner(inspection)
    if winner is None:
        return False
    return (
        winner.confidence >= CERTAIN
        and inspection.packets >= winner.packets + asked.rule(winner).listen
        and not asked.may_be_beaten(winner, inspection)
    )

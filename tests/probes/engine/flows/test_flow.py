from __future__ import annotations

from fabricscope.flow import EndReason
from probes.engine.flows.flow import Flow
from probes.engine.flows.key import key_of
from probes.engine.flows.mirrors import Mirrors
from probes.engine.flows.settings import MeterSettings
from probes.engine.flows.tcp import Connection
from tests.probes.engine.frames import ACK, CLIENT, RST, SECOND, SERVER, SYN, tcp
from tests.probes.engine.packets.made import decoded

SETTINGS = MeterSettings(idle_ns=4 * SECOND, active_ns=10 * SECOND, linger_ns=SECOND)


def test_a_flow_turns_round_with_its_first_syn_and_ends() -> None:
    first = decoded(tcp(CLIENT, SERVER, ACK, 0, 0, b"abc"))
    key, sender = key_of(first)
    flow = Flow(key, first, sender, 2)
    flow.connection = Connection()
    mirrors = Mirrors()
    assert not flow.observe(first, sender, None, mirrors)
    assert flow.is_forward(sender)
    assert (flow.is_single(), flow.packets()) == (True, 1)
    assert not flow.observe(decoded(tcp(SERVER, CLIENT, SYN, 7, 0)), 1 - sender, None, mirrors)
    assert not flow.is_forward(sender)
    assert flow.facts().begins == (8, None)
    assert flow.observe(decoded(tcp(SERVER, CLIENT, RST, 8, 0)), 1 - sender, None, mirrors)
    assert flow.is_opened_again(decoded(tcp(SERVER, CLIENT, SYN, 9, 0)), 1 - sender)
    assert flow.due(5 + SECOND, SETTINGS) is EndReason.END_OF_FLOW
    record = flow.tell(EndReason.END_OF_FLOW, None, mirrors, 3)
    assert record is not None
    assert (record.key.source, record.sampling, record.reverse.payload_octets) == (SERVER[0], 6, 3)
    assert flow.tell(EndReason.IDLE, None, mirrors, 3) is None


def test_what_is_due_first() -> None:
    packet = decoded(tcp(CLIENT, SERVER, ACK, 0, 0))
    packet.time_ns = 100 * SECOND
    key, sender = key_of(packet)
    flow = Flow(key, packet, sender, 1)
    flow.observe(packet, sender, None, Mirrors())
    assert flow.next_look(SETTINGS) == 104 * SECOND
    assert flow.due(103 * SECOND, SETTINGS) is None
    assert flow.due(104 * SECOND, SETTINGS) is EndReason.IDLE
    assert flow.due(90 * SECOND, SETTINGS) is EndReason.IDLE
    short = MeterSettings(idle_ns=40 * SECOND, active_ns=10 * SECOND)
    assert flow.due(110 * SECOND, short) is EndReason.ACTIVE

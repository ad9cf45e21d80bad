from __future__ import annotations

from probes.engine.flows.key import Opening, key_of, opening, source_of
from tests.probes.engine.frames import ACK, CLIENT, FIN, SERVER, SYN, erspan2, ethernet, ip, tcp, udp, vlan, vxlan
from tests.probes.engine.packets.made import decoded


def test_both_ways_are_one_flow_and_vlans_and_overlays_are_apart() -> None:
    forward, reverse = decoded(udp(CLIENT, SERVER)), decoded(udp(SERVER, CLIENT))
    assert key_of(forward)[0] == key_of(reverse)[0]
    assert {key_of(forward)[1], key_of(reverse)[1]} == {0, 1}
    tagged = decoded(ethernet(0x8100, vlan(5, 0x0800, udp(CLIENT, SERVER)[14:])))
    overlay = decoded(udp(CLIENT, (SERVER[0], 4789), vxlan(udp(CLIENT, SERVER), 7)))
    mirrored = decoded(ip(CLIENT, SERVER, 47, erspan2(udp(CLIENT, SERVER), 1)))
    assert len({key_of(packet)[0] for packet in (forward, tagged, overlay, mirrored)}) == 3


def test_a_question_and_its_answer() -> None:
    question, answer = (
        decoded(ip(*ends, 1, kind)) for ends, kind in (((CLIENT, SERVER), b"\x08\0ab"), ((SERVER, CLIENT), b"\0\0ab"))
    )
    assert key_of(question)[0] == key_of(answer)[0]
    assert source_of(answer, 0) == 1
    assert source_of(question, 0) == 0


def test_who_began() -> None:
    assert source_of(decoded(tcp(CLIENT, SERVER, SYN, 0, 0)), 1) == 1
    assert source_of(decoded(tcp(SERVER, CLIENT, SYN | ACK, 0, 0)), 1) == 0
    assert source_of(decoded(tcp(SERVER, CLIENT, ACK, 0, 0)), 1) == 0
    assert source_of(decoded(udp(SERVER, CLIENT)), 0) == 1
    assert source_of(decoded(udp((SERVER[0], 4000), (CLIENT[0], 53))), 0) == 0
    assert (opening(SYN), opening(SYN | ACK), opening(SYN | FIN)) == (Opening.SYN, Opening.SYN_ACK, None)

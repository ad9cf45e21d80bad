from __future__ import annotations

from probes.engine.rdma.headers import parse
from probes.engine.rdma.way import Way, key_of, pair_of
from tests.probes.engine.frames import transport
from tests.probes.engine.rdma.made import ACKNOWLEDGE, CNP, SEQUENCE_ERROR, UD_SEND, A, packet


def way_of(opcode: int, payload: bytes = b"") -> Way:
    made = packet(A, 7, opcode, 5, payload)
    assert made.rdma is not None
    headers = parse(made.rdma.transport, made.rdma.wire_octets)
    assert headers is not None
    way = Way(key_of(pair_of(made, made.rdma), headers))
    way.count(made, made.rdma, headers, True)
    return way


def test_where_a_packet_belongs() -> None:
    way = way_of(UD_SEND, bytes(7) + b"\x09" + b"data")
    assert (way.key.qp, way.key.source_qp, way.key.service) == (7, 9, 3)
    assert way.key.pair.reversed().reversed() == way.key.pair
    context = parse(transport(0x44, 7, 5, b"\0\0\0\x08" + bytes(8)), 40)
    assert context is not None
    assert key_of(way.key.pair, context).qp == 8


def test_what_is_counted_whatever_the_number() -> None:
    refused = way_of(ACKNOWLEDGE, SEQUENCE_ERROR)
    assert (refused.rdma().naks, refused.rdma().opcodes, refused.answers_only()) == ([(0, 1)], [(17, 1)], True)
    assert (refused.rdma().icrc_checked, refused.rdma().icrc_wrong) == (1, 1)
    notified = way_of(CNP, bytes(16))
    assert (notified.rdma().opcodes, notified.rdma().cnps, notified.only_notifies()) == ([(CNP, 1)], 1, True)
    assert notified.plain().packets == 1


def test_how_many_numbers_a_read_took_is_known_later() -> None:
    way = way_of(ACKNOWLEDGE, SEQUENCE_ERROR)
    way.requests.begin(11)
    way.unsure_read = (10, 2048)
    assert way.settle_read(12, 0) == 1024
    assert (way.requests.next, way.settle_read(13, 0)) == (12, None)

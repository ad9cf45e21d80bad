from __future__ import annotations

import struct

from fabricscope.flow import EndReason, JoinedBy
from probes.engine.rdma.connections import ConnectionLimits
from tests.probes.engine.frames import SECOND, START
from tests.probes.engine.rdma.made import ACKNOWLEDGE, POSITIVE, SEND_ONLY, UD_SEND, A, B, packet, table, told
from tests.probes.engine.rdma.test_management import datagram, request

DETH = bytes(8)


def managed(source: bytes, content: bytes, at_us: int) -> object:
    return packet(source, 1, UD_SEND, 0, DETH + content.ljust(256, b"\0"), at_us)


def test_connection_management_says_who_belongs_together() -> None:
    reply = datagram(0x13, struct.pack("!IIIIII", 6, 5, 0, 88 << 8, 0, 11 << 8))
    leave = datagram(0x15, struct.pack("!III", 7, 0, 88 << 8))
    left = datagram(0x16, struct.pack("!II", 0, 7))
    connections = table()
    for each in (
        managed(A, request(), 0), managed(B, reply, 1), managed(B, reply, 2), packet(A, 88, SEND_ONLY, 99, b"x", 3),
        packet(B, 77, SEND_ONLY, 12, b"x", 4), managed(A, leave, 5), managed(B, left, 6),
    ):  # fmt: skip
        assert connections.observe(each)  # type: ignore[arg-type]
    (record,) = connections.take()
    assert record.rdma is not None
    assert (record.rdma.joined_by, record.end_reason) == (JoinedBy.CONNECTION_MANAGEMENT, EndReason.END_OF_FLOW)
    assert (record.key.source_queue_pair, record.key.destination_queue_pair) == (77, 88)
    assert ("port", "4420") in record.classification.fields
    connections.finish()
    assert len(connections.take()) == 2


def test_long_connections_are_told_now_and_then_and_silent_ones_end() -> None:
    connections = table()
    connections.observe(packet(A, 7, SEND_ONLY, 5, b"x"))
    for second in range(1, 25):
        connections.expire(START + second * SECOND // 2, SECOND, 10 * SECOND)
        connections.observe(packet(A, 7, SEND_ONLY, 5 + second, b"x", second * 500_000))
    assert [record.end_reason for record in connections.take()] == [EndReason.ACTIVE]
    connections.expire(START + 99 * SECOND, SECOND, 10 * SECOND)
    assert [record.end_reason for record in connections.take()] == [EndReason.IDLE]
    assert len(connections) == 0


def test_a_small_one_makes_room() -> None:
    limits = ConnectionLimits(connections=2, check_icrc_every=2)
    large = [packet(A, 7, SEND_ONLY, psn, b"x", psn) for psn in range(5)]
    small = [packet(A, qp, SEND_ONLY, 1, b"x", 10 + qp) for qp in (8, 9)]
    found = told(*large, *small, limits=limits)
    assert (found[0].key.destination_queue_pair, found[0].end_reason) == (8, EndReason.LACK_OF_RESOURCES)
    assert sum(record.rdma.forward.icrc_checked for record in found if record.rdma) == 3


def test_what_is_no_rdma_belongs_to_no_connection() -> None:
    plain = packet(A, 7, 0x1F, 5, b"x")
    assert plain.rdma is None
    assert not table().observe(plain)
    assert told(packet(B, 9, ACKNOWLEDGE, 5, POSITIVE))[0].reverse.packets == 1

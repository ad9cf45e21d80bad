from __future__ import annotations

from fabricscope.flow import EndReason, JoinedBy
from tests.probes.engine.rdma.made import (
    ACKNOWLEDGE,
    ANSWER_FIRST,
    ANSWER_LAST,
    ANSWER_ONLY,
    CNP,
    NOT_READY,
    POSITIVE,
    READ,
    SEND_FIRST,
    SEND_LAST,
    SEND_ONLY,
    SEQUENCE_ERROR,
    UD_SEND,
    WRITE_FIRST,
    WRITE_LAST,
    A,
    B,
    packet,
    records,
    reth,
    told,
)  # fmt: skip


def test_a_message_and_its_acknowledgement_are_one_connection() -> None:
    (record,) = records()
    assert record.rdma is not None
    assert (record.key.source, record.key.source_queue_pair, record.key.destination_queue_pair) == (A, 9, 7)
    assert (record.rdma.joined_by, record.end_reason) == (JoinedBy.SEQUENCE_NUMBERS, EndReason.IDLE)
    assert (record.rdma.forward.messages, record.rdma.forward.message_octets) == (1, 4)


def test_writes_reads_and_what_is_refused() -> None:
    (record,) = told(
        packet(A, 7, WRITE_FIRST, 1, reth(1500) + bytes(1024), 0), packet(A, 7, WRITE_LAST, 2, bytes(476), 1),
        packet(B, 9, ACKNOWLEDGE, 2, POSITIVE, 2),
        packet(A, 7, READ, 3, reth(2000), 3),
        packet(B, 9, ANSWER_FIRST, 3, POSITIVE + bytes(1024), 4), packet(B, 9, ANSWER_LAST, 4, POSITIVE + bytes(976), 5),  # noqa: E501
        packet(A, 7, SEND_ONLY, 6, b"x", 6), packet(B, 9, ACKNOWLEDGE, 5, SEQUENCE_ERROR, 7),
        packet(A, 7, SEND_ONLY, 5, b"x", 8), packet(A, 7, SEND_ONLY, 6, b"x", 9), packet(B, 9, ACKNOWLEDGE, 6, NOT_READY, 9),  # noqa: E501
        packet(B, 9, CNP, 0, bytes(16), 10),
    )  # fmt: skip
    assert record.rdma is not None
    forward, reverse = record.rdma.forward, record.rdma.reverse
    assert (forward.message_sizes[11], reverse.message_octets) == (1, 2000)
    assert (forward.lost, forward.duplicates, reverse.naks, reverse.rnr_naks, reverse.cnps) == (1, 1, [(0, 1)], 1, 1)


def test_one_way_alone_and_datagrams() -> None:
    (answers,) = told(packet(B, 9, ANSWER_ONLY, 5, POSITIVE + b"abcd"))
    assert (answers.forward.packets, answers.reverse.packets) == (0, 1)
    assert (answers.key.source, answers.key.source_queue_pair) == (A, 9)
    (datagrams,) = told(packet(A, 7, UD_SEND, 5, bytes(7) + b"\x03" + b"data"))
    assert datagrams.rdma is not None
    assert (datagrams.key.source_queue_pair, datagrams.rdma.forward.message_octets) == (3, 4)
    (notified,) = told(packet(A, 7, CNP, 0, bytes(16)))
    assert notified.rdma is not None
    assert notified.rdma.service == 4


def test_another_connection_with_the_same_numbers() -> None:
    first, second = told(packet(A, 7, SEND_FIRST, 5, bytes(256)), packet(A, 7, SEND_LAST, 0x400000, b"x", 5))
    assert (first.end_reason, second.end_reason) == (EndReason.END_OF_FLOW, EndReason.IDLE)

"""Packets of RDMA, for tests, and what a table makes of them."""

from __future__ import annotations

import struct

from fabricscope.flow import FlowRecord
from probes.engine.packets import Packet
from probes.engine.rdma.connections import ConnectionLimits, Connections
from tests.probes.engine.frames import SECOND, START, transport, udp
from tests.probes.engine.packets.made import decoded

A, B = bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2])
SEND_ONLY, SEND_FIRST, SEND_MIDDLE, SEND_LAST, WRITE_FIRST, WRITE_LAST = 0x04, 0x00, 0x01, 0x02, 0x06, 0x08
READ, ANSWER_ONLY, ANSWER_FIRST, ANSWER_LAST, ACKNOWLEDGE, CNP, UD_SEND = 0x0C, 0x10, 0x0D, 0x0F, 0x11, 0x81, 0x64
POSITIVE, SEQUENCE_ERROR, NOT_READY = b"\0\0\0\1", b"\x60\0\0\1", b"\x20\0\0\1"


def reth(length: int) -> bytes:
    return bytes(12) + struct.pack("!I", length)


def packet(
    source: bytes, qp: int, opcode: int, psn: int, payload: bytes = b"", at_us: int = 0, port: int = 50_000
) -> Packet:
    """From one of both ends to the other."""
    destination = B if source == A else A
    frame = udp((source, port), (destination, 4791), transport(opcode, qp, psn, payload, asks=True))
    made = decoded(frame)
    made.time_ns = START + at_us * 1000
    return made


def table(limits: ConnectionLimits | None = None) -> Connections:
    made = Connections(limits or ConnectionLimits())
    made.expire(START, SECOND, 10 * SECOND)
    return made


def told(*packets: Packet, limits: ConnectionLimits | None = None) -> list[FlowRecord]:
    """Everything, after a silence."""
    connections = table(limits)
    for each in packets:
        assert connections.observe(each)
    connections.expire(START + 3 * SECOND, SECOND, 10 * SECOND)
    connections.finish()
    return connections.take()


def records() -> list[FlowRecord]:
    """One of a message that was acknowledged."""
    return told(packet(A, 7, SEND_ONLY, 5, b"abcd"), packet(B, 9, ACKNOWLEDGE, 5, POSITIVE, 10))
